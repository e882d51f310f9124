#include "pillard/sudo.h"

#include <gmock/gmock.h>

namespace {

using pillard::Exit;
using pillard::refused_by_sudo;

Exit ended(int status, std::string err) {
  Exit exit;
  exit.status = status;
  exit.err = std::move(err);
  return exit;
}

TEST(Sudo, NeverAsksForAPassword) {
  EXPECT_THAT(pillard::with_sudo({"systemctl", "stop"}), testing::ElementsAre("sudo", "-n", "systemctl", "stop"));
  EXPECT_THAT(pillard::with_c_locale(pillard::with_sudo({"systemctl"})),
              testing::ElementsAre("env", "LC_ALL=C", "sudo", "-n", "systemctl"));
}

TEST(Sudo, IsToldFromWhatItRuns) {
  EXPECT_TRUE(refused_by_sudo(ended(1, "sudo: a password is required\n")));
  EXPECT_TRUE(refused_by_sudo(ended(127, "env: 'sudo': No such file or directory\n")));
  EXPECT_TRUE(refused_by_sudo(ended(127, "bash: line 1: sudo: command not found\n")));
  EXPECT_TRUE(refused_by_sudo(ended(1, "Sorry, user eth is not allowed to execute '/usr/bin/x' as root on node.\n")));
  EXPECT_TRUE(refused_by_sudo(ended(1, "eth is not in the sudoers file.\n")));
  EXPECT_FALSE(refused_by_sudo(ended(0, "sudo: unable to resolve host node\n"))) << "it ran";
  EXPECT_FALSE(refused_by_sudo(ended(5, "Failed to start x.service: Unit x.service not found.\n")));
  EXPECT_FALSE(refused_by_sudo(ended(127, "env: 'systemctl': No such file or directory\n")));
  EXPECT_FALSE(refused_by_sudo(ended(1, "")));
  const std::string warning = "sudo: unable to resolve host node: Name or service not known\n";
  EXPECT_FALSE(refused_by_sudo(ended(5, warning + "Failed to start x.service: Unit x.service not found.\n")));
  EXPECT_FALSE(refused_by_sudo(ended(1, warning)));
  EXPECT_FALSE(refused_by_sudo(ended(1, "sudo: unable to resolve host node")));
  EXPECT_TRUE(refused_by_sudo(ended(1, warning + "sudo: a password is required\n")));
}

TEST(Sudo, IsNotTakenForARefusalWhereItOnlyWarns) {
  for (const std::string warning : {"sudo: setrlimit(RLIMIT_CORE): Operation not permitted\n",
                                    "sudo: unable to send audit message: Operation not permitted\n"}) {
    const auto failed = ended(1, warning + "Job for x.service failed.\n");
    EXPECT_FALSE(refused_by_sudo(failed)) << warning;
    EXPECT_FALSE(pillard::refused_by_node(failed)) << warning;
    EXPECT_TRUE(refused_by_sudo(ended(1, warning + "sudo: a password is required\n"))) << warning;
    EXPECT_TRUE(pillard::refused_by_node(ended(4, warning + "Failed to stop x.service: Access denied\n"))) << warning;
  }
}

}  // namespace

#include "pillard/unit.h"

#include <gtest/gtest.h>

#include "pillard/problem.h"

namespace {

using pillard::service_of_unit;
using pillard::unit_of_service;
using pillard::valid_unit_name;

TEST(UnitTest, TakesNamesThatSystemdTakes) {
  for (const char* name :
       {"execution.service", "a.socket", "dev-sda.device", "-.mount", "x.automount", "s.swap", "multi-user.target",
        "p.path", "t.timer", "user.slice", "session-1.scope", "a.b.service", "getty@tty1.service", "getty@.service",
        "a@b@c.service", "A:b_c-d\\x2d.service", "é.service"})
    EXPECT_EQ(valid_unit_name(name), std::string_view(name) != "é.service") << name;
}

TEST(UnitTest, RefusesNamesThatSystemdRefuses) {
  for (const char* name : {"", "execution", ".service", "a.", "a.unknown", "a.SERVICE", "@a.service", "a b.service",
                           "a/b.service", "a;b.service", "$(x).service", "a\n.service", "a*.service", "service"})
    EXPECT_FALSE(valid_unit_name(name)) << name;
  EXPECT_FALSE(valid_unit_name(std::string_view("a\0b.service", 11)));
}

TEST(UnitTest, TakesNamesOfUpTo255Bytes) {
  EXPECT_TRUE(valid_unit_name(std::string(247, 'a') + ".service"));
  EXPECT_FALSE(valid_unit_name(std::string(248, 'a') + ".service"));
}

TEST(UnitTest, CompletesTheNameOfAService) {
  EXPECT_EQ(unit_of_service("execution"), "execution.service");
  EXPECT_EQ(unit_of_service("execution.service"), "execution.service");
  EXPECT_EQ(unit_of_service("backup.timer"), "backup.timer");
  EXPECT_EQ(unit_of_service("my.app"), "my.app.service");
  EXPECT_EQ(unit_of_service("getty@tty1"), "getty@tty1.service");
}

TEST(UnitTest, RefusesServicesThatAreNoUnit) {
  for (const char* name : {"", "--all", "-.mount", "getty@", "getty@.service", "a b", "../x", "a\"b", ".service"})
    EXPECT_THROW(unit_of_service(name), pillard::Error) << name;
  EXPECT_THROW(unit_of_service(std::string(300, 'a')), pillard::Error);
}

TEST(UnitTest, SaysWhichParameterIsWrong) {
  try {
    unit_of_service("a;b\"\x1B", "params.unit");
    FAIL();
  } catch (const pillard::Error& error) {
    EXPECT_EQ(error.code(), pillard::Code::kBadRequest);
    EXPECT_STREQ(error.what(), R"(params.unit: expected the name of a systemd unit, got "a;b\"\u001b")");
  }
}

TEST(UnitTest, NamesTheServiceOfAUnit) {
  EXPECT_EQ(service_of_unit("execution.service"), "execution");
  EXPECT_EQ(service_of_unit("backup.timer"), "backup.timer");
}
TEST(UnitTest, KeepsTheSuffixOfAServiceWhoseNameWouldBeAnotherUnit) {
  EXPECT_EQ(service_of_unit("dbus.socket.service"), "dbus.socket.service");
  EXPECT_EQ(unit_of_service(service_of_unit("dbus.socket.service")), "dbus.socket.service");
}

TEST(ProblemTest, NamesEveryCodeAndTellsWhichPass) {
  using pillard::Code;
  EXPECT_EQ(pillard::name(Code::kBadRequest), "bad_request");
  EXPECT_EQ(pillard::name(Code::kInternal), "internal");
  for (const Code code : {Code::kTimeout, Code::kDisconnected, Code::kOverloaded, Code::kInternal})
    EXPECT_TRUE(passing(code)) << name(code);
  for (const Code code : {Code::kBadRequest, Code::kUnauthenticated, Code::kAccessDenied, Code::kNotFound,
                          Code::kConflict, Code::kUnsupported})
    EXPECT_FALSE(passing(code)) << name(code);
}

}  // namespace

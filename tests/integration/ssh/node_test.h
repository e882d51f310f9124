#pragma once
#include <gtest/gtest.h>

#include <optional>

#include "rig.h"
#include "target.h"

namespace pillard::test {

/// A test that needs the machine.
class NodeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!Target::given()) GTEST_SKIP() << "no machine to log in to: PILLARD_TARGET_ENV is not set";
    target_.emplace();
  }
  const Target& target() const { return *target_; }
  session::Credential credential() const { return target_->credential(); }

 private:
  std::optional<Target> target_;
};

}  // namespace pillard::test

#pragma once
// What is read of a file that a test writes out.
#include <gmock/gmock.h>

#include <string>
#include <utility>
#include <vector>

#include "config.h"

namespace pillard::config {

inline Sources from(std::string text) {
  return {.file = "/etc/pillard/pillard.ini", .text = std::move(text), .executable = "/usr/bin/pillard"};
}

inline std::vector<std::string> texts(const std::vector<Mistake>& mistakes) {
  std::vector<std::string> out;
  out.reserve(mistakes.size());
  for (const auto& mistake : mistakes) out.push_back(mistake.text());
  return out;
}

/// The mistakes of a file.
inline std::vector<std::string> wrong(std::string text) { return texts(load(from(std::move(text))).mistakes); }

inline Settings good(const Sources& sources) {
  const auto loaded = load(sources);
  EXPECT_THAT(texts(loaded.mistakes), testing::IsEmpty());
  return loaded.settings;
}

inline std::vector<std::string> listen(const Settings& settings) {
  std::vector<std::string> out;
  out.reserve(settings.server.listen.size());
  for (const auto& endpoint : settings.server.listen) out.push_back(endpoint.text());
  return out;
}

}  // namespace pillard::config

#pragma once
// `pillard new-plugin`: a plugin from the template that is installed with the SDK.
#include <filesystem>
#include <string>
#include <vector>

namespace pillard::cli {

struct NewPlugin {
  std::string name;              // "disk-usage"
  std::filesystem::path folder;  // made; must not be there, or be empty
  std::filesystem::path from;    // the template: the plugin my-monitor
};

/// ../share/pillard/template from the executable.
std::filesystem::path installed_template();

/// Copies the template and gives it its name everywhere, in the spellings of each place: `my-monitor`, `my_monitor`,
/// `MyMonitor`. Returns the files that were made. Throws std::runtime_error, with nothing left behind, when the name is
/// none, the folder is in the way, or a file cannot be read or written.
///
/// A name has 2 to 48 characters from a-z, 0-9 and '-', begins with a letter, has no '-' at its end and no two in a
/// row: it becomes a C++ namespace and message types as well. Words that mean something there already are refused.
std::vector<std::filesystem::path> make_plugin(const NewPlugin& wanted);

/// What to do next, for a terminal.
std::string next_steps(const std::string& name, const std::filesystem::path& folder);

}  // namespace pillard::cli

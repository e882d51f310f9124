#include "cli/one_plugin.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>

namespace pillard::cli {

namespace {
namespace fs = std::filesystem;
using loader::LoadError;

std::string name_of(const fs::path& file) {
  auto name = file.stem().string();
  if (file.extension() != ".so" || !loader::valid_plugin_name(name))
    throw LoadError(file, "name", "expected NAME.so, of 1 to 64 characters from a-z, 0-9 and '-'");
  return name;
}
}  // namespace

OnePlugin::OnePlugin(const fs::path& file, const loader::Services& services)
    : file_(fs::absolute(file).lexically_normal().parent_path(), name_of(file)),
      record_(file_.manifest().name, services) {}

OnePlugin::~OnePlugin() { registry_.forget(record_); }

template <class Fn>
void OnePlugin::attempt(const char* step, Fn&& fn) {
  const loader::Visit visit(record_, loader::Timed::kNo);
  try {
    fn();
  } catch (const std::exception& error) {
    throw LoadError(file_.path(), step, error.what());
  } catch (...) {
    throw LoadError(file_.path(), step, "an exception of an unknown type");
  }
}

void OnePlugin::create() {
  std::unique_ptr<Plugin> plugin;
  attempt("create", [&] { plugin.reset(file_.manifest().create()); });
  if (!plugin) throw LoadError(file_.path(), "create", "made no plugin");
  generation_ = loader::make_generation(record_, std::move(plugin));
}

void OnePlugin::set_up(const Config& config) {
  loader::Enrolment enrolment(registry_, record_);
  attempt("setup", [&] { generation_->plugin()->setup(enrolment, config); });
  enrolment.commit(generation_);
}

Config read_configuration(const fs::path& file) {
  if (file.empty()) return Config("its configuration", {});
  std::ifstream in(file, std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(in), {});
  if (!in || fs::is_directory(file)) throw std::runtime_error(fmt::format("{} cannot be read", file.string()));
  return Config(file.string(), text);
}

}  // namespace pillard::cli

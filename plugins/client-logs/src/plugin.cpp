#include "client_logs.h"

namespace client_logs {

class ClientLogs final : public pillard::Plugin {
 public:
  void setup(pillard::Registrar& registrar, const pillard::Config& config) override {
    const auto settings = std::make_shared<const Settings>(read_settings(config));
    registrar.stream<LogQuery, LogSource>({.subscribe = "subscribe_logs",
                                           .unsubscribe = "unsubscribe_logs",
                                           .event = "log_data",
                                           .gap = "log_gap",
                                           .batch = "log_lines",
                                           .replay = static_cast<std::size_t>(settings->lines),
                                           .overflow = pillard::Overflow::kDrop},
                                          [settings](pillard::Context& context, const LogQuery& query) {
                                            return std::make_unique<LogSource>(context, settings, query);
                                          });
  }
};

}  // namespace client_logs

PILLARD_PLUGIN(client_logs::ClientLogs, "client-logs", "0.1.0")

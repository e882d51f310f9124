#pragma once
// All connections of a load, in one loop, with its commands and answers.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "load/client.h"
#include "load/tally.h"

namespace pillard::bench {

class Crowd : private Listener {
 public:
  explicit Crowd(const Options& options);

  /// Until `quit` or the end of stdin. Throws for a connection that is lost before all are ready, for a server that
  /// breaks the protocol, and for a command that is none.
  void run();

 private:
  struct Seat {
    Client client;
    std::uint32_t watched = 0;  // events that epoll waits for
    bool stalled = false;
  };

  void reached(Client& client) override;
  void message(Client& client, std::string_view payload) override;

  void admit();
  void turn(Seat& seat, std::uint32_t events);
  void watch(Seat& seat);
  void leave(Seat& seat);
  void announce();
  void read_commands();
  void obey(std::string_view command);
  void send_all(std::string_view text);
  void stall(std::uint32_t count);

  const Options& options_;
  const Address server_;
  const std::uint64_t begun_;
  Descriptor epoll_;
  std::vector<Seat> seats_;    // reserved: they stay where they are
  std::vector<char> scratch_;  // what one read() gives, of any connection
  Tally tally_;
  std::uint64_t now_ = 0;     // CLOCK_REALTIME of the last read
  std::uint32_t ready_ = 0;   // connections that have been ready
  std::uint32_t unsent_ = 0;  // connections that wait to be writable
  bool announced_ = false;    // `connected` was said
  bool flowing_ = false;      // `flowing` was said
  bool done_ = false;         //
  std::string commands_;      // the start of a line
};

}  // namespace pillard::bench

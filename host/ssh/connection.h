#pragma once
// One authenticated SSH connection: its channels, their turns, its signs of life.
#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "reactor/reactor.h"
#include "ssh/channel.h"
#include "ssh/options.h"
#include "ssh/transport.h"

namespace pillard::ssh {

/// Runs commands on one transport, options.channels_per_connection at most at once. libssh2 is called from the loop
/// only, never from inside open() or a Run's owner. [lane]
class Connection final : public std::enable_shared_from_this<Connection>, private reactor::Watcher, private RunHolder {
 public:
  /// Told from the loop. May close and let go of the connection in any of these.
  class Owner {
   public:
    /// takes() may have become true.
    virtual void room(Connection& connection) = 0;
    /// The node gave fewer channels than asked for: these commands, oldest first, have to go elsewhere.
    virtual void turned_away(std::deque<std::shared_ptr<Run>> runs) = 0;
    /// Nothing has run here for options.idle_linger, or too many of its channels were abandoned and the rest is free.
    virtual void idle(Connection& connection, bool worn_out) = 0;
    /// It is closed, its commands have ended without a word.
    virtual void lost(Connection& connection, const Error& error) = 0;

   protected:
    ~Owner() = default;
  };
  Connection(reactor::Reactor& reactor, const Options& options, std::shared_ptr<SshMetrics> metrics, Owner& owner,
             std::unique_ptr<Transport> transport);
  Connection(const Connection&) = delete;
  ~Connection() { close(); }

  /// To be called once, after construction.
  void begin();
  /// Whether open() would serve another command without making it wait for the end of one.
  bool takes() const noexcept;
  void open(std::shared_ptr<Run> run);
  /// How many commands it can run at once, as far as is known.
  std::size_t capacity() const noexcept { return capacity_ - std::min(capacity_, abandoned_); }
  /// Drops all commands and says goodbye; nobody is told. Not to be used from inside its own turn but by the Owner.
  void close() noexcept;

 private:
  struct Opening {
    std::shared_ptr<Run> run;  // null: to have a channel, or an answer
    Channel::Time since;
  };
  void ready(std::uint32_t events) override;
  void run_over() override { wake(); }
  bool run_late(const Run& run) override;
  void wake();
  void turn();
  void work();
  void pass();
  void open_next();
  bool begin_opening();
  void opened(LIBSSH2_CHANNEL* handle);
  void refused();
  bool advance(std::size_t index);
  void retire(std::unique_ptr<Channel> channel);
  void drain_pump();
  void tick();
  std::optional<Error> overdue() const;
  Channel::Time owed_since() const;
  void count_abandoned();
  void lose(const Error& error);

  reactor::Reactor& reactor_;
  const Options& options_;
  const std::shared_ptr<SshMetrics> metrics_;
  Owner& owner_;
  std::unique_ptr<Transport> transport_;  // null once closed
  reactor::Watch watch_;
  reactor::Timer tick_;
  std::vector<std::unique_ptr<Channel>> channels_;
  Channel* starter_ = nullptr;  // the one of channels_ whose command is being asked for
  std::deque<std::shared_ptr<Run>> waiting_;
  std::optional<Opening> opening_;
  LIBSSH2_CHANNEL* pump_ = nullptr;  // closed but not freed: reads the socket when nothing else does
  std::size_t capacity_;
  unsigned refusals_ = 0;       // of channels, since one was given
  Channel::Time not_before_{};  // to open another one
  reactor::Timer again_;
  std::size_t abandoned_ = 0;      // of channels_: the node does not confirm their end
  std::uint64_t heard_bytes_ = 0;  // of the transport, when it was heard last
  Channel::Time heard_;
  Channel::Time busy_;
  std::optional<Error> broken_;
  Channel::Time until_{};  // when this turn is over
  std::size_t next_ = 0;   // of channels_: where the next pass begins
  bool waking_ = false;
  bool turning_ = false;
};

}  // namespace pillard::ssh

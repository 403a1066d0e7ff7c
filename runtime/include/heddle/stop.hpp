#pragma once
// From std::stop_token to channels: what waits for a channel or in a select can be told to stop.
#include <stop_token>
#include <utility>
#include <variant>

#include "heddle/chan.hpp"
#include "heddle/ends.hpp"

HEDDLE_BEGIN

// A channel that is closed when a stop is requested, for as long as this lives; nothing is ever sent on it.
//
//   heddle::stop_signal stopped(token);
//   heddle::select(heddle::on_recv(work, [&](std::optional<int> w) { ... }),
//                  heddle::on_recv(stopped.done(), [&] { ... }));
//
// Caller: a goroutine; also any other thread. Blocks: the destructor, for as long as another thread that has requested
// the stop is closing the channel just now: some hundred nanoseconds. Ordering: what was done before the request is
// visible to who finds the channel closed. Errors: throws std::bad_alloc. Cost: one allocation, the channel. Source:
// std::stop_callback; the channel of Go's Context.Done.
//
// Beware of callbacks of your own: request_stop calls them where it is called, and whoever destroys one that is running
// on another thread blocks his thread until it is over. They may close, try_send, ready and unlock; they may neither
// wait, nor yield, nor start goroutines.
class stop_signal {
 public:
  explicit stop_signal(std::stop_token token) : close_(std::move(token), closer{done_}) {}
  stop_signal(const stop_signal &) = delete;
  stop_signal &operator=(const stop_signal &) = delete;

  // Closed once a stop has been requested. May outlive the stop_signal; what is not closed by then never is.
  receiver<std::monostate> done() const noexcept { return done_; }

 private:
  struct closer {
    chan<std::monostate> c;
    void operator()() const noexcept { c.close(); }
  };

  chan<std::monostate> done_;
  std::stop_callback<closer> close_;
};

HEDDLE_END

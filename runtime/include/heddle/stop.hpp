#pragma once
// From std::stop_token to channels: a goroutine that waits for a channel or in a select can be told to stop.
#include <stop_token>
#include <utility>
#include <variant>

#include "heddle/chan.hpp"
#include "heddle/ends.hpp"

HEDDLE_BEGIN

// A channel that is closed when a stop of the token is requested. It works as long as the stop_signal lives; nothing is
// ever sent on the channel.
//
//   heddle::stop_signal stopped(token);
//   heddle::select(heddle::on_recv(work, [&](std::optional<int> w) { ... }),
//                  heddle::on_recv(stopped.done(), [&] { ... }));
//
// Caller: a goroutine; also any other thread. Blocks: the destructor, while another thread that has requested the stop
// is just closing the channel: some hundred nanoseconds. Ordering: what was done before the request is visible to a
// receiver that finds the channel closed. Errors: throws std::bad_alloc. Cost: one allocation, the channel. Source:
// std::stop_callback; the channel of Go's Context.Done.
//
// Beware of stop callbacks of your own: request_stop calls them on the thread that called it, and destroying a callback
// that runs on another thread blocks the destroying thread until the callback has ended. A callback may do what blocks
// nothing: close, try_send, notify, release a semaphore. It may not wait, yield, or unlock a heddle::mutex, which may
// give way.
class stop_signal {
 public:
  [[nodiscard]] explicit stop_signal(std::stop_token token) : close_(std::move(token), closer{done_}) {}
  stop_signal(const stop_signal &) = delete;
  stop_signal &operator=(const stop_signal &) = delete;

  // Returns the channel, which is closed once a stop has been requested. The channel may outlive the stop_signal; if it
  // is open then, it is never closed.
  [[nodiscard]] receiver<std::monostate> done() const noexcept { return done_; }

 private:
  struct closer {
    chan<std::monostate> c;
    void operator()() const noexcept { c.close(); }
  };

  chan<std::monostate> done_;
  std::stop_callback<closer> close_;  // set once
};

HEDDLE_END

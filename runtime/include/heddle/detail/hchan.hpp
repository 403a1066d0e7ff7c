#pragma once
// What all channels have in common, whatever they carry. Source: hchan of Go's chan.go.
#include <cstddef>
#include <cstdint>

#include "heddle/detail/spinlock.hpp"
#include "heddle/detail/waitq.hpp"

HEDDLE_DETAIL_BEGIN

// Under the lock but for the first three. What waits for a value says in sudog::elem where it belongs, a std::optional<T>;
// what waits to send, where it is, a T.
class hchan {
 public:
  explicit hchan(std::size_t capacity) noexcept : refs(1), dataqsiz(capacity) {}
  hchan(const hchan &) = delete;
  hchan &operator=(const hchan &) = delete;

  [[no_unique_address]] place where;  // the order in which several are locked
  atomic<std::uint32_t> refs;
  const std::size_t dataqsiz;
  spinlock lock;
  plain<std::size_t> qcount;
  plain<bool> closed;
  waitq recvq;
  waitq sendq;

  // Gives the T at `from` to a waiting receiver or to the buffer; false: neither was possible. Pre: not closed.
  // ready: whom the caller has to ready once it holds no lock, or null.
  virtual bool give(void *from, g *&ready) noexcept = 0;
  // Fills the std::optional<T> at `to` from the buffer or from a waiting sender, or empties it when closed and drained; false:
  // there is nothing yet, and it is as it was.
  virtual bool take(void *to, g *&ready) noexcept = 0;

 protected:
  ~hchan() = default;
};

// Ends what give or take has done. The readied goroutine may drop the last handle: nothing of the channel is touched then.
inline void unlock_and_ready(hchan &c, g *ready) noexcept {
  c.lock.unlock();
  if (ready != nullptr) goready(ready);
}

// The slow half of a send: waits until the T at `from` has been moved out, until `when` at the latest. False: the time is over.
// Pre: c.lock is held, and give has failed. Post: it is not held. Blocks: the g, or thread. Errors: a close meanwhile is misuse.
HEDDLE_API bool chansend(hchan &c, void *from, std::int64_t when) noexcept;
// All of it. Pre: the time is not over.
HEDDLE_API bool chansend_until(hchan &c, void *from, std::int64_t when) noexcept;
// The slow half of a receive: waits until the std::optional<T> at `to` has been filled, or emptied by a close. Otherwise as
// chansend.
HEDDLE_API bool chanrecv(hchan &c, void *to, std::int64_t when) noexcept;
HEDDLE_API bool chanrecv_until(hchan &c, void *to, std::int64_t when) noexcept;

// Parks for good: there is no channel to send on, or to receive from.
[[noreturn]] HEDDLE_API void chansend_nil() noexcept;
[[noreturn]] HEDDLE_API void chanrecv_nil() noexcept;
[[noreturn]] HEDDLE_API void send_on_closed() noexcept;
HEDDLE_API void close(hchan &c) noexcept;

HEDDLE_DETAIL_END

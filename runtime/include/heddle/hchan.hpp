#pragma once
// What all channels have in common, whatever they carry. Source: hchan of Go's chan.go.
#include <cstddef>
#include <cstdint>

#include "heddle/runtime.hpp"
#include "heddle/waitq.hpp"

HEDDLE_BEGIN

namespace detail {

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

// Parks for good: what it waits for does not exist.
[[noreturn]] void block_forever(waitreason reason) noexcept;
void close(hchan &c) noexcept;

}  // namespace detail

HEDDLE_END

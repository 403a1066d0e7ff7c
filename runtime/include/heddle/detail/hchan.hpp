#pragma once
// What all channels have in common, whatever they carry. Source: hchan in Go's chan.go.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "heddle/detail/spinlock.hpp"
#include "heddle/detail/waitq.hpp"

HEDDLE_DETAIL_BEGIN

// True: no code of the embedder's runs where a T is moved, and then destroyed at the place that it has left.
template <class T>
inline constexpr bool moves_silently = std::is_trivially_move_constructible_v<T> &&std::is_trivially_destructible_v<T>;
template <class T>
inline constexpr bool moves_silently<std::unique_ptr<T>> = true;
template <class T>
inline constexpr bool moves_silently<std::shared_ptr<T>> = true;
template <class T>
inline constexpr bool moves_silently<std::vector<T>> = true;
template <class Char>
inline constexpr bool moves_silently<std::basic_string<Char>> = true;

// Marks that code of the value's type may run here, under the lock. A T that moves silently pays nothing.
template <class T>
class value_moves {
 public:
  value_moves() noexcept {
    if constexpr (!moves_silently<T>) enter_user_code();
  }
  ~value_moves() {
    if constexpr (!moves_silently<T>) leave_user_code();
  }
  value_moves(const value_moves &) = delete;
  value_moves &operator=(const value_moves &) = delete;
};

// A channel without the type of its values. All fields but the first three are under the lock. A waiting receiver's
// sudog::elem points to the std::optional<T> that the value goes into; a waiting sender's points to its T.
class hchan {
 public:
  explicit hchan(std::size_t capacity) noexcept : refs(1), dataqsiz(capacity) {}
  hchan(const hchan &) = delete;
  hchan &operator=(const hchan &) = delete;

  [[no_unique_address]] place where;  // says in which order several channels are locked
  atomic<std::uint64_t> refs;         // 64 bits: no program has so many handles
  const std::size_t dataqsiz;
  spinlock lock;
  plain<std::size_t> qcount;
  plain<bool> closed;
  waitq recvq;
  waitq sendq;

  // Gives the T at `from` to a waiting receiver or to the buffer; false: neither was possible. Sets ready to the
  // goroutine that the caller must ready once it holds no lock, or to null. Pre: not closed.
  virtual bool give(void *from, g *&ready) noexcept = 0;
  // Fills the empty std::optional<T> at `to` from the buffer or from a waiting sender, or leaves it empty if the
  // channel is closed and drained. False: there is nothing yet, and *to is unchanged. ready: as in give.
  virtual bool take(void *to, g *&ready) noexcept = 0;

 protected:
  ~hchan() = default;
};

// Ends what give or take has begun. After the unlock it touches nothing of the channel, because the readied goroutine
// may drop the last handle.
inline void unlock_and_ready(hchan &c, g *ready) noexcept {
  c.lock.unlock();
  if (ready != nullptr) goready(ready);
}

// The slow half of a send: waits until the T at `from` has been moved out, at most until `when`. False: the time is
// over. Pre: c.lock is held, and give has failed. Post: c.lock is not held. Blocks: the g, or the thread. Errors: a
// close meanwhile is misuse.
HEDDLE_API bool chansend(hchan &c, void *from, std::int64_t when) noexcept;
// A whole send with a limit. Pre: the time is not over.
HEDDLE_API bool chansend_until(hchan &c, void *from, std::int64_t when) noexcept;
// The slow half of a receive: waits until the std::optional<T> at `to` has been filled, or emptied by a close.
// Otherwise as chansend; chanrecv_until is a whole receive with a limit.
HEDDLE_API bool chanrecv(hchan &c, void *to, std::int64_t when) noexcept;
HEDDLE_API bool chanrecv_until(hchan &c, void *to, std::int64_t when) noexcept;

// Parks for good, because there is no channel to send on, or to receive from.
[[noreturn]] HEDDLE_API void chansend_nil() noexcept;
[[noreturn]] HEDDLE_API void chanrecv_nil() noexcept;
[[noreturn]] HEDDLE_API void send_on_closed() noexcept;
HEDDLE_API void close(hchan &c) noexcept;

HEDDLE_DETAIL_END

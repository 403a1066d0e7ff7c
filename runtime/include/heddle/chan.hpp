#pragma once
#include <chrono>
#include <concepts>
#include <cstddef>
#include <iterator>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "heddle/detail/deadline.hpp"
#include "heddle/detail/hchan.hpp"

HEDDLE_BEGIN

namespace detail {
// What select needs: the channel behind a handle of any kind, and whether the handle can receive or send.
struct channel_access {
  template <class C>
  static hchan *of(const C &c) noexcept {
    return c.untyped();
  }
};
template <class C>
concept receiving = C::receives;
template <class C>
concept sending = C::sends;
class timer_channel;
}  // namespace detail

// The result of a receive that need not wait for a value: a value, or the end of the channel, or neither yet.
template <class T>
class received : public std::optional<T> {
 public:
  // True if there is no value and none will come: the channel is closed and drained.
  [[nodiscard]] bool closed() const noexcept { return closed_; }
  // True if the receive found a value or the end of the channel; false if there was nothing yet, or nothing in time.
  [[nodiscard]] bool arrived() const noexcept { return closed_ || this->has_value(); }

 private:
  template <class>
  friend class chan;
  bool closed_ = false;  // raw: a value, the receiver's
};

// A channel of T. A chan is a handle that is cheap to copy; the channel lives as long as one of its handles. Source:
// Go's chan.go.
//
// With capacity 0 a send and a receive meet, and the value moves from the sender's frame to the receiver's. Otherwise
// up to `capacity` values wait in the channel. Values arrive in the order in which they were sent. What the sender did
// before the send is visible to the receiver of the value. Waiting goroutines are served in the order in which they
// came. A value moves under the channel's lock: T's move constructor, and the destructor of a T that has been moved
// from, may not call heddle, which is detected and is misuse. All other destructors of values run under no lock.
//
// Under the lock these invariants hold: the two queues do not both have waiters, except those of one select that
// both sends and receives on the channel (I51); values wait only while no receiver waits, and there is free room only
// while no sender waits (I52).
template <class T>
class chan {
  static_assert(std::is_nothrow_move_constructible_v<T> && std::is_nothrow_destructible_v<T>,
                "a value must not be lost half-way: T needs a move constructor and destructor that do not throw");

 public:
  using value_type = T;
  static constexpr bool receives = true, sends = true;

  // Makes a channel with room for `capacity` values. Errors: throws std::bad_alloc. Cost: one allocation, two if there
  // is room for values.
  explicit chan(std::size_t capacity = 0) : core_(new core(capacity)) {}
  // Returns a handle of no channel, as a handle is after a move. send and recv on it wait for ever, try_send and
  // try_recv return at once with nothing done, the calls with a limit return when their time is over, a select ignores
  // the case, and close is misuse. Assign it to a handle to take its case out of a select.
  [[nodiscard]] static chan nil() noexcept { return chan(no_channel()); }
  chan(const chan &other) noexcept : core_(other.core_) {
    if (core_ != nullptr) core_->refs.fetch_add(1, detail::relaxed);  // relaxed: the handle copied from keeps it alive
  }
  chan(chan &&other) noexcept : core_(std::exchange(other.core_, nullptr)) {}
  chan &operator=(chan other) noexcept {
    std::swap(core_, other.core_);
    return *this;
  }
  ~chan() {
    // acq_rel: pairs with itself in the other handles; the last one sees all that they did. [CHAN-1]
    if (core_ != nullptr && core_->refs.fetch_sub(1, detail::acq_rel) == 1) core_->abandon();
  }
  // Returns whether it is a handle of no channel: nil(), or moved from.
  [[nodiscard]] bool is_nil() const noexcept { return core_ == nullptr; }
  // Returns whether both are handles of the same channel, or both are nil.
  [[nodiscard]] friend bool operator==(const chan &a, const chan &b) noexcept { return a.core_ == b.core_; }

  // Sends value: gives it to a waiting receiver, or puts it into the channel, or waits. Caller: a goroutine; also any
  // other thread. Blocks: the goroutine, or the thread, until a receiver has the value or there is room for it.
  // Ordering: what the caller did before is visible to the receiver of the value. Errors: sending on a closed channel
  // is misuse. Cost: a short lock.
  void send(T value) const {
    detail::not_in_child("chan::send");
    if (core_ == nullptr) detail::chansend_nil();
    core &c = *core_;
    c.lock.lock();
    detail::g *ready = nullptr;
    if (c.closed.get()) detail::send_on_closed();
    if (c.give(&value, ready)) return detail::unlock_and_ready(c, ready);
    detail::chansend(c, &value, detail::never);
  }

  // Sends value if that is possible without waiting, and returns whether it was sent. An rvalue (std::move(x), 5) is
  // moved from only if it was sent; otherwise the value stays where it was. Caller: a goroutine; also any other thread
  // of the process. Blocks: nothing. Ordering, errors: as send.
  [[nodiscard]] bool try_send(T &&value) const {
    detail::not_in_child("chan::try_send");
    return core_ != nullptr && send_now(value);
  }
  [[nodiscard]] bool try_send(const T &value) const requires std::copy_constructible<T> { return try_send(T(value)); }

  // Sends value, and waits at most for the given time, or until the given moment; if the time is over already it tries
  // once. Returns false if the value was not sent in time; the value then stays where it was. Caller: as send. Blocks:
  // the goroutine, or the thread. Ordering, errors: as send. Cost: as send; if it waits, also a timer, which lies in
  // its frame.
  template <class Rep, class Period>
  [[nodiscard]] bool send_for(T &&value, std::chrono::duration<Rep, Period> d) const {
    return send_by(value, detail::time_in(d));
  }
  template <class Rep, class Period>
  [[nodiscard]] bool send_for(const T &value,
                              std::chrono::duration<Rep, Period> d) const requires std::copy_constructible<T> {
    return send_for(T(value), d);
  }
  template <class Clock, class Duration>
  [[nodiscard]] bool send_until(T &&value, const std::chrono::time_point<Clock, Duration> &t) const {
    return detail::until(t, [&](std::int64_t when) { return send_by(value, when); });
  }
  template <class Clock, class Duration>
  [[nodiscard]] bool send_until(
      const T &value, const std::chrono::time_point<Clock, Duration> &t) const requires std::copy_constructible<T> {
    return send_until(T(value), t);
  }

  // Receives the next value; returns an empty optional if the channel is closed and drained. Caller: a goroutine; also
  // any other thread. Blocks: the goroutine, or the thread, until there is a value or the channel is closed. Ordering:
  // what the sender did before the send, or the closer before the close, is visible. Cost: a short lock.
  std::optional<T> recv() const {
    detail::not_in_child("chan::recv");
    if (core_ == nullptr) detail::chanrecv_nil();
    core &c = *core_;
    std::optional<T> value;
    c.lock.lock();
    detail::g *ready = nullptr;
    if (c.take(&value, ready))
      detail::unlock_and_ready(c, ready);
    else
      detail::chanrecv(c, &value, detail::never);
    return value;
  }

  // Receives the next value if there is one now. Caller: a goroutine; also any other thread. Blocks: nothing. Ordering:
  // as recv.
  [[nodiscard]] received<T> try_recv() const {
    detail::not_in_child("chan::try_recv");
    received<T> value;
    if (core_ == nullptr) return value;
    core_->lock.lock();
    detail::g *ready = nullptr;
    value.closed_ = core_->take(optional_of(value), ready) && !value.has_value();
    detail::unlock_and_ready(*core_, ready);
    return value;
  }

  // Receives, and waits at most for the given time, or until the given moment; if the time is over already it tries
  // once.
  //   if (auto v = c.recv_for(10ms)) use(*v); else if (v.closed()) ...; else ...not in time...
  // Caller, blocks, ordering: as recv. Cost: as recv; if it waits, also a timer, which lies in its frame.
  template <class Rep, class Period>
  [[nodiscard]] received<T> recv_for(std::chrono::duration<Rep, Period> d) const {
    return recv_by(detail::time_in(d));
  }
  template <class Clock, class Duration>
  [[nodiscard]] received<T> recv_until(const std::chrono::time_point<Clock, Duration> &t) const {
    for (;;) {
      received<T> value = recv_by(detail::time_at(t));
      if (value.arrived() || detail::has_come(t)) return value;
    }
  }

  // Closes the channel: no more values can be sent, and the values in it can still be received. Caller: a goroutine;
  // also any other thread. Blocks: nothing. Ordering: what the caller did before is visible to a receiver that finds
  // the channel closed. Errors: closing twice is misuse, and so is closing nil; a send that waits at that time is a
  // send on a closed channel, which is misuse. Cost: a short lock, and making each waiter runnable. Source: closechan
  // in Go's chan.go.
  void close() const {
    detail::not_in_child("chan::close");
    if (core_ == nullptr) detail::misuse("close of nil channel");
    detail::close(*core_);
  }

  // Returns how many values wait in the channel; the number may be old when the caller looks at it. Caller: a
  // goroutine; also any other thread. Blocks: nothing. Cost: a short lock.
  [[nodiscard]] std::size_t size() const noexcept {
    detail::not_in_child("chan::size");
    if (core_ == nullptr) return 0;
    core_->lock.lock();
    const std::size_t n = core_->qcount.get();
    core_->lock.unlock();
    return n;
  }
  // Returns the capacity with which the channel was made; 0 for nil.
  [[nodiscard]] std::size_t capacity() const noexcept { return core_ == nullptr ? 0 : core_->dataqsiz; }
  // Returns whether the channel has been closed; there may still be values in it. nil is never closed. Caller, blocks,
  // cost: as size. Ordering: if it returns true, what was done before the close is visible.
  [[nodiscard]] bool closed() const noexcept {
    detail::not_in_child("chan::closed");
    if (core_ == nullptr) return false;
    core_->lock.lock();
    const bool is = core_->closed.get();
    core_->lock.unlock();
    return is;
  }

  // Makes `for (T &v : c)` possible: receives until the channel is closed and drained.
  class iterator {
   public:
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::input_iterator_tag;
    explicit iterator(const chan *c) : chan_(c), value_(c->recv()) {}
    T &operator*() const { return *value_; }
    iterator &operator++() {
      std::optional<T> next = chan_->recv();
      value_.reset();  // no assignment, because a T need only be movable
      if (next) value_.emplace(std::move(*next));
      return *this;
    }
    void operator++(int) { ++*this; }
    [[nodiscard]] bool operator==(std::default_sentinel_t) const noexcept { return !value_.has_value(); }

   private:
    const chan *chan_;  // raw: an iterator is its caller's
    // mutable, as what a pointer points to: the caller may change it. raw: as chan_.
    mutable std::optional<T> value_;
  };
  // Receives the first value. Blocks: as recv.
  [[nodiscard]] iterator begin() const & { return iterator(this); }
  iterator begin() const && = delete;  // the iterator refers to the handle; range-for keeps a temporary one
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

 private:
  struct core : detail::hchan {
    explicit core(std::size_t n) : hchan(n), buf(n == 0 ? nullptr : std::allocator<T>().allocate(n)) {}
    virtual ~core() {
      for (std::size_t n = qcount.get(); n != 0; --n) std::destroy_at(pop());
      if (buf != nullptr) std::allocator<T>().deallocate(buf, dataqsiz);
    }
    // The last handle has gone.
    virtual void abandon() noexcept { delete this; }

    bool give(void *from, detail::g *&ready) noexcept final {
      T &value = *static_cast<T *>(from);
      const detail::value_moves<T> under_lock;
      if (detail::sudog *sg = recvq.dequeue()) {
        static_cast<std::optional<T> *>(sg->elem.get())->emplace(std::move(value));
        ready = served(sg);
        return true;
      }
      if (qcount.get() == dataqsiz) return false;
      push(value);
      return true;
    }

    bool take(void *to, detail::g *&ready) noexcept final {
      std::optional<T> &value = *static_cast<std::optional<T> *>(to);
      const detail::value_moves<T> under_lock;
      if (qcount.get() != 0) {
        T *oldest = pop();
        value.emplace(std::move(*oldest));
        std::destroy_at(oldest);
        qcount.set(qcount.get() - 1);
        if (detail::sudog *sg = sendq.dequeue()) {
          push(*static_cast<T *>(sg->elem.get()));
          ready = served(sg);
        }
        return true;
      }
      if (detail::sudog *sg = sendq.dequeue()) {
        value.emplace(std::move(*static_cast<T *>(sg->elem.get())));
        ready = served(sg);
        return true;
      }
      if (!closed.get()) return false;
      value.reset();  // it is empty, or its destructor is trivial
      return true;
    }

    detail::g *served(detail::sudog *sg) noexcept {
      sg->success.set(true);
      return sg->gp.get();
    }
    void push(T &value) noexcept {
      const std::size_t at = sendx.get();
      std::construct_at(buf + at, std::move(value));
      sendx.set(at + 1 == dataqsiz ? 0 : at + 1);
      qcount.set(qcount.get() + 1);
    }
    T *pop() noexcept {
      const std::size_t at = recvx.get();
      recvx.set(at + 1 == dataqsiz ? 0 : at + 1);
      return buf + at;
    }

    detail::plain<std::size_t> sendx;
    detail::plain<std::size_t> recvx;
    T *const buf;
  };

  // Pre: not nil.
  bool send_now(T &value) const {
    core_->lock.lock();
    detail::g *ready = nullptr;
    if (core_->closed.get()) detail::send_on_closed();
    const bool given = core_->give(&value, ready);
    detail::unlock_and_ready(*core_, ready);
    return given;
  }

  bool send_by(T &value, std::int64_t when) const {
    detail::not_in_child("chan::send_until");
    if (core_ == nullptr) {
      detail::timesleep(when);
      return false;
    }
    if (when <= detail::nanotime()) return send_now(value);
    return detail::chansend_until(*core_, &value, when);
  }

  received<T> recv_by(std::int64_t when) const {
    detail::not_in_child("chan::recv_until");
    received<T> value;
    if (core_ == nullptr) {
      detail::timesleep(when);
      return value;
    }
    if (when <= detail::nanotime()) return try_recv();
    value.closed_ = detail::chanrecv_until(*core_, optional_of(value), when) && !value.has_value();
    return value;
  }

  static std::optional<T> *optional_of(received<T> &value) noexcept { return &value; }

  struct no_channel {};
  explicit chan(no_channel) noexcept : core_(nullptr) {}
  struct adopt {};  // a type of its own, because a 0 would be a capacity
  chan(adopt, core *c) noexcept : core_(c) {}
  friend class detail::timer_channel;
  friend struct detail::channel_access;
  detail::hchan *untyped() const noexcept { return core_; }

  core *core_;  // raw: a handle is its owner's; what it leads to is watched
};

HEDDLE_END

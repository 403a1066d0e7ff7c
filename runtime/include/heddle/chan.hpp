#pragma once
#include <cstddef>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>

#include "heddle/runtime.hpp"
#include "heddle/waitq.hpp"

HEDDLE_BEGIN

// A channel of T: a handle that is cheap to copy; the channel lives as long as a handle does. Source: Go's chan.go.
//
// Capacity 0: send and receive meet, the value moves from frame to frame. Else up to `capacity` values wait in between.
// FIFO; what the sender did before the send is visible to the receiver of the value. Waiting goroutines are served in
// the order in which they came. Under the lock: not both queues of waiters are non-empty (I51); values wait only while
// no receiver does, and room is left only while no sender waits (I52).
template <class T>
class chan {
  static_assert(std::is_nothrow_move_constructible_v<T> && std::is_nothrow_destructible_v<T>,
                "a value must not be lost half-way: T needs a move constructor and destructor that do not throw");

 public:
  using value_type = T;

  // Errors: throws std::bad_alloc.
  explicit chan(std::size_t capacity = 0) : core_(new core(capacity)) {}
  chan(const chan &other) noexcept : core_(other.core_) {
    core_->refs.fetch_add(1, relaxed);  // relaxed: the handle copied from keeps it alive
  }
  chan(chan &&other) noexcept : core_(std::exchange(other.core_, nullptr)) {}
  chan &operator=(chan other) noexcept {
    std::swap(core_, other.core_);
    return *this;
  }
  ~chan() {
    // acq_rel: pairs with itself in the other handles: the last one sees all that they did. [CHAN-1]
    if (core_ != nullptr && core_->refs.fetch_sub(1, acq_rel) == 1) delete core_;
  }

  // Caller: a goroutine; also any other thread. Blocks: the goroutine (or thread), until a receiver has the value or there is
  // room for it.
  // Errors: sending on a closed channel is misuse.
  void send(T value) const {
    detail::not_in_child("chan::send");
    core &c = *core_;
    c.lock.lock();
    if (c.deliver(value)) return;
    m *mp = getm();
    if (mp == nullptr) {
      c.lock.unlock();
      return detail::as_goroutine([&] { send(std::move(value)); });
    }
    detail::sudog sg(mp, &value);
    detail::park_on(mp, c.sendq, sg, c.lock, waitreason::chan_send);
    if (!sg.success.get()) detail::misuse("send on closed channel");
  }

  // As send, but only if it need not block. On false the value is lost, unless it was a copy.
  // Caller: a goroutine; also any other thread of the process.
  bool try_send(T value) const {
    detail::not_in_child("chan::try_send");
    core_->lock.lock();
    if (core_->deliver(value)) return true;
    core_->lock.unlock();
    return false;
  }

  // The next value; empty when the channel is closed and drained. Caller: a goroutine; also any other thread.
  // Blocks: the goroutine, or thread.
  std::optional<T> recv() const {
    detail::not_in_child("chan::recv");
    core &c = *core_;
    std::optional<T> value;
    c.lock.lock();
    if (c.take(value)) return value;
    m *mp = getm();
    if (mp == nullptr) {
      c.lock.unlock();
      return detail::as_goroutine([&] { return recv(); });
    }
    detail::sudog sg(mp, &value);
    detail::park_on(mp, c.recvq, sg, c.lock, waitreason::chan_receive);
    return value;
  }

  // The next value if there is one now; empty also when the channel is closed and drained.
  std::optional<T> try_recv() const {
    detail::not_in_child("chan::try_recv");
    std::optional<T> value;
    core_->lock.lock();
    if (!core_->take(value)) core_->lock.unlock();
    return value;
  }

  // No more sends; what is in the channel can still be received. Errors: closing twice is misuse.
  void close() const {
    detail::not_in_child("chan::close");
    core &c = *core_;
    detail::waitq receivers, senders;
    {
      const std::lock_guard hold(c.lock);
      if (c.closed.get()) detail::misuse("close of closed channel");
      c.closed.set(true);
      receivers = std::exchange(c.recvq, {});
      senders = std::exchange(c.sendq, {});
    }
    receivers.goready_all();
    senders.goready_all();
  }

  // Values waiting now; a snapshot.
  std::size_t size() const noexcept {
    detail::not_in_child("chan::size");
    const std::lock_guard hold(core_->lock);
    return core_->qcount.get();
  }
  std::size_t capacity() const noexcept { return core_->dataqsiz; }
  bool closed() const noexcept {
    detail::not_in_child("chan::closed");
    const std::lock_guard hold(core_->lock);
    return core_->closed.get();
  }

  // for (T &v : c): receives until the channel is closed and drained.
  class iterator {
   public:
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::input_iterator_tag;
    explicit iterator(const chan *c) : chan_(c) { ++*this; }
    T &operator*() { return *value_; }
    iterator &operator++() {
      value_ = chan_->recv();
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const noexcept { return !value_.has_value(); }

   private:
    const chan *chan_;
    std::optional<T> value_;
  };
  iterator begin() const { return iterator(this); }
  std::default_sentinel_t end() const noexcept { return {}; }

 private:
  struct core {  // hchan
    explicit core(std::size_t capacity)
        : refs(1), dataqsiz(capacity), buf(capacity == 0 ? nullptr : std::allocator<T>().allocate(capacity)) {}
    ~core() {
      for (std::size_t n = qcount.get(); n != 0; --n) std::destroy_at(pop());
      if (buf != nullptr) std::allocator<T>().deallocate(buf, dataqsiz);
    }

    // Gives the value to a waiting receiver or to the buffer, and unlocks; false: neither was possible, still locked.
    bool deliver(T &value) noexcept {
      if (closed.get()) detail::misuse("send on closed channel");
      if (detail::sudog *sg = recvq.dequeue()) {
        static_cast<std::optional<T> *>(sg->elem)->emplace(std::move(value));
        wake(sg);
        return true;
      }
      if (qcount.get() == dataqsiz) return false;
      push(value);
      lock.unlock();
      return true;
    }

    // Takes from the buffer or from a waiting sender, and unlocks, also when closed; false: must wait, still locked.
    bool take(std::optional<T> &value) noexcept {
      if (qcount.get() != 0) {
        T *oldest = pop();
        value.emplace(std::move(*oldest));
        std::destroy_at(oldest);
        qcount.set(qcount.get() - 1);
        detail::sudog *sg = sendq.dequeue();
        if (sg == nullptr) {
          lock.unlock();
          return true;
        }
        push(*static_cast<T *>(sg->elem));
        wake(sg);
        return true;
      }
      if (detail::sudog *sg = sendq.dequeue()) {
        value.emplace(std::move(*static_cast<T *>(sg->elem)));
        wake(sg);
        return true;
      }
      if (!closed.get()) return false;
      lock.unlock();
      return true;
    }

    // Unlocks, then readies: the woken goroutine may take the lock at once, and may drop the last handle.
    void wake(detail::sudog *sg) noexcept {
      sg->success.set(true);
      g *gp = sg->gp;
      lock.unlock();
      goready(gp);
    }

    void push(T &value) noexcept {
      std::construct_at(buf + sendx, std::move(value));
      sendx = sendx + 1 == dataqsiz ? 0 : sendx + 1;
      qcount.set(qcount.get() + 1);
    }
    T *pop() noexcept {
      T *oldest = buf + recvx;
      recvx = recvx + 1 == dataqsiz ? 0 : recvx + 1;
      return oldest;
    }

    spinlock lock;
    atomic<std::uint32_t> refs;
    plain<std::size_t> qcount;  // under lock, as is all that follows but dataqsiz
    plain<bool> closed;
    std::size_t sendx = 0;
    std::size_t recvx = 0;
    detail::waitq recvq;
    detail::waitq sendq;
    const std::size_t dataqsiz;
    T *const buf;
  };

  core *core_;
};

HEDDLE_END

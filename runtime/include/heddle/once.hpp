#pragma once
#include <functional>
#include <mutex>
#include <utility>

#include "heddle/mutex.hpp"

HEDDLE_BEGIN

// Something that is done once, by the first caller. Source: Go's sync.Once; exceptions as std::call_once.
class once {
 public:
  once() noexcept = default;
  once(const once &) = delete;
  once &operator=(const once &) = delete;

  // Calls f(args...) unless a call through this once has returned already. A caller that comes while another's f runs
  // waits until it ends. Caller: a goroutine; also any other thread. Blocks: the goroutine, or the thread, while
  // another runs its f. A call of the same once from within f waits for itself: a deadlock. Ordering: what f did is
  // visible after each call. Errors: if f throws, its caller gets the exception and nothing counts as done: the next
  // caller, which may be a waiter, calls its own f. If the goroutine that runs f is abandoned by the end of its
  // runtime, the waiters wait for good. Cost: one load, once it has been done.
  template <class F, class... Args>
  void call(F &&f, Args &&...args) {
    if (done_.load(detail::acquire) != 0) return;  // acquire: pairs with the store below; what f did. [ONCE-1]
    const std::lock_guard hold(running_);
    if (done_.load(detail::relaxed) != 0) return;  // relaxed: the caller that set it held the mutex
    std::invoke(std::forward<F>(f), std::forward<Args>(args)...);
    // release: pairs with the first load: what f did. [ONCE-1]
    done_.store(1, detail::release);
  }

 private:
  detail::atomic<std::uint32_t> done_;
  mutex running_;
};

HEDDLE_END

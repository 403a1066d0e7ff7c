#pragma once
#include <functional>
#include <mutex>
#include <utility>

#include "heddle/mutex.hpp"

HEDDLE_BEGIN

// Something that is done once, by whoever comes first. Source: Go's sync.Once; exceptions as std::call_once.
class once {
 public:
  once() noexcept = default;
  once(const once &) = delete;
  once &operator=(const once &) = delete;

  // Calls f(args...) unless a call of this once has returned already; whoever comes while it runs waits for its end.
  // Caller: a goroutine; also any other thread. Blocks: the goroutine, or thread, while another runs its f. A call of
  // the same once from within f waits for itself: a deadlock. Ordering: what f did is visible after each call. Errors:
  // when f throws, its caller gets the exception and nothing has been done: the next, also one who waits, calls his own
  // f. When the goroutine that runs f is abandoned by the end of its runtime, whoever waits does so for good. Cost: one
  // load, once it has been done.
  template <class F, class... Args>
  void call(F &&f, Args &&...args) {
    if (done_.load(detail::acquire) != 0) return;  // acquire: pairs with the store below: what f did. [ONCE-1]
    const std::lock_guard hold(running_);
    if (done_.load(detail::relaxed) != 0) return;  // relaxed: who set it held the mutex
    std::invoke(std::forward<F>(f), std::forward<Args>(args)...);
    // release: pairs with the first load: what f did. [ONCE-1]
    done_.store(1, detail::release);
  }

 private:
  detail::atomic<std::uint32_t> done_;
  mutex running_;
};

HEDDLE_END

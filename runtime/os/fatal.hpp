#pragma once
// The last words of a process: what is said of the goroutine that ends it, and which function of the embedder is told.
#include "sched/runtime2.hpp"

HEDDLE_DETAIL_BEGIN

// options::on_fatal of a runtime, while this object lives. The runtime of the goroutine that ends the process is asked;
// on a thread that runs none, the runtime that was made last.
class fatal_hook {
 public:
  explicit fatal_hook(const sched_options &o) noexcept;
  ~fatal_hook();
  fatal_hook(const fatal_hook &) = delete;
  fatal_hook &operator=(const fatal_hook &) = delete;

 private:
  friend struct fatal_hooks;
  void (*const f_)(void *, const char *);
  void *const arg_;
  fatal_hook *older_ = nullptr;
};

// While at least one of these lives, a fault in the guard of the stack on which the calling goroutine runs is told as a
// stack overflow. Then, and for all other faults, what was there before decides: a handler of the embedder, or the
// kernel's default. A handler that the embedder installs later replaces this one.
class overflow_watch {
 public:
  overflow_watch() noexcept;
  ~overflow_watch();
  overflow_watch(const overflow_watch &) = delete;
  overflow_watch &operator=(const overflow_watch &) = delete;
};

// Text of limited length; what does not fit is cut off.
class short_text {
 public:
  void add(const char *text) noexcept;
  [[gnu::format(printf, 2, 3)]] void addf(const char *format, ...) noexcept;
  const char *get() const noexcept { return text_; }
  // As the line function of report.hpp; arg is the short_text.
  static void line(void *self, const char *text) noexcept { static_cast<short_text *>(self)->add(text); }

 private:
  std::size_t used_ = 0;
  char text_[16384] = "";
};

// Says which goroutine it is, its name, and where it was started. Pre: gp runs, on the calling thread.
void introduce(short_text &text, const g *gp) noexcept;
// The goroutine that runs on the calling thread; null: none, or a thread that waits like one.
const g *running_g() noexcept;

HEDDLE_DETAIL_END

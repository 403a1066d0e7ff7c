// The last words of a process that ends because of misuse, an exception that nothing caught, or a broken invariant.
#include "runtime/os/fatal.hpp"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "runtime/os/report.hpp"
#include "sched/os/ends.hpp"

HEDDLE_DETAIL_BEGIN

void short_text::add(const char *text) noexcept {
  const std::size_t n = std::min(std::strlen(text), sizeof text_ - 1 - used_);
  std::memcpy(text_ + used_, text, n);
  used_ += n;
  text_[used_] = '\0';
}

void short_text::addf(const char *format, ...) noexcept {
  std::va_list arguments;
  va_start(arguments, format);
  const int n = std::vsnprintf(text_ + used_, sizeof text_ - used_, format, arguments);
  va_end(arguments);
  if (n > 0) used_ = std::min(used_ + static_cast<std::size_t>(n), sizeof text_ - 1);
}

const g *running_g() noexcept {
  const m *mp = getm();
  return mp != nullptr && !mp->extra ? mp->curg.peek() : nullptr;
}

void introduce(short_text &text, const g *gp) noexcept {
  text.addf("\ngoroutine %llu [running]%s", static_cast<unsigned long long>(gp->goid.get()),
            gp == gp->home->maing.peek() ? " (main)" : "");
  const goroutine_name name = gp->name.get();  // it is written by this goroutine alone
  if (name.text[0] != '\0') text.addf(" \"%s\"", name.text);
  text.add("\n");
  const source_location at = gp->started.get();
  if (at.line() != 0) text.addf("  started at %s:%u\n", at.file_name(), static_cast<unsigned>(at.line()));
}

struct fatal_hooks {
  spinlock lock;
  fatal_hook *newest = nullptr;

  void add(fatal_hook *hook) noexcept {
    lock.lock();
    hook->older_ = newest;
    newest = hook;
    lock.unlock();
  }
  void remove(const fatal_hook *hook) noexcept {
    lock.lock();
    fatal_hook **at = &newest;
    while (*at != hook) at = &(*at)->older_;
    *at = hook->older_;
    lock.unlock();
  }
  // The embedder's function is called without the lock.
  void call_newest(const char *report) noexcept {
    lock.lock();
    const fatal_hook *hook = newest;
    while (hook != nullptr && hook->f_ == nullptr) hook = hook->older_;
    const auto f = hook != nullptr ? hook->f_ : nullptr;
    void *const arg = hook != nullptr ? hook->arg_ : nullptr;
    lock.unlock();
    if (f != nullptr) f(arg, report);
  }
};

namespace {

fatal_hooks hooks;

struct ending {
  std::span<const char *const> parts;
  const void *frame;
};

void tell(void *raw) noexcept {
  const ending &e = *static_cast<const ending *>(raw);
  short_text text;
  for (const char *part : e.parts) text.add(part);
  const g *gp = running_g();
  if (gp != nullptr) {
    introduce(text, gp);
    print_stack_from(gp, e.frame, short_text::line, &text);
  }
  print_error(text.get());
  if (gp == nullptr) return hooks.call_newest(text.get());
  const sched_options &o = gp->home->options;
  if (o.on_fatal != nullptr) o.on_fatal(o.on_fatal_arg, text.get());
}

void report_end(std::span<const char *const> parts, const void *frame) noexcept {
  ending e{parts, frame};
  on_report_stack([](void *raw) { tell(raw); }, &e);
}

}  // namespace

fatal_hook::fatal_hook(const sched_options &o) noexcept : f_(o.on_fatal), arg_(o.on_fatal_arg) {
  fatal_report.store(report_end, std::memory_order_release);
  hooks.add(this);
}

fatal_hook::~fatal_hook() { hooks.remove(this); }

HEDDLE_DETAIL_END

// Who waits for what, when all do.
#include <cstdarg>
#include <cstdio>

#include "sched/proc.hpp"
#include "sched/status.hpp"

HEDDLE_BEGIN

namespace {

class standstill {
 public:
  standstill(const schedt &sched, text_sink out) noexcept : sched_(sched), out_(out) {}

  void print() noexcept {
    // acquire: pairs with allgadd. [ALLG-1]
    // Survives as relaxed (equivalent): main is on the list, and who added it came under the lock after the first.
    const g *const first = sched_.allgs.load(acquire);
    const g *last = first;
    // acquire: pairs with allgadd: one that a thread outside makes meanwhile. [ALLG-1]
    while (const g *next = last->alllink.load(acquire)) last = next;
    each_waiting(first, last, [this](const g *gp) { print_one(gp); });
    each_waiting(first, last, [this](const g *gp) {
      if (leads_a_circle(gp)) draw_circle(gp);
    });
  }

 private:
  static bool waits(const g *gp) noexcept {
    const gstatus status = readgstatus(gp);
    return status == gstatus::waiting || status == gstatus::syscall;
  }
  template <class F>
  static void each_waiting(const g *first, const g *last, F f) noexcept {
    for (const g *gp = first;; gp = gp->alllink.load(relaxed)) {  // relaxed: to where we have been already
      if (waits(gp)) f(gp);
      if (gp == last) return;
    }
  }
  static unsigned long long id(const g *gp) noexcept { return gp->goid.get(); }

  [[gnu::format(printf, 2, 3)]] void say(const char *format, ...) noexcept {
    char text[512];
    std::va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    out_.write(out_.arg, text);
  }

  void print_one(const g *gp) noexcept {
    char name[sizeof gp->name];
    copy_name(gp, name, sizeof name);
    const bool named = name[0] != '\0';
    say("\ngoroutine %llu [%s%s%s]%s%s%s%s\n", id(gp), waitreason_text(gp->waitreason.get()),
        readgstatus(gp) == gstatus::syscall ? ", in a call" : "",
        gp->lockedm.get() != nullptr ? ", locked to thread" : "",
        gp == sched_.maing.load(relaxed) ? " (main)" : "",  // relaxed: written before main was handed over
        named ? " \"" : "", name, named ? "\"" : "");
    char what[160];
    for (std::size_t i = 0; detail::waits_for(sched_, gp, i, what, sizeof what); ++i) say("  --> %s\n", what);
    if (gp->started.line() != 0) say("  started at %s:%u\n", gp->started.file_name(), gp->started.line());
    if (sched_.options.print_stack != nullptr) sched_.options.print_stack(gp, out_.write, out_.arg);
  }

  // The next on the way from who waits to who has what he waits for, and waits himself.
  const g *next(const g *gp) const noexcept {
    const g *holder = detail::holder_for(sched_, gp);
    return holder != nullptr && waits(holder) ? holder : nullptr;
  }

  // The way from gp comes back to it, and it is the eldest on it: each circle has one leader. Others may only lead into it, so
  // the steps are bounded by one that walks at half the speed.
  bool leads_a_circle(const g *gp) const noexcept {
    const g *slow = gp;
    bool slow_moves = false;
    for (const g *at = next(gp); at != gp; at = next(at)) {
      if (at == nullptr || at == slow || id(at) < id(gp)) return false;
      if (slow_moves) slow = next(slow);
      slow_moves = !slow_moves;
    }
    return true;
  }

  void draw_circle(const g *gp) noexcept {
    char what[160];
    say("\nthese wait for each other:\n");
    const g *at = gp;
    do {
      if (!detail::waits_for(sched_, at, 0, what, sizeof what)) what[0] = '\0';
      say("  %s goroutine %llu waits for %s\n", at == gp ? "+->" : "|  ", id(at), what);
      at = next(at);
    } while (at != gp);
    say("  +-- goroutine %llu\n", id(gp));
  }

  const schedt &sched_;
  const text_sink out_;
};

}  // namespace

void print_standstill(const schedt &sched, text_sink out) noexcept { standstill(sched, out).print(); }

HEDDLE_END

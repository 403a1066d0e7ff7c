// What each goroutine waits for, when all wait: the text of a deadlock report, with the circles of goroutines that wait
// for each other.
#include <cstdarg>
#include <cstdio>

#include "sched/deadlock.hpp"
#include "sched/locals.hpp"
#include "sched/newproc.hpp"
#include "sched/status.hpp"

HEDDLE_DETAIL_BEGIN

namespace {

class standstill {
 public:
  standstill(const schedt &sched, text_sink out) noexcept : sched_(sched), out_(out) {}

  void print() noexcept {
    // acquire: pairs with allgadd. [ALLG-1]
    // Survives as relaxed (equivalent): main is on the list, and the thread that added it took the lock after the first
    // one.
    g *const first = sched_.allgs.load(acquire);
    g *last = first;
    // acquire: pairs with allgadd: a g that a thread from outside makes meanwhile. [ALLG-1]
    while (g *next = last->alllink.load(acquire)) last = next;
    each_waiting(first, last, [this](g *gp) {
      print_one(gp);
      gp->passage.set(passage::none);
      gp->camefrom.set(nullptr);
      gp->wentto.set(nullptr);
    });
    each_waiting(first, last, [this](g *gp) {
      if (gp->passage.get() == passage::none) walk(gp);
    });
  }

 private:
  template <class F>
  static void each_waiting(g *first, const g *last, F f) noexcept {
    for (g *gp = first;; gp = gp->alllink.load(relaxed)) {  // relaxed: as far as the walk above has been already
      if (is_waiting(gp)) f(gp);
      if (gp == last) return;
    }
  }
  static unsigned long long id(const g *gp) noexcept { return gp->goid.get(); }
  bool waits_for(const g *gp, std::size_t i, char *text, std::size_t size) const noexcept {
    const auto ask = sched_.options.waits_for;
    return ask != nullptr && ask(sched_, gp, i, text, size);
  }
  g *holder_for(const g *gp, const g *after) const noexcept {
    const auto ask = sched_.options.holder_for;
    return ask != nullptr ? ask(sched_, gp, after) : nullptr;
  }

  [[gnu::format(printf, 2, 3)]] void say(const char *format, ...) noexcept {
    char text[512];
    std::va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    out_.write(out_.arg, text);
  }

  void print_one(const g *gp) noexcept {
    char name[goroutine_name::size];
    copy_name(gp, name, sizeof name);
    const bool named = name[0] != '\0';
    say("\ngoroutine %llu [%s%s%s]%s%s%s%s\n", id(gp), waitreason_text(gp->waitreason.get()),
        readgstatus(gp) == gstatus::syscall ? ", in a call" : "",
        gp->lockedm.get() != nullptr ? ", locked to thread" : "",
        gp == sched_.maing.load(relaxed) ? " (main)" : "",  // relaxed: written before main was handed over
        named ? " \"" : "", name, named ? "\"" : "");
    char what[160];
    for (std::size_t i = 0; waits_for(gp, i, what, sizeof what); ++i) say("  --> %s\n", what);
    const source_location at = gp->started.get();
    if (at.line() != 0) say("  started at %s:%u\n", at.file_name(), at.line());
    if (sched_.options.print_stack != nullptr) sched_.options.print_stack(gp, out_.write, out_.arg);
  }

  // Where the walk goes on from gp: the next of the goroutines that gp waits for and that wait themselves; null: none.
  g *next(const g *gp) const noexcept {
    g *to = holder_for(gp, gp->wentto.get());
    while (to != nullptr && !is_waiting(to)) to = holder_for(gp, to);
    return to;
  }

  static bool on_the_way(const g *gp) noexcept { return gp->camefrom.get() != nullptr; }
  static void enter(g *gp, g *from) noexcept {
    gp->passage.set(passage::seen);
    gp->camefrom.set(from);
  }

  // Walks all ways from `start`, depth first, by links in the goroutines: there may be many, and no memory may be asked
  // for. A step to a goroutine that is on the way already closes a circle.
  void walk(g *start) noexcept {
    enter(start, start);
    for (g *at = start; at != nullptr;) {
      g *to = next(at);
      at->wentto.set(to);
      if (to == nullptr) {
        g *const back = at->camefrom.get();
        at->camefrom.set(nullptr);
        at = back == at ? nullptr : back;
      } else if (to->passage.get() == passage::none) {
        enter(to, at);
        at = to;
      } else if (on_the_way(to)) {
        draw_circle(to);
      }
    }
  }

  // Draws no goroutine twice: of many that a scope waits for, and that all wait for the same, one is enough.
  void draw_circle(g *on) noexcept {
    g *eldest = on;
    g *at = on;
    do {
      if (at->passage.get() == passage::drawn) return;
      if (id(at) < id(eldest)) eldest = at;
      at = at->wentto.get();
    } while (at != on);
    say("\nthese wait for each other:\n");
    char what[160];
    at = eldest;
    do {
      if (!waits_for(at, 0, what, sizeof what)) what[0] = '\0';
      say("  %s goroutine %llu waits for %s\n", at == eldest ? "+->" : "|  ", id(at), what);
      at->passage.set(passage::drawn);
      at = at->wentto.get();
    } while (at != eldest);
    say("  +-- goroutine %llu\n", id(eldest));
  }

  const schedt &sched_;
  const text_sink out_;
};

}  // namespace

void print_standstill(const schedt &sched, text_sink out) noexcept { standstill(sched, out).print(); }

HEDDLE_DETAIL_END

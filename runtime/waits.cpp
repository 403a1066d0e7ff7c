// What goroutines wait for, in the words of a report. The place that parks a goroutine leaves its sudog or itself in
// g::waitingon, and g::waitreason says of what kind that is.
#include "runtime/waits.hpp"

#include <cstdarg>
#include <cstddef>
#include <cstdio>
#include <functional>

#include "heddle/barrier.hpp"
#include "heddle/condition_variable.hpp"
#include "heddle/latch.hpp"
#include "heddle/mutex.hpp"
#include "heddle/scope.hpp"
#include "heddle/select.hpp"
#include "heddle/semaphore.hpp"
#include "heddle/shared_mutex.hpp"
#include "heddle/task.hpp"
#include "heddle/wait_group.hpp"
#include "sched/status.hpp"

// Some members are not public, and a channel has virtual functions; the offset of a member is still the same in every
// object.
#pragma GCC diagnostic ignored "-Winvalid-offsetof"

HEDDLE_BEGIN

namespace detail {

namespace {

// Returns the next of sched's goroutines after `after` (null: from the first on) for which is(gp) holds; null: there is
// none.
template <class F>
g *find_goroutine(const schedt &sched, const g *after, F is) noexcept {
  for (const atomic<g *> *link = after == nullptr ? &sched.allgs : &after->alllink;;) {
    // acquire: pairs with allgadd. [ALLG-1]
    // Survives as relaxed (statistic): for a report; the thread that prints one has synchronised with all before.
    g *gp = link->load(acquire);
    if (gp == nullptr || is(gp)) return gp;
    link = &gp->alllink;
  }
}

// Returns whether `at` is on the stack of gp. gp may be getting a stack at this moment, or losing it; then that is not
// the stack on which `at` is.
bool is_on_stack_of(const g *gp, const char *at) noexcept {
  const std::less<const char *> before;  // compares any two pointers
  const struct stack s = glimpse(gp->stack);
  return s.lo != nullptr && !before(at, s.lo) && before(at, s.hi);
}

}  // namespace

struct onlooker {
  // Returns the goroutine of sched on whose stack `at` is; null: there is none.
  static g *on_whose_stack(const schedt &sched, const void *at) noexcept {
    return find_goroutine(sched, nullptr,
                          [where = static_cast<const char *>(at)](const g *gp) { return is_on_stack_of(gp, where); });
  }
  template <class Mutex, class State>
  static g *holder(const schedt &sched, const Mutex &mu, State held) noexcept {
    return (mu.state_.peek() & held) == 0 ? nullptr : on_whose_stack(sched, glimpse(mu.holder_));
  }
  static g *holder(const schedt &sched, const mutex &mu) noexcept { return holder(sched, mu, mutex::locked); }
  static g *holder(const schedt &sched, const shared_mutex &mu) noexcept {
    return holder(sched, mu, shared_mutex::writer);
  }

  // A piece of text of limited length. One thread's.
  struct words {
    char *at;
    std::size_t left;
    [[gnu::format(printf, 2, 3)]] bool say(const char *format, ...) noexcept;
  };

  template <class Owner>
  static const Owner *owner(const void *member, std::size_t offset) noexcept {
    return reinterpret_cast<const Owner *>(static_cast<const char *>(member) - offset);
  }
  // The queue in which gp waits. Null: it waits for nothing with a queue, or has been taken out of it.
  static const void *queue(const g *gp) noexcept {
    if (gp->waitingon.get() == nullptr || gp->waitreason.get() == waitreason::select) return nullptr;
    return static_cast<const sudog *>(gp->waitingon.get())->q.peek();
  }
  static const hchan *channel(const g *gp) noexcept {
    const bool sends = gp->waitreason.get() == waitreason::chan_send;
    return owner<hchan>(queue(gp), sends ? offsetof(hchan, sendq) : offsetof(hchan, recvq));
  }
  static const mutex *wanted_mutex(const g *gp) noexcept { return owner<mutex>(queue(gp), offsetof(mutex, waiters_)); }
  static const shared_mutex *wanted_shared_mutex(const g *gp) noexcept {
    const bool shared = gp->waitreason.get() == waitreason::shared_mutex_lock_shared;
    return owner<shared_mutex>(queue(gp), shared ? offsetof(shared_mutex, readers_) : offsetof(shared_mutex, writers_));
  }
  // Returns the task or scope for whose goroutines gp waits; null: it waits for something else.
  static const void *awaited(const g *gp) noexcept {
    const void *const on = queue(gp);
    if (on == nullptr) return nullptr;
    switch (gp->waitreason.get()) {
      case waitreason::task_join: return owner<hchan>(on, offsetof(hchan, recvq));
      case waitreason::scope_wait: return owner<scope>(on, offsetof(scope, waiters_));
      default: return nullptr;
    }
  }
  // Returns the next goroutine after `after` that belongs to `of` and waits itself.
  static g *member(const schedt &sched, const void *of, const g *after) noexcept {
    return find_goroutine(sched, after, [of](const g *gp) { return is_waiting(gp) && gp->memberof.get() == of; });
  }

  static unsigned long long id(const g *gp) noexcept { return gp->goid.get(); }
  static bool say_channel(words &w, const hchan &c, bool send, const char *how) noexcept {
    const char *const verb = send ? "send on" : "receive from";
    if (c.dataqsiz == 0) return w.say("%s%s chan %p, unbuffered", how, verb, static_cast<const void *>(&c));
    return w.say("%s%s chan %p, %zu of %zu in it", how, verb, static_cast<const void *>(&c), c.qcount.get(),
                 c.dataqsiz);
  }
  static bool say_select(words &w, const void *selecting, std::size_t i) noexcept {
    const hchan *c = nullptr;
    bool send = false;
    return select_waits(selecting, i, c, send) && say_channel(w, *c, send, i == 0 ? "" : "or ");
  }
  static bool say_mutex(words &w, const schedt &sched, const g *gp) noexcept {
    const mutex *mu = wanted_mutex(gp);
    const g *has = holder(sched, *mu);
    if (has == nullptr) return w.say("mutex %p", static_cast<const void *>(mu));
    return w.say("mutex %p, held by goroutine %llu", static_cast<const void *>(mu), id(has));
  }
  // Of the readers only the number is known. If one of them waits to lock it again, the report shows the writer
  // between.
  static bool say_shared_mutex(words &w, const schedt &sched, const g *gp) noexcept {
    const shared_mutex *mu = wanted_shared_mutex(gp);
    const auto *at = static_cast<const void *>(mu);
    const std::uint64_t state = mu->state_.peek();
    const g *has = holder(sched, *mu);
    if (has != nullptr) return w.say("shared_mutex %p, held by goroutine %llu", at, id(has));
    if ((state & shared_mutex::writer) != 0) return w.say("shared_mutex %p, held by a writer", at);
    const bool shared = gp->waitreason.get() == waitreason::shared_mutex_lock_shared;
    return w.say("shared_mutex %p, held by %llu readers%s", at,
                 static_cast<unsigned long long>(state / shared_mutex::reader), shared ? ", and a writer waits" : "");
  }
  static bool say_task(words &w, const schedt &sched, const g *gp) noexcept {
    const void *const of = awaited(gp);
    const g *runs = member(sched, of, nullptr);
    if (runs == nullptr) return w.say("task %p", of);
    return w.say("task %p, run by goroutine %llu", of, id(runs));
  }
  static bool say_scope(words &w, const g *gp) noexcept {
    const auto *s = static_cast<const scope *>(awaited(gp));
    return w.say("scope %p, %zu have not ended", static_cast<const void *>(s), s->running_.get());
  }
  static bool say_group(words &w, const void *queue) noexcept {
    const auto *wg = owner<wait_group>(queue, offsetof(wait_group, waiters_));
    return w.say("wait_group %p, %lld to be done", static_cast<const void *>(wg),
                 static_cast<long long>(wg->count_.get()));
  }
  static bool say_latch(words &w, const void *queue) noexcept {
    const auto *l = owner<latch>(queue, offsetof(latch, waiters_));
    return w.say("latch %p, %td to come", static_cast<const void *>(l), l->left_.get());
  }
  static bool say_barrier(words &w, const void *queue) noexcept {
    const auto *b = owner<barrier_core>(queue, offsetof(barrier_core, waiters_));
    return w.say("barrier %p, %td to come", static_cast<const void *>(b), b->left_.get());
  }
  static bool say_semaphore(words &w, const void *queue) noexcept {
    const auto *s = owner<semaphore>(queue, offsetof(semaphore, waiters_));
    return w.say("semaphore %p, no unit is left", static_cast<const void *>(s));
  }

  // Writes what gp waits for, unless it is in a select: all others wait for one thing.
  static bool say_one(words &w, const schedt &sched, const g *gp) noexcept {
    const void *const on = queue(gp);
    if (on == nullptr) return false;
    switch (gp->waitreason.get()) {
      case waitreason::chan_receive: return say_channel(w, *channel(gp), false, "");
      case waitreason::chan_send: return say_channel(w, *channel(gp), true, "");
      case waitreason::mutex_lock: return say_mutex(w, sched, gp);
      case waitreason::shared_mutex_lock:
      case waitreason::shared_mutex_lock_shared: return say_shared_mutex(w, sched, gp);
      case waitreason::task_join: return say_task(w, sched, gp);
      case waitreason::scope_wait: return say_scope(w, gp);
      case waitreason::wait_group_wait: return say_group(w, on);
      case waitreason::latch_wait: return say_latch(w, on);
      case waitreason::barrier_wait: return say_barrier(w, on);
      case waitreason::semaphore_acquire: return say_semaphore(w, on);
      case waitreason::condition_variable_wait:
        return w.say("condition_variable %p", static_cast<const sudog *>(gp->waitingon.get())->elem.get());
      default: return false;
    }
  }
};

bool onlooker::words::say(const char *format, ...) noexcept {
  std::va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(at, left, format, arguments);
  va_end(arguments);
  return true;
}

bool waits_for(const schedt &sched, const g *gp, std::size_t i, char *text, std::size_t size) noexcept {
  onlooker::words w{text, size};
  const void *const on = gp->waitingon.get();
  if (on == nullptr) return false;
  if (gp->waitreason.get() == waitreason::select) return onlooker::say_select(w, on, i);
  return i == 0 && onlooker::say_one(w, sched, gp);
}

g *holder_for(const schedt &sched, const g *gp, const g *after) noexcept {
  if (onlooker::queue(gp) == nullptr) return nullptr;
  if (const void *of = onlooker::awaited(gp)) return onlooker::member(sched, of, after);
  if (after != nullptr) return nullptr;  // a lock has one holder
  switch (gp->waitreason.get()) {
    case waitreason::mutex_lock: return onlooker::holder(sched, *onlooker::wanted_mutex(gp));
    case waitreason::shared_mutex_lock:
    case waitreason::shared_mutex_lock_shared: return onlooker::holder(sched, *onlooker::wanted_shared_mutex(gp));
    default: return nullptr;
  }
}

g *holder_of(const schedt &sched, const mutex &mu) noexcept { return onlooker::holder(sched, mu); }
g *holder_of(const schedt &sched, const shared_mutex &mu) noexcept { return onlooker::holder(sched, mu); }

}  // namespace detail

HEDDLE_END

// The tree of contexts. Source: cancelCtx, propagateCancel, removeChild, timerCtx in Go's context.go.
//
// Handles keep a context alive, and so do the contexts below it. A context that can be cancelled keeps those below it
// in a list, without a reference. So three pairs of parties may meet at one context, and this is what decides between
// them:
//
// party                        meets                         what decides                                      id
// the parent, which cancels    the drop of the child's       the parent takes the child off its list only      CTX-1
// a child                      last handle                   with a reference, which it does not get once
//                                                            the count is zero; the party that brought the
//                                                            count to zero takes the child off the list,
//                                                            under the parent's lock, before it frees it
// the timer's function         the drop of the last handle   the drop stops the timer, which has no            CTX-2
//                                                            reference either; if it is too late for that,
//                                                            both exchange timer_, and the second frees the
//                                                            context
// the party that cancels       a reader of err and cause     err_ is written once, after the cause             CTX-3
//
// Nothing is called, and nothing of the embedder's destroyed, under a lock or on g0: the party that cancels a context
// collects, under the lock, the channel and the token that it must act on, and acts on them afterwards. A tree is
// cancelled without recursion, over the links of the list of children; once a child is off the list, its links are the
// canceller's.
#include "heddle/context.hpp"

#include "runtime/spawn.hpp"
#include "sched/timers.hpp"

HEDDLE_DETAIL_BEGIN

class canceller final : public context_node, private runtime_timer {
 public:
  canceller(context_node *up, std::int64_t at) noexcept : context_node(up, this), deadline_(at) {}

  ~canceller() { timer_of_.set(nullptr); }  // no other thread reads it any more

  // Enters the parent's list, or is cancelled with the parent at once.
  void attach() noexcept;
  void arm(schedt &sched) noexcept;
  // Called when no handle is left. False: the timer's function will free the context.
  bool dispose() noexcept;
  void cancel(context_error why, std::exception_ptr cause, schedt *timer_of) noexcept;

  receiver<std::monostate> done();
  std::stop_token stop_token();
  context_error err() const noexcept {
    // acquire: pairs with settle; what was done before the cancellation, and the cause. [CTX-3]
    return static_cast<context_error>(err_.load(acquire));
  }
  std::exception_ptr cause() const noexcept { return err() != context_error::none ? cause_ : nullptr; }
  std::int64_t deadline() const noexcept { return deadline_; }

 private:
  // Which party frees a context that has had a timer: see timer_ in the argument above.
  static constexpr std::uint32_t armed = 0, over = 1, orphaned = 2;

  canceller *above() const noexcept { return parent != nullptr ? parent->cancelled_by : nullptr; }
  bool try_ref() noexcept;
  void detach() noexcept;
  bool settle(context_error why, const std::exception_ptr &cause, schedt *timer_of, canceller *&todo) noexcept;
  canceller *take_children(canceller *todo) noexcept;
  void unlink(canceller *child) noexcept;
  static void expire(runtime_timer *t, bool due);

  spinlock lock_;
  atomic<std::uint32_t> err_;  // written once, under lock_
  // Under lock_, before err_. raw: plain<> is for what is copied as bytes; err_ publishes it [CTX-3], and the suites'
  // causes hold a plain.
  std::exception_ptr cause_;
  chan<std::monostate> done_ = chan<std::monostate>::nil();  // under lock_
  std::stop_source stop_{std::nostopstate};  // under lock_. raw: as cause_; done_ is used under the same lock
  plain<canceller *> children_;              // under lock_, newest first
  // These are under the lock of the context above, while this one is in its list. Off the list, next_ is a link of the
  // party that cancels.
  plain<bool> attached_;
  plain<canceller *> next_, prev_;
  const std::int64_t deadline_;  // this context's own deadline, or that of one above
  plain<schedt *> timer_of_;     // written by arm, before the timer is armed
  atomic<std::uint32_t> timer_{over};
};

void unref(context_node *n) noexcept {
  // acq_rel: pairs with itself in the other handles; the last one sees all that they did. [CTX-1]
  while (n != nullptr && n->refs.fetch_sub(1, acq_rel) == 1) {
    context_node *up = n->parent;
    if (n->cancelled_by == n && !static_cast<canceller *>(n)->dispose()) return;
    delete n;
    n = up;
  }
}

// Takes a reference, for a party that has found the context in a list or by its timer and not by a handle. Fails once
// the last handle has gone.
bool canceller::try_ref() noexcept {
  std::uint64_t n = refs.load(relaxed);  // relaxed: the exchange looks again
  while (n != 0)
    // relaxed: what it leads to is read under a lock.  relaxed on failure: another turn.
    if (refs.compare_exchange_weak(n, n + 1, relaxed, relaxed)) return true;
  return false;
}

void canceller::unlink(canceller *child) noexcept {
  canceller *const prev = child->prev_.get(), *const next = child->next_.get();
  (prev != nullptr ? prev->next_ : children_).set(next);
  if (next != nullptr) next->prev_.set(prev);
  child->next_.set(nullptr);
  child->prev_.set(nullptr);
  child->attached_.set(false);
}

void canceller::attach() noexcept {
  canceller *up = above();
  if (up == nullptr) return;
  up->lock_.lock();
  const bool late = up->err_.load(relaxed) != 0;  // relaxed: it is written under the same lock
  if (!late) {
    canceller *const next = up->children_.get();
    next_.set(next);
    if (next != nullptr) next->prev_.set(this);
    up->children_.set(this);
    attached_.set(true);
  }
  up->lock_.unlock();
  if (late) cancel(up->err(), up->cause(), nullptr);
}

void canceller::detach() noexcept {
  canceller *up = above();
  if (up == nullptr) return;
  up->lock_.lock();
  if (attached_.get()) up->unlink(this);
  up->lock_.unlock();
}

canceller *canceller::take_children(canceller *todo) noexcept {
  for (canceller *child = children_.get(), *next = nullptr; child != nullptr; child = next) {
    next = child->next_.get();
    if (!child->try_ref()) continue;  // the party that drops it waits for our lock
    unlink(child);
    child->next_.set(todo);
    todo = child;
  }
  return todo;
}

namespace {

// Requests the stop in a goroutine of its own, because this runs on g0 (the stack of the scheduler), where callbacks
// may not run as in a goroutine. If there is no memory for a goroutine, requests it here all the same.
void request_stop_elsewhere(schedt &sched, std::stop_source &stop) noexcept {
  try {
    go_on(
        sched, [stop]() mutable { stop.request_stop(); }, 0, source_location::current());
  } catch (...) {
    stop.request_stop();
  }
}

// A reference that goes with its goroutine. One thread's: a closure.
struct last_use {
  context_node *of;
  explicit last_use(context_node *n) noexcept : of(n) {}
  last_use(last_use &&other) noexcept : of(std::exchange(other.of, nullptr)) {}
  last_use &operator=(last_use &&) = delete;
  ~last_use() { unref(of); }
};

// As unref, also on g0 (timer_of: the runtime whose timer has come, else null): a value of the embedder's may go with
// the node, and its destructor may do what only a goroutine may. If there is no memory for a goroutine, it runs here.
void unref_in(schedt *timer_of, context_node *n) noexcept {
  const context_node *value = n;
  while (value != nullptr && value->key == nullptr) value = value->parent;
  if (timer_of == nullptr || value == nullptr) return unref(n);
  try {
    go_on(
        *timer_of, [use = last_use(n)] {}, 0, source_location::current());
  } catch (...) {
    // The closure was not made, or has gone again and n with it.
  }
}

}  // namespace

// Cancels this context alone, and puts the contexts to be cancelled with it in front of `todo`. False: it has been
// cancelled before.
bool canceller::settle(context_error why, const std::exception_ptr &cause, schedt *timer_of,
                       canceller *&todo) noexcept {
  lock_.lock();
  if (err_.load(relaxed) != 0) {  // relaxed: under lock_
    lock_.unlock();
    return false;
  }
  cause_ = cause;
  // release: pairs with err; what we did before, and the cause. [CTX-3]
  err_.store(static_cast<std::uint32_t>(why), release);
  todo = take_children(todo);
  const chan<std::monostate> done = done_;
  std::stop_source stop = stop_;
  const bool stopped = stoptimer(this);
  // relaxed: for dispose, which comes after every handle, also after ours.
  if (stopped) timer_.store(over, relaxed);
  lock_.unlock();
  if (!done.is_nil()) close(*channel_access::of(done));
  if (!stop.stop_possible()) return true;
  if (timer_of == nullptr)
    stop.request_stop();
  else
    request_stop_elsewhere(*timer_of, stop);
  return true;
}

void canceller::cancel(context_error why, std::exception_ptr cause, schedt *timer_of) noexcept {
  if (cause == nullptr)
    cause = why == context_error::canceled ? std::make_exception_ptr(context_canceled())
                                           : std::make_exception_ptr(context_deadline_exceeded());
  canceller *todo = nullptr;
  if (!settle(why, cause, timer_of, todo)) return;
  detach();
  while (canceller *next = todo) {
    todo = next->next_.get();
    next->next_.set(nullptr);
    next->settle(why, cause, timer_of, todo);
    unref_in(timer_of, next);
  }
}

void canceller::arm(schedt &sched) noexcept {
  f.set(expire);
  timer_of_.set(&sched);
  lock_.lock();
  if (err_.load(relaxed) == 0) {   // relaxed: under lock_
    timer_.store(armed, relaxed);  // relaxed: the timers' lock hands it over
    resettimer(sched, this, deadline_);
  }
  lock_.unlock();
}

void canceller::expire(runtime_timer *t, bool due) {
  canceller *self = static_cast<canceller *>(t);
  schedt *sched = self->timer_of_.get();
  if (due && self->try_ref()) {
    self->cancel(context_error::deadline_exceeded, nullptr, sched);
    unref_in(sched, self);
  }
  // acq_rel: pairs with dispose's exchange; what each party has done with it is over before the other frees it. [CTX-2]
  if (self->timer_.exchange(over, acq_rel) != orphaned) return;
  context_node *up = self->parent;
  delete self;
  unref_in(due ? sched : nullptr, up);
}

bool canceller::dispose() noexcept {
  detach();
  if (timer_of_.get() == nullptr) return true;  // it has had no timer
  // acq_rel: pairs with expire's exchange, as there. [CTX-2]
  return stoptimer(this) || timer_.exchange(orphaned, acq_rel) == over;
}

// The channel is made without the lock; a caller that comes too late with its own channel drops it.
receiver<std::monostate> canceller::done() {
  lock_.lock();
  chan<std::monostate> mine = done_;
  lock_.unlock();
  if (!mine.is_nil()) return mine;
  mine = chan<std::monostate>();
  lock_.lock();
  if (done_.is_nil() && err_.load(relaxed) != 0) {  // relaxed: under lock_
    lock_.unlock();
    mine.close();  // before it is published: the cancellation is over, and closes no other channel
    lock_.lock();
  }
  const chan<std::monostate> late = done_;
  if (late.is_nil()) done_ = mine;
  lock_.unlock();
  return late.is_nil() ? mine : late;  // a channel that is not needed goes when the lock is free
}

std::stop_token canceller::stop_token() {
  lock_.lock();
  std::stop_source mine = stop_;
  lock_.unlock();
  if (mine.stop_possible()) return mine.get_token();
  mine = std::stop_source();
  lock_.lock();
  if (!stop_.stop_possible() && err_.load(relaxed) != 0) {  // relaxed: under lock_
    lock_.unlock();
    mine.request_stop();  // before it is published, as in done
    lock_.lock();
  }
  const std::stop_source late = stop_;
  if (!late.stop_possible()) stop_ = mine;
  lock_.unlock();
  return late.stop_possible() ? late.get_token() : mine.get_token();
}

receiver<std::monostate> context_done(canceller *c) {
  not_in_child("context::done");
  return c != nullptr ? c->done() : receiver<std::monostate>::nil();
}
std::stop_token context_stop_token(canceller *c) { return c != nullptr ? c->stop_token() : std::stop_token(); }
context_error context_err(const canceller *c) noexcept { return c != nullptr ? c->err() : context_error::none; }
std::exception_ptr context_cause(const canceller *c) noexcept { return c != nullptr ? c->cause() : nullptr; }
std::int64_t context_deadline(const canceller *c) noexcept { return c != nullptr ? c->deadline() : never; }

const void *context_value(const context_node *n, const void *key) noexcept {
  while (n != nullptr && n->key != key) n = n->parent;
  return n != nullptr ? n->value : nullptr;
}

context_node *make_canceller(context_node *parent, std::int64_t deadline, const char *who) {
  not_in_child("heddle::with_cancel");
  const std::int64_t above = context_deadline(parent != nullptr ? parent->cancelled_by : nullptr);
  const bool own = deadline < above;
  schedt *sched = own ? &current_sched(who) : nullptr;
  auto *c = new canceller(parent, own ? deadline : above);
  ref(parent);
  c->attach();
  if (own && deadline <= nanotime())
    c->cancel(context_error::deadline_exceeded, nullptr, nullptr);
  else if (own)
    c->arm(*sched);
  return c;
}

void cancel(canceller *c, std::exception_ptr cause) noexcept {
  not_in_child("cancel_context::cancel");
  c->cancel(context_error::canceled, std::move(cause), nullptr);
}

HEDDLE_DETAIL_END

#pragma once
// The run queue of a P: a bounded ring with one producer, its owner, and any number of consumers, plus runnext, a slot
// for the g that the running g has just made ready. Source: runqput and its family in Go's proc.go.
//
// head is moved only by CAS: by the owner (get, overflow) and by thieves. tail and the slots are written by the owner
// only; runnext is filled by the owner only and emptied by any thread (I19). Positions run mod 2^32, slots mod N.
//
//               head                      tail
//                v                         v
//       | free | oldest |  ...  | newest | free |      + runnext, which goes before the oldest
//    thieves and the owner take here       the owner puts here
//
// Why a g is handed out once (I20): a thread that takes positions [h, h+n) has read them before the CAS h -> h+n. Only
// the owner overwrites a slot, and only after it has seen head beyond that slot's old position; then the CAS of a
// reader that read the new value fails, because head only grows (I22; head would have to pass 2^32 positions in
// between).
//
// As a sequential object: get takes the oldest or fails when empty; a steal takes a prefix of 1..ceil(size/2) or fails;
// put may find the ring full although a consumer has just made room (it reads an older head) and then gives away half
// of what is there, which a consumer may have shortened: then it tries again.
#include "queues/gqueue.hpp"

HEDDLE_DETAIL_BEGIN

template <class T, std::uint32_t N = geometry::runq_capacity>
class runq {
  static_assert(N >= 2 && (N & (N - 1)) == 0, "slots are positions mod N, positions run mod 2^32");

 public:
  static constexpr std::uint32_t capacity = N;

  // For tests of the wrap at 2^32. Pre: no other thread has seen this queue.
  explicit runq(std::uint32_t start = 0) noexcept : head_(start), tail_(start) {}

  // Makes gp runnable here. next: puts it into runnext, and kicks what was there to the ring's tail. A full ring first
  // gives its older half, then the g that did not fit, to overflow(gqueue<T>&). Caller: the owner. Blocks: what
  // overflow blocks. Owns: gp.
  template <class F>
  void runqput(T *gp, bool next, F &&overflow) noexcept {
    if (next) {
      // Only the owner fills runnext, so an empty one stays empty and takes a store. relaxed: owner-only, or
      // revalidated by the exchange. release: pairs with the acquire of a thief's CAS in runqgrab; gp's contents.
      // [RUNQ-1]
      if (runnext_.load(relaxed) == nullptr) {
        runnext_.store(gp, release);
        return;
      }
      gp = runnext_.exchange(gp, release);  // release: as above. [RUNQ-1]
      if (gp == nullptr) return;
    }
    // acquire: pairs with the release of a thief's CAS in runqgrab: its reads of the slots are done before the owner
    // overwrites them. [RUNQ-2]
    // Survives as relaxed (load buffering): the thief's read of a slot returns what is stored there below, and its CAS,
    // which made room for that store, succeeds: one g runs twice, another is lost.
    const std::uint32_t h = head_.load(acquire);
    const std::uint32_t t = tail_.load(relaxed);  // relaxed: owner-only
    if (t - h >= N) return runqputslow(gp, h, t, overflow);
    slot(t).store(gp, relaxed);  // relaxed: published by the tail
    // release: pairs with runqgrab's and runqempty's load of tail; the slot and gp's contents. [RUNQ-3]
    tail_.store(t + 1, release);
  }

  // Puts as many of q as fit; the others stay in q. Stores tail once for all. Caller: the owner.
  void runqputbatch(gqueue<T> &q) noexcept {
    // acquire: as in runqput. [RUNQ-2]  Survives as relaxed (load buffering): as in runqput.
    const std::uint32_t h = head_.load(acquire);
    std::uint32_t t = tail_.load(relaxed);                                    // relaxed: owner-only
    while (!q.empty() && t - h < N) slot(t++).store(q.pop_front(), relaxed);  // relaxed: published by the tail
    tail_.store(t, release);                                                  // release: as in runqput. [RUNQ-3]
  }

  // Takes the next g; null: there is none. inherit: it came from runnext and goes on in the time slice of the g that
  // readied it. allow_runnext = false: it is the ring's turn; runnext only when the ring is empty. Caller: the owner.
  T *runqget(bool &inherit, bool allow_runnext = true) noexcept {
    inherit = false;
    if (allow_runnext) {
      if (T *gp = take_runnext()) {
        inherit = true;
        return gp;
      }
    }
    // relaxed: revalidated by the CAS; the slots are the owner's own writes.
    std::uint32_t h = head_.load(relaxed);
    for (;;) {
      if (tail_.load(relaxed) == h) break;  // relaxed: owner-only
      T *gp = slot(h).load(relaxed);        // relaxed: owner-only
      // release: pairs with runqempty's load of head; the owner's tail stores before it, so that a thread that sees the
      // queue shorter also sees what was put meanwhile. [RUNQ-4]  relaxed on failure: revalidated by the next round.
      if (head_.compare_exchange_weak(h, h + 1, release, relaxed)) return gp;
    }
    return allow_runnext ? nullptr : take_runnext();
  }

  // Moves up to half of victim's ring, oldest first, behind this ring and returns the newest of them to run at once;
  // null: there is nothing. steal_runnext: if victim's ring is empty, takes its runnext. Caller: the owner of this
  // queue, with room for half a ring (find_runnable steals only when it is empty). Blocks: nothing.
  T *runqsteal(runq &victim, bool steal_runnext) noexcept {
    const std::uint32_t t = tail_.load(relaxed);  // relaxed: owner-only
    // acquire: as in runqput; the slots beyond t are overwritten below. [RUNQ-2]
    // Survives as relaxed (load buffering): as in runqput, between this queue's thieves and the copying here.
    const std::uint32_t h = head_.load(acquire);
    HEDDLE_INV("I18", t - h <= N / 2);
    std::uint32_t n = victim.runqgrab(*this, t, steal_runnext);
    if (n == 0) return nullptr;
    --n;
    T *gp = slot(t + n).load(relaxed);        // relaxed: this thread has just written it
    if (n != 0) tail_.store(t + n, release);  // release: as in runqput. [RUNQ-3]
    return gp;
  }

  // Takes everything, runnext first. Caller: the owner, or the thread that holds the P when no M has it. Thieves may go
  // on.
  gqueue<T> runqdrain() noexcept {
    gqueue<T> q;
    if (T *gp = take_runnext()) q.push_back(gp);
    std::uint32_t h = head_.load(relaxed);        // relaxed: revalidated by the CAS
    const std::uint32_t t = tail_.load(relaxed);  // relaxed: owner-only
    // Ownership first, then the slots: only the owner of a g may write its schedlink. relaxed: an old tail beside the
    // new head only looks non-empty, and the slots that are read here are this thread's to overwrite.
    // relaxed on failure: revalidated by the next round.
    while (t != h && !head_.compare_exchange_weak(h, t, relaxed, relaxed)) {
    }
    for (; h != t; ++h) q.push_back(slot(h).load(relaxed));  // relaxed: owner-only
    return q;
  }

  // Never true when a g whose put happened before the call (by a fence too) has stayed here throughout (I21). A put
  // with next is not over before it has kicked: the g that it moves from runnext to the ring is in neither meanwhile.
  // Caller: any thread.
  bool runqempty() const noexcept {
    for (;;) {
      // acquire: pairs with runqget's CAS; a thread that sees head moved by the owner sees its tail too. [RUNQ-4]
      const std::uint32_t h = head_.load(acquire);
      // relaxed: where h == t, the thread that moved head to h had seen that tail, and the acquire of h makes it
      // visible here.
      const std::uint32_t t = tail_.load(relaxed);
      // acquire: pairs with take_runnext's CAS: a kick to the ring that came before it shows in the next load. [RUNQ-5]
      T *next = runnext_.load(acquire);
      if (t == tail_.load(relaxed))
        return h == t && next == nullptr;  // relaxed: a g may have moved from runnext to the ring
    }
  }

  // True: the ring has something for a thief. Caller: any thread. relaxed: a hint.
  bool stealable() const noexcept { return tail_.load(relaxed) != head_.load(relaxed); }
  // Caller: any thread. relaxed: a hint.
  bool has_runnext() const noexcept { return runnext_.load(relaxed) != nullptr; }
  // The number of gs in the ring and in runnext, as a hint for reports. Caller: any thread.
  std::uint32_t size() const noexcept {
    const std::uint32_t n = tail_.peek() - head_.peek();
    return (n <= N ? n : 0) + (runnext_.peek() != nullptr ? 1 : 0);
  }
  // Calls f(g) for each g that is here. Caller: only while no other thread uses the queue.
  template <class F>
  void for_each(F &&f) const {
    if (T *gp = runnext_.peek()) f(gp);
    for (std::uint32_t h = head_.peek(); h != tail_.peek(); ++h) f(slot(h).peek());
  }

 private:
  atomic<T *> &slot(std::uint32_t position) noexcept { return ring_[position % N]; }
  const atomic<T *> &slot(std::uint32_t position) const noexcept { return ring_[position % N]; }

  // Caller: the owner. A failed CAS means that a thief has it; only the owner could have put another, so there is no
  // second try.
  T *take_runnext() noexcept {
    T *gp = runnext_.load(relaxed);  // relaxed: revalidated by the CAS
    // release: pairs with runqempty's load of runnext; the owner's tail stores before it. [RUNQ-5]  relaxed on failure:
    // gone.
    if (gp != nullptr && runnext_.compare_exchange_strong(gp, nullptr, release, relaxed)) return gp;
    return nullptr;
  }

  // A function of its own, so that the usual case saves no registers.
  template <class F>
  [[gnu::noinline]] void runqputslow(T *gp, std::uint32_t h, std::uint32_t t, F &overflow) noexcept {
    HEDDLE_INV("I18", t - h == N);
    // release: as in runqget. [RUNQ-4]  relaxed on failure: a consumer made room, or for no reason: looks again.
    if (!head_.compare_exchange_weak(h, h + N / 2, release, relaxed)) return runqput(gp, false, overflow);
    gqueue<T> batch;
    for (std::uint32_t i = 0; i < N / 2; ++i) batch.push_back(slot(h + i).load(relaxed));  // relaxed: owner-only
    batch.push_back(gp);
    overflow(batch);
  }

  // Called by a thief: copies half of this ring, rounded up, to `to`'s slots from position `at` on. Returns how many it
  // now owns.
  std::uint32_t runqgrab(runq &to, std::uint32_t at, bool steal_runnext) noexcept {
    for (;;) {
      // acquire: pairs with the release of the thread that moved head there: the tail that is read next is not older,
      // so that this loop cannot go round for ever on a head beyond an old tail. [RUNQ-4]
      std::uint32_t h = head_.load(acquire);
      // acquire: pairs with runqput's store of tail; the slots below it and their gs' contents. [RUNQ-3]
      const std::uint32_t t = tail_.load(acquire);
      std::uint32_t n = t - h;
      n -= n / 2;
      if (n == 0) return steal_runnext ? grab_runnext(to, at) : 0;
      // An old head beside a newer tail: looks again. The CAS would fail too, but not before more than half a ring had
      // been copied, over what `to` still holds.
      if (n > N / 2) continue;
      for (std::uint32_t i = 0; i < n; ++i)
        to.slot(at + i).store(slot(h + i).load(relaxed), relaxed);  // relaxed: revalidated by the CAS
      // release: pairs with the owner's load of head in runqput: the reads of the slots here come first [RUNQ-2], and
      // with the next thief's load above [RUNQ-4]. relaxed on failure: looks again.
      // Survives as relaxed (load buffering): as in runqput, which has the other side.
      if (head_.compare_exchange_weak(h, h + n, release, relaxed)) return n;
    }
  }

  std::uint32_t grab_runnext(runq &to, std::uint32_t at) noexcept {
    T *gp = runnext_.load(relaxed);  // relaxed: revalidated by the CAS
    // acquire: pairs with runqput's exchange; gp's contents. [RUNQ-1]  relaxed on failure: gone, or not stolen this
    // time, as any steal may fail; an M that drops its P looks again.
    if (gp == nullptr || !runnext_.compare_exchange_weak(gp, nullptr, acquire, relaxed)) return 0;
    to.slot(at).store(gp, relaxed);  // relaxed: published by the tail, or this thread's own
    return 1;
  }

  // One line: the owner writes all of it, a thief reads all of it.
  atomic<std::uint32_t> head_;
  atomic<std::uint32_t> tail_;
  atomic<T *> runnext_;
  atomic<T *> ring_[N];
};

HEDDLE_DETAIL_END

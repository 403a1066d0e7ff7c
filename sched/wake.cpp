// The delicate dance: how Ms go to sleep and are woken, without a lock, so that no work is left without an M. Source:
// wakep, startm, stopm, resetspinning and the end of findRunnable of Go's proc.go; Go makes the steps marked (*) under
// sched.lock.
//
// Three parties take part. One M may be several of them, one after the other.
//
//   Submitter                     Waker                                  Dropper
//   (newproc, goready, gosched,   (what S3 leads to; resetspinning)      (an M that found nothing: drop_p, stopm)
//   take_inbox; any thread)
//   S1 publish work               W1 nmspinning 0 -> 1                   D1 put the P on pidle (*)
//   S2 light fence                W2 take an idle P (*). There is one:   D2 if the M was spinning: nmspinning -1,
//   S3 read nmspinning, then         start an M for it, spinning.           heavy fence
//      needspinning. Both 0:      W3 There is none: nmspinning -1,       D3 if it was spinning: look at every source
//      become a waker. Else          needspinning := 1 (*), full fence,     of work; there is some: take a P back, spin
//      leave the work to the         look for an idle P once more        D4 put the M on midle, full fence
//      party that set them                                               D5 read needspinning; 1: start an M for an
//                                                                           idle P, perhaps this M itself
//                                                                        D6 sleep
//
// What each party may rely on:
//   COUNT    nmspinning > 0: the party that is counted looks at every source of work after its count is gone. A count
//            ends in D2 (then D3 looks), in resetspinning (then the waker's steps follow) or in W3 (then PROMISE
//            holds).
//   PROMISE  needspinning = 1: no P was idle after it was set, or an M that looks at every source is taking the P that
//            was idle. The party that clears the promise is counted in nmspinning: COUNT covers what was promised.
//
// No work is lost, and no P stays idle beside it (I14):
//   1. S3 reads a count. Consider the party that is the last to take this count away. It does so after S3 in
//      nmspinning's modification order. If it does so by D2, its heavy fence makes the submitter pass a full fence. If
//      that was before S1, S3 would have seen the count gone; if it was after S1, D3 sees the work. If it does so by
//      resetspinning or W3, a waker's steps follow, and case 1, 2 or 3 holds for them. (DANCE-1)
//   2. S3 reads the promise. The party that clears it later is counted; go on as in case 1. A waker whose count has
//      ended may read a promise that a counted party has cleared already. If that party's count ended first, the end of
//      the waker's count has acquired the clearing, and the read is not that old; else that party looks after S3, as in
//      case 1. (DANCE-2)
//   3. The waker finds no P in W2, and a dropper puts one right after that. Dekker: each writes, passes a full fence,
//      and reads what the other writes, so one of them sees the other. (DANCE-3; Go's bug B1)
//          Waker (W3)                    Dropper
//          needspinning := 1             put the P on pidle (D1)
//          full fence                    full fence (D4)
//          read pidle                    read needspinning (D5)
//      A party that clears the promise, whether it has read it or not, covers what the promise was made for. If its
//      count ended before the waker's, the end of the waker's count has acquired the clearing, and the promise is
//      newer: it stands. Else the end of its count acquires the end of the waker's, and with it the work, and D3 sees
//      the work; that end comes after S3 as well, for a submitter that has relied on the waker's count (case 1).
//   4. A party that has made or read a promise and finds a P after all (W3, D5, case 5) clears the promise: a second P
//      may have been put as well, and would lie idle beside a promise that case 2 relies on. Any other party that
//      starts an M may leave a promise standing: the dropper of a P that is put after the promise was made sees the
//      promise (case 3), so none is idle. (DANCE-4)
//   5. There is an idle P but no M to be had (threads_max is reached, or the system refuses). Dekker again. An M that
//      ends takes part as well, with mcount in the place of midle: it makes room for another. (DANCE-5)
//          Party that starts an M        M that goes to sleep          M that ends (mexit)
//          put the P back on pidle       put itself on midle (D4)      mcount -1
//          needspinning := 1             full fence                    full fence
//          full fence                    read needspinning (D5)        read needspinning
//          read midle and mcount
//      Where the system has refused, there may be no such M for long: sysmon asks again (sched/refused.cpp).
//   6. A P that is handed on (handoffp) goes to an M at once if its ring has something: the ring of an idle P is empty
//      (I9). Else it is put like the P of a dropper that was not counted: put, full fence, D5. (DANCE-3) What lies in
//      the global queue or the inbox needs no look here: the party that put it there is a submitter, and cases 1 to 4
//      hold for it. If S3 came before the put of this P, a counted party looks, or a promise stands, which D5 reads;
//      if it came later, W2 or W3 finds this P.
//   7. A foreign thread (one that is no M) must not start an M after joinms has joined all of them. It counts itself in
//      foreigners, passes a full fence and reads attention; the party that stops the runtime sets attention and passes
//      a full fence, and joinms waits until foreigners is 0. (STOP-2)
//
// A party that puts a P or an M on its idle list also reads attention after the fence: sched/stopworld.cpp says why.
//
// No deadlock goes unreported, because D5 comes before checkdead: with a promise and no idle P, some other M has a P
// and comes here later; with an idle P, the M of D5 starts, clears the promise, finds nothing, and comes here again
// (I37).
#include "sched/wake.hpp"
#include "sched/deadlock.hpp"
#include "sched/m.hpp"
#include "sched/refused.hpp"
#include "sched/schedule.hpp"
#include "sched/stopworld.hpp"
#include "sched/sysmon.hpp"
#include "sched/watch.hpp"

HEDDLE_DETAIL_BEGIN

namespace {

// Makes a promise, or renews it, and looks for a P that was put on pidle meanwhile.
struct p *promise(schedt &sched) noexcept {
  sched.needspinning.store(1, relaxed);  // relaxed: ordered by the fence, and against clearings by the counts [DANCE-2]
  fence(seq_cst);                        // needspinning's store against the load of pidle; partner: stopm. [DANCE-3]
  return pidleget(sched);
}

void clear_promise(schedt &sched) noexcept {
  // relaxed: a promise that this load misses stands, which is always allowed; a promise that the store takes away
  // unread is covered by the caller's count. [DANCE-2]
  if (sched.needspinning.load(relaxed) != 0) sched.needspinning.store(0, relaxed);
}

void count_spinning(schedt &sched) noexcept {
  sched.nmspinning.fetch_add(1, relaxed);  // relaxed: an RMW continues the release sequences of earlier ends. [DANCE-1]
}

void uncount_spinning(schedt &sched) noexcept {
  // acq_rel: pairs with itself in the other Ms. The party that was counted longer knows the work that the others
  // promised for, and the promises that they have cleared: it relies on no old one. [DANCE-1, DANCE-2]
  const std::int32_t before = sched.nmspinning.fetch_sub(1, acq_rel);
  HEDDLE_INV("I11", before > 0);
}

}  // namespace

// Wakes sysmon if it is in its deep sleep. Caller: a thread that has just taken a P off pidle, which sysmon must watch
// again, or an M that has ended, which sysmon is to join.
void leave_idle(schedt &sched) noexcept {
  fence_light();  // pidle and freem against sysmonwait; partner: the heavy fence in sysmon_sleep. [SYSMON-1]
  if (sched.sysmonwait.load(relaxed) == sysmon_deep) wake_sysmon(sched);  // relaxed: ordered by the fence
}

struct p *pidleget(schedt &sched) noexcept {
  struct p *pp = sched.pidle.get();
  if (pp != nullptr) leave_idle(sched);
  return pp;
}

// The rest of wakep, when no M seems to look for work. It is a function of its own so that the usual case saves no
// registers.
[[gnu::noinline]] void wake_one(schedt &sched) noexcept {
  std::int32_t none = 0;
  // relaxed: as in count_spinning. relaxed on failure: another party is counted. [DANCE-1]
  if (!sched.nmspinning.compare_exchange_strong(none, 1, relaxed, relaxed)) return;
  struct p *pp = pidleget(sched);
  if (pp == nullptr) {
    uncount_spinning(sched);
    pp = promise(sched);
    if (pp == nullptr) return;
    count_spinning(sched);
  }
  startm(sched, pp, true);
}

// Tries to have one more M look for work. Caller: any thread, after it has published work. Blocks: nothing, but
// starting a thread or waking one is a system call. Cost: two loads when an M spins already or every P is busy.
void wakep(schedt &sched) noexcept {
  fence_light();  // S1 against S3; partner: the heavy fence in drop_p. [DANCE-1]
  // relaxed: ordered by the fence; a stale value is one of cases 1 and 2. [DANCE-1, DANCE-2]
  if (sched.nmspinning.load(relaxed) != 0 || sched.needspinning.load(relaxed) != 0) return;
  wake_one(sched);
}

void become_spinning(m *mp) noexcept {
  mp->spinning.set(true);
  count_spinning(*mp->sched);
  clear_promise(*mp->sched);  // either order is right: a submitter that sees neither wakes an M itself
}

void stop_spinning(m *mp) noexcept {
  mp->spinning.set(false);
  uncount_spinning(*mp->sched);
}

// A spinning M has found work: the last one that does so wakes another (B6).
void resetspinning(m *mp) noexcept {
  stop_spinning(mp);
  wakep(*mp->sched);
}

// Has an M run pp: an idle one, else a new one. Caller: any thread that holds pp (pp is on no list and wired to no M).
// spinning: the new M is already counted in nmspinning, and pp is empty. Owns: pp. Blocks: nothing.
void startm(schedt &sched, struct p *pp, bool spinning) noexcept {
  for (;;) {
    if (spinning) clear_promise(sched);  // clears one that the caller made or read: case 4 [DANCE-4]
    if (m *mp = sched.midle.get()) {
      HEDDLE_INV("I12", !mp->spinning.get() && mp->nextp.get() == nullptr);
      mp->spinning.set(spinning);
      mp->nextp.set(pp);
      return wakem(sched, mp);
    }
    const birth b = newm(sched, pp, spinning);
    if (b == birth::begun || !put_back(sched, pp, spinning, b)) return;
    pp = pidleget(sched);
    if (pp == nullptr) return;
    if (spinning) count_spinning(sched);
  }
}

// There is no M for pp: case 5. Puts pp on pidle and promises. True: an M has gone idle meanwhile, or has ended.
bool put_back(schedt &sched, struct p *pp, bool spinning, birth why) noexcept {
  // No M may go idle for long: those that always find work on their own Ps look at the global queue now and then, and at
  // no other P's ring.
  gqueue<g> rest = pp->runq.runqdrain();
  if (!rest.empty()) sched.runq.globrunqputbatch(rest);
  sched.pidle.put(pp);
  if (spinning) uncount_spinning(sched);
  sched.needspinning.store(1, relaxed);  // relaxed: as in promise [DANCE-2]
  // needspinning against the loads of midle and mcount, pidle against attention; partners: stopm, mexit,
  // stop_the_world, for_each_p. [DANCE-5, ATTN-1]
  fence(seq_cst);
  if (sched.attention.load(relaxed) != 0) heed_unowned(sched);  // relaxed: ordered by the fence
  if (why == birth::refused) ask_again(sched);
  // relaxed: ordered by the fence
  return !sched.midle.empty() || (why == birth::full && sched.mcount.load(relaxed) < sched.options.threads_max);
}

// Gives pp to an M if its ring has something or no M looks for work; else pp goes idle. Caller: a thread that holds pp
// and will not run it: sysmon, or an M that enters a long call, waits for its locked g or exits. Owns: pp. Blocks:
// nothing. Source: handoffp of Go's proc.go, which looks at the global queue as well (case 6).
void handoffp(schedt &sched, struct p *pp) noexcept {
  if (!pp->runq.runqempty()) return startm(sched, pp, false);
  std::int32_t none = 0;
  // relaxed: hints; as in wakep. relaxed on failure: another party is counted. [DANCE-1]
  // Survives as spurious (equivalent): a submitter that found no idle P for its work has promised, which is read below.
  if (sched.nmspinning.load(relaxed) == 0 && sched.pidle.empty() &&
      sched.nmspinning.compare_exchange_strong(none, 1, relaxed, relaxed))
    return startm(sched, pp, true);
  sched.pidle.put(pp);
  fence(seq_cst);  // pidle against needspinning and attention; partners: promise, stop_the_world. [DANCE-3, ATTN-1]
  after_idling(sched);
}

// What a party that has put a P or an M on its idle list must do for the others: heed attention, look after timers, and
// keep a promise that it sees. Pre: a full fence since the put.
void after_idling(schedt &sched) noexcept {
  const std::uint32_t attention = sched.attention.load(relaxed);  // relaxed: ordered by the fence
  if (attention != 0) heed_unowned(sched);
  watch_timers(sched);
  if ((attention & attention_stop) != 0) return;      // no M may look for work, and joinms may be over [STOP-2]
  if (sched.needspinning.load(relaxed) == 0) return;  // relaxed: ordered by the fence
  struct p *pp = pidleget(sched);
  if (pp == nullptr) return;  // the promise stands: the next M that drops its P looks again
  count_spinning(sched);
  startm(sched, pp, true);  // perhaps the calling M, if it is on midle: its note remembers
}

// Ends a sleepm. Caller: a thread that has taken mp off midle, or has won the right to by mp->lockedwait; exactly once
// per sleep (I38).
void wakem(schedt &sched, m *mp) noexcept {
  count_awake(sched);  // before mp can go on
  mp->park.notewakeup();
}

// Sleeps until startm hands over a P (mp->p), or none will come: the runtime stops, or mp is to exit.
// Pre: mp has no P and no g, and is not spinning.
void stopm(m *mp) noexcept {
  schedt &sched = *mp->sched;
  HEDDLE_INV("I12", mp->p.get() == nullptr && !mp->spinning.get() && mp->locks == 0);
  HEDDLE_INV("I12", mp->curg.load(relaxed) == nullptr);  // relaxed: own M
  sched.midle.put(mp);
  // pidle and midle against the loads in after_idling; partners: promise, startm, stop. [DANCE-3, DANCE-5, ATTN-1]
  fence(seq_cst);
  const std::int64_t until = take_watch(sched);
  after_idling(sched);
  sleepm(mp, until);
}

// The sleep of an M that is on midle and has the watch until `until`, or that waits for its locked g. Post: mp->p is
// the P that mp was handed, perhaps null.
void sleepm(m *mp, std::int64_t until) noexcept {
  leave_running(*mp->sched);
  if (!sleep_on_watch(mp, until)) mp->park.notesleep();
  mp->park.noteclear();
  if (struct p *pp = mp->nextp.get()) {
    mp->nextp.set(nullptr);
    acquirep(mp, pp);
  }
}

bool drop_p(m *mp) noexcept {
  schedt &sched = *mp->sched;
  const bool was_spinning = mp->spinning.get();
  if (!was_spinning && sched.needspinning.load(relaxed) != 0) {  // relaxed: hint; stopm reads it for good
    become_spinning(mp);
    return true;
  }
  sched.pidle.put(releasep(mp));
  if (!was_spinning) return false;  // only an M that was counted owes a last look (B4)
  stop_spinning(mp);
  // The count's end against D3; partner: wakep's light fence. pidle against attention; partner: stop_the_world.
  // [DANCE-1, ATTN-1]
  fence_heavy();
  // Heeds attention here and not only in stopm: the code below may take back another P than the one that was put.
  if (sched.attention.load(relaxed) != 0) heed_unowned(sched);  // relaxed: ordered by the fence
  if (!has_work(sched)) return false;
  struct p *pp = pidleget(sched);
  if (pp == nullptr) pp = promise(sched);
  if (pp == nullptr) return false;
  acquirep(mp, pp);
  become_spinning(mp);
  return true;
}

foreign_call::foreign_call(schedt &sched, bool vouched) noexcept : sched_(sched) {
  sched.foreigners.fetch_add(1, relaxed);  // relaxed: ordered by the fence
  fence(seq_cst);                          // foreigners against attention; partner: stop. [STOP-2]
  // relaxed: ordered by the fence
  open_ = !stopping(sched);
  counted_ = open_ || !vouched;
  if (!counted_) sched.foreigners.fetch_sub(1, relaxed);  // relaxed: this thread has done nothing yet
}

foreign_call::~foreign_call() {
  // release: pairs with joinms: all that this thread did here comes before the scheduler's end. [STOP-2]
  if (counted_) sched_.foreigners.fetch_sub(1, release);
}

HEDDLE_DETAIL_END

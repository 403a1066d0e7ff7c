// The delicate dance: how Ms go to sleep and are woken, without a lock. Source: wakep, startm, stopm, resetspinning and
// the end of findRunnable of Go's proc.go; there the steps marked (*) are made under sched.lock.
//
// Three parties.
//   Submitter (newproc, goready, gosched, take_inbox; any thread):
//     S1 publish work    S2 light fence    S3 read nmspinning, then needspinning; both 0: wake. Else leave it to them.
//   Waker (what S3 leads to; resetspinning):
//     W1 nmspinning 0 -> 1    W2 take an idle P (*); got one: start an M for it, spinning
//     W3 none: nmspinning -1, needspinning := 1 (*), fence, look for an idle P once more
//   Dropper (an M that found nothing; drop_p, then stopm):
//     D1 put the P on pidle (*)    D2 if it was spinning: nmspinning -1, heavy fence    D3 then look at every source of
//     work, and take a P back to spin if there is some    D4 put itself on midle, full fence    D5 read needspinning;
//     1: start an M for an idle P, perhaps itself    D6 sleep
//
// What each may rely on:
//   COUNT    nmspinning > 0: somebody looks at every source after his count is gone. A count ends in D2 (then D3 looks),
//            in resetspinning (then the waker's steps follow) or in W3 (then PROMISE holds).
//   PROMISE  needspinning = 1: no P was idle after it was set, or the one that was is being taken by an M that looks at
//            every source. Whoever clears it is counted in nmspinning: COUNT covers what was promised.
//
// No work is lost, and no P stays idle beside it (I14):
//   1. S3 reads a count. The last one to take that count away comes after S3 in nmspinning's order. If by D2: his heavy
//      fence makes the submitter pass a full fence; before S1, S3 would have seen the count gone; after S1, D3 sees the
//      work. If by resetspinning or W3: a waker's steps follow, and case 1, 2 or 3 holds for them. (DANCE-1)
//   2. S3 reads the promise. Whoever clears it later is counted; as case 1. Where the steps of a waker whose count has
//      ended read it, it may be cleared already, by somebody counted: if his count ended first, the end of the waker's
//      count has acquired the clearing and the read is not that old; else he looks after S3, as in case 1. (DANCE-2)
//   3. The waker finds no P in W2, and a dropper puts one at once. Dekker: W3 sets needspinning, fence, reads pidle;
//      the dropper puts to pidle, fence (D4), reads needspinning. One of them sees the other. (DANCE-3; Go's bug B1)
//      Whoever clears the promise, read or unread, covers what it was made for. If his count ended before the waker's,
//      that end has acquired the clearing and the promise is newer: it stands. Else the end of his count acquires the end
//      of the waker's, and with it the work, and D3 sees it; that end comes after S3 as well, for a submitter that has
//      relied on the waker's count (case 1).
//   4. Who finds a P after all, having made or read a promise (W3, D5, case 5), clears it: a second P may have been put
//      as well, and would lie idle beside a promise that case 2 relies on. Any other starter may leave one standing: a
//      P put after the promise was made is seen by its dropper (case 3), so none is idle. (DANCE-4)
//   5. There is an idle P but no M to be had (threads_max, or the system refuses). The starter puts the P back,
//      promises, fence, reads midle; an M that goes to sleep puts itself on midle, fence, reads needspinning (D4, D5).
//      So does an M that ends, with mcount for midle: it makes room for another. (DANCE-5)
//   6. A P that is handed on (handoffp) goes to an M at once if find_runnable would find something there (I16). Else it
//      is put like a dropper's that was not counted: put, full fence, D5. (DANCE-3)
//   7. A foreign thread must not start an M after joinms has joined them all: it counts itself in foreigners, fence,
//      reads attention; the stopper sets attention, fence, and joinms waits until foreigners is 0. (STOP-2)
//
// Whoever puts a P or an M on its idle list reads attention after the fence as well: sched/stopworld.cpp says why.
//
// No deadlock goes unreported because D5 comes before checkdead: with a promise and no idle P, some other M has a P and
// comes here later; with an idle P, that M starts, clears the promise, finds nothing, and comes here again (I37).
#include "sched/wake.hpp"
#include "sched/deadlock.hpp"
#include "sched/m.hpp"
#include "sched/schedule.hpp"
#include "sched/stopworld.hpp"
#include "sched/sysmon.hpp"

HEDDLE_DETAIL_BEGIN

namespace {

// Makes a promise, or renews it, and looks for a P that was put meanwhile.
struct p *promise(schedt &sched) noexcept {
  sched.needspinning.store(1, relaxed);  // relaxed: ordered by the fence, and against clearings by the counts [DANCE-2]
  fence(seq_cst);                        // needspinning's store against the load of pidle; partner: stopm. [DANCE-3]
  return pidleget(sched);
}

void clear_promise(schedt &sched) noexcept {
  // relaxed: a promise that we miss here stands, which is always allowed; one that we take away unread is covered by our
  // count. [DANCE-2]
  if (sched.needspinning.load(relaxed) != 0) sched.needspinning.store(0, relaxed);
}

void count_spinning(schedt &sched) noexcept {
  sched.nmspinning.fetch_add(1, relaxed);  // relaxed: an RMW carries the ends of earlier counts on. [DANCE-1]
}

void uncount_spinning(schedt &sched) noexcept {
  // acq_rel: pairs with itself in the other Ms. Who was counted longer knows the work that the others promised for, and
  // the promises that they have cleared: it relies on no old one. [DANCE-1, DANCE-2]
  const std::int32_t before = sched.nmspinning.fetch_sub(1, acq_rel);
  HEDDLE_INV("I11", before > 0);
}

}  // namespace

// A P leaves pidle: somebody runs again, and sysmon must watch him. Or an M has ended, and sysmon is to join it.
void leave_idle(schedt &sched) noexcept {
  fence_light();  // pidle and freem against sysmonwait; partner: the heavy fence in sysmon_sleep. [SYSMON-1]
  if (sched.sysmonwait.load(relaxed) == sysmon_deep) wake_sysmon(sched);  // relaxed: ordered by the fence
}

struct p *pidleget(schedt &sched) noexcept {
  struct p *pp = sched.pidle.get();
  if (pp != nullptr) leave_idle(sched);
  return pp;
}

// The rest of wakep: nobody seems to look for work. Apart, so that the usual case saves no registers.
[[gnu::noinline]] void wake_one(schedt &sched) noexcept {
  std::int32_t none = 0;
  // relaxed: as in count_spinning. relaxed on failure: somebody is counted. [DANCE-1]
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
// starting a thread or waking one is a system call. Cost: two loads when somebody spins already or every P is busy.
void wakep(schedt &sched) noexcept {
  fence_light();  // S1 against S3; partner: the heavy fence in drop_p. [DANCE-1]
  // relaxed: ordered by the fence; a stale value is one of cases 1 and 2. [DANCE-1, DANCE-2]
  if (sched.nmspinning.load(relaxed) != 0 || sched.needspinning.load(relaxed) != 0) return;
  wake_one(sched);
}

void become_spinning(m *mp) noexcept {
  mp->spinning = true;
  count_spinning(*mp->sched);
  clear_promise(*mp->sched);  // in this order or the other: a submitter that sees neither wakes somebody itself
}

void stop_spinning(m *mp) noexcept {
  mp->spinning = false;
  uncount_spinning(*mp->sched);
}

// A spinning M has found work: the last one that does so wakes another (B6).
void resetspinning(m *mp) noexcept {
  stop_spinning(mp);
  wakep(*mp->sched);
}

// Has an M run pp: an idle one, else a new one. Caller: any thread that holds pp in its hands; spinning: it is counted,
// and pp is empty. Owns: pp. Blocks: nothing.
void startm(schedt &sched, struct p *pp, bool spinning) noexcept {
  for (;;) {
    if (spinning) clear_promise(sched);  // one that we made or read ourselves: case 4 [DANCE-4]
    if (m *mp = sched.midle.get()) {
      HEDDLE_INV("I12", !mp->spinning && mp->nextp.get() == nullptr);
      mp->spinning = spinning;
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

// There is no M for pp: case 5. True: one has gone idle meanwhile, or ended.
bool put_back(schedt &sched, struct p *pp, bool spinning, birth why) noexcept {
  sched.pidle.put(pp);
  if (spinning) uncount_spinning(sched);
  sched.needspinning.store(1, relaxed);  // relaxed: as in promise [DANCE-2]
  // needspinning against the loads of midle and mcount, pidle against attention; partners: stopm, mexit, ask.
  // [DANCE-5, ATTN-1]
  fence(seq_cst);
  if (sched.attention.load(relaxed) != 0) heed_unowned(sched);  // relaxed: ordered by the fence
  // relaxed: ordered by the fence
  return !sched.midle.empty() || (why == birth::full && sched.mcount.load(relaxed) < sched.options.threads_max);
}

// Gives pp to an M if there is something to do there or nobody looks for work; else it goes idle. Caller: a thread that
// holds pp in its hands and will not run it: sysmon, or an M that enters a long call, waits for its locked g or exits.
// Owns: pp. Blocks: nothing. Source: handoffp.
void handoffp(schedt &sched, struct p *pp) noexcept {
  // What find_runnable would find here, in its order (sched/README.md).
  if (!pp->runq.runqempty() || !sched.runq.empty() || !sched.inbox.empty()) return startm(sched, pp, false);
  std::int32_t none = 0;
  // relaxed: hints; as in wakep. relaxed on failure: somebody is counted. [DANCE-1]
  // Survives as spurious (equivalent): who found no idle P for his work has promised, which is read below.
  if (sched.nmspinning.load(relaxed) == 0 && sched.pidle.empty() &&
      sched.nmspinning.compare_exchange_strong(none, 1, relaxed, relaxed))
    return startm(sched, pp, true);
  sched.pidle.put(pp);
  fence(seq_cst);  // pidle against needspinning and attention; partners: promise, ask. [DANCE-3, ATTN-1]
  after_idling(sched);
}

// What whoever has put a P or an M on its idle list owes the others. Pre: a full fence since.
void after_idling(schedt &sched) noexcept {
  const std::uint32_t attention = sched.attention.load(relaxed);  // relaxed: ordered by the fence
  if (attention != 0) heed_unowned(sched);
  watch_timers(sched);
  if ((attention & attention_stop) != 0) return;      // nobody is to look for work, and joinms may be over [STOP-2]
  if (sched.needspinning.load(relaxed) == 0) return;  // relaxed: ordered by the fence
  struct p *pp = pidleget(sched);
  if (pp == nullptr) return;  // the promise stands: whoever drops his P next looks again
  count_spinning(sched);
  startm(sched, pp, true);  // perhaps on the calling M, if it is on midle: its note remembers
}

// Ends a sleepm. Caller: who has taken mp off midle, or has the right to by mp->lockedwait; exactly once per sleep (I38).
void wakem(schedt &sched, m *mp) noexcept {
  count_awake(sched);  // before mp can go on
  mp->park.notewakeup();
}

// Sleeps until startm hands over a P (mp->p), or there is none to come: the runtime stops, or mp is to exit.
// Pre: no P, not spinning, no g.
void stopm(m *mp) noexcept {
  schedt &sched = *mp->sched;
  // relaxed: own M
  HEDDLE_INV("I12", mp->p.get() == nullptr && !mp->spinning && mp->locks == 0 && mp->curg.load(relaxed) == nullptr);
  sched.midle.put(mp);
  // pidle and midle against the loads in after_idling; partners: promise, startm, stop. [DANCE-3, DANCE-5, ATTN-1]
  fence(seq_cst);
  const std::int64_t until = take_watch(sched);
  after_idling(sched);
  sleepm(mp, until);
}

// The sleep of an M that is on midle, and has the watch until then, or waits for its locked g. Post: mp->p is what it was
// handed, perhaps null.
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
  const bool was_spinning = mp->spinning;
  if (!was_spinning && sched.needspinning.load(relaxed) != 0) {  // relaxed: hint; stopm reads it for good
    become_spinning(mp);
    return true;
  }
  sched.pidle.put(releasep(mp));
  if (!was_spinning) return false;  // only who was counted owes a last look (B4)
  stop_spinning(mp);
  // The count's end against D3; partner: wakep's light fence. pidle against attention; partner: ask. [DANCE-1, ATTN-1]
  fence_heavy();
  // Here and not only in stopm: below we may take another P back than the one that we have put.
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
  if (!counted_) sched.foreigners.fetch_sub(1, relaxed);  // relaxed: we have done nothing
}

foreign_call::~foreign_call() {
  // release: pairs with joinms: all that we did here comes before the scheduler's end. [STOP-2]
  if (counted_) sched_.foreigners.fetch_sub(1, release);
}

HEDDLE_DETAIL_END

#pragma once
// Every structure of the scheduler on one sheet: gobuf, g, m, p, schedt. Field names are Go's (runtime2.go). The
// comment beside a field names the functions, or the thread, that write it. "own g" and "own M": only code that runs on
// that g or M writes it. `plain` fields are handed over with the g, m or p they belong to, and the checker watches
// that. A field that is neither `atomic` nor `plain` says why (cmake/dev/fields.py): no thread but one comes there ("own
// M", "sysmon only", "one thread's"), it is set once, before another thread knows of the object, or, after "raw:", what
// else there is to say.
#include <cstddef>
#include <exception>

#include "heddle/detail/sched.hpp"
#include "heddle/detail/spinlock.hpp"
#include "heddle/source_location.hpp"
#include "queues/gfree.hpp"
#include "queues/globrunq.hpp"
#include "queues/idle.hpp"
#include "queues/inject.hpp"
#include "queues/runq.hpp"
#include "sched/note.hpp"
#include "sched/timers.hpp"
#include "sched/world.hpp"

HEDDLE_DETAIL_BEGIN

struct g;
struct m;
struct p;
struct schedt;
class cond_waiter;

// A context that does not run. The switch writes it. raw: sp and pc are stored by instructions of the switch, which no
// checker sees; the context is handed over with its g, as g::m is, which is plain and is written by each M that takes
// the g or leaves it.
struct gobuf {
  void *sp = nullptr;
  void *pc = nullptr;
  struct g *g = nullptr;  // the g whose context this is; the first pc finds it in its argument register
  void *ctxt = nullptr;   // the closure, on the g's own stack
  void *bp = nullptr;
};

// Go's values. The scan bit on top of syscall is a lock: while it is set the g cannot leave its call, and the thread
// that set it may take the P of the g's M away.
enum class gstatus : std::uint32_t {
  idle = 0,
  runnable = 1,
  running = 2,
  syscall = 3,
  waiting = 4,
  dead = 6,
  deadextra = 11,
  scan = 0x1000,
  scansyscall = scan | syscall,
};
enum class pstatus : std::uint32_t { idle = 0, running = 1, gcstop = 3, dead = 4 };

enum class waitreason : std::uint8_t {
  zero,
  chan_receive,
  chan_send,
  chan_receive_nil,
  chan_send_nil,
  select,
  select_no_cases,
  mutex_lock,
  sleep,
  wait_group_wait,
  semaphore_acquire,
  condition_variable_wait,
  latch_wait,
  barrier_wait,
  shared_mutex_lock,
  shared_mutex_lock_shared,
  task_join,
  scope_wait,
  stop_the_world,
  test,
};
const char *waitreason_text(waitreason r) noexcept;

// For the thread that looks for circles of goroutines that wait for each other: has it been at this goroutine, and is
// the goroutine in a circle that it has drawn?
enum class passage : std::uint8_t { none, seen, drawn };

// A goroutine's name, for reports; empty: it has none. One thread's: in a g it is in a plain<>.
struct goroutine_name {
  static constexpr std::size_t size = 32;
  char text[size] = "";
};

// The timer that wakes a goroutine that sleeps.
struct sleeper : runtime_timer {
  plain<struct g *> gp;
};

// A goroutine. Type-stable: it is recycled through gfree, and freed only with the schedt. (An extra g, which stands for
// a thread that is no M, lives in that thread's frame: sched/extra.hpp.)
struct alignas(cacheline) g : lfnode {
  plain<g *> schedlink;  // the owner of the list it is on (it is on at most one)
  plain<struct m *> m;   // the M that runs it, else null: execute, dropg
  gobuf sched;           // the switch
  // That was a cache line, and the fields down to `started` are three: a goroutine that starts, runs and ends without
  // waiting touches no others.
  atomic<gstatus> atomicstatus;       // sched/status.hpp only: stores by the owner, exchanges for the scan bit
  plain<enum waitreason> waitreason;  // gopark, before the status becomes waiting
  plain<bool> decorated;              // own g: it has had locals or a name, which shed destroys when it ends
  bool user = false;                  // newproc, gogo: it goes on in user code. raw: as sched
  plain<enum passage> passage;        // the thread that prints a standstill: sched/standstill.cpp
  atomic<std::uint32_t> selectdone;   // 1: a case of its select is done; waitq::dequeue sets it, to do it (I53)
  std::uint32_t color;                // set once, by malg: spreads the first frames over the cache's sets
  plain<struct stack> stack;          // newspawn, firstrun, gfput; a g that is dead or has not run yet may have none
  plain<std::uint64_t> goid;          // newproc1
  plain<void (*)(void *)> startfn;    // newproc1: invokes the closure in sched.ctxt
  plain<struct m *> lockedm;          // own g: lock_os_thread; the only M that may run it, else null
  plain<const void *> memberof;       // its creator, before newproc: the task or scope whose end waits for its end;
                                      // own g: null when it has told that
  // newspawn: what it runs, if that fits. raw: the embedder's bytes, handed over with startfn
  alignas(16) char closure[48];
  // Its creator: tells memberof, if the runtime ends before.
  plain<void (*)(const void *memberof) noexcept> abandoned;
  schedt *home;                    // set once, by malg: its runtime, for wakers that are no M
  struct fiber fiber;              // the switch. raw: as sched; the relacy world's is empty
  plain<source_location> started;  // its creator, before newproc: where it was started

  plain<const void *> waitingon;     // own g, before gopark: its sudog, or what its select waits for; null: neither
  plain<std::int64_t> waitsince;     // gopark, park_m, before the status becomes waiting: since when, to some 10 ms
  plain<void *> param;               // the setter of selectdone, under the channel's lock: the sudog of that case
  plain<cond_waiter *> condwaiters;  // own g: its waits in condition_variables, newest first
  plain<goroutine_local *> locals;   // own g: newest first
  atomic<g *> alllink;               // allgadd: list of all gs
  plain<g *> camefrom;               // the thread that prints a standstill: the g it came here from, else null
  plain<g *> wentto;                 // likewise: the g it went to from here
  plain<goroutine_name> name;        // under sched.lock: set_name
  alignas(cacheline) sleeper timer;  // own g: timesleep. In its frame it would be on a page of its own

  bool has_stack() const noexcept { return static_cast<bool>(stack.get()); }
};

// A thread of the operating system. Type-stable: an m whose thread has ended is used for the next thread; it is freed
// with the schedt.
struct alignas(cacheline) m : lfnode {
  g g0;                               // the scheduler's own context, on the thread's native stack
  atomic<g *> curg;                   // own M: execute, dropg; read by threads that want to take its P
  plain<struct p *> p;                // own M: acquirep, releasep; the holder of the scan bit of curg: takep
  schedt *sched = nullptr;            // set once, by allocm
  g *(*mcallfn)(m *, g *) = nullptr;  // own M: mcall, for the schedule loop; returns a g to go on with, or null
  bool (*waitunlockf)(g *, void *) = nullptr;  // own M: gopark, for park_m
  void *waitlock = nullptr;                    // own M: gopark, for park_m
  plain<bool> spinning;                        // own M; startm before the wake. Counted in nmspinning (I11)
  bool borrowed = false;                       // set once, by allocm: its thread is the embedder's (m0)
  bool extra = false;           // set once, by needm: it stands for a thread that is no M, for the length of a call
  plain<bool> exiting;          // own M: its locked g has ended; retire_m, before the wake: the M leaves its loop
  plain<bool> tainted;          // own M: its goroutine may have changed the thread: no thread is cloned from it
  std::int32_t locks = 0;       // own M: > 0: safepoints are ignored (acquirem, releasem)
  std::int32_t usercode = 0;    // own M: > 0: in user code under a lock (enter_user_code); part of locks
  std::int32_t incall = 0;      // own M: depth of entersyscall; > 0: curg is in a system call and must not use p
  bool outside = false;         // own M: what user says
  atomic<std::uint32_t> user;   // own M: 1: in user code, where it must not use p: enter_user, leave_user
  atomic<std::uint32_t> claim;  // claim_*: sysmon: retake_hog; own M: end_hog
  // What its goroutine looks at to see whether it should give way: the preempt flag of its P, or of the last one: wirep;
  // if its P was taken while it computed, schedt::always: sysmon.
  atomic<const atomic<std::uint32_t> *> asked;
  std::int32_t lockedExt = 0;         // own M: lock_os_thread calls not yet undone
  plain<g *> lockedg;                 // own M: the only g that it may run, else null
  struct p *oldp = nullptr;           // own M: the P before the call: a hint
  atomic<std::uintptr_t> lockedwait;  // stoplockedm: what becomes of its wait, see sched/locked.cpp
  plain<struct p *> nextp;            // startm, before notewakeup
  note park;                          // stopm sleeps, startm and stop wake
  atomic<std::uint32_t> released;     // extra Ms: 1: the waker no longer touches this
  std::uint64_t cheaprand = 0;        // own M: seeded by hashinit's seed and the id
  std::int64_t id = 0;                // set once, by allocm
  thread handle;                      // newm; unused for m0. raw: the party that joins it reads `started` first
  plain<bool> started;                // under sched.lock: handle is a thread that is not joined yet
  plain<m *> alllink;                 // allm, under sched.lock
  // Own M: how often it looks for work before it drops its P; chosen by how long it slept the last time: find_runnable.
  std::uint32_t spins = geometry::spin_rounds;
};

// The values that sysmon saw when it last looked at a P. Sysmon only.
struct sysmontick {
  std::uint64_t schedtick = ~std::uint64_t{0}, syscalltick = 0;  // no P's schedtick: a first look ends no slice
  std::int64_t schedwhen = 0, syscallwhen = 0;
  std::int64_t askedwhen = 0;  // when the goroutine of this slice was first asked to give way; 0: not yet
};

// The right to run goroutines; there are exactly gomaxprocs of them. Type-stable: a P that a resize has taken away
// waits to be used again.
struct alignas(cacheline) p : lfnode {
  class runq<g> runq;                 // queues/runq.hpp
  std::int32_t id = 0;                // set once, by allp_reserve
  atomic<pstatus> status;             // owner: setpstatus (sched/status.hpp)
  atomic<struct m *> m;               // the M it is wired to, else null: acquirep, releasep, takep; others: a hint
  atomic<std::uint32_t> preempt;      // 1: the g that runs here should give way: preemptone; schedule clears it
  statistic schedtick;                // owner: +1 per execute that does not inherit
  statistic inherits;                 // owner: +1 per execute that does; with schedtick, all
  plain<std::uint32_t> streak;        // owner: how often runnext has won in a row
  gfree<g> gFree;                     // owner
  class timers timers;                // sched/timers.hpp
  plain<std::uint64_t> goidcache;     // owner
  plain<std::uint64_t> goidcacheend;  // owner
  statistic syscalltick;              // owner: +1 per exitsyscall; takep
  struct sysmontick sysmontick;       // sysmon only
  plain<bool> startspinning;          // startm, for the template thread
  plain<bool> safepointdue;           // under sched.lock: for_each_p still owes this P its call
  plain<std::int64_t> since;          // acquirep: when it was wired to its M
  plain<struct p *> link;             // lists of the thread that holds this P and others
  statistic spawned, exited, parks, steals, stolen;  // owner

  std::uint64_t executes() const noexcept { return schedtick.get() + inherits.get(); }
};

// Takes a line of a report. noexcept: reports are written where an exception must not pass.
using line_fn = void (*)(void *arg, const char *text) noexcept;

// Why and how a runtime runs; all of it is set once, before the first goroutine.
struct sched_options {
  std::int32_t procs = 1;
  std::int32_t threads_max = geometry::threads_max;
  std::int32_t threads_idle_max = geometry::threads_max;  // more idle Ms than these exit, after threads_idle_ns
  std::int64_t threads_idle_ns = 1'000'000'000;
  std::size_t stack_size = geometry::stack_size;
  bool detect_deadlock = true;
  bool log = true;
  bool preempt = true;  // after a slice a goroutine gives way at its next safepoint
  // So many goroutines at most compute without a P. Negative: no P is taken from one that does. 0: nor do the Ms say
  // whether they are in user code, which entered() wants to know (runtime/os/entry.cpp).
  std::int32_t hogs_max = 0;
  std::int32_t helpers = 0;        // threads of the runtime that are neither Ms nor sysmon
  bool sysmon = false;             // a thread that watches the Ps; without one nothing is retaken
  std::int64_t schedtrace_ns = 0;  // 0: never
  bool scheddetail = false;
  void (*on_deadlock)(void *arg, const char *report) = nullptr;  // null: print the report and end the process
  void *on_deadlock_arg = nullptr;
  bool leak_report = false;  // prints the goroutines that have not ended when the runtime stops
  void (*on_leak)(void *arg, const char *report) = nullptr;  // gets that report, if not null
  void *on_leak_arg = nullptr;
  // Say what gp waits for and what holds it, for reports: runtime/waits.hpp has the contracts. Null: nothing is known.
  bool (*waits_for)(const schedt &sched, const g *gp, std::size_t i, char *text, std::size_t size) noexcept = nullptr;
  g *(*holder_for)(const schedt &sched, const g *gp, const g *after) noexcept = nullptr;
  // Prints line by line where gp, which does not run, stands in the source. Null: nothing is printed.
  void (*print_stack)(const g *gp, line_fn line, void *arg) = nullptr;
  void (*on_uncaught)(void *arg, const std::exception_ptr &error, std::uint64_t goid, const char *name) = nullptr;
  void *on_uncaught_arg = nullptr;
  void (*on_fatal)(void *arg, const char *report) = nullptr;  // called with a report, before the process ends
  void *on_fatal_arg = nullptr;
  // Tells which goroutines the end of the runtime waits for, or, if `left`, has not waited for. Null: nothing is told.
  void (*tell_waiting)(const schedt &sched, bool left) = nullptr;
  bool sigquit = false;  // SIGQUIT dumps the goroutines
};

// What schedt::attention asks of every thread that has or finds a P.
inline constexpr std::uint32_t attention_stop = 1;       // the runtime stops: leave the schedule loop
inline constexpr std::uint32_t attention_world = 2;      // stop_the_world: Go's sched.gcwaiting
inline constexpr std::uint32_t attention_safepoint = 4;  // for_each_p: Go's sched.safePointFn

// One scheduler. There is no other state: several may live in one process.
struct schedt {
  explicit schedt(const sched_options &o) noexcept : options(o), stacks(o.stack_size, o.log) {}

  // The words that every submission reads, on one cache line. The protocol is in sched/wake.cpp.
  alignas(cacheline) atomic<std::int32_t> nmspinning;  // spinning Ms and starts in flight (I11): RMW only
  atomic<std::uint32_t>
      needspinning;                 // 1: work was left without an M and P: the next M that would drop its P looks again
  atomic<std::uint32_t> attention;  // attention_* bits, written under lock; the protocol is in sched/stopworld.cpp
  atomic<std::uint32_t> sysmonwait;                // sysmon_* states: sched/sysmon.cpp
  atomic<std::int64_t> sysmonuntil;                // sysmon: when it will look at timers again; 0 while it is awake
  atomic<std::int64_t> midleuntil{timers::never};  // when an M on midle will look at timers: take_watch
  atomic<std::int32_t> gomaxprocs;                 // procresize; the Ps below it are in allp (release, acquire)

  alignas(cacheline) idlestack<struct p> pidle;
  alignas(cacheline) idlestack<m> midle;
  alignas(cacheline) globrunq<g> runq;
  alignas(cacheline) inject<g> inbox;
  alignas(cacheline) gfree_global<g> gFree;
  inject<g> stackless;             // gs that were to run first and got no stack: firstrun, retry_refused
  atomic<std::uint32_t> retry;     // 1: the system has refused something: ask_again, retry_refused
  atomic<std::uint64_t> refusals;  // count_refusal
  std::int64_t retrywhen = 0;      // sysmon only: when it asks again; 0: not decided yet
  std::int64_t retrydelay = 0;     // sysmon only: the last pause

  alignas(cacheline) atomic<std::uint64_t> goidgen{1};  // the last goid handed out; 1 is the main goroutine's
  atomic<std::int32_t> mcount;                          // Ms that exist or are being born (I34)
  atomic<std::uint64_t> nmrunning;                      // of these, the ones that are not asleep: awake_in, wakes_in
  atomic<std::uint64_t> reported;                       // what had run when a deadlock was last reported: checkdead
  atomic<std::uint32_t> company;                        // 1: sysmon looks for deadlocks, as there are other threads
  atomic<std::uint64_t> injected;                       // goroutines started by threads that are not Ms
  atomic<std::uint64_t> spawnedincalls;                 // goroutines started by Ms that are in a call, or compute
                                                        // without a P
  atomic<std::uint64_t> exitedhogs;                     // goroutines that have ended without a P
  atomic<std::uint32_t> foreigners;  // threads that are not Ms and are inside the scheduler now: foreign_call
  spinlock lock;                     // transitions of several steps: allgs and allm (link, then head), attention with
                                     // what is counted for it
  atomic<g *> allgs;                 // written under lock, oldest first; any thread may walk it
  plain<g *> allgtail;               // under lock
  plain<std::uint32_t> allglen;      // under lock
  plain<m *> allm;                   // under lock: all Ms that allocm has made, newest first
  plain<std::int64_t> mnext;         // under lock: the id of the next M
  lfstack<m> freem;                  // Ms whose threads are about to end, to be joined: sysmon
  lfstack<m> mfree;                  // Ms without a thread, to be used again
  lfstack<struct p> newmhandoff;     // Ps in want of an M that only a clean thread may start: sysmon

  plain<std::int32_t> stopwait;  // under lock: Ps and hogs that have not stopped yet, and 1 for the asker (I28)
  note stopnote;                 // the asker sleeps on it, the thread that brings stopwait to 0 wakes it
  plain<std::int32_t> hogs;      // under lock: Ms that compute without a P
  const atomic<std::uint32_t> always{1};  // their m::asked
  statistic hogstaken, hogsrefused;       // under lock: how often a P was taken so; was not, as there were hogs_max
  plain<std::int32_t> safepointwait;      // under lock: Ps that have not run safepointfn, and 1 (I32)
  note safepointnote;
  plain<void (*)(void *, struct p *)> safepointfn;  // for_each_p, before attention
  plain<void *> safepointarg;
  spinlock semalock;       // of worldsema: the right to stop the world, for_each_p or resize; with hand-off
  plain<bool> worldsema;   // under semalock
  plain<g *> worldheir;    // under semalock: has been handed worldsema and has not taken it yet
  gqueue<g> worldwaiters;  // under semalock

  note sysmonnote;
  thread sysmonthread;                // set once, by start_sysmon
  bool sysmonjoined = false;          // one thread's: that which ends the runtime
  note endnote;                       // that thread wakes sysmon, which waits to tell what the end waits for
  atomic<std::uint32_t> toldwaiting;  // 1: it has been told
  std::int32_t sysmonlow = 0;         // sysmon only: fewest idle Ms since sysmonlowsince
  std::int64_t sysmonlowsince = 0;    // sysmon only
  bool hogsuspected = false;          // sysmon only: a goroutine has been asked to give way just now: look again soon
  std::int64_t sysmontraced = 0;      // sysmon only: when it last printed a schedtrace line
  std::int64_t gaveback = 0;          // sysmon only: when it last gave the memory of stacks back
  std::uint64_t companyseen = 0;      // sysmon only: nmrunning since companysince
  std::int64_t companysince = 0, companynext = 0;  // sysmon only: when it asks for other threads again

  plain<struct p *> allp[geometry::procs_max];  // set once per id, before gomaxprocs rises above it
  atomic<std::int32_t> allplen;                 // worldsema: Ps ever made; those at gomaxprocs and above are dead
  plain<std::uint32_t> coprimes[geometry::procs_max];  // procresize: increments that visit every P (stealOrder)
  plain<std::uint32_t> ncoprimes;
  plain<bool> psgone;                         // procresize: Ps have gone, and there may be timers in them
  alignas(cacheline) std::uint64_t seed = 0;  // set once, by hashinit
  std::int64_t starttime = 0;                 // set once, by schedinit
  statistic clock;                            // sysmon: when it last looked: at most some 10 ms ago while a P runs
  m *m0 = nullptr;    // set once, by attach_m0; read by that thread alone, and when every M has ended
  atomic<g *> maing;  // its end stops the runtime; null in a runtime without a main
  sched_options options;
  stackpool stacks;
  class persistent persistent;  // holds the gs
};

// The current M, or null on a thread that is no M. Caller: any thread.
inline m *getm() noexcept { return static_cast<m *>(current_m()); }

// The P that the calling goroutine may use for sched. Null: the thread is no M of sched, or the call is inside
// blocking(f), or its P was taken. Caller: own M, in the scheduler.
inline struct p *own_p(const schedt &sched, m *mp) noexcept {
  HEDDLE_INV("HOG-2", mp == nullptr || mp->sched != &sched || mp->user.peek() == 0);
  return mp != nullptr && mp->sched == &sched && mp->incall == 0 ? mp->p.get() : nullptr;
}

// Calls f(pp) for each P that was ever made, in use or not. Caller: any thread; for reports.
template <class F>
void each_p(const schedt &sched, F &&f) {
  const std::int32_t n = sched.allplen.load(acquire);  // acquire: pairs with allp_reserve [PROCS-1]
  for (std::int32_t i = 0; i < n; ++i) f(*sched.allp[i].get());
}

// Calls f(gp) for each g that was ever made, oldest first; it may be dead. Caller: any thread.
template <class F>
void each_g(const schedt &sched, F &&f) {
  // acquire: pairs with allgadd. [ALLG-1]
  for (g *gp = sched.allgs.load(acquire); gp != nullptr; gp = gp->alllink.load(acquire)) f(gp);
}

// True: the runtime stops, and what a P still has is abandoned.
// relaxed: for what follows from it; a party that must not miss it has a fence.
inline bool stopping(const schedt &sched) noexcept { return (sched.attention.load(relaxed) & attention_stop) != 0; }

HEDDLE_DETAIL_END

#pragma once
// Every structure of the scheduler on one sheet: gobuf, g, m, p, schedt. Field names are Go's (runtime2.go). Beside
// each field: who writes it. `plain` fields are handed over with the g, m or p they belong to, and the checker watches
// that.
#include <cstddef>

#include "queues/gfree.hpp"
#include "queues/globrunq.hpp"
#include "queues/idle.hpp"
#include "queues/inject.hpp"
#include "queues/runq.hpp"
#include "queues/spinlock.hpp"
#include "queues/world.hpp"
#include "sched/note.hpp"

HEDDLE_BEGIN

struct g;
struct m;
struct p;
struct schedt;

// A context that does not run. Written by the switch; ret and lr are for ports that need them (lr: aarch64).
struct gobuf {
  void *sp = nullptr;
  void *pc = nullptr;
  struct g *g = nullptr;  // whose context this is; the first pc finds it in its argument register
  void *ctxt = nullptr;   // the closure, on the g's own stack
  std::uintptr_t ret = 0;
  void *lr = nullptr;
  void *bp = nullptr;
};

enum class gstatus : std::uint32_t { idle = 0, runnable = 1, running = 2, waiting = 4, dead = 6 };  // Go's values
enum class pstatus : std::uint32_t { idle = 0, running = 1 };

enum class waitreason : std::uint8_t { zero, chan_receive, chan_send, mutex_lock, wait_group_wait, test };
const char *waitreason_text(waitreason r) noexcept;

// A goroutine. Type-stable: recycled through gfree, freed only with the schedt.
struct alignas(cacheline) g : lfnode {
  plain<g *> schedlink;               // who holds the list it is on (at most one)
  plain<struct m *> m;                // the M that runs it, else null: execute, dropg
  gobuf sched;                        // the switch
  atomic<gstatus> atomicstatus;       // casgstatus only; its owner stores, reports read
  plain<enum waitreason> waitreason;  // gopark, before the status becomes waiting
  std::uint32_t color;                // malg: spreads the first frames over the cache's sets
  plain<std::uint64_t> goid;          // newproc1
  plain<void *> param;                // the waker, before goready: what the wake-up means
  void (*startfn)(void *);            // newproc1: invokes the closure in sched.ctxt
  struct stack stack;                 // malg, gfput
  struct fiber fiber;                 // the switch
  schedt *home;                       // malg: its runtime, for wakers that are no M
  g *alllink;                         // allgadd: list of all gs

  bool has_stack() const noexcept { return static_cast<bool>(stack); }
};

// A thread of the operating system. Freed with the schedt, after its thread has been joined.
struct alignas(cacheline) m : lfnode {
  g g0;                               // the scheduler's own context, on the thread's native stack
  g *curg = nullptr;                  // own M: execute, dropg
  struct p *p = nullptr;              // own M: acquirep, releasep
  schedt *sched = nullptr;            // allocm
  g *(*mcallfn)(m *, g *) = nullptr;  // own M: mcall, for the schedule loop; returns a g to go on with, or null
  bool (*waitunlockf)(g *, void *) = nullptr;  // own M: gopark, for park_m
  void *waitlock = nullptr;                    // own M: gopark, for park_m
  bool spinning = false;                       // own M; startm before the wake. Counted in nmspinning (I11)
  plain<struct p *> nextp;                     // startm, before notewakeup
  note park;                                   // stopm sleeps, startm and stop wake
  std::uint64_t cheaprand = 0;                 // own M: seeded by hashinit's seed and the id
  std::int64_t id = 0;                         // allocm
  thread handle;                               // newm; unused for m0
  m *alllink = nullptr;                        // allm, under sched.lock
};

// The right to run goroutines: exactly gomaxprocs of them.
struct alignas(cacheline) p : lfnode {
  class runq<g> runq;              // queues/runq.hpp
  std::int32_t id = 0;             // schedinit
  pstatus status = pstatus::idle;  // owner: acquirep, releasep
  plain<struct m *> m;             // the M it is wired to, else null: acquirep, releasep
  statistic schedtick;             // owner: +1 per execute that does not inherit
  statistic executes;              // owner: +1 per execute; a thief sees by it that the victim gets on
  std::uint32_t streak = 0;        // owner: how often runnext has won in a row
  gfree<g> gFree;                  // owner
  std::uint64_t goidcache = 0;     // owner
  std::uint64_t goidcacheend = 0;  // owner
  statistic spawned, exited, parks, steals, stolen, wakes;  // owner
};

// Why and how a runtime runs; all of it is fixed before the first goroutine.
struct sched_options {
  std::int32_t procs = 1;
  std::int32_t threads_max = geometry::threads_max;
  std::size_t stack_size = geometry::stack_size;
  bool detect_deadlock = true;
  bool log = true;
};

// One scheduler. There is no other state: several may live in one process.
struct schedt {
  explicit schedt(const sched_options &o) noexcept : options(o), stacks(o.stack_size, o.log) {}

  // What every submission reads: one line. The protocol is in sched/wake.cpp.
  alignas(cacheline) atomic<std::int32_t> nmspinning;  // spinning Ms and starts in flight (I11): RMW only
  atomic<std::uint32_t>
      needspinning;                // 1: work was left without an M and P: the next M that would drop its P looks again
  atomic<std::uint32_t> stopping;  // 1: Ms leave the schedule loop

  alignas(cacheline) idlestack<struct p> pidle;
  alignas(cacheline) idlestack<m> midle;
  alignas(cacheline) globrunq<g> runq;
  alignas(cacheline) inject<g> inbox;
  alignas(cacheline) gfree_global<g> gFree;

  alignas(cacheline) atomic<std::uint64_t> goidgen{1};  // the last goid handed out; 1 is the main goroutine's
  atomic<std::int32_t> mcount;                          // Ms that exist or are being born (I34)
  atomic<std::uint64_t> injected;                       // goroutines started by threads that are not Ms
  atomic<std::uint32_t> foreigners;  // threads that are not Ms and are inside the scheduler now: foreign_call
  spinlock lock;                     // allgs, allm: growing them is a two-step transition (link, then head)
  plain<g *> allgs;                  // under lock, oldest first; read when all is quiet
  plain<g *> allgtail;               // under lock
  plain<std::uint32_t> allglen;      // under lock
  plain<m *> allm;                   // under lock: the Ms whose threads have started, newest first
  plain<std::int64_t> mnext;         // under lock: the id of the next M
  plain<bool> reported;              // under lock: checkdead has spoken

  struct p *allp = nullptr;           // schedinit: gomaxprocs of them
  std::int32_t gomaxprocs = 0;        // schedinit
  std::uint32_t *coprimes = nullptr;  // schedinit: increments that visit every P (stealOrder)
  std::uint32_t ncoprimes = 0;
  std::uint64_t seed = 0;  // hashinit
  os_facts os{};           // osinit
  m *m0 = nullptr;
  atomic<g *> maing;  // its end stops the runtime; null in a runtime without a main
  sched_options options;
  stackpool stacks;
};

// The current M, or null on a thread that is none. Any thread.
inline m *getm() noexcept { return static_cast<m *>(current_m()); }

HEDDLE_END

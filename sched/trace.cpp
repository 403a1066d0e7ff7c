// What the scheduler looks like now, in the words of Go's GODEBUG=schedtrace=X,scheddetail=1. Source: schedtrace of
// Go's proc.go. Nothing is stopped for it: a line may show a state that never was as a whole.
#include <cstdarg>
#include <cstdio>

#include "sched/deadlock.hpp"
#include "sched/status.hpp"
#include "sched/sysmon.hpp"
#include "sched/trace.hpp"

HEDDLE_DETAIL_BEGIN

namespace {

// Prints text in pieces of a few lines: one write each, no allocation. One thread's.
class printer {
 public:
  ~printer() { flush(); }
  [[gnu::format(printf, 2, 3)]] void print(const char *format, ...) noexcept {
    if (sizeof text_ - used_ < most_) flush();
    std::va_list arguments;
    va_start(arguments, format);
    const int n = std::vsnprintf(text_ + used_, sizeof text_ - used_, format, arguments);
    va_end(arguments);
    if (n > 0) used_ += static_cast<std::size_t>(n);
  }

 private:
  static constexpr std::size_t most_ = 512;  // of one print
  void flush() noexcept {
    if (used_ != 0) print_error(text_);
    used_ = 0;
  }
  std::size_t used_ = 0;
  char text_[4096];
};

long long id_of(const m *mp) noexcept { return mp != nullptr ? static_cast<long long>(mp->id) : -1; }
long long id_of(const g *gp) noexcept { return gp != nullptr ? static_cast<long long>(glimpse(gp->goid)) : -1; }

struct p *nth(const schedt &sched, std::int32_t i) noexcept {
  return glimpse(sched.allp[i]);
}

void print_ps(printer &out, const schedt &sched, std::int32_t n) noexcept {
  for (std::int32_t i = 0; i < n; ++i) {
    const struct p &pp = *nth(sched, i);
    out.print("  P%d: status=%d schedtick=%llu syscalltick=%llu m=%lld runqsize=%u gfreecnt=%u timerslen=0\n", pp.id,
              static_cast<int>(pp.status.peek()), static_cast<unsigned long long>(pp.schedtick.get()),
              static_cast<unsigned long long>(pp.syscalltick.get()), id_of(pp.m.peek()), pp.runq.size(),
              pp.gFree.peek_size());
  }
}

void print_ms(printer &out, const schedt &sched, std::int32_t n, m *allm) noexcept {
  for (const m *mp = allm; mp != nullptr; mp = mp->alllink.get()) {
    if (!glimpse(mp->started) && !mp->borrowed) continue;  // no thread
    int id = -1;
    for (std::int32_t i = 0; i < n; ++i)
      if (nth(sched, i)->m.peek() == mp) id = i;
    const g *curg = mp->curg.peek();
    out.print(
        "  M%lld: p=%d curg=%lld mallocing=0 throwing=0 preemptoff= locks=%d dying=%d spinning=%s blocked=%s "
        "lockedg=%lld\n",
        id_of(mp), id, id_of(curg), glimpse(mp->locks), glimpse(mp->exiting) ? 1 : 0,
        glimpse(mp->spinning) ? "true" : "false", curg == nullptr && id == -1 ? "true" : "false",
        id_of(glimpse(mp->lockedg)));
  }
}

void print_gs(printer &out, const schedt &sched) noexcept {
  for (const g *gp = sched.allgs.peek(); gp != nullptr; gp = gp->alllink.peek()) {
    const gstatus status = readgstatus(gp);
    const char *reason = status == gstatus::waiting ? waitreason_text(glimpse(gp->waitreason)) : "";
    out.print("  G%lld: status=%u(%s) m=%lld lockedm=%lld\n", id_of(gp), static_cast<unsigned>(status), reason,
              id_of(glimpse(gp->m)), id_of(glimpse(gp->lockedm)));
  }
}

}  // namespace

void schedtrace(schedt &sched, bool detail) noexcept {
  printer out;
  const std::int32_t n = sched.gomaxprocs.peek();
  sched.lock.lock();
  m *const allm = sched.allm.get();
  const std::int32_t stopwait = sched.stopwait.get();
  sched.lock.unlock();
  const std::int32_t idle = sched.midle.peek_count(), threads = sched.mcount.peek();
  const std::int32_t locked = threads - idle - awake_in(sched.nmrunning.peek());  // asleep, and not on midle
  out.print(
      "SCHED %lldms: gomaxprocs=%d idleprocs=%d threads=%d spinningthreads=%d needspinning=%u idlethreads=%d "
      "runqueue=%u",
      static_cast<long long>((nanotime() - sched.starttime) / 1'000'000), n, sched.pidle.peek_count(), threads,
      sched.nmspinning.peek(), sched.needspinning.peek(), idle, sched.runq.size());
  if (detail) {
    out.print(" gcwaiting=%d nmidlelocked=%d stopwait=%d sysmonwait=%d\n",
              (sched.attention.peek() & attention_world) != 0 ? 1 : 0, locked > 0 ? locked : 0, stopwait,
              sched.sysmonwait.peek() == sysmon_deep ? 1 : 0);
    print_ps(out, sched, n);
    print_ms(out, sched, n, allm);
    print_gs(out, sched);
    return;
  }
  out.print(" [ ");
  for (std::int32_t i = 0; i < n; ++i) out.print("%u ", nth(sched, i)->runq.size());
  out.print("] schedticks=[ ");
  for (std::int32_t i = 0; i < n; ++i)
    out.print("%llu ", static_cast<unsigned long long>(nth(sched, i)->schedtick.get()));
  out.print("]\n");
}

HEDDLE_DETAIL_END

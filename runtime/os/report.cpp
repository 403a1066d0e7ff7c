// Reports for people: a dump of a runtime's goroutines with their stacks, and the goroutines that had not ended when it
// stopped.
#include <cxxabi.h>
#include <dlfcn.h>
#include <sys/mman.h>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "runtime/control.hpp"
#include "runtime/os/report.hpp"
#include "runtime/waits.hpp"
#include "sched/deadlock.hpp"
#include "sched/locals.hpp"
#include "sched/status.hpp"
#include "sched/switch/switch_x86_64.hpp"

HEDDLE_DETAIL_BEGIN

namespace {

// Reads a word on the stack of another goroutine; sanitizers and race checkers are not to look at it.
[[gnu::noinline]] __attribute__((no_sanitize("address"), no_sanitize("thread"))) std::uintptr_t word_at(
    const char *at) noexcept {
  return *reinterpret_cast<const volatile std::uintptr_t *>(at);
}

// What is read of a goroutine that does not run. A thread outside may be starting a goroutine in the same g.
struct standing {
  source_location started;
  std::uintptr_t pc;
  const char *bp;
  struct stack stack;
};
[[gnu::noinline]] __attribute__((no_sanitize("thread"))) standing seen(const g *gp) noexcept {
  return {glimpse(gp->started), reinterpret_cast<std::uintptr_t>(gp->sched.pc), static_cast<const char *>(gp->sched.bp),
          glimpse(gp->stack)};
}

constexpr std::size_t frames_max = 64;

// Follows the chain of frame pointers as far as it goes up within the stack, and calls f with each return address while
// f returns true. Code without frame pointers ends the chain, or skips a caller.
template <class F>
void each_frame(const char *bp, struct stack s, F &&f) noexcept {
  while (bp >= s.lo && bp + 16 <= s.hi && reinterpret_cast<std::uintptr_t>(bp) % 8 == 0) {
    const std::uintptr_t pc = word_at(bp + 8);
    if (pc < 4096 || !f(pc)) return;
    const auto *caller = reinterpret_cast<const char *>(word_at(bp));
    if (caller <= bp) return;
    bp = caller;
  }
}

// Returns: how many return addresses there are, `most` at most.
std::size_t walk(const char *bp, struct stack s, std::uintptr_t *pcs, std::size_t most) noexcept {
  std::size_t n = 0;
  each_frame(bp, s, [&](std::uintptr_t pc) {
    pcs[n++] = pc;
    return n < most;
  });
  return n;
}

// Writes the name of a function as a reader knows it, or, where nothing may be allocated, as the linker knows it.
void demangle(const char *symbol, bool may_allocate, char *name, std::size_t size) noexcept {
  constexpr std::size_t longest = 1500;  // the demangler takes some 100 bytes of stack for each character
  int status = 0;
  char *const readable =
      may_allocate && std::strlen(symbol) <= longest ? abi::__cxa_demangle(symbol, nullptr, nullptr, &status) : nullptr;
  std::snprintf(name, size, "%s", readable != nullptr ? readable : symbol);
  std::free(readable);
}

// Prints a frame so that `addr2line -e MODULE OFFSET` and a reader understand it.
void print_frame(std::uintptr_t pc, bool may_allocate, line_fn line, void *arg) noexcept {
  char text[512];
  Dl_info info{};
  if (dladdr(reinterpret_cast<void *>(pc), &info) == 0 || info.dli_fname == nullptr) {
    std::snprintf(text, sizeof text, "    %p\n", reinterpret_cast<void *>(pc));
    return line(arg, text);
  }
  const char *slash = std::strrchr(info.dli_fname, '/');
  const char *module = slash != nullptr ? slash + 1 : info.dli_fname;
  const auto offset = static_cast<unsigned long>(pc - reinterpret_cast<std::uintptr_t>(info.dli_fbase));
  if (info.dli_sname == nullptr) {
    std::snprintf(text, sizeof text, "    %s+0x%lx\n", module, offset);
    return line(arg, text);
  }
  char name[384];
  demangle(info.dli_sname, may_allocate, name, sizeof name);
  std::snprintf(text, sizeof text, "    %s (%s+0x%lx)\n", name, module, offset);
  line(arg, text);
}

// Prints frames. A return address points behind its call, hence the 1.
void print_frames(const std::uintptr_t *pcs, std::size_t n, line_fn line, void *arg) noexcept {
  for (std::size_t i = 0; i < n; ++i) print_frame(pcs[i] - 1, true, line, arg);
}

bool in_call(const g *gp) noexcept {
  const gstatus status = readgstatus(gp);
  return status == gstatus::syscall || status == gstatus::scansyscall;
}

}  // namespace

void print_stack(const g *gp, line_fn line, void *arg) noexcept {
  if (in_call(gp)) return line(arg, "    its stack is in use by its thread\n");
  const standing at = seen(gp);
  if (at.pc == reinterpret_cast<std::uintptr_t>(&heddle_gostart)) return line(arg, "    it has not run yet\n");
  std::uintptr_t pcs[frames_max];
  pcs[0] = at.pc + 1;
  print_frames(pcs, 1 + walk(at.bp, at.stack, pcs + 1, frames_max - 1), line, arg);
}

void print_stack_from(const g *gp, const void *frame, line_fn line, void *arg) noexcept {
  std::uintptr_t pcs[frames_max];
  print_frames(pcs, walk(static_cast<const char *>(frame), gp->stack.get(), pcs, frames_max), line, arg);
}

void print_interrupted_stack(const g *gp, std::uintptr_t pc, const void *frame, line_fn line, void *arg) noexcept {
  constexpr std::size_t first = 16, last = 8;
  std::size_t n = 0, all = 0;
  std::uintptr_t newest[last];
  print_frame(pc, false, line, arg);
  const auto *bp = static_cast<const char *>(frame);
  each_frame(bp, gp->stack.get(), [&](std::uintptr_t) { return ++all != 0; });
  each_frame(bp, gp->stack.get(), [&](std::uintptr_t at) {
    if (n < first) print_frame(at - 1, false, line, arg);
    if (n >= first && all - n <= last) newest[all - n - 1] = at;
    return ++n != 0;
  });
  if (all > first + last) {
    char text[48];
    std::snprintf(text, sizeof text, "    ... %zu more ...\n", all - first - last);
    line(arg, text);
  }
  for (std::size_t i = all > first ? std::min(last, all - first) : 0; i-- != 0;)
    print_frame(newest[i] - 1, false, line, arg);
}

namespace {

std::string duration(std::int64_t ns) {
  char text[32];
  const std::int64_t ms = std::max<std::int64_t>(ns, 0) / 1'000'000;
  if (ms < 1000)
    std::snprintf(text, sizeof text, "%lld ms", static_cast<long long>(ms));
  else if (ms < 120'000)
    std::snprintf(text, sizeof text, "%lld.%lld s", static_cast<long long>(ms / 1000),
                  static_cast<long long>(ms / 100 % 10));
  else
    std::snprintf(text, sizeof text, "%lld min", static_cast<long long>(ms / 60'000));
  return text;
}

std::string text_of(source_location where) {
  if (where.line() == 0) return "an unknown place";
  return std::string(where.file_name()) + ":" + std::to_string(where.line());
}

const char *state_of(const g *gp, gstatus status) noexcept {
  switch (status) {
    case gstatus::runnable: return "runnable";
    case gstatus::running: return "running";
    case gstatus::waiting: return waitreason_text(glimpse(gp->waitreason));
    case gstatus::syscall:
    case gstatus::scansyscall: return "in a call";
    default: return nullptr;  // dead, or in the making
  }
}
const char *state_of(const g *gp) noexcept { return state_of(gp, readgstatus(gp)); }

// --------------------------------------------------------------------------------------------------------------- dump

// So long a dump waits for goroutines that come to no safepoint.
constexpr std::int64_t patience_ns = 100'000'000;

struct dumping {
  schedt &sched;
  std::string &text;
  const g *self;      // the goroutine that asks, or null
  const void *frame;  // where it asks
  bool from_outside;  // the calling thread is not one of the runtime's
  bool quiet;         // true if nothing else can change what a goroutine waits for
  std::exception_ptr error;
};

// Returns whether no other code runs while the world is stopped: no goroutine in a call, and no thread that is not the
// runtime's.
bool nobody_else(const schedt &sched, const g *self, bool from_outside) noexcept {
  bool others = false;
  each_g(sched, [&](const g *gp) { others |= in_call(gp) || (gp != self && readgstatus(gp) == gstatus::running); });
  if (others) return false;
  const std::int32_t ours = own_threads(sched, sched.mcount.peek()) + (from_outside ? 1 : 0);
  const std::int32_t threads = thread_count();
  return threads >= 0 && threads <= ours;
}

// Returns how much of a stack has ever been used: by its goroutine, or by an earlier one on the same stack whose memory
// has not been given back yet. The kernel knows which pages are there. Cost: one system call for 16 MiB.
std::size_t high_water(struct stack s) noexcept {
  constexpr std::size_t page = 4096, most = 4096;
  unsigned char there[most];
  for (char *at = s.lo; at < s.hi; at += most * page) {
    const std::size_t size = std::min(static_cast<std::size_t>(s.hi - at), most * page);
    if (mincore(at, size, there) != 0) return 0;
    for (std::size_t i = 0; i < size / page; ++i)
      if ((there[i] & 1) != 0) return static_cast<std::size_t>(s.hi - at) - i * page;
  }
  return 0;
}

// Between this and dump_all are functions that no exception may leave.
void append(void *arg, const char *line) noexcept {
  dumping &d = *static_cast<dumping *>(arg);
  try {
    d.text += line;
  } catch (const std::bad_alloc &) {
    d.error = std::current_exception();
  }
}

void dump_one(dumping &d, const g *gp, std::int64_t now) {
  const gstatus status = readgstatus(gp);
  const char *state = state_of(gp, status);
  if (state == nullptr) return;
  const bool waits = status == gstatus::waiting;
  d.text += "\ngoroutine " + std::to_string(glimpse(gp->goid)) + " [" + state;
  if (waits) d.text += ", " + duration(now - glimpse(gp->waitsince));
  if (glimpse(gp->lockedm) != nullptr) d.text += ", locked to thread";
  d.text += gp == d.sched.maing.peek() ? "] (main)" : "]";
  char name[goroutine_name::size];
  copy_name(gp, name, sizeof name);
  if (name[0] != '\0')
    d.text += " \"" + std::string(name) + "\"";  // Goroutines that were started in one place and are
                                                 // in the same state.
  d.text += "\n";
  char what[160];
  for (std::size_t i = 0; waits && d.quiet && waits_for(d.sched, gp, i, what, sizeof what); ++i)
    d.text += "  --> " + std::string(what) + "\n";
  const standing at = seen(gp);
  d.text += "  started at " + text_of(at.started) + "\n";
  if (status == gstatus::running && gp != d.self) {
    d.text += "  it computes and has come to no safepoint, so its stack is not known\n";
    return;
  }
  if (at.stack)
    d.text += "  stack: " + std::to_string(high_water(at.stack) / 1024) + " of " +
              std::to_string(static_cast<std::size_t>(at.stack.hi - at.stack.lo) / 1024) + " KiB have been touched\n";
  if (gp == d.self)
    print_stack_from(gp, d.frame, append, &d);
  else
    print_stack(gp, append, &d);
}

void dump_all(void *arg) noexcept {
  dumping &d = *static_cast<dumping *>(arg);
  d.quiet = nobody_else(d.sched, d.self, d.from_outside);
  const std::int64_t now = nanotime();
  try {
    each_g(d.sched, [&d, now](const g *gp) { dump_one(d, gp, now); });
  } catch (const std::bad_alloc &) {  // does not leave the stack that this runs on
    d.error = std::current_exception();
  }
}

// -------------------------------------------------------------------------------------------------------------- leaks

// Goroutines that were started in one place and stand alike.
struct left_behind {
  const g *first = nullptr;
  std::size_t count = 0;
  std::int64_t since = 0;  // since when the one that has waited longest waits
  std::string ids;
};

bool alike(const g *a, const g *b) noexcept {
  const source_location of_a = a->started.get(), of_b = b->started.get();
  return std::strcmp(state_of(a), state_of(b)) == 0 && of_a.line() == of_b.line() &&
         std::strcmp(of_a.file_name(), of_b.file_name()) == 0;
}

void count_in(std::vector<left_behind> &all, const g *gp) {
  auto at = std::find_if(all.begin(), all.end(), [gp](const left_behind &l) { return alike(l.first, gp); });
  if (at == all.end()) at = all.insert(at, left_behind{gp, 0, gp->waitsince.get(), ""});
  at->since = std::min(at->since, gp->waitsince.get());
  if (++at->count <= 8) (at->ids += ' ') += std::to_string(gp->goid.get());
  if (at->count == 9) at->ids += " ...";
}

std::string leaks_of(const schedt &sched) {
  std::vector<left_behind> all;
  std::size_t n = 0;
  each_g(sched, [&](const g *gp) {
    if (state_of(gp) == nullptr || gp == sched.maing.load(relaxed)) return;
    count_in(all, gp);
    ++n;
  });
  if (n == 0) return {};
  std::string text = "heddle: " + std::to_string(n) + (n == 1 ? " goroutine had" : " goroutines had") +
                     " not ended when the runtime stopped:\n";
  const std::int64_t now = nanotime();
  for (const left_behind &l : all) {
    text += "  " + std::to_string(l.count) + " [" + state_of(l.first);
    if (readgstatus(l.first) == gstatus::waiting) text += ", " + duration(now - l.since);
    text += "] started at " + text_of(l.first->started.get());
    text += l.count == 1 ? ": goroutine" : ": goroutines";
    text += l.ids + "\n";
  }
  return text;
}

}  // namespace

[[gnu::noinline]] std::string dump_text(schedt &sched, bool helper) {
  std::string text;
  const m *mp = getm();
  const g *self = mp != nullptr && mp->sched == &sched ? mp->curg.peek() : nullptr;
  dumping d{sched, text, self, __builtin_frame_address(0), self == nullptr && !helper, false, nullptr};
  with_world_stopped(
      sched, [](void *arg) { on_report_stack(dump_all, arg); }, &d, nanotime() + patience_ns);
  if (d.error != nullptr) std::rethrow_exception(d.error);
  return text;
}

void print_waiting(const schedt &sched, bool left) {
  print_error(left ? "heddle: the runtime has been shut down without waiting for\n"
                   : "heddle: the end of the runtime waits for goroutines that do not come back from their calls, or "
                     "compute without a safepoint:\n");
  each_g(sched, [](const g *gp) {
    const bool runs = readgstatus(gp) == gstatus::running;
    if (!in_call(gp) && !runs) return;
    char name[goroutine_name::size], text[400];
    copy_name(gp, name, sizeof name);
    const source_location started = seen(gp).started;
    std::snprintf(text, sizeof text, "  goroutine %llu [%s]%s%s%s, started at %s:%u\n",
                  static_cast<unsigned long long>(glimpse(gp->goid)), runs ? "running" : "in a call",
                  name[0] != '\0' ? " \"" : "", name, name[0] != '\0' ? "\"" : "",
                  started.line() != 0 ? started.file_name() : "an unknown place",
                  static_cast<unsigned>(started.line()));
    print_error(text);
  });
}

void report_leaks(const schedt &sched) noexcept {
  const sched_options &o = sched.options;
  if (!o.leak_report && o.on_leak == nullptr) return;
  try {
    const std::string text = leaks_of(sched);
    if (text.empty()) return;
    if (o.on_leak != nullptr)
      o.on_leak(o.on_leak_arg, text.c_str());
    else
      print_error(text.c_str());
  } catch (const std::bad_alloc &) {
    print_error("heddle: no memory for a report of the goroutines that have not ended\n");
  }
}

HEDDLE_DETAIL_END

// Resolves options: what the program asked for, then the environment, then what the system grants.
#include "heddle/options.hpp"

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <sstream>
#include <string>

#include "runtime/os/report.hpp"
#include "runtime/os/resolve.hpp"
#include "runtime/waits.hpp"

HEDDLE_DETAIL_BEGIN

namespace {

int parse_procs(const char *name, const char *text) {
  char *end = nullptr;
  errno = 0;
  const long n = std::strtol(text, &end, 10);
  if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || n < 1 || n > geometry::procs_max)
    throw config_error(std::string(name) + "=" + text + ": want a whole number from 1 to " +
                       std::to_string(geometry::procs_max));
  return static_cast<int>(n);
}

// What is said of an environment that was made for other programs, or for another version of heddle: it is not obeyed,
// and this is said once in a process.
void warn_once(std::atomic<bool> &said, const std::string &what) {
  if (!said.exchange(true, std::memory_order_relaxed)) print_error(("heddle: " + what + ": ignored\n").c_str());
}

int default_procs() {
  if (const char *text = std::getenv("HEDDLE_PROCS")) return parse_procs("HEDDLE_PROCS", text);
  if (const char *text = std::getenv("GOMAXPROCS")) {
    try {
      return parse_procs("GOMAXPROCS", text);
    } catch (const config_error &e) {
      static std::atomic<bool> said{false};
      warn_once(said, e.what());
    }
  }
  return cpus_granted();
}

struct debug_settings {
  int schedtrace_ms = 0;
  bool scheddetail = false;
  bool leak = false;
  bool dump = false;
  bool sigquit = false;
};

// HEDDLE_DEBUG, written like Go's GODEBUG: name=value, separated by commas.
debug_settings parse_debug(const options &o) {
  debug_settings d{o.schedtrace_ms, o.scheddetail, o.leak_report, o.dump_on_deadlock, false};
  if (o.schedtrace_ms < 0)
    throw config_error("options.schedtrace_ms=" + std::to_string(o.schedtrace_ms) + ": want 0 or more");
  const char *text = std::getenv("HEDDLE_DEBUG");
  if (text == nullptr) return d;
  std::istringstream all(text);
  for (std::string setting; std::getline(all, setting, ',');) {
    const std::size_t eq = setting.find('=');
    const std::string name = setting.substr(0, eq), value = eq == std::string::npos ? "" : setting.substr(eq + 1);
    char *end = nullptr;
    const long n = std::strtol(value.c_str(), &end, 10);
    const bool number = !value.empty() && *end == '\0' && n >= 0 && n <= 86'400'000;
    // What the program asks for is not taken back; if the program traces, its own settings hold.
    if (name == "schedtrace" && number)
      d.schedtrace_ms = o.schedtrace_ms != 0 ? o.schedtrace_ms : static_cast<int>(n);
    else if (name == "scheddetail" && number)
      d.scheddetail = o.schedtrace_ms != 0 ? o.scheddetail : n != 0;
    else if (name == "leak" && number)
      d.leak = d.leak || n != 0;
    else if (name == "dump" && number)
      d.dump = d.dump || n != 0;
    else if (name == "sigquit" && number)
      d.sigquit = n != 0;
    else if (name != "crash" || !number) {  // sched/os/ends.cpp reads crash when the process ends
      static std::atomic<bool> said{false};
      warn_once(said, "HEDDLE_DEBUG=" + std::string(text) + ": \"" + setting +
                          "\" is none of schedtrace=MILLISECONDS, scheddetail=1, leak=1, dump=1, sigquit=1, crash=1");
    }
  }
  return d;
}

}  // namespace

sched_options resolve(const options &o) {
  sched_options r;
  r.procs = o.procs != 0 ? parse_procs("options.procs", std::to_string(o.procs).c_str()) : default_procs();
  if (r.procs > geometry::procs_max) r.procs = geometry::procs_max;
  if (o.threads_max != 0) r.threads_max = o.threads_max;
  if (r.threads_max < 1)
    throw config_error("options.threads_max=" + std::to_string(o.threads_max) + ": want at least 1");
  if (o.stack_size != 0) r.stack_size = o.stack_size;
  if (r.stack_size < 16 * 1024 || r.stack_size > (std::size_t{1} << 30))
    throw config_error("options.stack_size=" + std::to_string(o.stack_size) + ": want 16 KiB to 1 GiB");
  r.detect_deadlock = o.detect_deadlock;
  r.log = o.log;
  r.preempt = o.preempt;
  r.hogs_max = !o.preempt || o.hogs_max < 0 ? -1 : o.hogs_max != 0 ? o.hogs_max : 64;
  r.on_deadlock = o.on_deadlock;
  r.on_deadlock_arg = o.on_deadlock_arg;
  r.on_uncaught = o.on_uncaught;
  r.on_uncaught_arg = o.on_uncaught_arg;
  if (o.threads_idle_max < 0)
    throw config_error("options.threads_idle_max=" + std::to_string(o.threads_idle_max) + ": want 0 or more");
  r.threads_idle_max = o.threads_idle_max != 0 ? o.threads_idle_max : r.procs;
  r.sysmon = true;
  const debug_settings debug = parse_debug(o);
  r.schedtrace_ns = std::int64_t{1'000'000} * debug.schedtrace_ms;
  r.scheddetail = debug.scheddetail;
  r.leak_report = debug.leak;
  r.on_leak = o.on_leak;
  r.on_leak_arg = o.on_leak_arg;
  r.on_fatal = o.on_fatal;
  r.on_fatal_arg = o.on_fatal_arg;
  r.sigquit = debug.sigquit;
  if (o.log) r.tell_waiting = print_waiting;
  r.waits_for = waits_for;
  r.holder_for = holder_for;
  if (debug.dump) r.print_stack = print_stack;
  return r;
}

HEDDLE_DETAIL_END

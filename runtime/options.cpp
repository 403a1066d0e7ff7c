// The class runtime: its options - what the program asked for, the environment, what the system grants - and its end.
#include <cerrno>
#include <cstdlib>
#include <string>

#include "heddle/runtime.hpp"

HEDDLE_BEGIN

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

int default_procs() {
  for (const char *name : {"HEDDLE_PROCS", "GOMAXPROCS"})
    if (const char *text = std::getenv(name)) return parse_procs(name, text);
  return osinit().cpus;
}

}  // namespace

sched_options detail::resolve(const options &o) {
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
  return r;
}

void runtime::deleter::operator()(schedt *sched) const noexcept {
  schedfree(*sched);
  delete sched;
}

runtime::runtime(const options &o) {
  const sched_options resolved = detail::resolve(o);
  sched_.reset(new schedt(resolved));
  if (!schedinit(*sched_)) throw std::bad_alloc();
  procs_ = resolved.procs;
}

void runtime::shutdown() noexcept {
  if (stopped_) return;
  started_ = true;
  detail::shut_down(*sched_);
  ended();
}

HEDDLE_END

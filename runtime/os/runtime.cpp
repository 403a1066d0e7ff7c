// The class runtime: a scheduler with its main goroutine, its sysmon and its end.
#include "heddle/runtime.hpp"

#include <sys/resource.h>
#include <algorithm>
#include <optional>
#include <ostream>
#include <system_error>

#include "runtime/control.hpp"
#include "runtime/os/fatal.hpp"
#include "runtime/os/report.hpp"
#include "runtime/os/resolve.hpp"
#include "runtime/os/sigquit.hpp"
#include "runtime/spawn.hpp"
#include "sched/boot.hpp"
#include "sched/fatal.hpp"
#include "sched/sysmon.hpp"

HEDDLE_BEGIN

namespace {

// What the system gives to threads, within what options allow.
std::size_t thread_stack_size() noexcept {
  constexpr std::size_t unlimited = std::size_t{64} << 20, most = std::size_t{1} << 30;
  rlimit limit = {};
  if (getrlimit(RLIMIT_STACK, &limit) != 0) return 0;
  return limit.rlim_cur == RLIM_INFINITY ? unlimited : std::min<std::size_t>(limit.rlim_cur, most);
}

}  // namespace

struct runtime::impl {
  explicit impl(const options &o) : sched(detail::resolve(o)), last_words(std::in_place, sched.options) {}
  ~impl() { detail::schedfree(sched); }
  impl(const impl &) = delete;
  impl &operator=(const impl &) = delete;

  // Called when every M has been joined.
  void ended() noexcept {
    sigquit.reset();
    detail::count_runtimes(-1);
    stopped = true;
    detail::report_leaks(sched);
    detail::release_members(sched);
  }

  detail::schedt sched;
  std::optional<detail::fatal_hook> last_words;
  detail::overflow_watch overflows;
  // These belong to the one thread that runs the runtime and ends it; what other threads may call meanwhile reads
  // neither.
  bool started = false;
  bool stopped = false;
  bool given_up = false;
  std::optional<detail::sigquit_watch> sigquit;
};

runtime::runtime(const options &o) {
  detail::not_in_child("a new runtime");
  impl_ = std::make_unique<impl>(o);
  detail::schedt &sched = impl_->sched;
  if (!detail::schedinit(sched)) throw std::bad_alloc();
  if (const int error = detail::start_sysmon(sched); error != 0)
    throw std::system_error(error, std::system_category(), "the system gives no thread for sysmon");
  detail::count_runtimes(1);
  if (sched.options.sigquit) impl_->sigquit.emplace(sched);
}

runtime::~runtime() {
  const bool left_behind = impl_->given_up && !impl_->stopped;
  if (detail::forked() || left_behind) {
    if (left_behind) impl_->last_words.reset();  // what the embedder's function needs may go now
    [[maybe_unused]] impl *const left_as_it_is = impl_.release();
  } else {
    shutdown();
  }
}

void runtime::shutdown() noexcept { shutdown_until(detail::never); }

bool runtime::shutdown_until(std::int64_t when) noexcept {
  if (impl_->stopped) return true;
  impl_->started = true;
  impl_->given_up = !detail::shut_down(impl_->sched, when);
  if (!impl_->given_up) impl_->ended();
  return !impl_->given_up;
}

void runtime::begin_run() {
  detail::not_in_child("runtime::run");
  if (detail::getm() != nullptr) detail::misuse("runtime::run called on a goroutine");
  if (impl_->started) detail::misuse("runtime::run called twice, or after shutdown");
  impl_->started = true;
}

detail::newborn runtime::room_for(std::size_t size, std::size_t align, std::size_t stack_size, source_location where) {
  return detail::room_for(impl_->sched, size, align, stack_size, where, {});
}

detail::newborn runtime::room_for_main(std::size_t size, std::size_t align, source_location where) {
  // With little address space it gets what there is.
  for (std::size_t stack = thread_stack_size(); stack > impl_->sched.options.stack_size; stack /= 2) {
    const detail::newborn s = detail::newspawn(impl_->sched, size, align, stack);
    if (s.gp == nullptr) continue;
    s.gp->started.set(where);
    return s;
  }
  return room_for(size, align, 0, where);
}

void runtime::start(detail::newborn s, void (*function)(void *)) noexcept {
  detail::start_from_outside(impl_->sched, s, function);
}

void runtime::run_main(detail::newborn s, void (*function)(void *)) {
  detail::start_main(impl_->sched);
  detail::run_main(impl_->sched, s, function);
  impl_->ended();
}

void runtime::with_world_stopped(void (*f)(void *), void *arg) { detail::with_world_stopped(impl_->sched, f, arg); }

void runtime::set_procs(int n) { detail::resize(impl_->sched, n); }

statistics runtime::stats() const noexcept {
  detail::not_in_child("runtime::stats");
  return detail::figures(impl_->sched);
}

int runtime::procs() const noexcept {
  detail::not_in_child("runtime::procs");
  return impl_->sched.gomaxprocs.peek();
}

void runtime::dump(std::ostream &out) const {
  detail::not_in_child("runtime::dump");
  out << detail::dump_text(impl_->sched);
}

void dump(std::ostream &out) { out << detail::dump_text(detail::current_sched("heddle::dump")); }

std::unique_ptr<runtime> detail::make_runtime(const options &o) {
  try {
    return std::make_unique<runtime>(o);
  } catch (const std::exception &e) {
    print_error("heddle: ");
    print_error(e.what());
    print_error("\n");
    return nullptr;
  }
}

HEDDLE_END

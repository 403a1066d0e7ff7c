// The class runtime: a scheduler with its main goroutine, its sysmon and its end.
#include "heddle/runtime.hpp"

#include <ostream>
#include <system_error>

#include "runtime/control.hpp"
#include "runtime/os/report.hpp"
#include "runtime/os/resolve.hpp"
#include "runtime/spawn.hpp"
#include "sched/boot.hpp"
#include "sched/fatal.hpp"
#include "sched/sysmon.hpp"

HEDDLE_BEGIN

struct runtime::impl {
  explicit impl(const options &o) : sched(detail::resolve(o)) {}
  ~impl() { detail::schedfree(sched); }
  impl(const impl &) = delete;
  impl &operator=(const impl &) = delete;

  // Called when every M has been joined.
  void ended() noexcept {
    detail::count_runtimes(-1);
    stopped = true;
    detail::report_leaks(sched);
    detail::release_members(sched);
  }

  detail::schedt sched;
  // These belong to the one thread that runs the runtime and ends it; what other threads may call meanwhile reads
  // neither.
  bool started = false;
  bool stopped = false;
};

runtime::runtime(const options &o) {
  detail::not_in_child("a new runtime");
  impl_ = std::make_unique<impl>(o);
  detail::schedt &sched = impl_->sched;
  if (!detail::schedinit(sched)) throw std::bad_alloc();
  if (const int error = detail::start_sysmon(sched); error != 0)
    throw std::system_error(error, std::system_category(), "the system gives no thread for sysmon");
  detail::count_runtimes(1);
}

runtime::~runtime() {
  if (detail::forked()) [[maybe_unused]]
    impl *const left_as_it_is = impl_.release();
  else
    shutdown();
}

void runtime::shutdown() noexcept {
  if (impl_->stopped) return;
  impl_->started = true;
  detail::shut_down(impl_->sched);
  impl_->ended();
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

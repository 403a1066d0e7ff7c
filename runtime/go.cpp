// What a goroutine may ask of its runtime: to start others, to give its turn up, its number.
#include "heddle/go.hpp"

#include <cstdio>

#include "runtime/spawn.hpp"
#include "runtime/wait.hpp"
#include "sched/fatal.hpp"
#include "sched/locals.hpp"
#include "sched/yield.hpp"

HEDDLE_BEGIN

namespace detail {

namespace {

[[noreturn]] void end_by(const char *whose, const std::exception_ptr &error) noexcept {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception &e) {
    exit_misuse("an exception has left ", whose, ": ", e.what());
  } catch (...) {
    exit_misuse("an exception has left ", whose, ": not a std::exception");
  }
}

}  // namespace

void uncaught(const std::exception_ptr &error) noexcept {
  if (getm() == nullptr) end_by("a scope on a thread that runs no goroutine", error);
  const g *gp = own_g(getm());
  char name[goroutine_name::size];
  copy_name(gp, name, sizeof name);
  const sched_options &options = gp->home->options;
  if (options.on_uncaught != nullptr) return options.on_uncaught(options.on_uncaught_arg, error, gp->goid.get(), name);
  char who[80];
  std::snprintf(who, sizeof who, "goroutine %llu%s%s%s", static_cast<unsigned long long>(gp->goid.get()),
                name[0] != '\0' ? " (" : "", name, name[0] != '\0' ? ")" : "");
  end_by(who, error);
}

schedt &current_sched(const char *who) noexcept {
  m *mp = getm();
  if (mp == nullptr || mp->sched == nullptr) no_goroutine(who);
  return *mp->sched;
}

newborn room_for(schedt &sched, std::size_t size, std::size_t align, std::size_t stack_size, source_location where,
                 membership member) {
  const newborn s = newspawn(sched, size, align, stack_size);
  if (s.gp == nullptr) throw std::bad_alloc();
  s.gp->started.set(where);
  if (member.of == nullptr) return s;  // as a dead g has it; and beside a thread outside the runtime may end [LEAVE-1]
  s.gp->memberof.set(member.of);
  s.gp->abandoned.set(member.abandoned);
  return s;
}

newborn begin_go(const char *who, std::size_t size, std::size_t align, std::size_t stack_size, source_location where,
                 membership member) {
  return room_for(current_sched(who), size, align, stack_size, where, member);
}

void end_membership() noexcept { own_g(getm())->memberof.set(nullptr); }

void end_go(newborn s, void (*start)(void *)) noexcept { newproc(*s.gp->home, s, start); }

void undo_go(newborn s) noexcept {
  if (s.gp->memberof.get() != nullptr) s.gp->memberof.set(nullptr);
  unspawn(*s.gp->home, s);
}

void start_from_outside(schedt &sched, newborn s, void (*start)(void *)) noexcept {
  // A goroutine of this runtime is at home: joinms waits for its M in any case.
  if (const m *mp = getm(); mp != nullptr && mp->sched == &sched) return newproc(sched, s, start);
  const foreign_call here(sched, true);
  newproc(sched, s, start);
}

}  // namespace detail

void yield() noexcept {
  detail::m *mp = detail::getm();
  if (mp == nullptr) detail::no_goroutine("heddle::yield");
  detail::goyield(mp);
}

void gosched() noexcept { detail::gosched(detail::getm()); }

std::uint64_t num_goroutine() noexcept { return detail::gcount(detail::current_sched("heddle::num_goroutine")); }

std::uint64_t goid() noexcept {
  detail::current_sched("heddle::goid");
  return detail::own_g(detail::getm())->goid.get();
}

HEDDLE_END

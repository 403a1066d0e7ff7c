// What the library finds in place of the system's functions.
#include "runtime/test/refusals/rows.hpp"

#include <dlfcn.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <ctime>
#include <new>

namespace refusals {

const row_info info[rows] = {
    {"operator new", "_Znwm _Znam _ZnwmSt11align_val_t"},
    {"operator new (nothrow)", "_ZnwmRKSt9nothrow_t _ZnamRKSt9nothrow_t _ZnwmSt11align_val_tRKSt9nothrow_t"},
    {"malloc", "malloc"},
    {"mmap", "mmap"},
    {"munmap", "munmap"},
    {"mprotect", "mprotect"},
    {"madvise", "madvise"},
    {"mincore", "mincore"},
    {"process_madvise", "syscall"},
    {"membarrier (register)", "syscall"},
    {"membarrier (use)", "syscall"},
    {"futex (wait)", "syscall"},
    {"pthread_create", "pthread_create"},
    {"pthread_atfork", "pthread_atfork"},
    {"pthread_timedjoin_np", "pthread_timedjoin_np"},
    {"sigaltstack", "sigaltstack"},
    {"sigaction", "sigaction"},
    {"getrlimit", "getrlimit"},
    {"prctl", "prctl"},
    {"getrandom", "getrandom"},
    {"sched_getaffinity", "sched_getaffinity"},
    {"stat", "stat"},
    {"fopen", "fopen"},
    {"fgets", "fgets"},
    {"fscanf", "__isoc99_fscanf", "only beyond 512 stacks, on a kernel without light guards"},
    {"write", "write"},
    {"dladdr", "dladdr"},
    {"__cxa_demangle", "__cxa_demangle"},
};

namespace {

plan the_plan;
std::atomic<std::uint64_t> called[rows], refusals_made{0};
std::atomic<std::int64_t> first_refusal{0};
std::atomic<long> strange[16];

std::int64_t now() noexcept {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1'000'000'000 + t.tv_nsec;
}

void note_strange(long number) noexcept {
  for (std::atomic<long> &slot : strange) {
    long none = 0;
    if (slot.compare_exchange_strong(none, number) || none == number) return;
  }
}

}  // namespace

void set_plan(const plan &p) noexcept {
  for (std::atomic<std::uint64_t> &n : called) n.store(0);
  the_plan = p;
}
std::uint64_t calls(row r) noexcept { return called[static_cast<int>(r)].load(); }
std::uint64_t refused() noexcept { return refusals_made.load(); }
long strange_syscall(std::size_t i) noexcept { return i < std::size(strange) ? strange[i].load() : 0; }

bool refuse(row r) noexcept {
  const std::uint64_t n = called[static_cast<int>(r)].fetch_add(1) + 1;
  const plan &p = the_plan;
  if (p.what != r || n < p.first || n - p.first >= p.many) return false;
  std::int64_t none = 0;
  const std::int64_t at = now();
  first_refusal.compare_exchange_strong(none, at);
  if (at - first_refusal.load() > p.grace_ns) return false;
  refusals_made.fetch_add(1);
  return true;
}

}  // namespace refusals

using refusals::refuse;
using refusals::row;

namespace {

template <class T>
T with(int error, T result) noexcept {
  errno = error;
  return result;
}

}  // namespace

extern "C" {

#define REFUSALS_WRAP(result, name, parameters, arguments, row_, refusal) \
  result __real_##name parameters;                                        \
  result __wrap_##name parameters {                                       \
    if (refuse(row::row_)) return refusal;                                \
    return __real_##name arguments;                                       \
  }

using file = std::FILE;

REFUSALS_WRAP(void *, malloc, (std::size_t n), (n), malloc_, with<void *>(ENOMEM, nullptr))
REFUSALS_WRAP(void *, mmap, (void *at, std::size_t n, int p, int f, int fd, off_t o), (at, n, p, f, fd, o), mmap_,
              with(ENOMEM, MAP_FAILED))
REFUSALS_WRAP(int, munmap, (void *at, std::size_t n), (at, n), munmap_, with(ENOMEM, -1))
REFUSALS_WRAP(int, mprotect, (void *at, std::size_t n, int p), (at, n, p), mprotect_, with(ENOMEM, -1))
REFUSALS_WRAP(int, madvise, (void *at, std::size_t n, int a), (at, n, a), madvise_, with(ENOMEM, -1))
REFUSALS_WRAP(int, mincore, (void *at, std::size_t n, unsigned char *v), (at, n, v), mincore_, with(ENOMEM, -1))
REFUSALS_WRAP(int, pthread_create, (pthread_t * t, const pthread_attr_t *a, void *(*f)(void *), void *arg),
              (t, a, f, arg), pthread_create_, EAGAIN)
REFUSALS_WRAP(int, pthread_atfork, (void (*a)(), void (*b)(), void (*c)()), (a, b, c), pthread_atfork_, ENOMEM)
REFUSALS_WRAP(int, pthread_timedjoin_np, (pthread_t t, void **r, const timespec *w), (t, r, w), pthread_timedjoin,
              ETIMEDOUT)
REFUSALS_WRAP(int, sigaltstack, (const stack_t *s, stack_t *o), (s, o), sigaltstack_, with(ENOMEM, -1))
REFUSALS_WRAP(int, sigaction, (int s, const struct sigaction *a, struct sigaction *o), (s, a, o), sigaction_,
              with(EINVAL, -1))
REFUSALS_WRAP(int, getrlimit, (int w, rlimit *l), (w, l), getrlimit_, with(EPERM, -1))
REFUSALS_WRAP(int, prctl, (int o, unsigned long a, unsigned long b, unsigned long c, unsigned long d), (o, a, b, c, d),
              prctl_, with(EPERM, -1))
REFUSALS_WRAP(ssize_t, getrandom, (void *at, std::size_t n, unsigned f), (at, n, f), getrandom_,
              with<ssize_t>(ENOSYS, -1))
REFUSALS_WRAP(int, sched_getaffinity, (pid_t p, std::size_t n, cpu_set_t *s), (p, n, s), sched_getaffinity_,
              with(EPERM, -1))
REFUSALS_WRAP(int, stat, (const char *p, struct stat *s), (p, s), stat_, with(EACCES, -1))
REFUSALS_WRAP(file *, fopen, (const char *p, const char *m), (p, m), fopen_, with<file *>(EMFILE, nullptr))
REFUSALS_WRAP(char *, fgets, (char *at, int n, file *f), (at, n, f), fgets_, with<char *>(EIO, nullptr))
REFUSALS_WRAP(ssize_t, write, (int fd, const void *at, std::size_t n), (fd, at, n), write_, with<ssize_t>(EIO, -1))
REFUSALS_WRAP(int, dladdr, (const void *at, Dl_info *i), (at, i), dladdr_, 0)
REFUSALS_WRAP(char *, __cxa_demangle, (const char *n, char *b, std::size_t *l, int *s), (n, b, l, s), demangle,
              (*s = -1, nullptr))

int __wrap___isoc99_fscanf(file *f, const char *format, ...) {
  if (refuse(row::fscanf_)) return EOF;
  va_list arguments;
  va_start(arguments, format);
  const int n = vfscanf(f, format, arguments);
  va_end(arguments);
  return n;
}

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...) {
  va_list arguments;
  va_start(arguments, number);
  long a[6];
  for (long &argument : a) argument = va_arg(arguments, long);
  va_end(arguments);
  if (number == SYS_membarrier) {
    const bool at_start = static_cast<int>(a[0]) == MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED;
    if (refuse(at_start ? row::membarrier_register : row::membarrier_use)) return with(EPERM, -1L);
  } else if (number == SYS_process_madvise) {
    if (refuse(row::process_madvise)) return with(EPERM, -1L);
  } else if (number == SYS_futex) {
    const bool wait = (static_cast<int>(a[1]) & FUTEX_CMD_MASK) == FUTEX_WAIT;
    if (wait && refuse(row::futex_wait)) return with(EINTR, -1L);
  } else {
    refusals::note_strange(number);
  }
  return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

// operator new, in its forms.
#define REFUSALS_WRAP_NEW(symbol, parameters, arguments, row_, refusal) \
  void *__real_##symbol parameters;                                     \
  void *__wrap_##symbol parameters {                                    \
    if (refuse(row::row_)) refusal;                                     \
    return __real_##symbol arguments;                                   \
  }
REFUSALS_WRAP_NEW(_Znwm, (std::size_t n), (n), new_throwing, throw std::bad_alloc())
REFUSALS_WRAP_NEW(_Znam, (std::size_t n), (n), new_throwing, throw std::bad_alloc())
REFUSALS_WRAP_NEW(_ZnwmSt11align_val_t, (std::size_t n, std::align_val_t a), (n, a), new_throwing,
                  throw std::bad_alloc())
REFUSALS_WRAP_NEW(_ZnwmRKSt9nothrow_t, (std::size_t n, const std::nothrow_t &t), (n, t), new_nothrow, return nullptr)
REFUSALS_WRAP_NEW(_ZnamRKSt9nothrow_t, (std::size_t n, const std::nothrow_t &t), (n, t), new_nothrow, return nullptr)
REFUSALS_WRAP_NEW(_ZnwmSt11align_val_tRKSt9nothrow_t, (std::size_t n, std::align_val_t a, const std::nothrow_t &t),
                  (n, a, t), new_nothrow, return nullptr)

}  // extern "C"

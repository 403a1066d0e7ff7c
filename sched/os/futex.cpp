// Sleep and wake on a word, and the clock that measures sleeps.
#include <linux/futex.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <ctime>
#include <optional>

#include "sched/world.hpp"

HEDDLE_DETAIL_BEGIN

namespace {

long futex(atomic<std::uint32_t> &word, int operation, std::uint32_t value, const timespec *time = nullptr) noexcept {
  return syscall(SYS_futex, word.address(), operation | FUTEX_PRIVATE_FLAG, value, time, nullptr, 0);
}

}  // namespace

void futex_sleep(atomic<std::uint32_t> &word, std::uint32_t expected) noexcept { futex(word, FUTEX_WAIT, expected); }

namespace {

// While it lives, the kernel ends this thread's sleeps on time. Otherwise it ends them later by the thread's timer
// slack, 50 us, so as to end several at once.
class punctual {
 public:
  punctual() noexcept : slack_(prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0)) {
    if (slack_ > 1) prctl(PR_SET_TIMERSLACK, 1UL, 0, 0, 0);
  }
  ~punctual() {
    if (slack_ > 1) prctl(PR_SET_TIMERSLACK, static_cast<unsigned long>(slack_), 0, 0, 0);
  }
  punctual(const punctual &) = delete;
  punctual &operator=(const punctual &) = delete;

 private:
  int slack_;
};

}  // namespace

bool futex_sleep_for(atomic<std::uint32_t> &word, std::uint32_t expected, std::int64_t ns) noexcept {
  if (ns <= 0) return false;
  // FUTEX_WAIT takes a length of time, measured on nanotime()'s clock.
  const timespec time{ns / 1'000'000'000, ns % 1'000'000'000};
  std::optional<punctual> here;
  if (ns > 50'000) here.emplace();  // for sysmon's shortest pauses, longer is better than shorter
  return futex(word, FUTEX_WAIT, expected, &time) == 0 || errno != ETIMEDOUT;
}

// A raw system call, because clock_nanosleep would be a point where the embedder's pthread_cancel takes effect.
void thread_nap(std::int64_t ns) noexcept {
  atomic<std::uint32_t> none;
  const timespec time{0, ns};
  futex(none, FUTEX_WAIT, 0, &time);
}

void futex_wake(atomic<std::uint32_t> &word) noexcept { futex(word, FUTEX_WAKE, 1); }

std::int64_t nanotime() noexcept {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

HEDDLE_DETAIL_END

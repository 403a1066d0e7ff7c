// What heddle's types have of the types of the standard library that they resemble. It is asserted of both, so that the
// words here are those of the standard: its named requirements (BasicLockable, Lockable, TimedLockable, Mutex and
// TimedMutex, SharedMutex and SharedTimedMutex) and, where there are none, the shape of the class.
#include <barrier>
#include <chrono>
#include <concepts>
#include <condition_variable>
#include <latch>
#include <mutex>
#include <semaphore>
#include <shared_mutex>
#include <thread>
#include <type_traits>

#include "runtime/test/test_support.hpp"

namespace {

using heddle_test::run_on;
using std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::chrono::milliseconds moment = 5ms, for_ever = 1h;

template <class T>
concept stays_where_it_is =
    std::destructible<T> && !std::is_copy_constructible_v<T> && !std::is_move_constructible_v<T> &&
    !std::is_copy_assignable_v<T> && !std::is_move_assignable_v<T>;

template <class T>
concept basic_lockable = requires(T &m) {
  { m.lock() } -> std::same_as<void>;
  { m.unlock() } -> std::same_as<void>;
};
template <class T>
concept lockable = basic_lockable<T> && requires(T &m) {
  { m.try_lock() } -> std::same_as<bool>;
};
template <class T>
concept mutex_requirements = lockable<T> && std::is_nothrow_default_constructible_v<T> && stays_where_it_is<T>;
template <class T>
concept shared_mutex_requirements = mutex_requirements<T> && requires(T &m) {
  { m.lock_shared() } -> std::same_as<void>;
  { m.try_lock_shared() } -> std::same_as<bool>;
  { m.unlock_shared() } -> std::same_as<void>;
};

static_assert(mutex_requirements<std::mutex> && mutex_requirements<heddle::mutex>);
static_assert(shared_mutex_requirements<std::shared_mutex> && shared_mutex_requirements<heddle::shared_mutex>);
static_assert(!shared_mutex_requirements<heddle::mutex>);

template <class T>
concept timed_lockable = lockable<T> && requires(T &m) {
  { m.try_lock_for(moment) } -> std::same_as<bool>;
  { m.try_lock_until(steady_clock::now()) } -> std::same_as<bool>;
};
template <class T>
concept timed_mutex_requirements = mutex_requirements<T> && timed_lockable<T>;
template <class T>
concept shared_timed_mutex_requirements = shared_mutex_requirements<T> && timed_mutex_requirements<T> &&
    requires(T &m) {
  { m.try_lock_shared_for(moment) } -> std::same_as<bool>;
  { m.try_lock_shared_until(steady_clock::now()) } -> std::same_as<bool>;
};

static_assert(timed_mutex_requirements<std::timed_mutex> && timed_mutex_requirements<heddle::mutex>);
static_assert(shared_timed_mutex_requirements<std::shared_timed_mutex> &&
              shared_timed_mutex_requirements<heddle::shared_mutex>);
static_assert(!timed_lockable<std::mutex> && !shared_timed_mutex_requirements<heddle::mutex>);

template <class T, class Lock>
concept waits_with = stays_where_it_is<T> && std::is_default_constructible_v<T> &&
    requires(T &cv, Lock &lock, bool (*holds)()) {
  { cv.notify_one() }
  noexcept->std::same_as<void>;
  { cv.notify_all() }
  noexcept->std::same_as<void>;
  { cv.wait(lock) } -> std::same_as<void>;
  { cv.wait(lock, holds) } -> std::same_as<void>;
};
static_assert(waits_with<std::condition_variable, std::unique_lock<std::mutex>>);
static_assert(waits_with<std::condition_variable_any, std::shared_lock<std::shared_mutex>>);
static_assert(waits_with<heddle::condition_variable, std::unique_lock<heddle::mutex>>);
static_assert(waits_with<heddle::condition_variable, std::shared_lock<heddle::shared_mutex>>);
static_assert(waits_with<heddle::condition_variable, heddle::mutex>);

template <class T>
concept latch_shape =
    stays_where_it_is<T> && std::is_constructible_v<T, std::ptrdiff_t> && !std::is_convertible_v<std::ptrdiff_t, T> &&
    requires(T & l, const T &c, std::ptrdiff_t n) {
  { T::max() }
  noexcept->std::same_as<std::ptrdiff_t>;
  { l.count_down() } -> std::same_as<void>;
  { l.count_down(n) } -> std::same_as<void>;
  { c.try_wait() }
  noexcept->std::same_as<bool>;
  { c.wait() } -> std::same_as<void>;
  { l.arrive_and_wait() } -> std::same_as<void>;
  { l.arrive_and_wait(n) } -> std::same_as<void>;
};
static_assert(latch_shape<std::latch> && latch_shape<heddle::latch>);

struct completion {
  void operator()() noexcept {}
};
template <class T>
concept barrier_shape =
    stays_where_it_is<T> && std::is_constructible_v<T, std::ptrdiff_t> && !std::is_convertible_v<std::ptrdiff_t, T> &&
    std::movable<typename T::arrival_token> && requires(T & b, std::ptrdiff_t n, typename T::arrival_token token) {
  { T::max() }
  noexcept->std::same_as<std::ptrdiff_t>;
  { b.arrive() } -> std::same_as<typename T::arrival_token>;
  { b.arrive(n) } -> std::same_as<typename T::arrival_token>;
  { b.wait(std::move(token)) } -> std::same_as<void>;
  { b.arrive_and_wait() } -> std::same_as<void>;
  { b.arrive_and_drop() } -> std::same_as<void>;
};
static_assert(barrier_shape<std::barrier<>> && barrier_shape<heddle::barrier<>>);
static_assert(barrier_shape<std::barrier<completion>> && barrier_shape<heddle::barrier<completion>>);
static_assert(std::is_constructible_v<heddle::barrier<completion>, std::ptrdiff_t, completion>);

template <class T>
concept semaphore_shape =
    stays_where_it_is<T> && std::is_constructible_v<T, std::ptrdiff_t> && !std::is_convertible_v<std::ptrdiff_t, T> &&
    requires(T & s, std::ptrdiff_t n) {
  { T::max() }
  noexcept->std::same_as<std::ptrdiff_t>;
  { s.release() } -> std::same_as<void>;
  { s.release(n) } -> std::same_as<void>;
  { s.acquire() } -> std::same_as<void>;
  { s.try_acquire() }
  noexcept->std::same_as<bool>;
};
static_assert(semaphore_shape<std::counting_semaphore<>> && semaphore_shape<heddle::semaphore>);

// What the standard library builds on them: std::lock of three locks of two kinds, from all sides at once.
TEST(StdRequirements, the_guards_of_the_standard_library_go_with_all_of_them) {
  int value = 0;
  EXPECT_EQ(run_on(2,
                   [&] {
                     heddle::mutex a, c;
                     heddle::shared_mutex b;
                     heddle::wait_group wg;
                     for (int i = 0; i < 10; ++i)
                       wg.go([&, i] {
                         for (int k = 0; k < 50; ++k) {
                           if (i % 5 == 0) {
                             const std::scoped_lock all(a, b, c);
                             ++value;
                           } else if (i % 5 == 1) {
                             const std::scoped_lock all(c, b, a);
                             ++value;
                           } else if (i % 5 == 2) {
                             std::lock(b, a, c);
                             const std::lock_guard on_b(b, std::adopt_lock);
                             const std::lock_guard on_a(a, std::adopt_lock), on_c(c, std::adopt_lock);
                             ++value;
                           } else if (i % 5 == 3) {
                             std::unique_lock first(c, std::defer_lock);
                             std::unique_lock second(b, std::defer_lock);
                             std::lock(first, second);
                             ++value;
                           } else {
                             std::shared_lock shared(b, std::try_to_lock);
                             const std::lock_guard hold(c);
                           }
                         }
                       });
                     wg.wait();
                   }),
            0);
  EXPECT_EQ(value, 400);
}

TEST(StdRequirements, unique_lock_and_shared_lock_with_times) {
  EXPECT_EQ(run_on(1,
                   [] {
                     heddle::shared_mutex mu;
                     std::shared_lock reader(mu, moment);
                     EXPECT_TRUE(reader.owns_lock());
                     const std::shared_lock second(mu, steady_clock::now() + moment);
                     EXPECT_TRUE(second.owns_lock());
                     std::unique_lock writer(mu, moment);
                     EXPECT_FALSE(writer.owns_lock());
                     EXPECT_FALSE(writer.try_lock_until(steady_clock::now() + moment));
                     heddle::mutex plain_one;
                     const std::unique_lock first(plain_one, moment);
                     EXPECT_TRUE(first.owns_lock());
                     std::unique_lock late(plain_one, std::defer_lock);
                     EXPECT_FALSE(late.try_lock_for(moment));
                   }),
            0);
}

// What the standard library has for any lock works with heddle's, on threads.
TEST(StdRequirements, condition_variable_any) {
  heddle::mutex mu;
  std::condition_variable_any cv;
  bool open = false;
  std::thread other([&] {
    const std::lock_guard hold(mu);
    open = true;
    cv.notify_one();
  });
  std::unique_lock hold(mu);
  cv.wait(hold, [&] { return open; });
  EXPECT_FALSE(cv.wait_for(hold, moment, [] { return false; }));
  EXPECT_TRUE(hold.owns_lock());
  hold.unlock();
  other.join();
}

// And heddle's works with the standard library's, there.
TEST(StdRequirements, condition_variable_with_a_lock_of_std) {
  std::timed_mutex mu;
  heddle::condition_variable cv;
  bool open = false;
  std::unique_lock hold(mu);
  EXPECT_EQ(cv.wait_for(hold, moment), std::cv_status::timeout);
  std::thread other([&] {
    const std::lock_guard inner(mu);
    open = true;
    cv.notify_one();
  });
  EXPECT_TRUE(cv.wait_for(hold, for_ever, [&] { return open; }));
  hold.unlock();
  other.join();
}

}  // namespace

// A call whose header says "Blocks: nothing" neither blocks nor gives way: it may stand in a section of a std::mutex.
// Each such call is made with a std::mutex held, when the slice is over and sysmon has asked for the P: a safepoint in
// it would give way. Then once more when the goroutine's P was taken, which a safepoint would give it again.
// cmake/dev/calls.py compares this list with the headers.
#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "runtime/test/test_support.hpp"
#include "sched/hog.hpp"

namespace {

using heddle_test::with_procs;
using namespace std::chrono_literals;

// How often some goroutine has begun or gone on, on the P of the calling one.
std::uint64_t executes() { return heddle::detail::getm()->p.get()->executes(); }
bool asked() { return heddle::detail::getm()->p.get()->preempt.load(heddle::detail::relaxed) != 0; }

bool taken() { return heddle::detail::is_hog(heddle::detail::getm()); }

const char *current = "";  // the row: no SCOPED_TRACE, because that belongs to a thread
bool when_taken = false;   // the moment: the P was taken, or is asked for

// Calls f in a section as an embedder has it, at the worst moment.
template <class F>
void in_section(F &&f) {
  static std::mutex table;
  while (!(when_taken ? taken() : asked())) heddle::detail::cpu_relax();
  const std::lock_guard hold(table);
  const heddle::detail::m *const m = heddle::detail::getm();
  const long thread = heddle_test::thread_id();
  const std::uint64_t before = when_taken ? 0 : executes();
  f();
  EXPECT_TRUE(when_taken ? taken() : asked()) << current;
  EXPECT_EQ(m, heddle::detail::getm()) << current;
  EXPECT_EQ(thread, heddle_test::thread_id()) << current;
  EXPECT_EQ(before, when_taken ? 0 : executes()) << current;
}

// Goroutines that wait, each in f, by the time that the constructor returns; they have been served when the destructor
// does.
template <class F>
class waiting {
 public:
  explicit waiting(F f, int n = 2) {
    for (int i = 0; i < n; ++i)
      group_.go([this, f] {
        ++began_;
        f();
      });
    while (began_ < n) heddle::yield();
    heddle::sleep_for(300us);
  }
  ~waiting() { group_.wait(); }

 private:
  std::atomic<int> began_{0};
  heddle::wait_group group_;
};

const heddle::context_key<int> a_key;
heddle::task_local<int> a_local;

struct row {
  const char *name;
  void (*run)();
};

const row rows[] = {
    // go.hpp, runtime.hpp, stats.hpp
    {"go", [] { in_section([] { heddle::go([] {}); }); }},
    {"num_goroutine", [] { in_section([] { (void)heddle::num_goroutine(); }); }},
    {"goid", [] { in_section([] { (void)heddle::goid(); }); }},
    {"procs", [] { in_section([] { (void)heddle::procs(); }); }},
    {"stats", [] { in_section([] { (void)heddle::stats(); }); }},
    {"runtime::go",
     [] {
       heddle::runtime other(with_procs(1));
       in_section([&] { other.go([] {}); });
       heddle::blocking([&] { std::thread([&] { other.shutdown(); }).join(); });
     }},
    {"runtime::stats",
     [] {
       heddle::runtime other(with_procs(1));
       in_section([&] { (void)other.stats(); });
       heddle::blocking([&] { std::thread([&] { other.shutdown(); }).join(); });
     }},
    {"runtime::procs",
     [] {
       heddle::runtime other(with_procs(1));
       in_section([&] { (void)other.procs(); });
       heddle::blocking([&] { std::thread([&] { other.shutdown(); }).join(); });
     }},

    // chan.hpp
    {"chan::chan", [] { in_section([] { (void)heddle::chan<int>(3); }); }},
    {"chan::nil", [] { in_section([] { (void)heddle::chan<int>::nil(); }); }},
    {"chan::is_nil",
     [] {
       const heddle::chan<int> c;
       in_section([&] { (void)c.is_nil(); });
     }},
    {"chan::capacity",
     [] {
       const heddle::chan<int> c(2);
       in_section([&] { (void)c.capacity(); });
     }},
    {"chan::size",
     [] {
       const heddle::chan<int> c(2);
       in_section([&] { (void)c.size(); });
     }},
    {"chan::closed",
     [] {
       const heddle::chan<int> c(2);
       in_section([&] { (void)c.closed(); });
     }},
    {"chan::end",
     [] {
       const heddle::chan<int> c(2);
       in_section([&] { (void)c.end(); });
     }},
    {"chan::try_send",
     [] {
       const heddle::chan<int> full(1), served;
       const waiting two([served] { (void)served.recv(); });
       in_section([&] { EXPECT_TRUE(served.try_send(1)); });
       const int value = 2;
       in_section([&] { EXPECT_TRUE(served.try_send(value)); });
       in_section([&] { EXPECT_TRUE(full.try_send(3)); });
       in_section([&] { EXPECT_FALSE(full.try_send(4)); });
     }},
    {"chan::try_recv",
     [] {
       const heddle::chan<int> c(1), empty;
       const waiting two([c] { c.send(1); }, 3);  // one lies in the channel, two wait
       in_section([&] { EXPECT_TRUE(c.try_recv()); });
       in_section([&] { EXPECT_TRUE(c.try_recv()); });
       in_section([&] { EXPECT_TRUE(c.try_recv()); });
       in_section([&] { EXPECT_FALSE(empty.try_recv()); });
     }},
    {"chan::close",
     [] {
       const heddle::chan<int> c;
       const waiting two([c] { (void)c.recv(); });
       in_section([&] { c.close(); });
     }},
    {"received::closed",
     [] {
       const auto r = heddle::chan<int>().try_recv();
       in_section([&] { (void)r.closed(); });
     }},
    {"received::arrived",
     [] {
       const auto r = heddle::chan<int>().try_recv();
       in_section([&] { (void)r.arrived(); });
     }},

    // ends.hpp
    {"sender::nil", [] { in_section([] { (void)heddle::sender<int>::nil(); }); }},
    {"sender::try_send",
     [] {
       const heddle::chan<int> c;
       const heddle::sender<int> end = c;
       const waiting two([c] { (void)c.recv(); });
       const int value = 2;
       in_section([&] { EXPECT_TRUE(end.try_send(1)); });
       in_section([&] { EXPECT_TRUE(end.try_send(value)); });
     }},
    {"sender::close",
     [] {
       const heddle::chan<int> c;
       const heddle::sender<int> end = c;
       const waiting two([c] { (void)c.recv(); });
       in_section([&] { end.close(); });
     }},
    {"receiver::nil", [] { in_section([] { (void)heddle::receiver<int>::nil(); }); }},
    {"receiver::try_recv",
     [] {
       const heddle::chan<int> c;
       const heddle::receiver<int> end = c;
       const waiting one([c] { c.send(1); }, 1);
       in_section([&] { EXPECT_TRUE(end.try_recv()); });
     }},
    {"receiver::closed",
     [] {
       const heddle::receiver<int> end = heddle::chan<int>();
       in_section([&] { (void)end.closed(); });
     }},
    {"receiver::end",
     [] {
       const heddle::receiver<int> end = heddle::chan<int>();
       in_section([&] { (void)end.end(); });
     }},

    // select.hpp
    {"select_case::recv",
     [] {
       const heddle::chan<int> c;
       std::optional<int> v;
       in_section([&] { (void)heddle::select_case::recv(c, v); });
     }},
    {"select_case::send",
     [] {
       const heddle::chan<int> c;
       int v = 0;
       in_section([&] { (void)heddle::select_case::send(c, v); });
     }},
    {"try_select",
     [] {
       const heddle::chan<int> c, d;
       const waiting one([c] { c.send(1); }, 1);
       std::optional<int> v;
       const std::array cases{heddle::select_case::recv(c, v), heddle::select_case::recv(d, v)};
       in_section([&] { EXPECT_EQ(0u, heddle::try_select(cases)); });
       in_section([&] { EXPECT_EQ(std::nullopt, heddle::try_select(cases)); });
     }},
    {"on_recv",
     [] {
       const heddle::chan<int> c;
       in_section([&] { (void)heddle::on_recv(c); });
     }},
    {"on_send",
     [] {
       const heddle::chan<int> c;
       const int v = 1;
       in_section([&] { (void)heddle::on_send(c, 1); });
       in_section([&] { (void)heddle::on_send(c, v); });
     }},
    {"otherwise", [] { in_section([] { (void)heddle::otherwise(); }); }},

    // mutex.hpp, shared_mutex.hpp
    {"mutex::try_lock",
     [] {
       heddle::mutex m;
       in_section([&] { EXPECT_TRUE(m.try_lock()); });
       in_section([&] { EXPECT_FALSE(m.try_lock()); });
       m.unlock();
     }},
    {"mutex::unlock",  // that hands nothing over
     [] {
       heddle::mutex m;
       m.lock();
       const waiting two([&] { const std::lock_guard hold(m); });
       in_section([&] { m.unlock(); });
     }},
    {"shared_mutex::try_lock",
     [] {
       heddle::shared_mutex m;
       in_section([&] { EXPECT_TRUE(m.try_lock()); });
       in_section([&] { EXPECT_FALSE(m.try_lock()); });
       m.unlock();
     }},
    {"shared_mutex::try_lock_shared",
     [] {
       heddle::shared_mutex m;
       in_section([&] { EXPECT_TRUE(m.try_lock_shared()); });
       m.unlock_shared();
       m.lock();
       in_section([&] { EXPECT_FALSE(m.try_lock_shared()); });
       m.unlock();
     }},
    {"shared_mutex::unlock",
     [] {
       heddle::shared_mutex m;
       m.lock();
       const waiting readers([&] {
         m.lock_shared();
         m.unlock_shared();
       });
       const waiting writers([&] {
         m.lock();
         m.unlock();
       });
       in_section([&] { m.unlock(); });
     }},
    {"shared_mutex::unlock_shared",
     [] {
       heddle::shared_mutex m;
       m.lock_shared();
       const waiting writers([&] {
         m.lock();
         m.unlock();
       });
       in_section([&] { m.unlock_shared(); });
     }},

    // condition_variable.hpp, semaphore.hpp, latch.hpp, barrier.hpp, wait_group.hpp
    {"condition_variable::notify_one",
     [] {
       heddle::condition_variable cv;
       heddle::mutex m;
       int left = 2;
       const waiting two([&] {
         std::unique_lock hold(m);
         cv.wait(hold, [&] { return left == 0; });
       });
       m.lock();
       left = 0;
       m.unlock();
       in_section([&] { cv.notify_one(); });
       in_section([&] { cv.notify_one(); });
     }},
    {"condition_variable::notify_all",
     [] {
       heddle::condition_variable cv;
       heddle::mutex m;
       bool over = false;
       const waiting two([&] {
         std::unique_lock hold(m);
         cv.wait(hold, [&] { return over; });
       });
       m.lock();
       over = true;
       m.unlock();
       in_section([&] { cv.notify_all(); });
     }},
    {"semaphore::max", [] { in_section([] { (void)heddle::semaphore::max(); }); }},
    {"semaphore::semaphore", [] { in_section([] { (void)heddle::semaphore(1); }); }},
    {"semaphore::try_acquire",
     [] {
       heddle::semaphore s(1);
       in_section([&] { EXPECT_TRUE(s.try_acquire()); });
       in_section([&] { EXPECT_FALSE(s.try_acquire()); });
     }},
    {"semaphore::release",
     [] {
       heddle::semaphore s(0);
       const waiting two([&] { s.acquire(); });
       in_section([&] { s.release(2); });
     }},
    {"latch::max", [] { in_section([] { (void)heddle::latch::max(); }); }},
    {"latch::latch", [] { in_section([] { (void)heddle::latch(1); }); }},
    {"latch::try_wait",
     [] {
       const heddle::latch l(1);
       in_section([&] { EXPECT_FALSE(l.try_wait()); });
     }},
    {"latch::count_down",
     [] {
       heddle::latch l(1);
       const waiting two([&] { l.wait(); });
       in_section([&] { l.count_down(); });
     }},
    {"barrier::max", [] { in_section([] { (void)heddle::barrier<>::max(); }); }},
    {"barrier::barrier", [] { in_section([] { (void)heddle::barrier<>(1); }); }},
    {"wait_group::wait_group", [] { in_section([] { (void)heddle::wait_group(1); }); }},
    {"wait_group::add",
     [] {
       heddle::wait_group wg(1);
       const waiting two([&] { wg.wait(); });
       in_section([&] { wg.add(1); });
       in_section([&] { wg.add(-2); });
     }},
    {"wait_group::done",
     [] {
       heddle::wait_group wg(1);
       const waiting two([&] { wg.wait(); });
       in_section([&] { wg.done(); });
     }},
    {"wait_group::go",
     [] {
       heddle::wait_group wg;
       in_section([&] { wg.go([] {}); });
       wg.wait();
     }},

    // task.hpp, scope.hpp, stop.hpp
    {"spawn",
     [] {
       heddle::task<int> t;
       in_section([&] { t = heddle::spawn([] { return 1; }); });
       EXPECT_EQ(t.get(), 1);
     }},
    {"task::valid",
     [] {
       const auto t = heddle::spawn([] {});
       in_section([&] { (void)t.valid(); });
     }},
    {"task::done",
     [] {
       const auto t = heddle::spawn([] {});
       in_section([&] { (void)t.done(); });
     }},
    {"task::cancel",
     [] {
       auto t = heddle::spawn([](std::stop_token stop) {
         const heddle::stop_signal stopped(stop);
         stopped.done().recv();
       });
       heddle::yield();
       in_section([&] { t.cancel(); });
     }},
    {"task::stop_source",
     [] {
       const auto t = heddle::spawn([](std::stop_token) {});
       in_section([&] { (void)t.stop_source(); });
     }},
    {"on_done",
     [] {
       const auto t = heddle::spawn([] {});
       in_section([&] { (void)heddle::on_done(t); });
     }},
    {"scope::scope",
     [] {
       const std::stop_source outer;
       std::optional<heddle::scope> s;
       in_section([&] { s.emplace(); });
       in_section([&] { s.emplace(outer.get_token()); });
     }},
    {"scope::spawn",
     [] {
       heddle::scope s;
       in_section([&] { s.spawn([] {}); });
       s.wait();
     }},
    {"scope::cancel",
     [] {
       heddle::scope s;
       s.spawn([](std::stop_token stop) {
         const heddle::stop_signal stopped(stop);
         stopped.done().recv();
       });
       heddle::yield();
       in_section([&] { s.cancel(); });
       s.wait();
     }},
    {"scope::cancelled",
     [] {
       const heddle::scope s;
       in_section([&] { (void)s.cancelled(); });
     }},
    {"scope::stop_token",
     [] {
       const heddle::scope s;
       in_section([&] { (void)s.stop_token(); });
     }},
    {"stop_signal::done",
     [] {
       const heddle::stop_signal s{std::stop_token()};
       in_section([&] { (void)s.done(); });
     }},

    // context.hpp
    {"context::background", [] { in_section([] { (void)heddle::context::background(); }); }},
    {"context::done",
     [] {
       const auto c = heddle::with_cancel({});
       in_section([&] { (void)c.done(); });
     }},
    {"context::err",
     [] {
       const auto c = heddle::with_cancel({});
       in_section([&] { (void)c.err(); });
     }},
    {"context::cause",
     [] {
       const auto c = heddle::with_cancel({});
       in_section([&] { (void)c.cause(); });
     }},
    {"context::deadline",
     [] {
       const auto c = heddle::with_cancel({});
       in_section([&] { (void)c.deadline(); });
     }},
    {"context::value",
     [] {
       const auto c = heddle::with_value({}, a_key, 1);
       in_section([&] { EXPECT_EQ(*c.value(a_key), 1); });
     }},
    {"context::stop_token",
     [] {
       const auto c = heddle::with_cancel({});
       in_section([&] { (void)c.stop_token(); });
     }},
    {"cancel_context::cancel",
     [] {
       const auto above = heddle::with_cancel({});
       const auto below = heddle::with_timeout(above, 1h);
       const waiting two([done = below.done()] { (void)done.recv(); });
       in_section([&] { above.cancel(std::make_exception_ptr(std::runtime_error("over"))); });
     }},
    {"with_cancel", [] { in_section([] { (void)heddle::with_cancel({}); }); }},
    {"with_deadline",
     [] { in_section([] { (void)heddle::with_deadline({}, std::chrono::steady_clock::now() + 1h); }); }},
    {"with_timeout", [] { in_section([] { (void)heddle::with_timeout({}, 1ms); }); }},
    {"with_value", [] { in_section([] { (void)heddle::with_value({}, a_key, 1); }); }},
    {"without_cancel", [] { in_section([] { (void)heddle::without_cancel({}); }); }},

    // time.hpp
    {"timer::timer", [] { in_section([] { (void)heddle::timer(1ms); }); }},
    {"timer::stop",
     [] {
       const heddle::timer t(1h);
       in_section([&] { t.stop(); });
     }},
    {"timer::reset",
     [] {
       const heddle::timer t(1h);
       in_section([&] { t.reset(0ms); });
     }},
    {"ticker::ticker", [] { in_section([] { (void)heddle::ticker(1h); }); }},
    {"ticker::stop",
     [] {
       const heddle::ticker t(1h);
       in_section([&] { t.stop(); });
     }},
    {"ticker::reset",
     [] {
       const heddle::ticker t(1h);
       in_section([&] { t.reset(1ms); });
     }},
    {"after", [] { in_section([] { (void)heddle::after(0ms); }); }},
    {"tick", [] { in_section([] { (void)heddle::tick(1h); }); }},
    {"after_func",
     [] {
       const heddle::chan<int> called(1);
       in_section([&] { heddle::after_func(0ms, [called] { called.send(1); }); });
       called.recv();
     }},
    {"func_timer::stop",
     [] {
       const auto t = heddle::after_func(1h, [] {});
       in_section([&] { t.stop(); });
     }},
    {"func_timer::reset",
     [] {
       const heddle::chan<int> called(1);
       const auto t = heddle::after_func(1h, [called] { called.send(1); });
       in_section([&] { t.reset(0ms); });
       called.recv();
     }},

    // task_local.hpp, thread.hpp
    {"task_local::task_local", [] { in_section([] { (void)heddle::task_local<int>(); }); }},
    {"task_local::get", [] { in_section([] { (void)a_local.get(); }); }},
    {"task_local::operator*", [] { in_section([] { (void)*a_local; }); }},
    {"task_local::operator->", [] { in_section([] { (void)a_local.operator->(); }); }},
    {"task_local::has_value", [] { in_section([] { (void)a_local.has_value(); }); }},
    {"task_local::reset", [] { in_section([] { a_local.reset(); }); }},
    {"set_name", [] { in_section([] { heddle::set_name("somebody"); }); }},
    {"name", [] { in_section([] { (void)heddle::name(); }); }},
    {"lock_os_thread",
     [] {
       in_section([] { heddle::lock_os_thread(); });
       heddle::unlock_os_thread();
     }},
    {"unlock_os_thread",
     [] {
       heddle::lock_os_thread();
       in_section([] { heddle::unlock_os_thread(); });
     }},
};

void make_all_calls(int procs, bool taken) {
  when_taken = taken;
  heddle::options o = with_procs(procs);
  if (!taken) o.hogs_max = -1;
  const auto calls = [] {
    std::atomic<bool> over{false};
    heddle::wait_group others;
    for (int i = 0; i < 2; ++i)  // to give way to
      others.go([&] {
        while (!over) heddle::gosched();
      });
    for (const row &r : rows) {
      current = r.name;
      r.run();
    }
    over = true;
    others.wait();
  };
  EXPECT_EQ(heddle::run(heddle_test::and_settle(calls), o), 0);
}

class BlocksNothing : public testing::TestWithParam<int> {};

TEST_P(BlocksNothing, also_when_the_slice_is_over) { make_all_calls(GetParam(), false); }

TEST(BlocksNothingTest, also_when_the_P_was_taken) { make_all_calls(1, true); }

// The test itself can fail: what may give way does so in that section.
TEST(BlocksNothingTest, a_safepoint_gives_way) {
  heddle::options o = with_procs(1);
  o.hogs_max = -1;
  heddle::run(
      [] {
        heddle::go([] {});
        while (!asked()) heddle::detail::cpu_relax();
        const std::uint64_t before = executes();
        heddle::safepoint();
        EXPECT_NE(before, executes());
      },
      o);
  heddle_test::run_on(1, [] {
    heddle::go([] {});
    while (!taken()) heddle::detail::cpu_relax();
    heddle::safepoint();
    EXPECT_FALSE(taken());
  });
}

INSTANTIATE_TEST_SUITE_P(procs, BlocksNothing, testing::Values(1, 2, 8));

}  // namespace

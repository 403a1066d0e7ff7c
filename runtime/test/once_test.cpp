// once.
#include <memory>
#include <stdexcept>
#include <string>

#include "runtime/test/test_support.hpp"

namespace {

using heddle::once;
using heddle::wait_group;
using heddle_test::run_on;

TEST(Once, TestOnce) {
  for (const int procs : {1, 2, 4}) {
    int calls = 0;  // plain
    EXPECT_EQ(run_on(procs,
                     [&] {
                       once o;
                       wait_group wg;
                       for (int i = 0; i < 20; ++i)
                         wg.go([&] {
                           o.call([&] {
                             heddle::yield();
                             heddle::gosched();
                             ++calls;
                           });
                           EXPECT_EQ(calls, 1) << "a caller that comes meanwhile waits";
                         });
                       wg.wait();
                     }),
              0);
    EXPECT_EQ(calls, 1) << procs << " Ps";
  }
}

// As Go's TestOncePanic, except that after an exception nothing counts as done.
TEST(Once, TestOncePanic) {
  EXPECT_EQ(run_on(1,
                   [] {
                     once o;
                     int calls = 0;
                     EXPECT_THROW(o.call([&] {
                       ++calls;
                       throw std::runtime_error("first");
                     }),
                                  std::runtime_error);
                     o.call([&] { ++calls; });
                     o.call([&] { ++calls; });
                     EXPECT_EQ(calls, 2);
                   }),
            0);
}

TEST(Once, one_who_waits_takes_over_from_one_who_throws) {
  for (const int procs : {1, 2, 4}) {
    std::atomic<int> thrown{0}, done{0};
    EXPECT_EQ(run_on(procs,
                     [&] {
                       once o;
                       wait_group wg;
                       for (int i = 0; i < 10; ++i)
                         wg.go([&] {
                           try {
                             o.call([&] {
                               heddle::yield();
                               if (thrown.load() < 5) throw std::runtime_error(std::to_string(thrown.fetch_add(1)));
                               done.fetch_add(1);
                             });
                           } catch (const std::runtime_error &) {
                           }
                         });
                       wg.wait();
                     }),
              0);
    EXPECT_EQ(thrown.load(), 5);
    EXPECT_EQ(done.load(), 1);
  }
}

TEST(Once, takes_any_callable_with_arguments) {
  EXPECT_EQ(run_on(1,
                   [] {
                     struct thing {
                       int value = 0;
                       void set(int v) { value = v; }
                     } t;
                     once a, b;
                     a.call(&thing::set, &t, 3);
                     EXPECT_EQ(t.value, 3);
                     std::unique_ptr<int> got;
                     b.call([&](std::unique_ptr<int> p) { got = std::move(p); }, std::make_unique<int>(4));
                     ASSERT_NE(got, nullptr);
                     EXPECT_EQ(*got, 4);
                   }),
            0);
}

TEST(Once, on_threads_without_a_runtime) {
  int calls = 0;
  once o;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      o.call([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
        ++calls;
      });
      EXPECT_EQ(calls, 1);
    });
  for (std::thread &t : threads) t.join();
}

TEST(OnceDeathTest, recursion_waits_for_itself) {
  EXPECT_EXIT((void)run_on(1,
                           [] {
                             once o;
                             o.call([&] { o.call([] {}); });
                           }),
              testing::ExitedWithCode(2), "deadlock!\n\ngoroutine 1 \\[mutex lock\\] \\(main\\)\n");
}

}  // namespace

// semaphore.
#include <limits>
#include <memory>
#include <vector>

#include "runtime/test/test_support.hpp"

namespace {

using heddle::semaphore;
using heddle::wait_group;
using heddle_test::run_on;
using ints = std::vector<int>;

TEST(Semaphore, lets_so_many_in_at_once) {
  for (const int procs : {1, 2, 4}) {
    std::atomic<int> inside{0}, most{0}, total{0};
    EXPECT_EQ(run_on(procs,
                     [&] {
                       semaphore three(3);
                       wait_group wg;
                       for (int i = 0; i < 20; ++i)
                         wg.go([&] {
                           for (int k = 0; k < 100; ++k) {
                             three.acquire();
                             const int now = inside.fetch_add(1) + 1;
                             for (int seen = most.load(); seen < now && !most.compare_exchange_weak(seen, now);) {
                             }
                             while (most.load() < 3) heddle::gosched();  // the first stay until there are three
                             if (k % 2 == 0) heddle::yield();
                             if (k % 16 == 0) heddle::gosched();
                             total.fetch_add(1);
                             inside.fetch_sub(1);
                             three.release();
                           }
                         });
                       wg.wait();
                       for (int i = 0; i < 3; ++i) EXPECT_TRUE(three.try_acquire());
                       EXPECT_FALSE(three.try_acquire());
                     }),
              0);
    EXPECT_EQ(total.load(), 2000);
    EXPECT_EQ(most.load(), 3) << procs << " Ps";
  }
}

TEST(Semaphore, orders_what_was_done_before_the_release) {
  for (const int procs : {1, 2, 4})
    EXPECT_EQ(run_on(procs,
                     [] {
                       for (int i = 0; i < 200; ++i) {
                         semaphore ready(0);
                         int value = 0;  // plain
                         heddle::go([&] {
                           value = i;
                           ready.release();
                         });
                         ready.acquire();
                         EXPECT_EQ(value, i);
                       }
                     }),
              0);
}

TEST(Semaphore, serves_in_the_order_of_coming) {
  ints order;
  EXPECT_EQ(run_on(1,
                   [&] {
                     semaphore s(0);
                     wait_group wg;
                     for (int i = 0; i < 8; ++i) {
                       wg.go([&, i] {
                         s.acquire();
                         order.push_back(i);
                         s.release();
                       });
                       heddle::yield();
                     }
                     s.release();
                     EXPECT_FALSE(s.try_acquire()) << "it belongs to the one that has waited longest";
                     wg.wait();
                     EXPECT_TRUE(s.try_acquire());
                   }),
            0);
  EXPECT_EQ(order, (ints{0, 1, 2, 3, 4, 5, 6, 7}));
}

// A goroutine that releases and acquires again at once waits behind those that were there before.
TEST(Semaphore, who_releases_and_acquires_again_waits_his_turn) {
  int mine = 0, others = -1;
  EXPECT_EQ(run_on(1,
                   [&] {
                     semaphore s(1);
                     s.acquire();
                     wait_group wg;
                     wg.go([&] {
                       s.acquire();
                       others = mine;
                       s.release();
                     });
                     heddle::yield();
                     for (int i = 0; i < 100; ++i) {
                       s.release();
                       s.acquire();
                       ++mine;
                     }
                     s.release();
                     wg.wait();
                   }),
            0);
  EXPECT_EQ(others, 0);
}

TEST(Semaphore, a_release_of_several_serves_several_and_keeps_the_rest) {
  for (const int procs : {1, 4})
    EXPECT_EQ(run_on(procs,
                     [] {
                       semaphore s(0);
                       wait_group wg;
                       std::atomic<int> through{0};
                       for (int i = 0; i < 5; ++i)
                         wg.go([&] {
                           s.acquire();
                           through.fetch_add(1);
                         });
                       s.release(0);
                       s.release(2);
                       while (through.load() < 2) heddle::gosched();
                       for (int i = 0; i < 20; ++i) heddle::gosched();
                       EXPECT_EQ(through.load(), 2);
                       s.release(7);
                       wg.wait();
                       EXPECT_EQ(through.load(), 5);
                       for (int i = 0; i < 4; ++i) EXPECT_TRUE(s.try_acquire());
                       EXPECT_FALSE(s.try_acquire());
                     }),
              0);
}

TEST(Semaphore, may_be_destroyed_by_who_got_the_last_unit) {
  for (const int procs : {1, 2, 4})
    EXPECT_EQ(run_on(procs,
                     [] {
                       for (int i = 0; i < 500; ++i) {
                         auto s = std::make_unique<semaphore>(0);
                         for (int k = 0; k < 2; ++k) heddle::go([p = s.get()] { p->release(); });
                         s->acquire();
                         s->acquire();
                         s.reset();
                       }
                     }),
              0);
}

TEST(Semaphore, between_threads_and_goroutines) {
  heddle::options o = heddle_test::with_procs(2);
  o.detect_deadlock = false;
  EXPECT_EQ(heddle::run(
                [] {
                  semaphore there(0), back(0);
                  int value = 0;
                  std::thread outside([&] {
                    for (int i = 0; i < 200; ++i) {
                      there.acquire();
                      EXPECT_EQ(value, i);
                      value = -i;
                      back.release();
                    }
                  });
                  for (int i = 0; i < 200; ++i) {
                    value = i;
                    there.release();
                    if (i % 2 == 0)
                      back.acquire();
                    else
                      heddle::blocking([&] { back.acquire(); });
                    EXPECT_EQ(value, -i);
                  }
                  outside.join();
                },
                o),
            0);
}

TEST(SemaphoreDeathTest, misuse) {
  EXPECT_EXIT(semaphore(-1), testing::ExitedWithCode(2), "fatal error: semaphore with a negative number of units\n");
  EXPECT_EXIT(semaphore(1).release(-1), testing::ExitedWithCode(2),
              "fatal error: semaphore released by a negative number of units\n");
  EXPECT_EXIT(semaphore(1).release(std::numeric_limits<std::ptrdiff_t>::max()), testing::ExitedWithCode(2),
              "fatal error: semaphore with too many units\n");
}

TEST(SemaphoreDeathTest, nobody_releases) {
  EXPECT_EXIT((void)run_on(1, [] { semaphore(0).acquire(); }), testing::ExitedWithCode(2), "semaphore acquire");
}

}  // namespace

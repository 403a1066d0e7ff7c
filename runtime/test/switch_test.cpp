// What must survive a switch: registers, errno, the exceptions that a goroutine is handling, and the way out for
// unwinders.
#include <unwind.h>
#include <cerrno>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

#include "runtime/test/test_support.hpp"
#include "sched/switch/switch.hpp"

// std::uint64_t heddle_test_registers(std::uint64_t seed, void (*call)()): fills every callee-saved register with
// values made of the seed, calls, and returns the bits in which one of them has changed.
asm(R"(
    .text
    .type heddle_test_registers, @function
heddle_test_registers:
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    pushq %rdi
    leaq  1(%rdi), %rbx
    leaq  2(%rdi), %rbp
    leaq  3(%rdi), %r12
    leaq  4(%rdi), %r13
    leaq  5(%rdi), %r14
    leaq  6(%rdi), %r15
    call  *%rsi
    movq  (%rsp), %rdi
    leaq  1(%rdi), %rax
    xorq  %rbx, %rax
    leaq  2(%rdi), %rcx
    xorq  %rbp, %rcx
    orq   %rcx, %rax
    leaq  3(%rdi), %rcx
    xorq  %r12, %rcx
    orq   %rcx, %rax
    leaq  4(%rdi), %rcx
    xorq  %r13, %rcx
    orq   %rcx, %rax
    leaq  5(%rdi), %rcx
    xorq  %r14, %rcx
    orq   %rcx, %rax
    leaq  6(%rdi), %rcx
    xorq  %r15, %rcx
    orq   %rcx, %rax
    popq  %rdi
    popq  %r15
    popq  %r14
    popq  %r13
    popq  %r12
    popq  %rbp
    popq  %rbx
    ret
    .size heddle_test_registers, .-heddle_test_registers
)");
extern "C" std::uint64_t heddle_test_registers(std::uint64_t seed, void (*call)());

namespace {

using heddle_test::migrate;
using heddle_test::run_on;

// The address of errno is a constant to the compiler; after a switch it would be that of the old thread's.
[[gnu::noinline]] int get_errno() {
  asm volatile("");
  return errno;
}
[[gnu::noinline]] void set_errno(int value) {
  asm volatile("");
  errno = value;
}

void yield() { heddle::yield(); }
void gosched() { heddle::gosched(); }

TEST(Switch, keeps_callee_saved_registers) {
  EXPECT_EQ(heddle_test_registers(7, [] {}), 0u);
  for (const int procs : {1, 2, 4}) {
    std::atomic<std::uint64_t> changed{0};
    EXPECT_EQ(run_on(procs,
                     [&] {
                       heddle::wait_group wg;
                       for (std::uint64_t i = 1; i <= 20; ++i)
                         wg.go([&changed, i] {
                           for (std::uint64_t round = 0; round < 50; ++round) {
                             changed |= heddle_test_registers(i << 32 | round << 8, yield);
                             changed |= heddle_test_registers(~i << 40 | round, gosched);
                           }
                         });
                       for (int i = 0; i < 20; ++i) changed |= heddle_test_registers(0x5a5a5a5a, gosched);
                       wg.wait();
                     }),
              0);
    EXPECT_EQ(changed.load(), 0u) << procs << " Ps";
  }
}

TEST(Switch, keeps_floating_point_values_and_large_frames) {
  for (const int procs : {1, 2}) {
    std::atomic<int> wrong{0};
    EXPECT_EQ(run_on(procs,
                     [&] {
                       heddle::wait_group wg;
                       for (int i = 0; i < 10; ++i)
                         wg.go([&wrong, i] {
                           double sum = 0, values[64];
                           for (int k = 0; k < 64; ++k) values[k] = i + k / 64.0;
                           for (int k = 0; k < 64; ++k) {
                             sum += values[k];
                             heddle::yield();
                           }
                           if (sum != 64.0 * i + 31.5) wrong.fetch_add(1);
                         });
                       wg.wait();
                     }),
              0);
    EXPECT_EQ(wrong.load(), 0);
  }
}

TEST(Switch, errno_belongs_to_the_goroutine) {
  for (const int procs : {1, 2, 4}) {
    std::atomic<int> wrong{0};
    EXPECT_EQ(run_on(procs,
                     [&] {
                       heddle::wait_group wg;
                       for (int i = 1; i <= 20; ++i)
                         wg.go([&wrong, i] {
                           if (get_errno() != 0) wrong.fetch_add(1);  // a new goroutine starts with errno 0
                           for (int round = 0; round < 100; ++round) {
                             set_errno(1000 * i + round);
                             (round % 2 == 0 ? yield : gosched)();
                             if (get_errno() != 1000 * i + round) wrong.fetch_add(1);
                           }
                         });
                       wg.wait();
                     }),
              0);
    EXPECT_EQ(wrong.load(), 0) << procs << " Ps";
  }
}

TEST(Switch, errno_follows_to_another_thread) {
  EXPECT_EQ(run_on(2,
                   [] {
                     for (int i = 1; i <= 5; ++i) {
                       set_errno(7000 + i);
                       migrate();
                       EXPECT_EQ(get_errno(), 7000 + i);
                     }
                   }),
            0);
}

// ---------------------------------------------------------------------------------------------------------- exceptions

TEST(Exceptions, each_goroutine_rethrows_its_own) {
  for (const int procs : {1, 2, 4}) {
    std::atomic<int> wrong{0};
    EXPECT_EQ(run_on(procs,
                     [&] {
                       heddle::wait_group wg;
                       for (int i = 0; i < 8; ++i)
                         wg.go([&wrong, i] {
                           for (int round = 0; round < 20; ++round) {
                             const int mine = 100 * i + round;
                             try {
                               try {
                                 if (std::current_exception() != nullptr) wrong.fetch_add(1);
                                 throw mine;
                               } catch (int) {
                                 (round % 2 == 0 ? yield : gosched)();
                                 const std::exception_ptr held = std::current_exception();
                                 if (held == nullptr) wrong.fetch_add(1);
                                 heddle::yield();
                                 if (std::current_exception() != held) wrong.fetch_add(1);
                                 throw;
                               }
                             } catch (int got) {
                               heddle::yield();
                               if (got != mine) wrong.fetch_add(1);
                             }
                             if (std::current_exception() != nullptr) wrong.fetch_add(1);
                           }
                         });
                       wg.wait();
                     }),
              0);
    EXPECT_EQ(wrong.load(), 0) << procs << " Ps";
  }
}

TEST(Exceptions, two_in_their_handlers_at_once) {
  std::vector<std::string> log;
  EXPECT_EQ(run_on(1,
                   [&] {
                     heddle::wait_group wg;
                     for (const char *name : {"a", "b"})
                       wg.go([&log, name] {
                         try {
                           try {
                             throw std::runtime_error(name);
                           } catch (const std::exception &) {
                             log.push_back(std::string("caught ") + name);
                             heddle::yield();
                             log.push_back(std::string("rethrows ") + name);
                             throw;
                           }
                         } catch (const std::exception &e) {
                           log.push_back(std::string("got ") + e.what());
                         }
                       });
                     wg.wait();
                   }),
            0);
  EXPECT_EQ(log, (std::vector<std::string>{"caught b", "caught a", "rethrows b", "got b", "rethrows a", "got a"}));
}

TEST(Exceptions, a_handler_goes_on_on_another_thread) {
  EXPECT_EQ(run_on(2,
                   [] {
                     for (int i = 0; i < 5; ++i) {
                       const std::string text = "number " + std::to_string(i);
                       try {
                         try {
                           throw std::runtime_error(text);
                         } catch (const std::runtime_error &) {
                           migrate();
                           EXPECT_NE(std::current_exception(), nullptr);
                           throw;
                         }
                       } catch (const std::runtime_error &e) {
                         EXPECT_EQ(e.what(), text);
                       }
                       EXPECT_EQ(std::current_exception(), nullptr);
                     }
                   }),
            0);
}

// Switches while an exception unwinds its frame.
template <class F>
struct at_unwinding {
  F f;
  int seen_before = -1, seen_after = -1;
  int *out;
  at_unwinding(F g, int *o) : f(std::move(g)), out(o) {}
  ~at_unwinding() {
    out[0] = std::uncaught_exceptions();
    f();
    out[1] = std::uncaught_exceptions();
  }
};

TEST(Exceptions, the_count_of_uncaught_ones_belongs_to_the_goroutine) {
  for (const int procs : {1, 2}) {
    EXPECT_EQ(run_on(procs,
                     [procs] {
                       heddle::wait_group wg;
                       bool over = false;
                       int others = 0;
                       if (procs == 1)
                         wg.go([&] {
                           while (!over) {
                             others += std::uncaught_exceptions();
                             heddle::yield();
                           }
                         });
                       int seen[2] = {-1, -1};
                       try {
                         const auto leave = [procs] { procs == 1 ? heddle::yield() : migrate(); };
                         const at_unwinding guard(leave, seen);
                         throw 1;
                       } catch (int) {
                       }
                       EXPECT_EQ(seen[0], 1);
                       EXPECT_EQ(seen[1], 1);
                       EXPECT_EQ(std::uncaught_exceptions(), 0);
                       over = true;
                       wg.wait();
                       EXPECT_EQ(others, 0);
                     }),
              0);
  }
}

TEST(Exceptions, nested_handlers_across_switches) {
  EXPECT_EQ(run_on(2,
                   [] {
                     heddle::wait_group wg;
                     std::atomic<int> right{0};
                     for (int i = 0; i < 10; ++i)
                       wg.go([&right, i] {
                         try {
                           throw std::to_string(i);
                         } catch (const std::string &outer) {
                           heddle::gosched();
                           try {
                             throw i;
                           } catch (int inner) {
                             heddle::gosched();
                             if (inner == i && outer == std::to_string(i)) right.fetch_add(1);
                           }
                           heddle::gosched();
                           try {
                             throw;
                           } catch (const std::string &again) {
                             if (again == std::to_string(i)) right.fetch_add(1);
                           }
                         }
                       });
                     wg.wait();
                     EXPECT_EQ(right.load(), 20);
                   }),
            0);
}

// ----------------------------------------------------------------------------------------------------------- unwinding

struct walk {
  int frames = 0;
  void *outermost = nullptr;
};

_Unwind_Reason_Code step(_Unwind_Context *context, void *arg) {
  auto *w = static_cast<walk *>(arg);
  const auto ip = reinterpret_cast<void *>(_Unwind_GetIP(context));
  if (ip != nullptr) w->outermost = _Unwind_FindEnclosingFunction(ip);
  return ++w->frames < 1000 ? _URC_NO_REASON : _URC_END_OF_STACK;
}

[[gnu::noinline]] walk walk_stack() {
  walk w;
  _Unwind_Backtrace(step, &w);
  return w;
}

[[gnu::noinline]] walk walk_from_depth(int depth) {
  if (depth == 0) return walk_stack();
  const walk w = walk_from_depth(depth - 1);
  asm volatile("");  // no tail call
  return w;
}

TEST(Unwinding, ends_at_the_entry_frame) {
  EXPECT_EQ(run_on(1,
                   [] {
                     const auto look = [](int depth) {
                       const walk w = walk_from_depth(depth);
                       EXPECT_LT(w.frames, 200) << "the unwinder went astray";
                       EXPECT_GT(w.frames, depth);
                       EXPECT_EQ(w.outermost, reinterpret_cast<void *>(&heddle_gostart));
                     };
                     look(0);
                     heddle::wait_group wg;
                     wg.go([&] {
                       look(3);
                       heddle::yield();
                       look(50);
                     });
                     wg.wait();
                     look(10);
                   }),
            0);
}

TEST(Unwinding, frame_pointers_end_at_the_entry_frame_too) {
  EXPECT_EQ(run_on(1,
                   [] {
                     void **frame = static_cast<void **>(__builtin_frame_address(0));
                     const heddle::detail::stack s = heddle::detail::getm()->curg.peek()->stack.get();
                     int frames = 0;
                     for (; frame != nullptr && frames < 100; ++frames) {
                       ASSERT_GE(reinterpret_cast<char *>(frame), s.lo);
                       ASSERT_LT(reinterpret_cast<char *>(frame), s.hi);
                       frame = static_cast<void **>(*frame);
                     }
                     EXPECT_LT(frames, 100);
                   }),
            0);
}

}  // namespace

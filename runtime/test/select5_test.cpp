// Generated programs of channel operations, run by real threads: what each shows must be what some order of its steps
// shows in a sequential model. They are in the manner of Go's test/chan/select5.go, whose generator writes programs for
// the compiler.
#include <array>
#include <cstdio>
#include <memory>
#include <vector>

#include "runtime/test/program_support.hpp"

namespace {

using namespace models;
using heddle_test::run_of_program;
using heddle_test::run_on;
using heddle_test::told;

constexpr std::size_t states = 1 << 16;

// HEDDLE_SELECT5_SEED sets another seed, HEDDLE_SELECT5_PROGRAMS another number of programs.
std::uint64_t from_environment(const char *name, std::uint64_t otherwise) {
  const char *text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 0) : otherwise;
}

TEST(Select, select5) {
  const std::uint64_t seed = from_environment("HEDDLE_SELECT5_SEED", 1);
  const std::uint64_t wanted = from_environment("HEDDLE_SELECT5_PROGRAMS", heddle_test::tsan ? 3'000 : 10'000);
  constexpr std::uint64_t batch = 500;
  const auto states_seen = std::make_unique<visited<states>>();
  std::uint64_t done = 0, checked = 0, rescued = 0, operations = 0, with_many = 0, several = 0;
  std::vector<run_of_program> runs;
  for (; done < wanted; done += runs.size()) {
    runs.assign(std::min(batch, wanted - done), {});
    for (std::size_t i = 0; i < runs.size(); ++i) {
      runs[i].seed = dice{seed * 0x100000000ull + done + i}.next();
      runs[i].p = generator(runs[i].seed, {.scripts = 4, .ops = 4, .chans = 3}).make();
    }
    const int procs = std::array{1, 2, 4, 4}[done / batch % 4];
    ASSERT_EQ(run_on(procs, [&] { heddle_test::run_all(runs); }), 0);
    with_many += procs > 1 ? runs.size() : 0;
    for (const run_of_program &r : runs) {
      several += r.several;
      for (unsigned who = 0; who < r.p.scripts; ++who) operations += r.p.script_of[who].n;
      rescued += r.helped;
      if (!r.whole) continue;
      ++checked;
      ASSERT_TRUE(allows(r.p, r.shown, *states_seen))
          << "no order of the steps shows this; HEDDLE_SELECT5_SEED=" << seed << ", program " << r.seed << "\n"
          << told(r.p, r.shown);
    }
  }
  std::printf(
      "select5: %llu programs, %llu operations, %llu agreed with the model, in %llu main had to help; %llu of %llu on "
      "more than one P began on more than one thread; seed %llu\n",
      static_cast<unsigned long long>(done), static_cast<unsigned long long>(operations),
      static_cast<unsigned long long>(checked), static_cast<unsigned long long>(rescued),
      static_cast<unsigned long long>(several), static_cast<unsigned long long>(with_many),
      static_cast<unsigned long long>(seed));
  EXPECT_GE(checked * 100, done * 99) << "main had to help too often";
  if (std::thread::hardware_concurrency() > 1) {
    EXPECT_GE(several * 100, with_many * 40) << "too few programs show what threads do at once";
  }
}

// Tests that the check notices a mistake: a received value is changed into one that another sent, or that was never
// sent.
TEST(Select, select5_notices_a_wrong_outcome) {
  const auto states_seen = std::make_unique<visited<states>>();
  std::vector<run_of_program> runs(300);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    runs[i].seed = dice{i}.next();
    runs[i].p = generator(runs[i].seed, {}).make();
  }
  ASSERT_EQ(run_on(1, [&] { heddle_test::run_all(runs); }), 0);
  unsigned changed = 0;
  for (run_of_program &r : runs)
    for (unsigned who = 0; who < r.p.scripts; ++who)
      for (unsigned at = 0; at < r.p.script_of[who].n; ++at) {
        outcome &o = r.shown[who][at];
        if (o.value <= 0) continue;
        const outcome before = o;
        for (const std::int16_t wrong : {std::int16_t{999}, outcome::drained, std::int16_t{0}}) {
          o.value = wrong;
          EXPECT_FALSE(allows(r.p, r.shown, *states_seen)) << told(r.p, r.shown);
          ++changed;
        }
        o = before;
      }
  EXPECT_GT(changed, 300u);
}

// ----------------------------------------------------------------------------------------------------- the model alone

// Makes a program from what its scripts do: "s0" sends on c0, "r1?" tries to receive from c1, "x0" closes.
program written(std::initializer_list<std::initializer_list<const char *>> scripts,
                std::array<std::uint8_t, 4> capacity) {
  program p{};
  p.chans = 4;
  p.owner.fill(nil);
  p.capacity = capacity;
  for (const auto &texts : scripts) {
    script &s = p.script_of[p.scripts++];
    for (const char *text : texts) {
      op &o = s.ops[s.n++];
      o.n = 0;
      for (; *text != 0; ++text) {
        if (*text == '?') o.otherwise = true;
        if (*text == 'x') o.how = form::close;
        if (*text == '|') o.how = form::select;
        if (*text < '0' || *text > '9') continue;
        o.cases[o.n++] = {static_cast<std::uint8_t>(*text - '0'), text[-1] == 's'};
      }
    }
  }
  return p;
}

TEST(Select5Model, says_what_may_be) {
  const auto s = std::make_unique<visited<states>>();
  outcomes o{};
  const program meet = written({{"s0", "s0"}, {"r0", "r0"}}, {0, 0, 0, 0});
  EXPECT_TRUE(always_ends(meet, *s));
  o[0][0] = o[0][1] = {0, 0};
  o[1][0] = {0, value_of(0, 0, 0)};
  o[1][1] = {0, value_of(0, 1, 0)};
  EXPECT_TRUE(allows(meet, o, *s));
  std::swap(o[1][0], o[1][1]);
  EXPECT_FALSE(allows(meet, o, *s)) << "in order";

  // One tries to send, the other to receive: on an unbuffered channel neither waits, so both fail, always.
  const program tries = written({{"s0?"}, {"r0?"}}, {0, 0, 0, 0});
  o[0][0] = {0, 0};
  o[1][0] = {0, value_of(0, 0, 0)};
  EXPECT_FALSE(allows(tries, o, *s));
  o[0][0] = o[1][0] = {outcome::none_ready, 0};
  EXPECT_TRUE(allows(tries, o, *s));
  const program buffered = written({{"s0?"}, {"r0?"}}, {1, 0, 0, 0});
  EXPECT_FALSE(allows(buffered, o, *s)) << "there was room";
  o[0][0] = {0, 0};
  EXPECT_TRUE(allows(buffered, o, *s)) << "the receiver came first";

  EXPECT_FALSE(always_ends(written({{"s0"}, {"r1"}}, {0, 0, 0, 0}), *s));
  EXPECT_FALSE(always_ends(written({{"s0|s1"}, {"r0"}, {"r1"}}, {0, 0, 0, 0}), *s));
  EXPECT_TRUE(always_ends(written({{"s0|r0"}, {"s0|r0"}}, {0, 0, 0, 0}), *s)) << "both ways, but not with itself";
  EXPECT_FALSE(always_ends(written({{"s0|r0"}}, {0, 0, 0, 0}), *s));
  EXPECT_TRUE(always_ends(written({{"s0|r0", "s0|r0"}}, {1, 0, 0, 0}), *s));
  EXPECT_TRUE(always_ends(written({{"x0"}, {"r0", "r0"}, {"r0|r1"}}, {0, 0, 0, 0}), *s));
}

}  // namespace

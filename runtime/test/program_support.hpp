#pragma once
// Runs the programs of verify/models/program.hpp with goroutines, to any end: main serves those that wait when nothing
// moves.
#include <chrono>
#include <memory>
#include <span>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "runtime/test/test_support.hpp"
#include "verify/models/play.hpp"

namespace heddle_test {

using namespace models;

inline std::string told(const program &p, const outcomes &shown) {
  std::ostringstream out;
  for (unsigned c = 0; c < p.chans; ++c)
    out << "c" << c << ": " << unsigned{p.capacity[c]} << " slots" << (p.closed[c] ? ", closed" : "") << "\n";
  for (unsigned who = 0; who < p.scripts; ++who) {
    for (unsigned at = 0; at < p.script_of[who].n; ++at) {
      const op &o = p.script_of[who].ops[at];
      out << "g" << who << ": " << (o.how == form::close ? "close" : o.how == form::plain ? "plain" : "select");
      for (unsigned k = 0; k < o.n; ++k) {
        const comm c = o.cases[k];
        out << (c.chan == nil ? " nil" : " c" + std::to_string(c.chan));
        if (o.how != form::close) out << (c.send ? "<-" + std::to_string(value_of(who, at, k)) : "->");
      }
      const outcome seen = shown[who][at];
      out << (o.otherwise ? " otherwise" : "") << ": ";
      if (seen.chosen == outcome::none_ready)
        out << "none\n";
      else
        out << "case " << unsigned{seen.chosen} << ", " << seen.value << "\n";
    }
  }
  return out.str();
}

struct run_of_program {
  std::uint64_t seed = 0;
  program p;
  outcomes shown{};
  bool helped = false;
  bool whole = true;     // there was room to note all that the rescuer did
  bool several = false;  // its scripts began on more than one thread
};

// Runs one program. When nothing has moved for a while, main serves one of the goroutines that wait; what main does is
// one more script.
class stage {
 public:
  explicit stage(run_of_program &r)
      : r_(r),
        dice_{r.seed},
        rescuer_(r.p.scripts),
        player_(r.p),
        gate_(rescuer_, patience_at_the_gate()),
        begun_(rescuer_) {
    player_.make();
  }
  // Returns when all its scripts have ended. Caller: main.
  void oversee() {
    begun_.wait();  // a goroutine that looks on takes a P
    for (unsigned patience = 2, waited = 0, seen = 0; running() > 0;) {
      heddle::gosched();
      const unsigned now = steps();
      waited = now == seen ? waited + 1 : 0;
      seen = now;
      if (waited < patience) continue;
      if (rescue(dice_.below(rescuer_))) patience *= 2;
      waited = 0;
      if (patience > 100) std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
    for (unsigned who = 1; who < rescuer_; ++who) r_.several = r_.several || began_on_[who] != began_on_[0];
    r_.helped = r_.p.script_of[rescuer_].n != 0;
    if (r_.helped) r_.p.scripts = static_cast<std::uint8_t>(rescuer_ + 1);
  }
  unsigned scripts() const { return rescuer_; }
  // Runs one of the scripts.
  void act(unsigned who) {
    dice mine{r_.seed + who + 1};
    gate_.pass([] {
      std::this_thread::yield();  // on a busy machine the party that is waited for may have no CPU
      heddle::gosched();
    });
    began_on_[who] = thread_id();
    begun_.count_down();
    const unsigned n = r_.p.script_of[who].n;
    for (unsigned at = 0; at < n; ++at) {
      const unsigned chance = mine.below(6);
      if (chance == 0) heddle::yield();
      if (chance == 1) heddle::gosched();
      for (unsigned i = mine.below(2) * 300; i > 0; --i) heddle::detail::cpu_relax();
      r_.shown[who][at] = player_.perform(who, at);
      at_[who].store(at + 1, std::memory_order_release);
    }
  }

 private:
  static std::chrono::nanoseconds patience_at_the_gate() {
    return std::chrono::microseconds(heddle::procs() > 1 ? 100 : 0);
  }
  unsigned running() const {
    unsigned n = 0;
    for (unsigned who = 0; who < rescuer_; ++who) n += at_[who].load(std::memory_order_acquire) < r_.p.script_of[who].n;
    return n;
  }
  unsigned steps() const {
    unsigned n = 0;
    for (unsigned who = 0; who < rescuer_; ++who) n += at_[who].load(std::memory_order_relaxed);
    return n;
  }
  bool rescue(unsigned who) {
    const unsigned at = at_[who].load(std::memory_order_acquire);
    if (at == r_.p.script_of[who].n) return false;
    const op &waits = r_.p.script_of[who].ops[at];
    const comm c = waits.cases[dice_.below(waits.n)];
    if (waits.how == form::close || c.chan == nil) return false;
    if (!c.send && (r_.p.closed[c.chan] || r_.p.owner[c.chan] != nil)) return false;
    script &mine = r_.p.script_of[rescuer_];
    const bool room = mine.n < max_ops;
    const unsigned slot = room ? mine.n : max_ops - 1u;
    op o;
    o.otherwise = true;
    o.cases[0] = {c.chan, !c.send};
    mine.ops[slot] = o;
    const outcome seen = player_.perform(rescuer_, slot);
    if (seen.chosen == outcome::none_ready) return false;  // as if it had not been tried
    r_.shown[rescuer_][slot] = seen;
    r_.whole = r_.whole && room;
    mine.n = static_cast<std::uint8_t>(slot + 1);
    return true;
  }

  run_of_program &r_;
  dice dice_;
  const unsigned rescuer_;
  player player_;
  start_gate gate_;
  heddle::latch begun_;
  std::array<std::atomic<unsigned>, max_scripts> at_{};
  std::array<long, max_scripts> began_on_{};  // threads
};

// Runs one program after the other. A goroutine that has ended its script of one program waits for the next without
// parking: an M that sleeps needs longer to come than most programs last.
inline void run_all(std::span<run_of_program> runs) {
  std::vector<std::unique_ptr<stage>> stages;
  for (run_of_program &r : runs) stages.push_back(std::make_unique<stage>(r));
  heddle::wait_group all;
  for (unsigned who = 0; who < max_scripts - 1; ++who)
    all.go([&stages, who] {
      for (const auto &s : stages)
        if (who < s->scripts()) s->act(who);
    });
  for (const auto &s : stages) s->oversee();
  all.wait();
}

}  // namespace heddle_test

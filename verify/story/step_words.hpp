#pragma once
// One event in words: "q.head_.load(acquire) = 3", "runs g2".
#include "verify/story/object_names.hpp"
#include "verify/tool/explore.hpp"

namespace verify {

bool writes(const event &e);

class step_words {
 public:
  step_words(const telling &t, const outcome &o, const object_names &names) : t_(t), o_(o), names_(names) {}
  std::string text(const event &e) const;
  // What the step moves in the scheduler, with the names that suites/describe.hpp gives; empty for most steps.
  std::string move(const event &e) const;
  std::string thread(unsigned thread) const;

 private:
  const telling &t_;
  const outcome &o_;
  const object_names &names_;
};

}  // namespace verify

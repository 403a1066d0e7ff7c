#pragma once
// A failing execution as a story: which thread did what to which object, what each load read and from where, which
// thread woke which. timeline.hpp and page.hpp draw it.
#include "verify/tool/explore.hpp"

namespace verify {

struct step {
  enum tone_t { ordinary, write, stale, race, sleeping, waking, fault };

  unsigned number = 0;  // 0: before the threads began
  unsigned thread = 0;
  std::string text;    // "q.head_.load(acquire) = 3"
  std::string remark;  // "STALE: the newest is 5, step 12"
  std::string move;    // "runs g2"
  std::string site;    // "runq.hpp:95"
  std::string path, function;
  tone_t tone = ordinary;
  int from = -1;              // a load: the step whose store it read, if that is another thread's
  int missed = -1;            // a stale load: the newest store
  int wakes = -1;             // the step that sleeps, or the first step of a thread that this one starts
  int races = -1;             // the access that is not ordered with this one
  bool synchronises = false;  // an acquire that read from a release
  bool telling = false;       // may not be left out
  bool alone = false;         // happens in after()
};

struct passage {  // one step, or several steps that may be left out
  std::size_t first = 0, count = 1;
  bool folded = false;
};

struct lane {
  unsigned thread = 0;
  std::string title;
  std::string end;  // "sleeps since step 12"
};

struct story {
  std::string suite, what;
  std::string verdict, condition, cause, token, original, shortening;
  std::vector<std::string> invariants;  // "I21: what it says"
  std::string start, end;               // values before the threads began, and when it failed
  std::string rest;                     // what leaked
  std::vector<lane> lanes;
  std::vector<step> steps;  // those of the threads, and of after()
  std::vector<passage> rows;
  unsigned setup = 0;  // events before the threads began
};

// With `full` no step is left out.
std::vector<passage> fold(const std::vector<step> &steps, bool full);
story explain(const suite_info &suite, const outcome &o, bool full);

// What verify/mutation/invariants.txt says about an id, such as "a g is in at most one queue"; empty if it has no such
// id.
std::string invariant_in_words(const std::string &id);

}  // namespace verify

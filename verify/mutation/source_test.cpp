// Tests the scanner that reads the source for the mutation run and the documents.
#include "verify/mutation/mutants.hpp"

#include <cstdio>
#include <stdexcept>

namespace {

using namespace verify;

int failures = 0;
void check(bool good, const char *what) {
  if (good) return;
  ++failures;
  std::printf("failed: %s\n", what);
}

constexpr const char *text = R"source(// Not an operation: x.load(acquire)
struct alignas(8) q : base {
  const char *name = "y.store(1, release)";
  // acquire: pairs with put; the contents. [Q-1]  relaxed on failure: again.
  // Survives as relaxed (load buffering): a thief's read
  // comes too late.
  bool get(int x) noexcept {
    return nested(head_[x % 4]).compare_exchange_strong(
        x, f(x, 1),
        acquire, relaxed);
  }

  struct item *put(int v) {
    if (v == 1'000'000) {
      tail_.store(v, release);  // release: pairs with get. [Q-1, Q-2]
    }
    // store against load; partner: get. [Q-2]
    fence(seq_cst);
    each([](int i) { count_.fetch_add(i, relaxed); });  // relaxed: statistic
    fence_light();
    return nullptr;
  }
};
)source";

void scans() {
  const std::vector<source_site> s = scan_text("q.hpp", text);
  check(s.size() == 6, "every operation, and a compare-exchange twice");
  if (s.size() != 6) return;
  check(s[0].key() == "q.hpp nested(head_[x%4]).compare_exchange_strong(acquire)", "the receiver, brackets and all");
  check(s[0].first_line == 8 && s[0].last_line == 10, "an operation may take several lines");
  check(s[0].function == "get" && s[2].function == "put", "functions are found, classes are none");
  check(s[0].remark == "acquire: pairs with put; the contents. [Q-1]",
        "the part of the comment that is about this order");
  check(s[0].ids == std::vector<std::string>{"Q-1"}, "the argument it cites");
  check(s[1].what == access::cas_failure && s[1].remark == "relaxed on failure: again.", "the failure order");
  check(s[1].key() == "q.hpp nested(head_[x%4]).compare_exchange_strong(relaxed on failure)", "and its name");
  check(s[0].survivals.size() == 1 && s[0].survivals[0].mistake == "relaxed" &&
            s[0].survivals[0].kind == "load buffering" && s[0].survivals[0].why == "a thief's read comes too late.",
        "a survival remark over two lines");
  check(s[2].what == access::store && s[2].ids.size() == 2, "a remark behind the statement, with two arguments");
  check(s[3].what == access::fence && s[3].ids == std::vector<std::string>{"Q-2"}, "a fence has the whole comment");
  check(s[4].what == access::rmw && s[4].function == "put",
        "an operation in a lambda belongs to the function around it");
  check(s[5].what == access::light, "one side of an asymmetric fence");
}

void mutates() {
  const std::vector<source_site> s = scan_text("q.hpp", text);
  std::string names;
  unsigned remarked = 0;
  for (const mutant &m : mutants_of(s)) {
    names += m.name + " ";
    remarked += remark_on(m, s) != nullptr;
  }
  check(names == "relaxed split spurious relaxed acq_rel dropped split lost ",
        "each weaker order, and what else can go wrong");
  check(remarked == 1, "a remark is about its mistake only");
}

void refuses() {
  for (const char *bad :
       {"void f() { x.load(); }", "void f() { x.compare_exchange_weak(a, b, acquire); }", "x.load(acquire"}) {
    bool refused = false;
    try {
      scan_text("bad.hpp", bad);
    } catch (const std::runtime_error &e) {
      refused = std::string(e.what()).starts_with("bad.hpp:1: ");
    }
    check(refused, bad);
  }
}

}  // namespace

int main() {
  scans();
  mutates();
  refuses();
  return failures == 0 ? 0 : 1;
}

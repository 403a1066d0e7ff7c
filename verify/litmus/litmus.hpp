#pragma once
// How a row of the checker's self-test is written. A row is a suite of one shape. The suite fails when the outcome of
// the shape appears; so `seen` makes it a suite that must fail, and `never` one that must pass. Each row also has what
// C++20 says.
#include "verify/suite.hpp"

namespace litmus {

using heddle::detail::acq_rel;
using heddle::detail::acquire;
using heddle::detail::fence;
using heddle::detail::relaxed;
using heddle::detail::release;
using heddle::detail::seq_cst;
using order = std::memory_order;
using word = heddle::detail::atomic<int>;

constexpr verify::expect seen = verify::expect::red;
constexpr verify::expect never = verify::expect::pass;
constexpr verify::ruling allowed = verify::ruling::allowed;
constexpr verify::ruling forbidden = verify::ruling::forbidden;

enum class by { load, rmw, failing_cas };

// One thread's part: an access, a fence (none if relaxed), an access. Each shape says which accesses these are.
struct leg {
  order first = relaxed;
  order second = relaxed;
  order between = relaxed;
  by reads = by::load;  // how the second place is read, in a shape that allows several ways
};
constexpr leg fenced{.between = seq_cst};

inline int read(word &x, by how, order o) {
  if (how == by::load) return x.load(o);
  if (how == by::rmw) return x.fetch_add(0, o);
  int value = -1;  // no place ever has this value
  x.compare_exchange_strong(value, -1, o, o == acq_rel || o == release ? acquire : o);
  return value;
}

}  // namespace litmus

// Each file defines SHAPE, the family, and ASKED, the outcome. The type comes last because it may have commas.
#define LITMUS_ROW(row, variant, relacy, standard, mode_list, ...) \
  using row = __VA_ARGS__;                                         \
  HEDDLE_SUITE(row, {.name = "litmus." #row,                       \
                     .component = SHAPE,                           \
                     .invariants = "",                             \
                     .what = ASKED ": " variant,                   \
                     .modes = mode_list,                           \
                     .expected = relacy,                           \
                     .cxx20 = standard})
// Each row runs until the answer is known. The seconds are what a search that must end may need on a busy machine.
#define LITMUS_BOTH \
  { verify::random_mix(0.05), verify::full_search(0.2) }
#define LITMUS_RANDOM \
  { verify::random_mix(0.05) }
#define LITMUS_SEARCH \
  { verify::full_search(0.2) }
#define LITMUS_LONG_SEARCH \
  { verify::full_search(2) }

// The same row in both modes; where the two differ, write a row for each with LITMUS_ROW.
#define LITMUS(row, variant, relacy, standard, ...) LITMUS_ROW(row, variant, relacy, standard, LITMUS_BOTH, __VA_ARGS__)

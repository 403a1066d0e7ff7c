#pragma once
// Memory for the tool itself. While an execution runs, operator new belongs to the model checker, which would report
// the tool's own memory as a leak of the code under test. malloc does not.
#include <cstddef>
#include <cstdlib>
#include <vector>

namespace verify {

template <class T>
struct untracked {
  using value_type = T;
  untracked() = default;
  template <class U>
  untracked(const untracked<U> &) noexcept {}
  T *allocate(std::size_t n) {
    void *p = std::malloc(n * sizeof(T));
    if (!p) std::abort();
    return static_cast<T *>(p);
  }
  void deallocate(T *p, std::size_t) noexcept { std::free(p); }
  bool operator==(const untracked &) const = default;
};

template <class T>
using untracked_vector = std::vector<T, untracked<T>>;

}  // namespace verify

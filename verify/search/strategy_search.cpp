// Depth-first search over every choice of an execution, full or with a bound on preemptions.
#include "verify/search/strategy.hpp"

#include <algorithm>
#include <bit>

namespace verify {
namespace {

class search final : public strategy {
 public:
  search(unsigned switches, shard part) : switches_(switches), part_(part), splitting_(part.count > 1) {}
  search(unsigned switches, const search_path &path) : switches_(switches), only_path_(true) { enter(path); }

  void begin(std::uint64_t) override {
    depth_ = 0;
    switches_left_ = switches_;
    cas_failed_ = false;
    stale_loads_ = 0;
    sleeps_over_ = 0;
    waiting_ = 0;
  }

  unsigned choose_thread(std::uint64_t runnable, unsigned current, bool yielded) override {
    if (yielded) {
      waiting_ |= bit(current);
      waits_for_[current] = runnable & ~bit(current);
    }
    std::uint64_t eligible = runnable & ~waiting_;
    for (std::uint64_t rest = runnable & waiting_; rest; rest &= rest - 1)
      if (const unsigned i = lowest(rest); (waits_for_[i] & runnable) == 0) eligible |= bit(i);
    if (eligible == 0) eligible = runnable;
    const bool may_stay = eligible & bit(current);
    if (may_stay && switches_left_ == 0) return current;
    unsigned index = next(static_cast<unsigned>(std::popcount(eligible)));
    if (may_stay) {
      if (index == 0) return current;  // first, so that the search begins with the fewest switches
      if (switches_left_ != unbounded) --switches_left_;
      eligible &= ~bit(current);
      --index;
    }
    for (; index > 0; --index) eligible &= eligible - 1;
    return lowest(eligible);
  }

  void ran(unsigned thread) override {
    for (std::uint64_t rest = waiting_; rest; rest &= rest - 1) {
      const unsigned i = lowest(rest);
      waits_for_[i] &= ~bit(thread);
      if (waits_for_[i] == 0) waiting_ &= ~bit(i);
    }
  }

  unsigned choose(unsigned limit, choice kind) override {
    if (kind == choice::spurious_wake || kind == choice::late_reuse) return 0;
    if (kind == choice::stale_load) {
      if (stale_loads_ == stale_loads_max) return 0;
      const unsigned older = next(limit);
      stale_loads_ += older;
      return older;
    }
    if (kind == choice::timed_sleep) {
      if (sleeps_over_ == sleeps_over_max) return 0;
      const unsigned over = next(2);
      sleeps_over_ += over;
      return over;
    }
    if (kind != choice::cas_failure) return next(limit);
    if (cas_failed_) return 0;
    const unsigned fails = next(limit);
    cas_failed_ = fails != 0;
    return fails;
  }

  bool counts() const override { return !splitting_ || split_ % part_.count == part_.index; }

  bool end() override {
    if (only_path_) return true;
    path_.resize(depth_);
    return splitting_ ? split() : !advance();
  }

  bool samples() const override { return false; }

  std::string text() const override {
    search_path chosen;
    for (std::size_t i = 0; i < depth_; ++i) chosen.push_back(path_[i].index);
    const std::string name = switches_ == unbounded ? "full" : "bound" + std::to_string(switches_);
    return name + "-" + path_to_text(chosen);
  }

 private:
  struct node {
    std::uint16_t limit;  // 0: it comes from a path and has not been visited
    std::uint16_t index;
  };

  static constexpr unsigned stale_loads_max = 16;
  static constexpr unsigned sleeps_over_max = 2;
  // Subtrees differ in size by orders of magnitude, so a shard needs many of them to have its fair share.
  static constexpr std::size_t subtrees_per_shard = 256;
  static constexpr std::size_t splits_max = 2000;

  static std::uint64_t bit(unsigned i) noexcept { return std::uint64_t{1} << i; }
  static unsigned lowest(std::uint64_t set) noexcept { return static_cast<unsigned>(std::countr_zero(set)); }

  unsigned next(unsigned limit) {
    if (limit < 2) return 0;
    if (depth_ == path_.size()) path_.push_back({0, 0});
    node &n = path_[depth_++];
    n.limit = static_cast<std::uint16_t>(limit);
    if (n.index >= limit) n.index = 0;  // the path belongs to another program
    return n.index;
  }

  void enter(const search_path &subtree) {
    path_.clear();
    for (const std::uint16_t index : subtree) path_.push_back({0, index});
    root_ = subtree.size();
  }

  // Goes to the next leaf of the subtree, or to the first leaf of the next subtree; false if there is none.
  bool advance() {
    while (path_.size() > root_ && path_.back().index + 1 == path_.back().limit) path_.pop_back();
    if (path_.size() > root_) {
      ++path_.back().index;
      return true;
    }
    if (subtrees_.empty()) return false;
    enter(subtrees_.back());
    subtrees_.pop_back();
    return true;
  }

  // The last execution was the first leaf of a subtree. What remains of that subtree are the subtrees that branch off
  // its path. The subtree with the shortest prefix, which has the most below it, is split next. All shards come to the
  // same list, and each takes its own part of it.
  bool split() {
    ++split_;
    search_path prefix;
    for (std::size_t i = 0; i < path_.size(); ++i) {
      for (unsigned other = 1; i >= root_ && other < path_[i].limit; ++other) {
        subtrees_.push_back(prefix);
        subtrees_.back().push_back(static_cast<std::uint16_t>(other));
        std::push_heap(subtrees_.begin(), subtrees_.end(), longer);
      }
      prefix.push_back(path_[i].index);
    }
    if (subtrees_.empty()) return true;
    if (subtrees_.size() < subtrees_per_shard * part_.count && split_ < splits_max) {
      std::pop_heap(subtrees_.begin(), subtrees_.end(), longer);
      enter(subtrees_.back());
      subtrees_.pop_back();
      return false;
    }
    splitting_ = false;
    std::sort(subtrees_.begin(), subtrees_.end(), longer);  // the shortest are at the end, and searched first
    std::size_t kept = 0;
    for (std::size_t i = 0; i < subtrees_.size(); ++i)
      if (i % part_.count == part_.index) subtrees_[kept++].swap(subtrees_[i]);
    subtrees_.resize(kept);
    root_ = path_.size();  // nothing of the last execution remains to be searched
    return !advance();
  }

  static bool longer(const search_path &a, const search_path &b) {
    return a.size() != b.size() ? a.size() > b.size() : a > b;
  }

  unsigned switches_;
  shard part_;
  bool splitting_ = false;
  std::size_t split_ = 0;                   // executions made to split the tree
  untracked_vector<search_path> subtrees_;  // by the path to their root
  std::size_t root_ = 0;                    // length of the path to the subtree that is searched
  bool only_path_ = false;
  untracked_vector<node> path_;
  std::size_t depth_ = 0;
  unsigned switches_left_ = 0;
  bool cas_failed_ = false;
  unsigned stale_loads_ = 0;
  unsigned sleeps_over_ = 0;
  std::uint64_t waiting_ = 0;         // threads that yielded
  std::uint64_t waits_for_[64] = {};  // the threads that must make a step before that thread may
};

}  // namespace

std::unique_ptr<strategy> make_search(unsigned switches, shard part) {
  return std::make_unique<search>(switches, part);
}
std::unique_ptr<strategy> make_search_path(unsigned switches, const search_path &path) {
  return std::make_unique<search>(switches, path);
}

}  // namespace verify

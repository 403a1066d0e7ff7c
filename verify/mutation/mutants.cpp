#include "verify/mutation/mutants.hpp"

namespace verify {
namespace {

constexpr std::memory_order none_weaker[] = {std::memory_order_relaxed};

std::vector<std::memory_order> weaker(access what, std::memory_order o) {
  const bool reads = what == access::load || what == access::cas_failure;
  switch (o) {
    case std::memory_order_seq_cst:
      if (reads) return {std::memory_order_acquire};
      if (what == access::store) return {std::memory_order_release};
      if (what == access::fence) return {std::memory_order_acq_rel, std::memory_order_relaxed};
      return {std::memory_order_acq_rel};
    case std::memory_order_acq_rel: return {std::memory_order_acquire, std::memory_order_release};
    case std::memory_order_acquire:
    case std::memory_order_release: return {std::begin(none_weaker), std::end(none_weaker)};
    default: return {};
  }
}

std::vector<mistake> others(const source_site &s) {
  switch (s.what) {
    case access::rmw: return {mistake::split};
    case access::cas_success:
      return s.strong ? std::vector{mistake::split, mistake::spurious} : std::vector{mistake::split};
    case access::light:
    case access::heavy: return {mistake::lost};
    case access::wake: return {mistake::lost, mistake::doubled};
    default: return {};
  }
}

const char *name_of(mistake how) {
  switch (how) {
    case mistake::split: return "split";
    case mistake::spurious: return "spurious";
    case mistake::lost: return "lost";
    case mistake::doubled: return "doubled";
    default: return "";
  }
}

}  // namespace

std::vector<mutant> mutants_of(const std::vector<source_site> &sites) {
  std::vector<mutant> all;
  for (std::size_t i = 0; i < sites.size(); ++i) {
    const source_site &s = sites[i];
    mutant m;
    m.site = i;
    m.change = {s.file.c_str(), s.first_line, s.last_line, s.what, mistake::weaken, s.order};
    for (const std::memory_order o : weaker(s.what, s.order)) {
      m.change.order = o;
      m.name = s.what == access::fence && o == std::memory_order_relaxed ? "dropped" : order_name(o);
      m.wanted = m.name + (s.what == access::cas_failure ? " on failure" : "");
      all.push_back(m);
    }
    for (const mistake how : others(s)) {
      m.change.how = how;
      m.name = m.wanted = name_of(how);
      all.push_back(m);
    }
  }
  return all;
}

const survival *remark_on(const mutant &m, const std::vector<source_site> &sites) {
  for (const survival &s : sites[m.site].survivals)
    if (s.mistake == m.wanted) return &s;
  return nullptr;
}

}  // namespace verify

#include "verify/story/history.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <map>
#include <vector>

namespace verify {
namespace {

void erase_all(std::string &text, const std::string &what) {
  if (what.empty()) return;
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos;) text.erase(at, what.size());
}

class numbering {
 public:
  explicit numbering(const names &known) : known_(known) {}

  std::string of(std::uintptr_t address) {
    const auto [at, fresh] = numbers_.try_emplace(address, order_.size() + 1);
    if (fresh) order_.push_back(address);
    return "@" + std::to_string(at->second);
  }
  bool knows(std::uintptr_t address) const {
    if (numbers_.contains(address)) return true;
    const names::range *r = known_.innermost(address);
    return r != nullptr && r->from == address;
  }

  // "at 5 16 q" says that the fifth address lies 16 bytes into q; q is "-" for the suite itself.
  std::string legend(std::uintptr_t suite, std::size_t suite_size) const {
    std::string text;
    for (std::size_t i = 0; i < order_.size(); ++i) {
      const names::range *r = known_.innermost(order_[i]);
      const bool member = order_[i] - suite < suite_size;
      if (r == nullptr && !member) continue;
      text += "at " + std::to_string(i + 1) + " " + std::to_string(order_[i] - (r ? r->from : suite)) + " " +
              (r ? r->name : "-") + "\n";
    }
    return text;
  }

 private:
  const names &known_;
  std::map<std::uintptr_t, std::size_t> numbers_;
  std::vector<std::uintptr_t> order_;
};

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '@'; }

// lfstack packs a node's address and a counter into one word (queues/lfstack.hpp): the address without its low zeros,
// then as many bits as are left.
std::string unpacked(std::uint64_t word, numbering &numbers) {
  for (const unsigned zeros : {4u, 3u, 5u, 6u}) {
    const unsigned tag_bits = 16 + zeros;
    const std::uintptr_t address = static_cast<std::uintptr_t>(word >> tag_bits) << zeros;
    if (numbers.knows(address))
      return numbers.of(address) + "#" + std::to_string(word & ((std::uint64_t{1} << tag_bits) - 1));
  }
  return numbers.of(word);
}

// Passes every word to `replace`; the rest stays as it is.
template <class Replace>
std::string rewrite_words(const std::string &text, Replace &&replace) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    while (end < text.size() && is_word(text[end])) ++end;
    if (end == at) {
      out += text[at++];
      continue;
    }
    out += replace(text.substr(at, end - at));
    at = end;
  }
  return out;
}

bool all(const std::string &text, std::size_t from, int (*is)(int)) {
  for (std::size_t i = from; i < text.size(); ++i)
    if (!is(static_cast<unsigned char>(text[i]))) return false;
  return text.size() > from;
}

// The model checker prints all events, and then those of each thread again.
std::string without_repetition(const std::string &raw) {
  const std::size_t repeated = raw.find("\nthread 0:\n");
  if (repeated == std::string::npos) return raw;
  std::string text = raw.substr(0, repeated);
  bool event = false;  // the text of an event may have several lines
  for (std::size_t at = repeated; at < raw.size();) {
    const std::size_t end = std::min(raw.find('\n', at), raw.size());
    const std::string line = raw.substr(at, end - at);
    at = end + 1;
    if (line.starts_with("[")) event = true;
    if (line.empty() || line.starts_with("thread ")) {
      event = false;
      continue;
    }
    if (!event) text += line + "\n";
  }
  return text;
}

}  // namespace

std::string readable_history(const std::string &raw, const names &known, const void *suite, std::size_t suite_size) {
  numbering numbers(known);
  std::string text = rewrite_words(without_repetition(raw), [&](const std::string &word) {
    if (!word.starts_with("0x") || !all(word, 2, &std::isxdigit)) return word;
    return numbers.of(std::strtoull(word.c_str() + 2, nullptr, 16));
  });
  constexpr std::uint64_t smallest_packed = std::uint64_t{1} << 40;  // no counter of an execution gets so large
  text = rewrite_words(text, [&](const std::string &word) {
    if (word.size() < 12 || !all(word, 0, &std::isdigit)) return word;
    const std::uint64_t n = std::strtoull(word.c_str(), nullptr, 10);
    return n < smallest_packed ? word : unpacked(n, numbers);
  });
  const std::string here = __FILE__;
  erase_all(text, here.substr(0, here.rfind("verify/story/history.cpp")));
  erase_all(text, "iteration: 1\n");  // the token names the execution instead
  for (std::size_t at = 0; (at = text.find(", in fiber_proc_impl, ", at)) != std::string::npos;)
    text.erase(at, text.find('\n', at) - at);
  text += "\nnames:\n" + numbers.legend(reinterpret_cast<std::uintptr_t>(suite), suite_size);
  known.each_thread([&](const auto &t) { text += "thread " + std::to_string(t.thread) + " " + t.name + "\n"; });
  known.each_value([&](const auto &v) {
    text += std::string("value ") + v.member + " " + std::to_string(v.value) + " " + v.name + "\n";
  });
  return text;
}

}  // namespace verify

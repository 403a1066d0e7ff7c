#include "verify/story/object_names.hpp"

#include "verify/story/receiver.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace verify {
namespace {

std::string stem(const std::string &file) {
  const std::size_t slash = file.rfind('/');
  const std::string name = file.substr(slash == std::string::npos ? 0 : slash + 1);
  return name.substr(0, name.find('.'));
}

unsigned long number_of(const std::string &object) { return std::strtoul(object.c_str() + 1, nullptr, 10); }

bool is_indexed(const std::string &receiver) { return receiver.ends_with(")") || receiver.ends_with("]"); }

// A member of a class is written with the file's name if the suite has not named the object: "runq.head_".
std::string with_stem(const std::string &member, const std::string &file) {
  return member.ends_with("_") ? stem(file) + "." + member : member;
}

}  // namespace

object_names::object_names(const telling &t) : places_(t.places), values_(t.values) {
  for (const event &e : t.events)
    for (const std::string *v : {&e.read, &e.written, &e.expected}) {
      if (!v->starts_with("@")) continue;
      pointers_[e.object] = true;
      if (v->find('#') != std::string::npos) packed_[e.object] = true;
    }
  learn(t);
  learn_from_twins(t);
  complete_arrays(t);
  write_texts();
}

// A line with one operation of a kind names its object. A line with several names only objects that have no name yet,
// in the order of the line.
void object_names::learn(const telling &t) {
  std::map<std::string, std::size_t> used;  // site: how many of its receivers have been given to objects
  for (const bool clear : {true, false})
    for (const event &e : t.events) {
      if (e.object.empty() || objects_.contains(e.object)) continue;
      const std::vector<std::string> found = receivers(e);
      if (found.empty() || (clear && found.size() > 1)) continue;
      const std::size_t which = clear ? 0 : std::min(used[e.file + std::to_string(e.line)]++, found.size() - 1);
      const std::string member = member_of(found[which]);
      if (member.empty()) continue;
      named n;
      const auto at = places_.find(e.object);
      if (at != places_.end()) n.offset = at->second.offset;
      n.indexed = is_indexed(found[which]);
      if (at != places_.end() && at->second.owner != "-") n.owner = at->second.owner;
      // An atomic that is itself a member of the suite has its whole name already.
      if (n.owner.substr(0, n.owner.find('[')) == member && n.offset == 0) {
        n.member = std::exchange(n.owner, {});
        n.indexed = false;
      } else {
        n.member = n.owner.empty() ? with_stem(member, e.file) : member;
      }
      objects_[e.object] = n;
    }
}

// Two objects of one class are made at the same place and have the same members.
void object_names::learn_from_twins(const telling &t) {
  std::map<std::string, named> members;
  const auto kin = [this](const event &e) -> std::string {
    const auto at = places_.find(e.object);
    if (e.part != event::setup || at == places_.end() || at->second.owner == "-") return {};
    return e.file + ":" + std::to_string(e.line) + " " + std::to_string(at->second.offset);
  };
  for (const bool learning : {true, false})
    for (const event &e : t.events) {
      const std::string key = e.object.empty() ? std::string() : kin(e);
      if (key.empty()) continue;
      const auto known = objects_.find(e.object);
      if (learning && known != objects_.end() && !known->second.owner.empty()) members.try_emplace(key, known->second);
      if (learning || known != objects_.end() || !members.contains(key)) continue;
      named n = members[key];
      n.owner = places_[e.object].owner;
      objects_[e.object] = n;
    }
}

// Names the elements of an array that were only constructed, so that the elements in use are counted from the right
// end. Their distance is that of the nearest object without a name from one with this name.
void object_names::complete_arrays(const telling &t) {
  std::map<std::string, std::set<unsigned long>> arrays;
  std::map<std::string, named> samples;
  std::map<std::string, std::map<unsigned long, std::string>> made;  // owner, offset: object
  for (const auto &[object, n] : objects_) {
    if (!n.indexed) continue;
    arrays[n.owner + "." + n.member].insert(n.offset);
    samples[n.owner + "." + n.member] = n;
  }
  for (const event &e : t.events) {
    const auto at = places_.find(e.object);
    if (e.part == event::setup && at != places_.end() && !objects_.contains(e.object))
      made[at->second.owner][at->second.offset] = e.object;
  }
  for (auto &[name, offsets] : arrays) {
    const named &sample = samples[name];
    auto &rest = made[sample.owner.empty() ? "-" : sample.owner];
    unsigned long stride = ~0ul;
    for (const unsigned long a : offsets) {
      for (const unsigned long b : offsets)
        if (b > a) stride = std::min(stride, b - a);
      for (const auto &[b, object] : rest) stride = std::min(stride, b > a ? b - a : a - b);
    }
    for (bool more = true; std::exchange(more, false);)
      for (auto at = rest.begin(); at != rest.end(); ++at) {
        if (!offsets.contains(at->first + stride) && !offsets.contains(at->first - stride)) continue;
        named n = sample;
        n.offset = at->first;
        objects_[at->second] = n;
        offsets.insert(at->first);
        rest.erase(at);
        more = true;
        break;
      }
  }
}

void object_names::write_texts() {
  std::map<std::string, std::vector<std::string>> same;
  for (auto &[object, n] : objects_) {
    n.text = n.owner.empty() ? n.member : n.owner + "." + n.member;
    same[n.text].push_back(object);
  }
  for (auto &[text, objects] : same) {
    const bool indexed = objects_[objects.front()].indexed;
    if (objects.size() == 1) continue;
    std::sort(objects.begin(), objects.end(), [this](const std::string &a, const std::string &b) {
      const named &x = objects_[a], &y = objects_[b];
      return std::pair(x.offset, number_of(a)) < std::pair(y.offset, number_of(b));
    });
    for (std::size_t i = 0; i < objects.size(); ++i)
      objects_[objects[i]].text = text + (indexed ? "[" + std::to_string(i) + "]" : "(" + std::to_string(i + 1) + ")");
  }
}

std::string object_names::object(const std::string &number) const {
  const auto at = objects_.find(number);
  return at == objects_.end() ? number : at->second.text;
}

std::string object_names::owner(const std::string &number) const {
  const auto at = objects_.find(number);
  return at == objects_.end() ? std::string() : at->second.owner;
}

std::string object_names::member(const std::string &number) const {
  const auto at = objects_.find(number);
  return at == objects_.end() ? std::string() : at->second.member;
}

std::string object_names::pointer(const std::string &number) const {
  const auto at = places_.find(number);
  if (at != places_.end() && at->second.owner != "-")
    return at->second.owner + (at->second.offset ? "+" + std::to_string(at->second.offset) : "");
  return objects_.contains(number) ? "&" + object(number) : number;
}

std::string object_names::value(const std::string &number, const std::string &text) const {
  if (text.starts_with("@")) {
    const std::size_t tag = text.find('#');
    return pointer(text.substr(0, tag)) + (tag == std::string::npos ? "" : text.substr(tag));
  }
  if (packed_.contains(number)) return "null#" + text;
  if (pointers_.contains(number) && text == "0") return "null";
  const auto states = values_.find(member(number));
  if (states == values_.end()) return text;
  const auto state = states->second.find(text);
  return state == states->second.end() ? text : state->second;
}

}  // namespace verify

#include "verify/story/step_words.hpp"

namespace verify {

bool writes(const event &e) {
  return e.kind == event::store || e.kind == event::set || e.kind == event::rmw || (e.kind == event::cas && e.done);
}

std::string step_words::text(const event &e) const {
  const std::string object = names_.object(e.object);
  const auto value = [&](const std::string &v) { return names_.value(e.object, v); };
  switch (e.kind) {
    case event::load: return object + ".load(" + e.order + ") = " + value(e.read);
    case event::store: return object + ".store(" + value(e.written) + ", " + e.order + ")";
    case event::get: return object + ".get() = " + value(e.read);
    case event::set: return object + ".set(" + value(e.written) + ")";
    case event::rmw: {
      const std::string argument = e.operation == "exchange" ? value(e.written) : e.expected;
      return object + "." + e.operation + "(" + argument + ", " + e.order + ") = " + value(e.read);
    }
    case event::cas: {
      const std::string what = object + ".CAS(" + value(e.expected) + " to " + value(e.written) + ", " + e.order + ")";
      if (e.done) return what + ": done";
      return what + (e.spurious ? ": fails for no reason" : ": fails, it is " + value(e.read));
    }
    case event::fence:
      return e.order == "light" || e.order == "heavy" ? "fence_" + e.order + "()" : "fence(" + e.order + ")";
    case event::sleep: return "futex_sleep(" + object + "): sleeps";
    case event::sleep_refused: return "futex_sleep(" + object + "): no, it has changed";
    case event::sleep_for_nothing: return "woken for no reason";
    case event::sleep_over: return "the time is over";
    case event::wake: return "futex_wake(" + object + ")";
    case event::wake_nobody: return "futex_wake(" + object + "): no thread sleeps";
    case event::yield: return "cpu_relax()";
    case event::start: return "starts " + thread(e.other);
    case event::start_refused: return "thread_start: refused";
    case event::join: return "thread_join";
    case event::finish: return "ends";
    case event::verdict:
      return o_.broken.empty() ? o_.verdict.substr(0, o_.verdict.find(": ")) : "BROKEN: " + o_.broken;
    default: return e.text;
  }
}

std::string step_words::move(const event &e) const {
  if (!writes(e)) return {};
  const std::string owner = names_.owner(e.object), member = names_.member(e.object);
  const std::string value = names_.value(e.object, e.written);
  if (member == "atomicstatus") {
    if (value == "running") return "runs " + owner;
    if (value == "waiting") return "parks " + owner;
    if (value == "runnable") return owner + " is runnable";
    if (value == "dead") return e.previous == "0" ? "makes " + owner : owner + " has ended";
  }
  if (member == "m" && owner.starts_with("p")) return value == "null" ? "lets go of " + owner : "takes " + owner;
  return {};
}

std::string step_words::thread(unsigned thread) const {
  const auto at = t_.threads.find(thread);
  return at == t_.threads.end() ? "thread " + std::to_string(thread) : at->second;
}

}  // namespace verify

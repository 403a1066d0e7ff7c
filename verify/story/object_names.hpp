#pragma once
// Names for the objects of an execution: "q.head_", "sched.midle.head_", "g2".
#include "verify/story/events.hpp"

namespace verify {

class object_names {
 public:
  explicit object_names(const telling &t);

  // Of an atomic or of plain data; "@5" when there is no name for it.
  std::string object(const std::string &number) const;
  // How a value of this object is shown: a pointer by its object's name, a state by its name.
  std::string value(const std::string &number, const std::string &text) const;
  // "p0" of "p0.runq.head_", or nothing.
  std::string owner(const std::string &number) const;
  // "atomicstatus" of "g2.atomicstatus".
  std::string member(const std::string &number) const;

 private:
  struct named {
    std::string owner, member;
    bool indexed = false;
    unsigned long offset = 0;
    std::string text;
  };
  void learn(const telling &t);
  void learn_from_twins(const telling &t);
  void complete_arrays(const telling &t);
  void write_texts();
  std::string pointer(const std::string &number) const;

  std::map<std::string, named> objects_;
  std::map<std::string, place> places_;
  std::map<std::string, std::map<std::string, std::string>> values_;
  std::map<std::string, bool> pointers_, packed_;  // objects that were seen to hold one
};

}  // namespace verify

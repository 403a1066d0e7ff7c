#pragma once
// Names for the objects of an execution: "q.head_", "sched.midle.head_", "g2".
#include "verify/story/events.hpp"

namespace verify {

class object_names {
 public:
  explicit object_names(const telling &t);

  // The name of an atomic or of plain data; "@5" if it has none.
  std::string object(const std::string &number) const;
  // How a value of this object is shown: a pointer by the name of its object, a state by its name.
  std::string value(const std::string &number, const std::string &text) const;
  // Returns "p0" for "p0.runq.head_", or nothing.
  std::string owner(const std::string &number) const;
  // Returns "atomicstatus" for "g2.atomicstatus".
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
  std::map<std::string, bool> pointers_, packed_;  // objects that have held such a value
};

}  // namespace verify

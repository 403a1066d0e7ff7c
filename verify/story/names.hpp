#pragma once
// The names that a suite gives to its objects, for the report of a failed execution. This is called in the middle of an
// execution, so nothing here allocates.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <type_traits>

namespace verify {

class names {
 public:
  static constexpr unsigned text_max = 40;
  struct range {
    std::uintptr_t from, to;
    char name[text_max];
  };
  struct thread_name {
    unsigned thread;
    char name[text_max];
  };
  struct value_name {
    const char *member;
    unsigned value;
    const char *name;
  };

  // Names the bytes at `at`. Where several ranges hold an object, the smallest names it. A %u in the format is the
  // number.
  void memory(const void *at, std::size_t size, const char *format, unsigned number = 0) {
    if (at == nullptr || ranges_count_ == ranges_max) return;
    range &r = ranges_[ranges_count_++];
    r.from = reinterpret_cast<std::uintptr_t>(at);
    r.to = r.from + size;
    print(r.name, format, number);
  }
  template <class T>
  void object(const char *name, const T &it) {
    if constexpr (std::is_array_v<T>) {
      for (unsigned i = 0; i < std::extent_v<T>; ++i) {
        char element[text_max];
        std::snprintf(element, sizeof element, "%.20s[%u]", name, i);
        object(element, it[i]);
      }
    } else {
      memory(&it, sizeof it, name);
      if constexpr (requires { it.describe(*this); }) it.describe(*this);
    }
  }
  // A list of variables and its text: see VERIFY_NAMES.
  template <class T, class... Rest>
  void objects(const char *list, const T &first, const Rest &...rest) {
    list += std::strspn(list, ", ");
    const std::size_t size = std::strcspn(list, ",");
    char name[text_max];
    std::snprintf(name, sizeof name, "%.*s", static_cast<int>(size < text_max ? size : text_max - 1), list);
    object(name, first);
    if constexpr (sizeof...(Rest) > 0) objects(list + size, rest...);
  }
  void thread(unsigned thread, const char *format, unsigned number = 0) {
    if (threads_count_ == threads_max) return;
    thread_name &t = threads_[threads_count_++];
    t.thread = thread;
    print(t.name, format, number);
  }
  // Says how the report shows this value of a member of this name; both texts must live for ever.
  void value(const char *member, unsigned value, const char *name) {
    if (values_count_ < values_max) values_[values_count_++] = {member, value, name};
  }

  const range *innermost(std::uintptr_t address) const {
    const range *best = nullptr;
    for (unsigned i = 0; i < ranges_count_; ++i) {
      const range &r = ranges_[i];
      if (address < r.from || address >= r.to) continue;
      if (best == nullptr || r.to - r.from < best->to - best->from) best = &r;
    }
    return best;
  }
  template <class F>
  void each_thread(F &&f) const {
    for (unsigned i = 0; i < threads_count_; ++i) f(threads_[i]);
  }
  template <class F>
  void each_value(F &&f) const {
    for (unsigned i = 0; i < values_count_; ++i) f(values_[i]);
  }

 private:
  static constexpr unsigned ranges_max = 256, threads_max = 16, values_max = 16;

  static void print(char (&to)[text_max], const char *format, unsigned number) {
    const char *const mark = std::strstr(format, "%u");
    const int before = mark ? static_cast<int>(mark - format) : text_max - 1;
    if (mark)
      std::snprintf(to, sizeof to, "%.*s%u%s", before, format, number, mark + 2);
    else
      std::snprintf(to, sizeof to, "%s", format);
  }

  range ranges_[ranges_max];
  thread_name threads_[threads_max];
  value_name values_[values_max];
  unsigned ranges_count_ = 0, threads_count_ = 0, values_count_ = 0;
};

}  // namespace verify

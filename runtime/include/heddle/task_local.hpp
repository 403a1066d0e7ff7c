#pragma once
// What belongs to one goroutine: values of its own, and a name for reports. Source: C++'s thread_local. Go has neither;
// it passes a context on instead.
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "heddle/detail/sched.hpp"

HEDDLE_BEGIN

namespace detail {

HEDDLE_API g *own_g(const char *who) noexcept;  // the calling goroutine; misuse if there is none
HEDDLE_API goroutine_local *find_local(const g *gp, const void *key) noexcept;
HEDDLE_API void add_local(g *gp, const void *key, goroutine_local *made) noexcept;
HEDDLE_API goroutine_local *take_local(g *gp, const void *key) noexcept;  // null: it has none

}  // namespace detail

// A variable of which each goroutine has its own value. The value is made when the goroutine first uses it. It is
// destroyed when the goroutine ends: on the goroutine itself, newest value first, after what the goroutine's function
// has captured; a destructor may wait, and may use other task_locals. A goroutine inherits nothing from the one that
// started it: pass what belongs to a request, rather than to a goroutine, on with a context. Values of goroutines that
// are abandoned when the runtime stops are not destroyed.
//
// Caller of all: a goroutine, also inside blocking(f); misuse elsewhere. Blocks: nothing, or as the initialiser does.
// Owns: each goroutine owns its values; the task_local must outlive every goroutine that uses it, so it is best a
// global. Ordering: none, because no other goroutine sees the value. Errors: throws std::bad_alloc, and what the
// initialiser throws; the next use tries again then. Cost: one allocation per goroutine that uses it, then a walk over
// the values that the goroutine has; a goroutine that uses none pays nothing.
template <class T>
class task_local {
 public:
  // Makes a task_local whose values begin as T{}.
  task_local() requires std::is_default_constructible_v<T> : make_([] { return T{}; }) {}
  // Makes a task_local whose values begin as what init() returns.
  template <class F>
  requires std::is_invocable_r_v<T, F &>
  explicit task_local(F init) : make_(std::move(init)) {}
  // Makes a task_local whose values begin as copies of `initial`.
  explicit task_local(T initial) requires std::is_copy_constructible_v<T>
      : make_([v = std::move(initial)] { return v; }) {}
  task_local(const task_local &) = delete;
  task_local &operator=(const task_local &) = delete;

  // Returns this goroutine's value, which is made now if there is none.
  T &get() & {
    detail::g *const gp = detail::own_g("heddle::task_local");
    if (detail::goroutine_local *mine = detail::find_local(gp, this)) return static_cast<value *>(mine)->v;
    auto *made = new value(make_);
    detail::add_local(gp, this, made);
    return made->v;
  }
  T &get() && = delete;  // the task_local must outlive the goroutine that uses it
  T &operator*() & { return get(); }
  T &operator*() && = delete;
  T *operator->() & { return &get(); }
  T *operator->() && = delete;
  // Returns whether this goroutine has a value.
  [[nodiscard]] bool has_value() const noexcept {
    return detail::find_local(detail::own_g("heddle::task_local"), this) != nullptr;
  }
  // Destroys this goroutine's value; the next use makes a new one.
  void reset() noexcept {
    if (detail::goroutine_local *mine = detail::take_local(detail::own_g("heddle::task_local"), this))
      mine->destroy(mine);
  }

 private:
  struct value : detail::goroutine_local {
    explicit value(const std::function<T()> &make) : v(make()) {
      destroy = [](detail::goroutine_local *self) noexcept { delete static_cast<value *>(self); };
    }
    T v;  // raw: as goroutine_local
  };

  std::function<T()> make_;  // set once
};

// Names the calling goroutine in reports until it ends; the first 31 bytes are kept. An empty name is none. Caller: a
// goroutine. Blocks: nothing. Cost: a short lock of the whole runtime; a goroutine without a name pays nothing.
HEDDLE_API void set_name(std::string_view name) noexcept;
// Returns the calling goroutine's name, or an empty one. Caller: a goroutine. Errors: throws std::bad_alloc.
[[nodiscard]] HEDDLE_API std::string name();

HEDDLE_END

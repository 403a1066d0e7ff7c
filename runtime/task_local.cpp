// Values and names of goroutines. (sched/locals.cpp destroys them when the goroutine ends.)
#include "heddle/task_local.hpp"

#include "runtime/spawn.hpp"
#include "sched/locals.hpp"

HEDDLE_BEGIN

namespace detail {

g *own_g(const char *who) noexcept {
  current_sched(who);
  return getm()->curg.load(relaxed);  // relaxed: own M
}

goroutine_local *find_local(const g *gp, const void *key) noexcept {
  goroutine_local *at = gp->locals.get();
  while (at != nullptr && at->key != key) at = at->next;
  return at;
}

void add_local(g *gp, const void *key, goroutine_local *made) noexcept {
  made->key = key;
  made->next = gp->locals.get();
  gp->locals.set(made);
  gp->decorated.set(true);
}

goroutine_local *take_local(g *gp, const void *key) noexcept {
  goroutine_local *before = nullptr, *at = gp->locals.get();
  for (; at != nullptr && at->key != key; at = at->next) before = at;
  if (at == nullptr) return nullptr;
  if (before != nullptr)
    before->next = at->next;
  else
    gp->locals.set(at->next);
  return at;
}

}  // namespace detail

void set_name(std::string_view name) noexcept {
  detail::set_name(detail::own_g("heddle::set_name"), name.data(), name.size());
}

std::string name() {
  const detail::g *gp = detail::own_g("heddle::name");
  char text[detail::goroutine_name::size];
  detail::copy_name(gp, text, sizeof text);
  return text;
}

HEDDLE_END

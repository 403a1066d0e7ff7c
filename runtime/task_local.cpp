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
  goroutine_local *at = gp->locals;
  while (at != nullptr && at->key != key) at = at->next;
  return at;
}

void add_local(g *gp, const void *key, goroutine_local *made) noexcept {
  made->key = key;
  made->next = gp->locals;
  gp->locals = made;
  gp->decorated = true;
}

goroutine_local *take_local(g *gp, const void *key) noexcept {
  for (goroutine_local **at = &gp->locals; *at != nullptr; at = &(*at)->next) {
    if ((*at)->key != key) continue;
    goroutine_local *mine = *at;
    *at = mine->next;
    return mine;
  }
  return nullptr;
}

}  // namespace detail

void set_name(std::string_view name) noexcept {
  detail::set_name(detail::own_g("heddle::set_name"), name.data(), name.size());
}

std::string name() {
  const detail::g *gp = detail::own_g("heddle::name");
  char text[sizeof gp->name];
  detail::copy_name(gp, text, sizeof text);
  return text;
}

HEDDLE_END

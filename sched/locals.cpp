// Names and local values of goroutines. Source: ours; Go passes a context on instead.
#include "sched/locals.hpp"

#include <algorithm>
#include <cstring>
#include <mutex>

HEDDLE_DETAIL_BEGIN

void set_name(g *gp, const char *name, std::size_t length) noexcept {
  goroutine_name kept;
  std::memcpy(kept.text, name, std::min(length, goroutine_name::size - 1));
  const std::lock_guard hold(gp->home->lock);
  gp->name.set(kept);
  gp->decorated.set(true);
}

void copy_name(const g *gp, char *to, std::size_t size) noexcept {
  goroutine_name name;
  {
    const std::lock_guard hold(gp->home->lock);
    name = gp->name.get();
  }
  const std::size_t length = std::min(std::strlen(name.text), size - 1);
  std::memcpy(to, name.text, length);
  to[length] = '\0';
}

// Destroys what belongs to the calling goroutine while it is still one: destructors may wait, and make new locals.
void shed(g *gp) noexcept {
  while (goroutine_local *newest = gp->locals.get()) {
    gp->locals.set(newest->next);
    newest->destroy(newest);
  }
  set_name(gp, "", 0);
  gp->decorated.set(false);
}

HEDDLE_DETAIL_END

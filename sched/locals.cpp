// Names and local values of goroutines. Source: ours; Go passes a context on instead.
#include "sched/locals.hpp"

#include <algorithm>
#include <cstring>
#include <mutex>

HEDDLE_DETAIL_BEGIN

void set_name(g *gp, const char *name, std::size_t length) noexcept {
  const std::lock_guard hold(gp->home->lock);
  const std::size_t kept = std::min(length, sizeof gp->name - 1);
  std::memcpy(gp->name, name, kept);
  gp->name[kept] = '\0';
  gp->decorated = true;
}

void copy_name(const g *gp, char *to, std::size_t size) noexcept {
  const std::lock_guard hold(gp->home->lock);
  const std::size_t length = std::min(std::strlen(gp->name), size - 1);
  std::memcpy(to, gp->name, length);
  to[length] = '\0';
}

// Destroys what belongs to the calling goroutine while it is still one: destructors may wait, and make new locals.
void shed(g *gp) noexcept {
  while (goroutine_local *newest = gp->locals) {
    gp->locals = newest->next;
    newest->destroy(newest);
  }
  set_name(gp, "", 0);
  gp->decorated = false;
}

HEDDLE_DETAIL_END

#pragma once
// Dead gs, kept to be used again. Source: gfget, gfput and gfpurge of Go's proc.go, sched.gFree.
//
// A P keeps up to gfree_max of them, with and without a stack, newest on top. A full P gives gfree_batch of them to the
// two global stacks, gfreeStack and gfreeNoStack; an empty P refills by one such batch, those with stacks first. A
// batch travels as one node: its first g is on the lfstack, the others hang on its schedlink.
#include "queues/gqueue.hpp"
#include "queues/lfstack.hpp"

HEDDLE_DETAIL_BEGIN

// The global lists. Caller: any thread. Lock-free. Cost: one CAS a batch.
template <class T>
class gfree_global {
 public:
  void put(gqueue<T> &batch) noexcept {
    gqueue<T> with, without;
    while (T *gp = batch.pop_front()) (gp->has_stack() ? with : without).push_back(gp);
    push(gfreeStack, with);
    push(gfreeNoStack, without);
  }

  // Takes a batch; an empty list: there is none.
  gqueue<T> get() noexcept {
    gqueue<T> batch;
    T *gp = gfreeStack.pop();
    if (gp == nullptr) gp = gfreeNoStack.pop();
    while (gp != nullptr) {
      T *next = gp->schedlink.get();
      batch.push_back(gp);
      gp = next;
    }
    return batch;
  }

  // Takes a batch of those that have a stack; an empty list: there is none.
  gqueue<T> get_with_stacks() noexcept {
    gqueue<T> batch;
    for (T *gp = gfreeStack.pop(); gp != nullptr;) {
      T *next = gp->schedlink.get();
      batch.push_back(gp);
      gp = next;
    }
    return batch;
  }
  bool has_stacks() const noexcept { return !gfreeStack.empty(); }  // a hint

 private:
  static void push(lfstack<T> &to, gqueue<T> &batch) noexcept {
    if (T *chain = batch.take()) to.push(chain);
  }

  lfstack<T> gfreeStack;
  lfstack<T> gfreeNoStack;
};

// The list of one P. Caller: the P's owner. Blocks: nothing. Cost: a few plain accesses; once in gfree_batch calls a
// CAS.
template <class T>
class gfree {
 public:
  // Owns: gp from here on. Pre: gp is dead and on no list.
  void gfput(T *gp, gfree_global<T> &global) noexcept {
    local_.push_front(gp);
    if (local_.size() < geometry::gfree_max) return;
    gqueue<T> batch =
        local_.cut(geometry::gfree_max - geometry::gfree_batch);  // the oldest: the others' stacks are warm
    global.put(batch);
  }

  // Takes a dead g, which may have no stack; null: there is none anywhere.
  T *gfget(gfree_global<T> &global) noexcept {
    if (local_.empty()) local_ = global.get();
    return local_.pop_front();
  }

  // Gives all to the global lists: the P goes away.
  void gfpurge(gfree_global<T> &global) noexcept { global.put(local_); }

  std::uint32_t size() const noexcept { return local_.size(); }
  std::uint32_t peek_size() const noexcept { return local_.peek_size(); }  // any thread, for reports

 private:
  gqueue<T> local_;
};

HEDDLE_DETAIL_END

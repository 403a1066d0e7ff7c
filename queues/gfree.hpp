#pragma once
// Dead gs, kept to be used again. Source: gfget, gfput and gfpurge of Go's proc.go, sched.gFree.
//
// A P keeps up to gfree_max of them, with and without a stack, newest on top. A full P gives gfree_batch of them to the
// global lists, gfreeStack and gfreeNoStack; an empty P refills by one such batch, those with stacks first. A batch
// travels as one node: its first g is on the lfstack, the others hang on its schedlink.
//
// Ours: gfreeOld has those with stacks that have not been used for a while; their stacks are taken away (strip_dead).
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
    T *gp = gfreeStack.pop();
    if (gp == nullptr) gp = gfreeOld.pop();
    if (gp == nullptr) gp = gfreeNoStack.pop();
    return batch_of(gp);
  }

  // Takes a batch of those that had a stack before the last call of age; an empty list: there is none.
  gqueue<T> get_old() noexcept { return batch_of(gfreeOld.pop()); }

  // From here on those that are here with a stack are old; of what others put meanwhile, at most so many batches. One
  // batch at a time: a P that refills meanwhile finds the others.
  void age(std::uint32_t batches) noexcept {
    for (; batches > 0; --batches) {
      T *const gp = gfreeStack.pop();
      if (gp == nullptr) return;
      gfreeOld.push(gp);
    }
  }
  bool has_stacks() const noexcept { return !gfreeStack.empty() || !gfreeOld.empty(); }  // a hint

 private:
  static void push(lfstack<T> &to, gqueue<T> &batch) noexcept {
    if (T *chain = batch.take()) to.push(chain);
  }
  static gqueue<T> batch_of(T *gp) noexcept {
    gqueue<T> batch;
    while (gp != nullptr) {
      T *next = gp->schedlink.get();
      batch.push_back(gp);
      gp = next;
    }
    return batch;
  }

  lfstack<T> gfreeStack;
  lfstack<T> gfreeOld;
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

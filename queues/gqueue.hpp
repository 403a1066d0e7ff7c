#pragma once
// A list of gs that one thread holds, linked through T::schedlink. Not concurrent: its holder owns every g on it.
// Source: gQueue and gList of Go's runtime2.go.
#include "queues/world.hpp"

HEDDLE_DETAIL_BEGIN

template <class T>
class gqueue {
 public:
  gqueue() noexcept = default;
  gqueue(gqueue &&other) noexcept { *this = static_cast<gqueue &&>(other); }
  gqueue &operator=(gqueue &&other) noexcept {
    become(other.head_.get(), other.tail_.get(), other.size_.get());
    other.become(nullptr, nullptr, 0);
    return *this;
  }

  bool empty() const noexcept { return head_.get() == nullptr; }
  std::uint32_t size() const noexcept { return size_.get(); }
  std::uint32_t peek_size() const noexcept { return glimpse(size_); }  // any thread, for reports

  void push_back(T *gp) noexcept {
    gp->schedlink.set(nullptr);
    if (T *last = tail_.get())
      last->schedlink.set(gp);
    else
      head_.set(gp);
    tail_.set(gp);
    size_.set(size_.get() + 1);
  }

  void push_front(T *gp) noexcept {
    T *const first = head_.get();
    gp->schedlink.set(first);
    head_.set(gp);
    if (first == nullptr) tail_.set(gp);
    size_.set(size_.get() + 1);
  }

  // Moves all of `other` behind this list.
  void push_back_all(gqueue &other) noexcept {
    if (other.empty()) return;
    if (T *last = tail_.get())
      last->schedlink.set(other.head_.get());
    else
      head_.set(other.head_.get());
    tail_.set(other.tail_.get());
    size_.set(size_.get() + other.size_.get());
    other.become(nullptr, nullptr, 0);
  }

  // Returns the whole chain, linked by schedlink, or null; the list is empty then.
  T *take() noexcept {
    T *chain = head_.get();
    become(nullptr, nullptr, 0);
    return chain;
  }

  // Keeps the first n, 0 < n < size(), and returns the others.
  gqueue cut(std::uint32_t n) noexcept {
    gqueue rest;
    T *const first = head_.get();
    T *last = first;
    for (std::uint32_t i = 1; i < n; ++i) last = last->schedlink.get();
    rest.become(last->schedlink.get(), tail_.get(), size_.get() - n);
    last->schedlink.set(nullptr);
    become(first, last, n);
    return rest;
  }

  T *pop_front() noexcept {
    T *gp = head_.get();
    if (gp == nullptr) return nullptr;
    T *const next = gp->schedlink.get();
    head_.set(next);
    if (next == nullptr) tail_.set(nullptr);
    gp->schedlink.set(nullptr);
    size_.set(size_.get() - 1);
    return gp;
  }

  // Calls f(g) for each g, oldest first.
  template <class F>
  void for_each(F &&f) const {
    for (T *gp = head_.get(); gp != nullptr; gp = gp->schedlink.get()) f(gp);
  }

 private:
  void become(T *head, T *tail, std::uint32_t size) noexcept {
    head_.set(head);
    tail_.set(tail);
    size_.set(size);
  }

  plain<T *> head_;
  plain<T *> tail_;
  plain<std::uint32_t> size_;
};

HEDDLE_DETAIL_END

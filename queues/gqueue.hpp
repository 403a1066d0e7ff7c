#pragma once
// A list of gs that one thread holds, linked through T::schedlink. Not concurrent: its holder owns every g on it.
// Source: gQueue and gList of Go's runtime2.go.
#include "queues/world.hpp"

HEDDLE_DETAIL_BEGIN

template <class T>
class gqueue {
 public:
  bool empty() const noexcept { return head_ == nullptr; }
  std::uint32_t size() const noexcept { return size_; }
  std::uint32_t peek_size() const noexcept { return glimpse(size_); }  // any thread, for reports

  void push_back(T *gp) noexcept {
    gp->schedlink.set(nullptr);
    if (tail_ != nullptr)
      tail_->schedlink.set(gp);
    else
      head_ = gp;
    tail_ = gp;
    ++size_;
  }

  void push_front(T *gp) noexcept {
    gp->schedlink.set(head_);
    head_ = gp;
    if (tail_ == nullptr) tail_ = gp;
    ++size_;
  }

  // Moves all of `other` behind this list.
  void push_back_all(gqueue &other) noexcept {
    if (other.empty()) return;
    if (tail_ != nullptr)
      tail_->schedlink.set(other.head_);
    else
      head_ = other.head_;
    tail_ = other.tail_;
    size_ += other.size_;
    other = gqueue();
  }

  // Returns the whole chain, linked by schedlink, or null; the list is empty then.
  T *take() noexcept {
    T *chain = head_;
    *this = gqueue();
    return chain;
  }

  // Keeps the first n, 0 < n < size(), and returns the others.
  gqueue cut(std::uint32_t n) noexcept {
    gqueue rest;
    T *last = head_;
    for (std::uint32_t i = 1; i < n; ++i) last = last->schedlink.get();
    rest.head_ = last->schedlink.get();
    rest.tail_ = tail_;
    rest.size_ = size_ - n;
    last->schedlink.set(nullptr);
    tail_ = last;
    size_ = n;
    return rest;
  }

  T *pop_front() noexcept {
    T *gp = head_;
    if (gp == nullptr) return nullptr;
    head_ = gp->schedlink.get();
    if (head_ == nullptr) tail_ = nullptr;
    gp->schedlink.set(nullptr);
    --size_;
    return gp;
  }

  // Calls f(g) for each g, oldest first.
  template <class F>
  void for_each(F &&f) const {
    for (T *gp = head_; gp != nullptr; gp = gp->schedlink.get()) f(gp);
  }

 private:
  T *head_ = nullptr;
  T *tail_ = nullptr;
  std::uint32_t size_ = 0;
};

HEDDLE_DETAIL_END

// layer/collection/first_few.h — of what comes in any order, as many as are wanted of the first.
//
// With a limit it is a heap until it is sorted, with the last of them at the top, so that no more is
// kept than is wanted; without one it keeps all.
//
// Threads: one.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace varve::collection {

// T has an order by <, in which no two are equal, and kept_bytes(): what one takes, about.
template <typename T>
class FirstFew {
 public:
  explicit FirstFew(uint64_t limit, uint64_t offset)
      : count_max_(limit < kWhole ? limit + offset : UINT64_MAX) {}

  void add(T one) {
    if (items_.size() == count_max_) {
      if (!(one < items_.front())) return;
      std::pop_heap(items_.begin(), items_.end());
      bytes_ -= items_.back().kept_bytes();
      items_.pop_back();
    }
    bytes_ += one.kept_bytes();
    items_.push_back(std::move(one));
    if (count_max_ != UINT64_MAX) std::push_heap(items_.begin(), items_.end());
  }
  uint64_t bytes() const { return bytes_; }

  void sort() { std::sort(items_.begin(), items_.end()); }  // After the last.
  size_t size() const { return items_.size(); }
  const T& operator[](size_t i) const { return items_[i]; }

 private:
  static constexpr uint64_t kWhole = uint64_t{1} << 32;  // From this limit on all are sorted.

  const uint64_t count_max_;
  std::vector<T> items_;
  uint64_t bytes_ = 0;
};

}  // namespace varve::collection

// base/arena.h — memory that is handed out by moving a pointer and given back all at once.
//
// It takes pages of one size from the machine, huge ones where much is to come, or from a stock of
// those that another arena has left. What is larger than an eighth of such a page gets memory of its
// own, so that no page ends with more than that unused.
//
// Invariants
//   - what allocate() returned stays where it is until the arena dies. Its bytes may be any.
//   - size_bytes() only grows: it is what the arena holds from the machine, not what was asked of
//     it.
// Threads: one thread allocates; size_bytes() may be read by any.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "base/page_stock.h"
#include "base/pages.h"

namespace varve {

class Arena {
 public:
  explicit Arena(size_t page_bytes = kHugePageBytes) : page_bytes_(page_bytes) {}
  explicit Arena(std::shared_ptr<PageStock> stock)
      : page_bytes_(stock->page_bytes()), stock_(std::move(stock)) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena();

  // `align` is a power of two, at most 4096. Never null: a machine without memory stops the
  // process.
  uint8_t* allocate(size_t size, size_t align = 8) {
    const size_t start = (used_ + align - 1) & ~(align - 1);
    if (start + size <= end_) [[likely]] {
      used_ = start + size;
      return page_ + start;
    }
    return allocate_page(size, align);
  }
  size_t size_bytes() const { return held_.load(std::memory_order_relaxed); }
  // What a piece takes of the machine: itself, or pages of its own.
  size_t taken_bytes(size_t size) const {
    return is_large(size) ? round_up(size, kSmallPageBytes) : size;
  }
  // At most that, whatever the pages are.
  static constexpr size_t taken_bytes_max(size_t size) {
    return size > kPageBytesMin / kLargeShare ? round_up(size, kSmallPageBytes) : size;
  }
  static constexpr size_t kPageBytesMin = size_t{64} << 10;

 private:
  static constexpr size_t kLargeShare = 8;
  bool is_large(size_t size) const { return size > page_bytes_ / kLargeShare; }
  struct Page {
    uint8_t* data;
    size_t size;
  };
  uint8_t* allocate_page(size_t size, size_t align);
  uint8_t* take_page(size_t size);

  const size_t page_bytes_;
  const std::shared_ptr<PageStock> stock_;  // Null: all is the machine's.
  uint8_t* page_ = nullptr;  // The page being filled.
  size_t used_ = 0;
  size_t end_ = 0;
  std::vector<Page> pages_;
  std::atomic<size_t> held_{0};
};

}  // namespace varve

// base/page_stock.h — pages that one arena gave back, kept for the next.
//
// A page that is new to the process was cleared by the machine, which takes longer than filling it:
// whoever makes arenas one after the other saves that by handing their pages on.
//
// Invariants
//   - it holds no more than its limit, which is nothing at first; all else goes to the machine.
//   - a page from here has the bytes of whoever had it before.
// Threads: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

namespace varve {

class PageStock {
 public:
  explicit PageStock(size_t page_bytes) : page_bytes_(page_bytes) {}
  PageStock(const PageStock&) = delete;
  PageStock& operator=(const PageStock&) = delete;
  ~PageStock() { set_limit(0); }

  size_t page_bytes() const { return page_bytes_; }
  uint8_t* take();  // Null: there is none.
  void give(uint8_t* page);
  void set_limit(size_t bytes);
  size_t held_bytes() const;

 private:
  const size_t page_bytes_;
  mutable std::mutex mutex_;  // Guards what follows.
  size_t count_max_ = 0;
  std::vector<uint8_t*> pages_;
};

}  // namespace varve

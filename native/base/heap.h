// base/heap.h — memory in huge pages, handed out in pieces that come back one by one.
//
// For what lives long and is read at random: cached blocks, indexes. In ordinary pages such a read
// costs a walk of the page table on top of the miss itself. Pieces lie side by side in regions of
// 2 MB pages; free neighbours become one; free pieces hang in lists by size, four to a power of
// two, and the smallest list that surely fits is found by two bitmaps, in constant time.
//
// Invariants
//   - no two free pieces touch.
//   - a region that is wholly free goes back to the machine, but for one.
// Threads: any; one lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

namespace varve {

class Heap {
 public:
  static constexpr size_t kAlignment = 64;

  Heap() = default;
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;
  ~Heap();  // Everything handed out is gone.

  // At a multiple of kAlignment. Never null: a machine without memory stops the process.
  uint8_t* allocate(size_t size);
  void free(uint8_t* bytes);
  // What allocate(size) takes, its share of bookkeeping included.
  static size_t cost(size_t size);
  size_t held_bytes() const;  // From the machine.

 private:
  struct Piece;
  struct Region {
    uint8_t* pages;
    size_t size;
  };
  static constexpr size_t kOrderCount = 26;  // Powers of two, in units of 64 bytes.
  static constexpr size_t kPerOrder = 4;

  static Piece* next_of(Piece* piece);
  static Piece* previous_of(Piece* piece);
  static size_t list_of(size_t units);
  Piece* take_fitting(size_t units);
  Piece* add_region(size_t units);
  bool is_region(const Piece* piece) const;
  void hang(Piece* piece);
  void unhang(Piece* piece);
  void give_back(Piece* piece);

  mutable std::mutex mutex_;  // Guards everything below.
  Piece* lists_[kOrderCount * kPerOrder] = {};
  uint64_t filled_[2] = {};  // A bit for each list that is not empty.
  std::vector<Region> regions_;
  size_t held_ = 0;
  size_t empty_count_ = 0;  // Regions that are wholly free.
};

}  // namespace varve

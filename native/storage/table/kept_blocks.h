// storage/table/kept_blocks.h — blocks of a table that is being written, for the cache to have as
// soon as the table is there.
//
// A merge writes anew what readers have in the cache, and its sources go. What it makes of blocks
// that are there takes their place, so that readers find theirs as they left them: a merge takes a
// block out of the cache when it comes to it, and puts what it writes beside.
//
// Invariants
//   - what is kept counts in the budget of the cache: as a charge until the table has it.
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "storage/cache/cache.h"

namespace varve {

class KeptBlocks {
 public:
  struct One {
    uint32_t number;  // Among the blocks of the table.
    uint32_t size;
    Cache::Loading block;
  };

  KeptBlocks() = default;
  explicit KeptBlocks(Cache& cache) : cache_(&cache) {}
  KeptBlocks(KeptBlocks&& other) noexcept;
  KeptBlocks& operator=(KeptBlocks&& other) noexcept;
  ~KeptBlocks();

  // A copy of the block, unless too much is kept already. Cold blocks are kept where there is room.
  void add(uint32_t number, Bytes block, bool is_warm);
  // All of them, one by one, to whoever puts them into the cache.
  template <class Take>
  void take(const Take& take) {
    for (One& one : blocks_) {
      discharge(Cache::cost(one.size));
      take(std::move(one));
    }
    blocks_.clear();
  }

 private:
  void discharge(uint64_t bytes);

  Cache* cache_ = nullptr;
  std::vector<One> blocks_;
  uint64_t charged_ = 0;
};

}  // namespace varve

// storage/cache/cache.h — blocks of files in memory, within one budget.
//
// A file has an array of handles, one a block; a hit is one load of a handle's pointer, without
// hashing or locks. A block is verified once, when it is loaded. Eviction is CLOCK: a hand goes
// round the cached blocks and takes those that were not used since it last came by. What is evicted
// is retired through the epoch domain, so that whoever is reading it may finish.
//
// Invariants
//   - a block reached inside an epoch guard stays in place until the guard is left.
//   - used_bytes() is at most the budget, but for one block.
// Threads: any. Hits take no lock; insert and drop take one.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "base/bytes.h"
#include "base/epoch.h"

namespace varve {

struct CachedBlock;

struct BlockHandle {
  std::atomic<CachedBlock*> block{nullptr};
};

struct CachedBlock {
  std::unique_ptr<uint8_t[]> data;
  uint32_t size = 0;
  std::atomic<bool> used{true};
  BlockHandle* handle = nullptr;
  size_t place = 0;  // In the clock; guarded by the cache's mutex.

  Bytes bytes() const { return Bytes(data.get(), size); }
};

class Cache {
 public:
  Cache(EpochDomain& epochs, uint64_t budget_bytes) : epochs_(epochs), budget_(budget_bytes) {}
  ~Cache();

  // The block behind a handle, or null. Inside an epoch guard.
  static const CachedBlock* find(const BlockHandle& handle) {
    CachedBlock* const block = handle.block.load(std::memory_order_acquire);
    if (block != nullptr && !block->used.load(std::memory_order_relaxed)) {
      block->used.store(true, std::memory_order_relaxed);
    }
    return block;
  }
  // Puts a block behind a handle and returns it; if another thread was first, that one's.
  const CachedBlock* insert(BlockHandle& handle, std::unique_ptr<uint8_t[]> data, uint32_t size);
  // Lets go of everything behind these handles: their file is going away. No reader may reach them
  // any more.
  void drop(std::vector<BlockHandle>& handles);
  // Memory that a file holds for as long as it is open, such as its point index.
  void charge(int64_t bytes);

  void set_budget(uint64_t bytes);
  uint64_t used_bytes() const { return used_.load(std::memory_order_relaxed); }
  uint64_t load_count() const { return loads_.load(std::memory_order_relaxed); }
  uint64_t eviction_count() const { return evictions_.load(std::memory_order_relaxed); }

 private:
  static uint64_t cost(const CachedBlock& block) { return block.size + sizeof(CachedBlock) + 32; }
  void remove(CachedBlock* block);  // From the clock; holding the mutex.
  void evict();                     // Until the budget holds; holding the mutex.

  EpochDomain& epochs_;
  std::atomic<uint64_t> budget_;
  std::atomic<uint64_t> used_{0};
  std::atomic<uint64_t> loads_{0};
  std::atomic<uint64_t> evictions_{0};
  std::mutex mutex_;  // Guards the clock.
  std::vector<CachedBlock*> clock_;
  size_t hand_ = 0;
};

}  // namespace varve

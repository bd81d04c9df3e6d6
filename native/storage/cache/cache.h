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
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/epoch.h"
#include "base/heap.h"

namespace varve {

struct CachedBlock;

// What a file keeps of each of its blocks: 16 bytes, four to a cache line. `hint` is the owner's:
// it is set before the block is first put behind the handle, and stays.
struct BlockHandle {
  std::atomic<CachedBlock*> block{nullptr};
  std::atomic<uint32_t> hint{0};
  std::atomic<bool> used{false};
};

// Its bytes lie right behind it, on a cache line of their own.
struct alignas(64) CachedBlock {
  BlockHandle* handle = nullptr;
  size_t place = 0;  // In the clock; guarded by the cache's mutex.
  uint32_t size = 0;
  uint32_t room = 0;

  uint8_t* data() { return reinterpret_cast<uint8_t*>(this + 1); }
  const uint8_t* data() const { return reinterpret_cast<const uint8_t*>(this + 1); }
  Bytes bytes() const { return Bytes(data(), size); }
};

class Cache {
 public:
  Cache(EpochDomain& epochs, uint64_t budget_bytes) : epochs_(epochs), budget_(budget_bytes) {}

  ~Cache() { epochs_.collect(); }  // No reader is inside: what was retired goes before its heap.

  // The block behind a handle, or null. Inside an epoch guard.
  static const CachedBlock* find(BlockHandle& handle) {
    CachedBlock* const block = handle.block.load(std::memory_order_acquire);
    if (block != nullptr && !handle.used.load(std::memory_order_relaxed)) {
      handle.used.store(true, std::memory_order_relaxed);
    }
    return block;
  }
  // Room for a block that is being loaded.
  struct Unmake {
    Heap* heap;
    void operator()(CachedBlock* block) const { heap->free(reinterpret_cast<uint8_t*>(block)); }
  };
  using Loading = std::unique_ptr<CachedBlock, Unmake>;
  Loading make(uint32_t room);
  // Puts a block of `size` bytes behind a handle and returns it; if another thread was first, that
  // one's.
  const CachedBlock* insert(BlockHandle& handle, Loading block, uint32_t size);
  // A file's handles, and their end: the file is going away, and no reader may reach them any more.
  std::span<BlockHandle> make_handles(size_t count);
  void drop(std::span<BlockHandle> handles);
  // The same for a handle that is the owner's own.
  void drop(BlockHandle& handle);
  // Memory that a file holds for as long as it is open, such as its block index.
  void charge(int64_t bytes);

  // For what is read at random for as long as a file is open. Charge for it, too.
  Heap& heap() { return heap_; }

  // So many bytes more would be within the budget.
  bool has_room(uint64_t bytes) const {
    return used_bytes() + bytes <= budget_.load(std::memory_order_relaxed);
  }
  void set_budget(uint64_t bytes);
  uint64_t used_bytes() const { return used_.load(std::memory_order_relaxed); }
  uint64_t load_count() const { return loads_.load(std::memory_order_relaxed); }
  uint64_t eviction_count() const { return evictions_.load(std::memory_order_relaxed); }

 private:
  static uint64_t cost(const CachedBlock& block) {
    return Heap::cost(sizeof(CachedBlock) + block.room) + sizeof(CachedBlock*);
  }
  void remove(CachedBlock* block);  // From the clock; holding the mutex.
  void evict();                     // Until the budget holds; holding the mutex.

  EpochDomain& epochs_;
  Heap heap_;
  std::atomic<uint64_t> budget_;
  std::atomic<uint64_t> used_{0};
  std::atomic<uint64_t> loads_{0};
  std::atomic<uint64_t> evictions_{0};
  std::mutex mutex_;  // Guards the clock.
  std::vector<CachedBlock*> clock_;
  size_t hand_ = 0;
};

}  // namespace varve

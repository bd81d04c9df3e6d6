// storage/cache/cache.h — blocks of files in memory, within one budget.
//
// Whoever reads a block has a handle of it; a hit is one load of the handle's pointer, without
// hashing or locks. A file keeps a few handles for as long as it is open; the others lie in blocks
// themselves, such as parts of an index, and come and go with those. A block is verified once, when
// it is loaded. What is evicted is retired through the epoch domain, so that whoever is reading it
// may finish. Only a block behind whose handles nothing is cached is evicted, and of those
//   kClock   a hand goes round and takes those that were not used since it last came by.
//   kLru     of sixteen taken at random the one whose last use is longest ago, as far as a clock
//            tells that ticks 64 times while the cache is filled anew once.
//   kRandom  any: what is used does not matter, so a hit costs least.
//
// Invariants
//   - a block reached inside an epoch guard stays in place until the guard is left.
//   - used_bytes() is at most the budget, but for one block.
//   - a block is cached only while the one that its handle lies in is.
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
#include "base/random.h"

namespace varve {

struct CachedBlock;

// 16 bytes, four to a cache line. `hint` is the owner's: it is set before a block is put behind the
// handle, always to the same.
struct BlockHandle {
  std::atomic<CachedBlock*> block{nullptr};
  std::atomic<uint32_t> hint{0};
  std::atomic<bool> used{false};
  std::atomic<uint16_t> tick{0};  // Of its last use, for kLru.
};

enum class Eviction : uint8_t { kLru = 0, kClock = 1, kRandom = 2 };

// Its bytes lie right behind it, on a cache line of their own; handles, if it has any, before them.
struct alignas(64) CachedBlock {
  static constexpr size_t kGone = SIZE_MAX;

  BlockHandle* handle = nullptr;
  CachedBlock* home = nullptr;  // The block that the handle lies in; null for a file's own.
  uint32_t size = 0;
  uint32_t room = 0;
  uint32_t handle_count = 0;
  // Guarded by the cache's mutex.
  uint32_t kept_count = 0;  // Blocks behind its handles.
  size_t place = 0;         // In the clock, or kGone.

  // Of a block without handles; where they are, bytes() knows where they end.
  uint8_t* data() { return reinterpret_cast<uint8_t*>(this + 1); }
  const uint8_t* data() const { return reinterpret_cast<const uint8_t*>(this + 1); }
  BlockHandle& inner(size_t i) { return reinterpret_cast<BlockHandle*>(this + 1)[i]; }
  Bytes bytes() const { return Bytes(data() + handle_count * sizeof(BlockHandle), size); }
  uint8_t* filling() { return data() + handle_count * sizeof(BlockHandle); }
};

class Cache {
 public:
  Cache(EpochDomain& epochs, uint64_t budget_bytes, Eviction eviction = Eviction::kClock)
      : epochs_(epochs), eviction_(eviction), budget_(budget_bytes) {}

  ~Cache() { epochs_.collect(); }  // No reader is inside: what was retired goes before its heap.

  // The block behind a handle, or null. Inside an epoch guard.
  static CachedBlock* find(BlockHandle& handle) {
    CachedBlock* const block = handle.block.load(std::memory_order_acquire);
    if (block != nullptr && !handle.used.load(std::memory_order_relaxed)) {
      handle.used.store(true, std::memory_order_relaxed);
    }
    return block;
  }
  // The same, noting when: for those who may have asked for kLru.
  CachedBlock* use(BlockHandle& handle) const {
    CachedBlock* const block = find(handle);
    if (block != nullptr && eviction_ == Eviction::kLru) note_use(handle);
    return block;
  }
  // Room for a block that is being loaded, and for the handles that it is to have.
  struct Unmake {
    Heap* heap;
    void operator()(CachedBlock* block) const { heap->free(reinterpret_cast<uint8_t*>(block)); }
  };
  using Loading = std::unique_ptr<CachedBlock, Unmake>;
  Loading make(uint32_t room, uint32_t handle_count = 0);
  // Puts a block of `size` bytes behind a handle and returns it; if another thread was first, that
  // one's. `home` is the block that the handle lies in: if it was evicted since the caller found
  // it, so is the new one at once, and is whole until the caller's guard is left.
  CachedBlock* insert(BlockHandle& handle, Loading block, uint32_t size,
                      CachedBlock* home = nullptr);
  // Takes away the block behind a handle of that number in the block behind `home`, if they are
  // there; else false. Needs no guard.
  bool take_within(BlockHandle& home, uint32_t index);
  // A file's own handles, and their end: the file is going away, and no reader may reach them any
  // more.
  std::span<BlockHandle> make_handles(size_t count);
  void drop(std::span<BlockHandle> handles);
  // The same for a handle that is the owner's own.
  void drop(BlockHandle& handle);
  // Memory that a file holds for as long as it is open.
  void charge(int64_t bytes);

  // So many bytes more would be within the budget.
  bool has_room(uint64_t bytes) const { return used_bytes() + bytes <= budget_bytes(); }
  uint64_t budget_bytes() const { return budget_.load(std::memory_order_relaxed); }
  void set_budget(uint64_t bytes);
  uint64_t used_bytes() const { return used_.load(std::memory_order_relaxed); }
  size_t held_bytes() const { return heap_.held_bytes(); }  // From the machine.
  // What a block without handles takes of the budget.
  static uint64_t cost(size_t size) { return Heap::cost(bytes_of(size, 0)) + sizeof(CachedBlock*); }
  uint64_t load_count() const { return loads_.load(std::memory_order_relaxed); }
  uint64_t eviction_count() const { return evictions_.load(std::memory_order_relaxed); }

 private:
  static uint64_t cost(const CachedBlock& block) {
    return Heap::cost(bytes_of(block.room, block.handle_count)) + sizeof(CachedBlock*);
  }
  static size_t bytes_of(size_t room, size_t handle_count) {
    return sizeof(CachedBlock) + handle_count * sizeof(BlockHandle) + room;
  }
  void free_retired();
  // Holding the mutex:
  void remove(CachedBlock* block);  // From the clock, and behind its handles there is nothing.
  void empty(BlockHandle& handle);  // With all that lies behind it.
  void retire(CachedBlock* block);
  void evict();  // Until the budget holds.
  CachedBlock* next_by_clock(size_t& marks);
  CachedBlock* next_by_chance(size_t tries);

  void note_use(BlockHandle& handle) const {
    const uint16_t now = tick_.load(std::memory_order_relaxed);
    if (handle.tick.load(std::memory_order_relaxed) == now) return;
    handle.tick.store(now, std::memory_order_relaxed);
  }

  EpochDomain& epochs_;
  const Eviction eviction_;
  Heap heap_;
  std::atomic<uint64_t> budget_;
  std::atomic<uint64_t> used_{0};
  std::atomic<uint64_t> loads_{0};
  std::atomic<uint64_t> evictions_{0};
  std::atomic<uint16_t> tick_{0};
  std::mutex mutex_;  // Guards the clock.
  std::vector<CachedBlock*> clock_;
  size_t hand_ = 0;
  size_t since_tick_ = 0;  // Blocks that were put in.
  Random random_{1};
};

}  // namespace varve

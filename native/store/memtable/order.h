// store/memtable/order.h — the entries in the order of their keys, put in order only when somebody
// asks.
//
//   writer ─► pending (chunks of pointers) ─► [sort] ─► run │ run │ run …   of {head, entry}
//
// A run is immutable: readers pin the list of runs by reference count and merge as they walk, so
// nothing is ever changed under them. A new run is merged with its predecessors while they are of
// like size, so there are few. `head` is the 8 bytes of the key, as a big-endian number, behind the
// prefix that all ordered keys share: most comparisons look at nothing else. A run keeps every 16th
// head, and every 32nd of those, in arrays of their own, so that a seek misses the cache about
// twice.
//
// Invariants
//   - every entry is pending or in exactly one run, and no key is in two entries.
//   - all runs of one list have the same `skip`, so their heads compare.
// Threads: one writer appends. order() is for all: it sorts under a mutex that the writer only ever
// tries.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "store/memtable/entry.h"

namespace varve::memtable {

using Lock = std::unique_lock<std::mutex>;

struct Item {
  uint64_t head;
  const Entry* entry;
};

// The 8 bytes behind `skip` as a number that orders like them; bytes that are not there count as
// zero.
uint64_t head_of(Bytes key, size_t skip);
bool in_order(const Item& a, const Item& b);

class SortedRun {
 public:
  explicit SortedRun(std::vector<Item> items);
  const Item* begin() const { return items_.data(); }
  const Item* end() const { return items_.data() + items_.size(); }
  size_t size() const { return items_.size(); }
  // The first item that is not before `key`, whose head is `head`.
  const Item* lower_bound(uint64_t head, Bytes key) const;

 private:
  size_t first_not_below(uint64_t head) const;

  static constexpr size_t kFineStep = 16;
  static constexpr size_t kCoarseStep = 32;
  std::vector<Item> items_;
  std::vector<uint64_t> fine_;    // Heads of items 0, 16, 32, …
  std::vector<uint64_t> coarse_;  // Every 32nd of those.
};

struct Ordered {
  size_t skip = 0;
  std::vector<std::shared_ptr<const SortedRun>> runs;
  // The first item of runs[run] that is not before `key`.
  const Item* lower_bound(size_t run, Bytes key) const;
};

class Order {
 public:
  Order();
  Order(const Order&) = delete;
  Order& operator=(const Order&) = delete;
  ~Order();

  void append(const Entry* entry);  // A published entry. Writer.
  void expect_scans(bool expected) { scans_expected_.store(expected, std::memory_order_relaxed); }
  // Everything appended before the call, in order.
  std::shared_ptr<const Ordered> order();
  size_t size_bytes() const;

  // What the writer sorts at once, where scans are expected.
  static constexpr size_t kBatchCount = 4096;
  // Runs up to this size together, or an eighth of everything, are merged while somebody waits:
  // some milliseconds (a guess), and rarely. More runs make every scan slower:
  // bench/native/README.md.
  static constexpr size_t kMergeCount = size_t{512} << 10;
  // A run takes in a predecessor up to so many times its size.
  static constexpr size_t kMergeRatio = 4;
  // Pending, in a run, and in the run being made from it.
  static constexpr size_t kKeyBytesMax = 64;

 private:
  struct Chunk;

  std::vector<const Entry*> take_pending(const Lock& held);
  void sort_pending(const Lock& held);

  // The writer's.
  Chunk* tail_;
  std::atomic<uint64_t> appended_{0};  // Written by the writer, read by all.

  std::atomic<bool> scans_expected_{false};
  std::atomic<uint64_t> taken_{0};  // Written under the mutex.

  std::mutex mutex_;  // Guards everything below.
  Chunk* head_;
  uint32_t head_taken_ = 0;
  std::shared_ptr<const Ordered> ordered_;
};

// Sorts items by key; all of them share their first `skip` bytes and have their heads filled.
void sort_items(std::vector<Item>& items, size_t skip);

}  // namespace varve::memtable

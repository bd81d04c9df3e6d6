// store/memtable/hash_index.h — from the hash of a key to its entry: one line of slots, then the
// entry.
//
//   directory[top bits of hash] ──► segment: 512 buckets of 8 slots, one bucket per cache line
//   slot = low 16 bits of the hash << 48 | address of the entry; 0: empty
//
// A bucket that is full overflows into the next one, so an empty slot ends the search. A segment
// that is three quarters full is split in two new ones, so growing never stops the writer for
// longer than 3,072 entries take; the old segment stays as it is for readers that came through the
// old directory. Were hashes to collide so much that splitting does not separate them, a full
// segment gets another behind it, so the directory stays proportional to the entries.
//
// Invariants
//   - a segment reachable from the newest directory is the only one its hashes are written to.
//   - dead segments and directories take no more than the live ones: each split doubles.
// Threads: one writer inserts; anyone finds. Slots, directories and overflow links are released and
// acquired.
#pragma once

#include <atomic>
#include <vector>

#include "store/memtable/entry.h"

namespace varve::memtable {

class HashIndex {
 public:
  explicit HashIndex(Memory& memory);
  HashIndex(const HashIndex&) = delete;
  HashIndex& operator=(const HashIndex&) = delete;

  void prefetch(uint64_t hash) const;
  Entry* find(Bytes key, uint64_t hash) const;  // Null if there is none.
  void insert(Entry* entry);                    // A key that is not there yet. Writer.

  static constexpr size_t kSlotCount = 4096;
  // The most that one more key adds, averaged over all before it: live and dead segments, half full
  // after a split.
  static constexpr size_t kKeyBytesMax = 64;

 private:
  static constexpr size_t kBucketSlots = 8;
  static constexpr uint32_t kEntriesMax = kSlotCount / 4 * 3;

  struct alignas(64) Segment {
    std::atomic<uint64_t> slots[kSlotCount];
    std::atomic<Segment*> overflow;
    uint32_t count;  // Writer only, as is depth.
    uint32_t depth;  // How many top bits of the hash all its entries share.
  };
  struct Directory {
    uint32_t depth;
    std::atomic<Segment*>* segments;  // 2^depth
  };

  Segment* segment_of(uint64_t hash) const;
  Segment* make_segment(uint32_t depth);
  const Directory* make_directory(uint32_t depth);
  void insert_into(Segment* segment, Entry* entry);
  bool may_split(const Segment& segment) const;
  void split(Segment* segment, uint64_t hash);

  Memory& memory_;
  std::atomic<const Directory*> directory_{nullptr};
  uint64_t entry_count_ = 0;       // Writer only.
  std::vector<Entry*> splitting_;  // Writer only: room kept from split to split.
};

}  // namespace varve::memtable

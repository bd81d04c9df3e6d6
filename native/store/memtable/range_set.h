// store/memtable/range_set.h — the range deletions of a memtable, and which of them covers a key.
//
// They lie in a few immutable sets, each sorted by begin and read as a balanced tree whose nodes
// know the greatest end and the commits below them, so that a search leaves out whatever cannot
// better what it has. A new deletion is a set of one; sets of like size are merged, so there are
// O(log n) of them. The list of sets is published by pointer.
//
// Threads: one writer adds; anyone reads. No set and no list changes once published.
#pragma once

#include <atomic>
#include <vector>

#include "store/memtable/entry.h"

namespace varve::memtable {

class RangeSet {
 public:
  explicit RangeSet(Memory& memory) : memory_(memory) {}
  RangeSet(const RangeSet&) = delete;
  RangeSet& operator=(const RangeSet&) = delete;

  void add(const RangeDeletion& deletion);  // Copies the keys. Writer.
  bool empty() const { return list_.load(std::memory_order_acquire) == nullptr; }
  // The newest at or below `commit` that covers `key`; 0 if none.
  uint64_t newest_over(Bytes key, uint64_t commit) const;
  std::vector<RangeDeletion> all() const;  // By (begin, end, commit).

  static constexpr size_t kCountMax = 40;  // Sets: each at least twice its successor.

 private:
  struct Node {
    RangeDeletion deletion;
    Bytes end_max;  // Of the whole subtree; empty: to the end of the keyspace.
    uint64_t commit_max = 0;
    uint64_t commit_min = 0;
  };
  struct Set {
    const Node* nodes = nullptr;
    size_t count = 0;
  };
  struct List {
    const Set* sets = nullptr;
    size_t count = 0;
  };

 public:
  // A deletion moves to a set at least half as large again each time, and each adding publishes one
  // list.
  static constexpr size_t kDeletionBytesMax =
      kCountMax * (sizeof(Node) + sizeof(Set)) + sizeof(List);

 private:
  static void summarise(Node* nodes, size_t begin, size_t end);
  static void search(const Set& set, Bytes key, uint64_t commit, uint64_t& best);

  Memory& memory_;
  std::atomic<const List*> list_{nullptr};
};

}  // namespace varve::memtable

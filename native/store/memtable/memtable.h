// store/memtable/memtable.h — the newest commits, in memory: an ordered index from key to a chain
// of versions.
//
// Three structures share one arena, of 2 MB pages unless it is to stay small, each for one question:
//
//   hash ─► HashIndex (fingerprint slots) ─► Entry {key, newest} ─► Version ─► older Version ─► …
//   order ─► Order: pending keys, sorted when somebody asks, into a few runs of (8-byte head,
//   Entry) cover ─► RangeSet: range deletions, in immutable sets published by pointer
//
// The first version of a key lies right behind it, so that a cold get costs two dependent misses:
// the slot's line and the entry. A fill that nobody scans pays nothing for order but a pointer per
// key; a flush sorts once. Once a scan has happened (or expect_scans() said it will), the writer
// sorts in moderate batches, so that no later scan finds a mountain of pending keys. What was
// measured against a skip list and an eager B+tree stands in bench/native/README.md.
//
// Invariants
//   - nothing a reader can reach ever moves or changes, but an entry's `newest`, and that only
//     gets newer.
//   - whatever was put before a commit became visible is found by every reader of that commit.
//   - size_bytes() never exceeds fixed_bytes() plus the sum of cost() over the edits put (and of
//     range_cost() over the range deletions).
// Threads: one writer at a time; any number of readers, which take no lock to get. Readers that
// scan take a mutex among themselves to sort what is pending; the writer never waits for it.
// Lifetime: all bytes handed out are borrowed and valid while the memtable lives. Cursors must not
// outlive it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "base/page_stock.h"
#include "base/pages.h"
#include "engine/engine.h"

namespace varve {

class Memtable {
 public:
  // `pages`: where what it takes at a time comes from and goes to.
  Memtable(uint64_t id, std::shared_ptr<PageStock> pages);
  explicit Memtable(uint64_t id, size_t page_bytes = kHugePageBytes);
  Memtable(const Memtable&) = delete;
  Memtable& operator=(const Memtable&) = delete;
  ~Memtable();
  uint64_t id() const;

  // Writer, one thread at a time. `hash` is hash64(key, store seed). Key and value are copied.
  // Commit numbers (below 2^53) never fall.
  void put(const Edit& edit, uint64_t hash);  // A put or a delete.
  void delete_range(const RangeDeletion& deletion);
  void expect_scans(bool expected);  // True: sort in batches from now on, before anyone scans.

  void prefetch(uint64_t hash) const;  // Fetches the slot that put or get will touch. Any thread.
  size_t size_bytes() const;           // Taken for entries, index and order.
  uint64_t edit_count() const;         // Puts and deletes, without range deletions.
  bool empty() const;                  // Neither edits nor range deletions.
  // What put() may take at most, its share of later growth included, so that the store can refuse
  // before it numbers a commit; likewise delete_range(), by the sizes of its two keys.
  static size_t cost(size_t key_size, size_t value_size);
  static size_t range_cost(size_t begin_size, size_t end_size);
  static size_t fixed_bytes(size_t page_bytes = kHugePageBytes);  // What an empty one takes.
  // Pages for a memtable that is to grow to so much: a few of them, huge ones if it can be.
  static size_t page_bytes_for(size_t size_bytes);

  // The newest at or below `commit`: kPut; kDeleted (a deletion, or a range deletion newer than the
  // put: then edit.commit is the range deletion's); kAbsent.
  Lookup get(Bytes key, uint64_t hash, uint64_t commit) const;
  bool has_range_deletions() const;
  // The newest range deletion at or below `commit` that covers `key`; 0 if none.
  uint64_t range_deletion_over(Bytes key, uint64_t commit) const;
  std::vector<RangeDeletion> range_deletions() const;  // All, by (begin, end, commit).

  // The newest version at or below `commit` of each key in the range, deletions shown as kDelete,
  // and so a put that an own range deletion hides (with that range deletion's commit). Starts at
  // the range's first entry in its direction.
  std::unique_ptr<EngineCursor> scan(const KeyRange& range, uint64_t commit,
                                     Direction direction) const;
  // Every version with from < commit <= to, by (key, commit descending): what a flush writes.
  std::unique_ptr<EditCursor> versions(const KeyRange& range, uint64_t from, uint64_t to) const;

 private:
  static constexpr size_t kPagesMin = 16;
  struct Parts;
  const std::unique_ptr<Parts> parts_;
};

}  // namespace varve

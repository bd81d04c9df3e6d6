// store/recent_writes.h — what was written since the oldest open transaction began, in memory: what
// the sequencer validates by.
//
//   begin() ──▶ writes are kept from here on ──▶ end() of the last one: nothing is kept
//
// Commits append the keys they write, in their order, to chunks of text, and enter each key's hash
// with the commit in one table. A key that was read is one look into the table; ranges that were
// read are held against the keys of the commits since, one after the other. So a validation costs
// what was read and, with ranges, what was written meanwhile, whatever the store holds. Memtables may
// come to rest meanwhile: nothing here points into them.
//
// It has a bound, of which the table may take four fifths. Beyond that the oldest chunk goes, and
// whoever began before its last commit can't be told any more what was written since.
//
// Invariants
//   - every commit above floor() is here, but for its silent edits (batch.h), from begin() to end()
//     of any transaction.
//   - a commit that was visible before a begin() looked is at or below what that begin() answered.
// Threads: any; commits among themselves are ordered by the sequencer.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/os/os.h"
#include "store/conditions.h"

namespace varve {

struct RecentWritesStats {
  uint64_t open_count = 0;
  uint64_t size_bytes = 0;
  uint64_t dropped_count = 0;  // Chunks that went because of the bound.
};

class RecentWrites {
 public:
  explicit RecentWrites(uint64_t bytes_max) : bytes_max_(bytes_max) {}

  // `hold` answers the newest commit, and is asked when later ones are certain to be kept here.
  uint64_t begin(const std::function<uint64_t()>& hold);
  void end(uint64_t since);

  // Asked by a commit after it became visible: false when nobody needs it here.
  bool is_wanted() const { return open_count_.load(std::memory_order_seq_cst) != 0; }
  // `own` is since when the transaction is open that made the commit, UINT64_MAX for none: where no
  // other is, the commit need not be kept.
  void add(const Batch& batch, uint64_t commit, uint64_t own);

  // The first condition that does not hold, none if all do; nullopt if not all commits since the
  // conditions' are here. The conditions have settled.
  std::optional<Conflict> find(const Conditions& conditions) const;

  RecentWritesStats stats() const;

 private:
  struct Open {
    uint64_t since = 0;
    uint64_t count = 0;
  };
  struct Chunk {
    std::string text;  // Of records, as add_record() puts them.
    uint64_t commit_last = 0;
  };
  struct Slot {
    uint64_t hash = 0;
    uint64_t commit = 0;  // 0: free.
  };
  struct Record;

  void add_record(const Batch& batch, const Batch::Item& item, uint64_t commit, const Lock& held);
  void enter(uint64_t hash, uint64_t commit, const Lock& held);
  void rebuild(const Lock& held);
  void drop_unneeded(const Lock& held);
  void drop_oldest(const Lock& held);
  uint64_t newest(uint64_t hash, const Lock& held) const;
  uint64_t size_bytes(const Lock& held) const;
  Conflict find_key(const Conditions& conditions, const Lock& held) const;
  Conflict find_deleted(const Conditions& conditions, const Lock& held) const;
  Conflict find_in_ranges(const Conditions& conditions, const Lock& held) const;
  // Calls `visit` with each record above `since` until it answers false.
  template <class Visit>
  void each_since(uint64_t since, const Visit& visit) const;

  const uint64_t bytes_max_;
  std::atomic<uint64_t> open_count_{0};

  mutable std::mutex mutex_;  // Guards everything below.
  std::deque<Open> open_;     // Ascending.
  uint64_t floor_ = 0;
  std::deque<Chunk> chunks_;
  uint64_t text_bytes_ = 0;
  std::vector<Slot> slots_;
  size_t used_count_ = 0;
  uint64_t last_range_deletion_ = 0;
  uint64_t dropped_count_ = 0;
};

}  // namespace varve

// store/transaction/pending.h — the edits of a transaction that is not committed: a batch that can be
// read.
//
// Edits lie in the batch that will be the commit, as they were made. Beside them, for reading: of each
// edit the one before it of the same key; above a few edits a table from hash to the newest; and, from
// the first range on, the keys in order.
//
//   batch   [put a][put b][delete a][delete range][put b] …        taken back from the end
//   older      –      –      0             –          1
//   slots   hash ─► newest edit of the key           order   one edit of each key, by key
//
// A walk sees the edits that were there when it began, by their number.
//
// Invariants
//   - older, slots and order say the same as the batch, whatever was taken back.
// Threads: one. Lifetime: what is answered is borrowed until the next edit.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <vector>

#include "engine/engine.h"
#include "store/batch.h"

namespace varve {

class PendingEdits {
 public:
  PendingEdits(uint64_t hash_seed, uint64_t bytes_max);

  Status fits(uint64_t edit_bytes) const { return batch_.fits(edit_bytes); }
  void put(Bytes key, std::initializer_list<Bytes> value_parts, uint64_t expires_ms = 0);
  void add_to(Bytes key, Bytes by, Bytes sum, uint64_t since, uint64_t expires_ms);
  void erase(Bytes key);
  void erase_range(Bytes begin, Bytes end);
  void clear();
  void give_back_room();  // Of none, what they had grown to.

  bool empty() const { return batch_.empty(); }
  bool has_expiry() const { return batch_.has_expiry(); }
  Batch& finished();  // For a commit.

  // The newest of the first `edit_count` edits: kPut, also of what has expired, kDeleted by a
  // deletion or a range deletion, kAbsent if there is none.
  Lookup find(Bytes key, uint64_t hash, size_t edit_count = SIZE_MAX) const;

  // Of the newest edit, if that is an addition.
  const Batch::Addition* addition_of(Bytes key, uint64_t hash) const;

  Batch::Mark mark() const { return batch_.mark(); }
  void rewind(const Batch::Mark& mark);
  // The edit of a number.
  LogEdit edit(size_t index) const { return batch_.edit(batch_.items()[index]); }
  // How often edits were taken back.
  uint64_t rewind_count() const { return rewind_count_; }
  // The puts among the edits from `first` to below `last` whose keys are in the range, as they were
  // made, until `visit` answers false.
  using Visit = std::function<bool(Bytes key, Bytes value)>;
  void each_put(const KeyRange& range, size_t first, size_t last, const Visit& visit) const;

  // What `below` shows with the first `edit_count` edits over it; of them what expires at
  // `expired_ms` or before has expired.
  std::unique_ptr<EngineCursor> over(std::unique_ptr<EngineCursor> below, const KeyRange& range,
                                     Direction direction, size_t edit_count, uint64_t expired_ms);

 private:
  friend class PendingCursor;

  // The keys of edits in order; an edit stands for its key.
  struct KeyLess {
    using is_transparent = void;
    const Batch* batch;
    Bytes key(uint32_t index) const { return batch->edit(batch->items()[index]).key; }
    bool operator()(uint32_t a, uint32_t b) const { return compare(key(a), key(b)) < 0; }
    bool operator()(uint32_t a, Bytes b) const { return compare(key(a), b) < 0; }
    bool operator()(Bytes a, uint32_t b) const { return compare(a, key(b)) < 0; }
  };
  using Order = std::set<uint32_t, KeyLess>;

  static constexpr uint32_t kNone = UINT32_MAX;

  void added();
  void grow();
  size_t slot_of(Bytes key, uint64_t hash) const;
  uint32_t newest(Bytes key, uint64_t hash) const;
  bool is_point(uint32_t index) const;
  void make_order();
  // The newest of the first `edit_count` edits that says something of the key; kNone if none does.
  // A range deletion counts.
  uint32_t newest_of(Bytes key, uint64_t hash, size_t edit_count) const;
  // The last range deletion over the key from edit `from` on, below `edit_count`.
  uint32_t deletion_over(Bytes key, size_t from, size_t edit_count) const;

  Batch batch_;
  std::vector<uint32_t> older_;
  std::vector<uint32_t> slots_;   // Empty while edits are looked through one by one.
  std::vector<uint32_t> ranges_;  // The range deletions, ascending.
  uint64_t rewind_count_ = 0;
  bool is_ordered_ = false;
  Order order_{KeyLess{&batch_}};
};

}  // namespace varve

// store/conditions.h — what must not have been written for a commit to be made: keys and ranges,
// and since when.
//
// It is what a transaction has read and will not see changed. A key is remembered by its bytes,
// once however often it is added, so that a conflict can name it and a range deletion can be held
// against it. A range is remembered as far as it was really read.
//
// Invariants
//   - since() is at or below the commit of every condition.
// Threads: one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "store/batch.h"
#include "store/key_intervals.h"

namespace varve {

enum class ConflictReason : uint8_t {
  kNone = 0,
  kWritten = 1,   // Another commit wrote what a condition names.
  kTooOld = 2,    // What was written since is not remembered any more.
  kPrepared = 3,  // A prepared transaction holds what the commit writes.
};

struct Conflict {
  ConflictReason reason = ConflictReason::kNone;
  std::string key;  // As stored; empty where none can be named.
};

class Conditions {
 public:
  struct Key {
    uint64_t hash = 0;
    uint64_t since = 0;  // Later commits must not have written it.
    uint32_t offset = 0;
    uint32_t bytes = 0;
  };

  void clear();
  void add_key(Bytes key, uint64_t hash, uint64_t since);
  void add_range(Bytes begin, Bytes end, uint64_t since);
  // What the batch writes, keys and range deletions; not what it adds to.
  void add_writes(const Batch& batch, uint64_t since);
  void add(Conditions& others);        // As well as these.
  void settle() { ranges_.settle(); }  // Before anybody validates.

  bool empty() const { return keys_.empty() && ranges_.empty(); }
  uint64_t since() const { return since_; }                // UINT64_MAX while empty.
  uint64_t ranges_since() const { return ranges_since_; }  // The same, of ranges alone.
  uint64_t size_bytes() const;
  const std::vector<Key>& keys() const { return keys_; }
  Bytes bytes_of(const Key& key) const { return as_bytes(text_).subspan(key.offset, key.bytes); }
  const KeyIntervals& ranges() const { return ranges_; }

  Conflict conflict;  // Left by a commit that was refused for it.
  // The commit at which the transaction was begun that these are of; UINT64_MAX outside of one.
  uint64_t opened_at = UINT64_MAX;
  // It may write what prepared transactions hold, since nobody will see a difference.
  bool passes_prepared = false;

 private:
  Key* find(Bytes key, uint64_t hash);
  void grow();

  std::vector<Key> keys_;
  std::string text_;             // Of all keys, one behind the other.
  std::vector<uint32_t> slots_;  // Open-addressed, above a few keys: index of a key + 1.
  KeyIntervals ranges_;
  uint64_t since_ = UINT64_MAX;
  uint64_t ranges_since_ = UINT64_MAX;
};

}  // namespace varve

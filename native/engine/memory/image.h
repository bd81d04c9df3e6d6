// engine/memory/image.h — leaves, the image they make up, and how a leaf is written anew.
//
// A get of something current costs few cache misses: eight bytes of each leaf's `low` lie side by
// side and say which leaf, a small hash table in the leaf says which row. Only history and the
// bounds of scans are searched for by halves.
//
// Threads: a Leaf and an Image never change once made.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"

namespace varve::memory {

// Edits that own their bytes, by (key, commit descending).
class Rows {
 public:
  void add(const Edit& edit);
  size_t size() const { return rows_.size(); }
  Edit edit(size_t index) const;
  size_t size_bytes() const { return bytes_.size() + rows_.size() * sizeof(Row); }
  size_t lower_bound(Bytes key) const;  // The first row whose key is not before `key`.
  // After the last row: gives back spare room.
  void trim() {
    bytes_.shrink_to_fit();
    rows_.shrink_to_fit();
  }
  // After the last row, if no key has two: from then on find() answers.
  void build_index();
  size_t find(Bytes key) const;  // The row of a key; size() if it has none.
  void prefetch(Bytes key) const;

 private:
  struct Row {
    uint64_t commit;
    uint64_t expires_ms;
    uint64_t at;  // Of the key; the value follows.
    uint32_t key_size;
    uint32_t value_size;
    EditKind kind;
    uint8_t flags;
  };
  Bytes key(const Row& row) const { return as_bytes(bytes_).subspan(row.at, row.key_size); }

  std::string bytes_;
  std::vector<Row> rows_;
  // A hash table without deletions: the high half of an entry is a part of the hash, the low half
  // one more than the row; 0 is an empty place. A power of two, never full.
  std::vector<uint32_t> index_;
};

struct Leaf {
  std::string low;
  Rows current;
  Rows history;
  size_t size_bytes() const { return current.size_bytes() + history.size_bytes(); }
  void finish() {  // It is whole: nothing changes any more.
    current.trim();
    current.build_index();
    history.trim();
  }
};

struct RangeFact {
  std::string begin;
  std::string end;  // Empty: to the end of the keyspace.
  uint64_t commit;
  bool covers(Bytes key) const;
};

struct Image {
  std::vector<std::shared_ptr<const Leaf>> leaves;  // Never none.
  std::vector<RangeFact> ranges;                    // By commit, descending.
  uint64_t absorbed = 0;

  // Once its leaves are there: what leaf_of() needs.
  void build_index();
  size_t leaf_of(Bytes key) const;
  size_t size_bytes() const;
  // The newest range deletion at or below `commit` over `key`, if above `than`; 0 if none.
  uint64_t hidden_by(Bytes key, uint64_t than, uint64_t commit) const;

 private:
  std::string shared_;            // How every `low` begins, but the first leaf's, which is empty.
  std::vector<uint64_t> starts_;  // The eight bytes behind it of each of those, as numbers.
};

// Writes one leaf anew: what it holds and what is added, as far as retention asks for it.
class LeafWriter {
 public:
  LeafWriter(const std::vector<RangeFact>& ranges, const Retention& retention)
      : ranges_(ranges), retention_(retention) {}
  // `added` by (key, commit descending), all keys within the leaf. Appends one leaf or more to
  // `into`.
  void write(const Leaf& leaf, const std::vector<Edit>& added,
             std::vector<std::shared_ptr<const Leaf>>& into);

  static constexpr size_t kLeafBytes = size_t{64} << 10;

 private:
  void settle(const std::vector<Edit>& versions, Leaf& leaf) const;
  uint64_t successor_of(const Edit& version, uint64_t newer) const;

  const std::vector<RangeFact>& ranges_;
  const Retention& retention_;
};

}  // namespace varve::memory

// engine/bitcask/directory.h — which keys there are, and where the value of each version lies: an
// ordered row of leaves in memory that never change once they are made.
//
//   image   leaf │ leaf │ leaf │ …          who adds something makes the leaves anew that it
//   touches, leaf    row │ row │ row │ … │ keys      and shares the others row     key, commit,
//   file, offset, size of the value: 28 bytes and the key's own
//
// Versions of one key lie side by side, the newest first: it is *current*, the others are
// *history*. The directory is an exact account of the files. Of every key it says how many files
// hold nothing of it but what is dead, and would bring it back: those in which the newest of it is
// a put. A deletion, or a range deletion, stays while there is such a file, for without it an
// opening would find again what it deleted. Where a range deletion is what views at the horizon see
// of a key, and files hold dead entries beneath it, a *ghost* stands in for it until they are gone:
// alone, or below versions that are younger than the horizon.
//
// Invariants
//   - a row that is no ghost lies in the file that its slot says, and counts as alive there.
//   - of each file the newest of a key stays while anything older of it there does: so the first
//     row of a file tells what the file would bring back, as its hint does.
//   - all versions of a key are in one leaf; a ghost is the last row of its key.
//   - no leaf is empty.
// Threads: a Leaf and an Image never change once made.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/bitcask/hint.h"
#include "engine/engine.h"

namespace varve::bitcask {

inline constexpr uint32_t kSlotMax = (uint32_t{1} << 24) - 1;    // Files at once.
inline constexpr uint64_t kOffsetMax = (uint64_t{1} << 40) - 1;  // Within a file.
inline constexpr uint32_t kDeadFilesMax = 255;  // As many, or more: nobody knows any more.

enum class RowKind : uint8_t { kPut = 1, kDelete = 2, kGhost = 3 };

struct Row {
  uint64_t commit = 0;
  RowKind kind = RowKind::kPut;
  uint32_t slot = 0;
  uint64_t offset = 0;
  uint32_t ordinal = 0;
  uint32_t value_bytes = 0;
  uint64_t expires_ms = 0;

  uint64_t bytes(size_t key_bytes) const {
    return kind == RowKind::kGhost ? 0 : edit_bytes(key_bytes, value_bytes, expires_ms != 0);
  }
  ValuePlace place() const { return {offset, ordinal, value_bytes, expires_ms != 0}; }
};

// Of a key with dead entries, of which the newest was of that commit, or of a later one.
inline Row ghost_of(uint64_t commit) {
  Row ghost;
  ghost.kind = RowKind::kGhost;
  ghost.commit = commit;
  return ghost;
}

// All there is of one key.
struct KeyState {
  Bytes key;
  std::vector<Row> rows;    // Newest first.
  uint32_t dead_files = 0;  // Files that hold nothing but dead entries of it, a put the newest.

  // The newest that lies in a file; null: nothing.
  const Row* newest_in(uint32_t slot) const;
  void add_dead_files(uint32_t count) { dead_files = std::min(dead_files + count, kDeadFilesMax); }
  void remove_dead_file() {
    if (dead_files > 0 && dead_files < kDeadFilesMax) --dead_files;
  }
};

struct RangeFact {
  std::string begin;
  std::string end;  // Empty: to the end of the keyspace.
  uint64_t commit = 0;
  bool covers(Bytes key) const;
};

class Leaf {
 public:
  static constexpr size_t kRowBytes = 28;

  size_t size() const { return size_; }
  Bytes key(size_t index) const;
  Row row(size_t index) const;
  uint64_t commit(size_t index) const;
  uint32_t dead_files(size_t index) const;  // Of the first row of a key.
  // The bytes of a row: what a value that is read later is found by.
  Bytes packed(size_t index) const { return {bytes_.get() + index * kRowBytes, kRowBytes}; }
  static Row unpack(Bytes packed);  // But the expiry, of which it says only that there is one.

  // The first row at or after (key, commit).
  size_t lower_bound(Bytes key, uint64_t commit) const;
  bool begins_key(size_t index) const { return index == 0 || !equal(key(index - 1), key(index)); }

  uint64_t memory_bytes() const;
  uint64_t data_bytes() const { return data_bytes_; }
  uint64_t history_bytes() const { return history_bytes_; }
  size_t key_count() const { return key_count_; }  // Without those that only a ghost stands for.
  uint64_t oldest_commit() const { return oldest_commit_; }  // Of rows that are no ghosts.
  uint64_t oldest_ghost() const { return oldest_ghost_; }
  // Something here is not a put that is the only version of its key.
  bool is_unsettled() const { return is_unsettled_; }

 private:
  friend class LeafBuilder;
  const uint8_t* packed_at(size_t index) const { return bytes_.get() + index * kRowBytes; }

  std::unique_ptr<uint8_t[]> bytes_;  // Rows, then of each its expiry, if any, and its key.
  size_t size_ = 0;
  size_t bytes_size_ = 0;
  uint64_t data_bytes_ = 0;
  uint64_t history_bytes_ = 0;
  size_t key_count_ = 0;
  uint64_t oldest_commit_ = UINT64_MAX;
  uint64_t oldest_ghost_ = UINT64_MAX;
  bool is_unsettled_ = false;
};

using LeafPointer = std::shared_ptr<const Leaf>;

struct Image {
  std::vector<LeafPointer> leaves;
  std::vector<RangeFact> ranges;  // That reads must heed, by commit, descending.
  // What these deleted is gone but for ghosts: they stay for the files' sake.
  std::vector<RangeFact> resting;
  uint64_t absorbed = 0;

  void build_index();               // Once its leaves are there: what follows needs it.
  size_t leaf_of(Bytes key) const;  // The one that has the key, or would; 0 where there is none.
  // The newest range deletion at or below `commit` over `key`, if above `than`; 0 if none.
  uint64_t hidden_by(Bytes key, uint64_t than, uint64_t commit) const;

  uint64_t memory_bytes = 0;
  uint64_t row_count = 0;
  uint64_t key_count = 0;
  uint64_t history_bytes = 0;
  uint64_t oldest_ghost = UINT64_MAX;

 private:
  std::string shared_;            // How the first keys of all leaves begin.
  std::vector<uint64_t> starts_;  // The eight bytes behind it of each, as numbers.
};

class LeafBuilder {
 public:
  explicit LeafBuilder(std::vector<LeafPointer>& into) : into_(into) {}
  void add(const KeyState& state);  // By key.
  void finish();                    // What is left becomes a leaf, or two.

 private:
  struct Place {
    Row row;
    size_t key_at;
    uint32_t key_bytes;
    uint8_t dead_files;
    bool begins_key;
  };
  void emit(size_t count);

  std::vector<LeafPointer>& into_;
  std::vector<Place> rows_;
  std::string keys_;
};

// What of a key stays: by retention, and by what lies dead in files.
class Settling {
 public:
  Settling(const std::vector<RangeFact>& ranges, const Retention& retention)
      : ranges_(ranges), retention_(retention) {}
  void settle(KeyState& state) const;
  bool may_change(const Leaf& leaf, Bytes end) const;

 private:
  uint64_t successor_of(Bytes key, uint64_t commit, uint64_t newer) const;
  static uint64_t part(KeyState& state, std::vector<bool>& is_kept);

  const std::vector<RangeFact>& ranges_;
  const Retention& retention_;
};

// What is alive in each file changed by so many bytes, by slot.
class LiveChange {
 public:
  void add(const Row& row, size_t key_bytes) { count(row, key_bytes, 1); }
  void remove(const Row& row, size_t key_bytes) { count(row, key_bytes, -1); }
  const std::vector<int64_t>& by_slot() const { return by_slot_; }

 private:
  void count(const Row& row, size_t key_bytes, int64_t sign);
  std::vector<int64_t> by_slot_;
};

// A change of some keys, in their order.
struct Rewrite {
  size_t count = 0;
  std::function<Bytes(size_t index)> key_of;
  std::function<void(size_t index, KeyState& state)> change;
  const Settling* settling = nullptr;  // Of every key in the leaves that are made anew.
};

// The leaves of an image with that changed.
std::vector<LeafPointer> rewrite(const Image& image, const Rewrite& rewrite, LiveChange& live);
// Makes leaves from `first` on anew, as many as `budget_bytes` of memory allow, settled: all others
// are shared. The first that was not looked at, or the number of leaves.
size_t settle_leaves(const Image& image, size_t first, uint64_t budget_bytes,
                     const Settling& settling, std::vector<LeafPointer>& leaves, LiveChange& live);

}  // namespace varve::bitcask

// pure/geo/tree.h — an R-tree in Hilbert order: places with ids, found by area and by distance.
//
// A B+tree whose keys are the cells of the entries' middles on a Hilbert curve (hilbert.h), and whose
// nodes also know the box around all that is below them. So an entry has one place, found by one
// descent, however the tree came to be; what is near on the earth is near in the tree; and a bulk load is
// a sort. A leaf is not sorted within: it is sorted when it is split.
//
// An entry is named by its id and the cell of its middle, 9 mm wide: another one with the same id there
// replaces it. Elsewhere the same id is another entry.
//
// Nodes are blocks of kNodeBytes (pure/blocks/blocks.h), so the same tree lies in memory, in bytes
// that somebody holds (serial.h), or in a store.
//
// Invariants
//   - a child's box holds all boxes below it, and touches them on each side.
//   - every query answers exactly what a look at every entry would: floats and bounds only choose
//     where to look.
// Threads: one writer or many readers.      Bytes: FORMAT.md
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "pure/blocks/blocks.h"
#include "pure/geo/distance.h"
#include "pure/geo/node.h"
#include "pure/geo/polygon.h"

namespace varve::geo {

enum class Holds : uint8_t { kPoints = 1, kBoxes = 2 };

// All that a tree is beside its blocks.
struct TreeState {
  BlockId root = kNoBlock;
  uint32_t height = 0;  // 0: empty; 1: the root is a leaf.
  uint64_t count = 0;
};

// Many entries as columns of the same length. Of points, south and north are one column, and so are
// west and east.
struct Columns {
  std::span<const uint64_t> ids;
  std::span<const double> souths;
  std::span<const double> wests;
  std::span<const double> norths;
  std::span<const double> easts;
  std::span<const uint32_t> short_ids = {};  // In place of `ids`.

  size_t size() const { return souths.size(); }
  uint64_t id(size_t i) const { return short_ids.empty() ? ids[i] : short_ids[i]; }
  Entry entry(size_t i) const {
    return {id(i), unrolled({souths[i], wests[i], norths[i], easts[i]})};
  }
};
inline constexpr size_t kColumnSizeMax = UINT32_MAX;

struct Match {
  uint64_t id;
  double haversine;  // From the point that was asked from; 0 if there was none.
  bool operator==(const Match&) const = default;
};

struct Query {
  size_t limit = SIZE_MAX;
  // Measures from here and sorts by it, nearest first, then by id. near() always has it.
  const Point* from = nullptr;
  // Says which ids count; null lets all pass. Must not change the tree.
  const std::function<bool(uint64_t)>* filter = nullptr;
};

class Tree {
 public:
  Tree(Blocks& blocks, Holds holds, TreeState state = {})
      : blocks_(blocks), holds_(holds), state_(state) {}

  const TreeState& state() const { return state_; }
  Holds holds() const { return holds_; }
  FloatBox bounds() const;  // Unrolled, rounded outwards.

  bool insert(const Entry& entry);  // False: it replaced one.
  bool remove(const Entry& entry);  // By id and the middle of its box; false: there was none.
  bool has(const Entry& entry) const { return named_as(entry).has_value(); }
  std::optional<Entry> named_as(const Entry& entry) const;
  // As so many calls one after the other, but faster; answer how many were new, or removed.
  uint64_t insert_many(const Columns& entries);
  uint64_t remove_many(const Columns& entries);
  void clear();
  // Becomes a copy of another tree that holds the same; this one is empty.
  void assign(const Tree& from);

  // Every entry in the order of its key, until `visit` answers false.
  using Visit = std::function<bool(const EntryKey&, const Entry&)>;
  void each(const Visit& visit) const;

  // What shares a point with the area, appended to `found`; without `from` in no order.
  void within(const Box& box, const Query& query, std::vector<Match>& found) const;
  void within(const Polygon& polygon, const Query& query, std::vector<Match>& found) const;
  // What is at most so many metres from the point; boxes by their nearest point.
  void near(Point from, double metres, const Query& query, std::vector<Match>& found) const;

 private:
  struct Path;
  struct Change;
  struct Keyed {
    EntryKey key;
    Entry entry;
  };

  // `end`, if asked for: up to where keys belong to the same leaf; none, if it is the last.
  bool descend(const EntryKey& key, Path& path, std::optional<EntryKey>* end = nullptr) const;
  template <class Leaf>
  bool insert_in(const EntryKey& key, const Entry& entry);
  template <class Leaf>
  void insert_run(std::span<const Keyed> run);
  template <class Leaf>
  void ask_for_next(const Path& path) const;
  template <class Leaf>
  size_t insert_in_leaf(const Path& path, std::span<const Keyed> run);
  template <class Leaf>
  bool remove_in(const EntryKey& key);
  template <class Leaf>
  std::optional<Entry> find_in(const EntryKey& key) const;
  template <class Leaf>
  Change split_leaf(BlockId block, const Entry& entry);
  Change split_inner(BlockId block, uint32_t level, size_t place, const Change& below);
  void carry_up(const Path& path, Change change);
  Change apply(BlockId block, uint32_t level, size_t place, const Change& below);
  void set_root(const Change& change);
  void join_children(BlockId& parent, uint32_t level, size_t place);
  // The first of two children, at or beside `place`, that have room in one; none: kRoom.
  size_t joinable(const InnerNode& parent, uint32_t level, size_t place) const;
  template <class Node>
  Child joined_children(const Child& left, const Child& right, uint32_t level);
  uint32_t count_of(BlockId block, uint32_t level) const;
  uint64_t merge(const Columns& entries);
  void free_below(BlockId block, uint32_t level);
  template <class Leaf>
  bool each_in(BlockId block, uint32_t level, const Visit& visit) const;

  Blocks& blocks_;
  const Holds holds_;
  TreeState state_;
};

}  // namespace varve::geo

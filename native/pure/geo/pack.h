// pure/geo/pack.h — builds a tree from entries in the order of their keys: full nodes, each written once,
// a parent after the last of its children.
#pragma once

#include <memory>
#include <vector>

#include "pure/geo/tree.h"

namespace varve::geo {

// The order of the keys of many entries. Of several with the same key the last remains.
struct Order {
  std::vector<uint64_t> cells;   // By place in the columns.
  std::vector<uint32_t> places;  // In the order of their keys.
};
Order order_of(const Columns& entries, Holds holds);

class Packer {
 public:
  // `share` of the room of a leaf is filled; the rest is for what is inserted later.
  Packer(Blocks& blocks, Holds holds, double share);
  ~Packer();

  // Keys ascend, no two the same.
  void add(const EntryKey& key, const Entry& entry);
  // The same of all entries at once, in any order, without any others.
  void add_all(const Columns& entries);
  TreeState finish();

 private:
  struct Open;  // The node of a level that is being filled.

  void add_points(const Columns& points);
  template <class Leaf>
  void add_to(const EntryKey& key, const Entry& entry, size_t fill);
  template <class Leaf>
  void flush_leaf();
  void add_child(uint32_t level, const Child& child);
  void flush_inner(uint32_t level);

  Blocks& blocks_;
  const Holds holds_;
  const size_t fill_;
  std::vector<std::unique_ptr<Open>> open_;  // By level.
  uint64_t count_ = 0;
};

}  // namespace varve::geo

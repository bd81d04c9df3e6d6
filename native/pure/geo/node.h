// pure/geo/node.h — how a node of the tree lies in its block: columns, so that many boxes are tested at once.
//
// Inner boxes are of floats rounded outwards, which halves them; entries are exact.
//
// Invariants
//   - a node that is not of the level it is expected at, or counts more than it has room for, reads
//     as an empty one: so a block that could not be had, or a hostile one, costs answers, not memory.
// Bytes: FORMAT.md
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "pure/blocks/blocks.h"
#include "pure/geo/hilbert.h"
#include "pure/geo/place.h"
#include "pure/simd/boxes.h"
#include "pure/simd/vectors.h"

namespace varve::geo {

inline constexpr size_t kNodeBytes = 2048;
inline constexpr uint32_t kHeightMax = 16;

// What a tree is ordered by: the cell of the entry's middle, then its id. No two entries have the same.
struct EntryKey {
  uint64_t cell;
  uint64_t id;
  bool operator==(const EntryKey&) const = default;
  bool operator<(const EntryKey& other) const {
    return cell != other.cell ? cell < other.cell : id < other.id;
  }
};

struct Entry {
  uint64_t id;
  Box box;  // Unrolled.
};

inline EntryKey key_of(const Entry& entry) { return {hilbert_of(center_of(entry.box)), entry.id}; }

using FloatBox = Bounds<float>;
inline constexpr FloatBox kNowhere = {INFINITY, INFINITY, -INFINITY, -INFINITY};

inline float rounded_down(double value) {
  const float near = static_cast<float>(value);
  return near > value ? std::nextafterf(near, -INFINITY) : near;
}
inline float rounded_up(double value) {
  const float near = static_cast<float>(value);
  return near < value ? std::nextafterf(near, INFINITY) : near;
}
inline FloatBox rounded_out(const Box& box) {
  return {rounded_down(box.south), rounded_down(box.west), rounded_up(box.north),
          rounded_up(box.east)};
}
inline FloatBox merged(const FloatBox& a, const FloatBox& b) {
  return {a.south < b.south ? a.south : b.south, a.west < b.west ? a.west : b.west,
          a.north > b.north ? a.north : b.north, a.east > b.east ? a.east : b.east};
}
inline bool covers(const FloatBox& outer, const FloatBox& inner) {
  return outer.south <= inner.south && outer.west <= inner.west && outer.north >= inner.north &&
         outer.east >= inner.east;
}
inline bool is_same(const FloatBox& a, const FloatBox& b) { return covers(a, b) && covers(b, a); }

struct NodeHead {
  uint16_t level;  // 0: a leaf.
  uint16_t count;
  uint32_t reserved;
};

// A child of an inner node: every key in it is at or above `low`, but in the first one.
struct Child {
  EntryKey low;
  FloatBox box;
  BlockId block;
};

struct InnerNode {
  static constexpr size_t kRoom = 56;
  NodeHead head;
  uint64_t low_cells[kRoom];
  uint64_t low_ids[kRoom];
  float souths[kRoom];
  float wests[kRoom];
  float norths[kRoom];
  float easts[kRoom];
  uint32_t blocks[kRoom];

  EntryKey low(size_t i) const { return {low_cells[i], low_ids[i]}; }
  FloatBox box(size_t i) const { return {souths[i], wests[i], norths[i], easts[i]}; }
  Child child(size_t i) const { return {low(i), box(i), blocks[i]}; }
  FloatBoxes boxes() const { return {souths, wests, norths, easts}; }
  void set_box(size_t i, const FloatBox& box) {
    souths[i] = box.south;
    wests[i] = box.west;
    norths[i] = box.north;
    easts[i] = box.east;
  }
  void set(size_t i, const Child& child) {
    low_cells[i] = child.low.cell;
    low_ids[i] = child.low.id;
    set_box(i, child.box);
    blocks[i] = child.block;
  }
  FloatBox bounds() const {
    FloatBox all = kNowhere;
    for (size_t i = 0; i < head.count; ++i) all = merged(all, box(i));
    return all;
  }
  // Where a key belongs.
  size_t place_of(const EntryKey& key) const {
    size_t low_place = 0;
    size_t count = head.count;
    while (count > 1) {
      const size_t half = count / 2;
      const bool is_right = !(key < low(low_place + half));
      low_place += is_right ? half : 0;
      count -= half;
    }
    return low_place;
  }
};
static_assert(sizeof(InnerNode) <= kNodeBytes && InnerNode::kRoom % 4 == 0);

struct PointLeaf {
  static constexpr size_t kRoom = 84;
  static constexpr bool kHoldsBoxes = false;
  NodeHead head;
  uint64_t ids[kRoom];
  double lats[kRoom];
  double lngs[kRoom];

  Point point(size_t i) const { return {lats[i], lngs[i]}; }
  Box box(size_t i) const { return box_of(point(i)); }
  Entry entry(size_t i) const { return {ids[i], box(i)}; }
  void set(size_t i, const Entry& entry) {
    ids[i] = entry.id;
    lats[i] = entry.box.south;
    lngs[i] = entry.box.west;
  }
};
static_assert(sizeof(PointLeaf) <= kNodeBytes && PointLeaf::kRoom % 4 == 0);

struct BoxLeaf {
  static constexpr size_t kRoom = 50;
  static constexpr bool kHoldsBoxes = true;
  NodeHead head;
  uint64_t ids[kRoom];
  double souths[kRoom];
  double wests[kRoom];
  double norths[kRoom];
  double easts[kRoom];

  Box box(size_t i) const { return {souths[i], wests[i], norths[i], easts[i]}; }
  Entry entry(size_t i) const { return {ids[i], box(i)}; }
  void set(size_t i, const Entry& entry) {
    ids[i] = entry.id;
    souths[i] = entry.box.south;
    wests[i] = entry.box.west;
    norths[i] = entry.box.north;
    easts[i] = entry.box.east;
  }
};
static_assert(sizeof(BoxLeaf) <= kNodeBytes);

// The box around `count` points, at least one.
inline Bounds<double> extent_of(const double* lats, const double* lngs, size_t count) {
  Bounds<double> all = {lats[0], lngs[0], lats[0], lngs[0]};
  size_t i = 0;
  if (count >= kDoublesCount) {
    Doubles south = read_doubles(lats), north = south;
    Doubles west = read_doubles(lngs), east = west;
    for (i = kDoublesCount; i + kDoublesCount <= count; i += kDoublesCount) {
      const Doubles lat = read_doubles(lats + i);
      const Doubles lng = read_doubles(lngs + i);
      south = smaller(south, lat);
      north = larger(north, lat);
      west = smaller(west, lng);
      east = larger(east, lng);
    }
    double lanes[4][kDoublesCount];
    write_doubles(south, lanes[0]);
    write_doubles(west, lanes[1]);
    write_doubles(north, lanes[2]);
    write_doubles(east, lanes[3]);
    for (size_t lane = 0; lane < kDoublesCount; ++lane) {
      all = {smaller(all.south, lanes[0][lane]), smaller(all.west, lanes[1][lane]),
             larger(all.north, lanes[2][lane]), larger(all.east, lanes[3][lane])};
    }
  }
  for (; i < count; ++i) {
    all = {smaller(all.south, lats[i]), smaller(all.west, lngs[i]), larger(all.north, lats[i]),
           larger(all.east, lngs[i])};
  }
  return all;
}

inline FloatBox bounds_of(const PointLeaf& leaf) {
  if (leaf.head.count == 0) return kNowhere;
  const auto [south, west, north, east] = extent_of(leaf.lats, leaf.lngs, leaf.head.count);
  return rounded_out(Box{south, west, north, east});
}

inline FloatBox bounds_of(const BoxLeaf& leaf) {
  FloatBox all = kNowhere;
  for (size_t i = 0; i < leaf.head.count; ++i) all = merged(all, rounded_out(leaf.box(i)));
  return all;
}

template <class Node>
const Node& read_node(const Blocks& blocks, BlockId id, uint32_t level) {
  static constexpr Node kEmpty = {};
  const Node& node = *reinterpret_cast<const Node*>(blocks.read(id, sizeof(Node)));
  return node.head.level == level && node.head.count <= Node::kRoom ? node : kEmpty;
}

// Asks for what a query looks at first in a node: its head, and where its children or entries lie.
template <class Node>
void prefetch_node(const Blocks& blocks, BlockId id) {
  blocks.prefetch(id, 0, sizeof(NodeHead));
  if constexpr (std::is_same_v<Node, InnerNode>) {
    blocks.prefetch(id, offsetof(InnerNode, souths), sizeof(InnerNode));
  } else {
    blocks.prefetch(id, offsetof(Node, ids) + sizeof(Node::ids), sizeof(Node));
  }
}

// A new one if the block is kNoBlock. The reference holds until the next call of `blocks`.
template <class Node>
Node& write_node(Blocks& blocks, BlockId& id, uint32_t level) {
  const bool is_new = id == kNoBlock;
  uint8_t* const bytes = blocks.write(id, sizeof(Node)).data();
  Node& node = *reinterpret_cast<Node*>(bytes);
  if (is_new) std::memset(bytes, 0, sizeof(Node));
  node.head.level = static_cast<uint16_t>(level);
  if (node.head.count > Node::kRoom) node.head.count = 0;
  return node;
}

}  // namespace varve::geo

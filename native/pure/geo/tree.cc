#include "pure/geo/tree.h"

#include <algorithm>
#include <array>
#include <optional>

#include "pure/geo/buckets.h"
#include "pure/geo/pack.h"

namespace varve::geo {
namespace {

// What a leaf filled in bulk leaves free, so that the first inserts do not split every leaf.
constexpr double kPackedShare = 0.9;
// From this share of what is there on, many entries are merged in by writing the tree anew.
constexpr uint64_t kMergeShare = 8;
constexpr size_t kRunMax = 256;  // Entries that are brought in order before they are inserted.

// Nodes with less than a quarter of their room join a neighbour, if both fit in one.
template <class Node>
constexpr uint16_t small_count() {
  return Node::kRoom / 4;
}

void insert_child(InnerNode& node, size_t place, const Child& child) {
  for (size_t i = node.head.count; i > place; --i) node.set(i, node.child(i - 1));
  node.set(place, child);
  node.head.count += 1;
}

void erase_child(InnerNode& node, size_t place) {
  node.head.count -= 1;
  for (size_t i = place; i < node.head.count; ++i) node.set(i, node.child(i + 1));
}

// Whether an entry of the leaf may have the id, by its lower half: in a loop that compilers turn into
// vectors.
template <class Leaf>
bool may_name(const Leaf& leaf, uint64_t id) {
  uint32_t is_there = 0;
  for (size_t i = 0; i < leaf.head.count; ++i) {
    is_there |= static_cast<uint32_t>(leaf.ids[i]) == static_cast<uint32_t>(id) ? 1 : 0;
  }
  return is_there != 0;
}

// Where the entry lies in its leaf; kRoom if it is not there.
template <class Leaf>
size_t find(const Leaf& leaf, const EntryKey& key) {
  if (!may_name(leaf, key.id)) return Leaf::kRoom;
  for (size_t i = 0; i < leaf.head.count; ++i) {
    if (leaf.ids[i] == key.id && key_of(leaf.entry(i)) == key) return i;
  }
  return Leaf::kRoom;
}

// The entries of a leaf by their keys, in no order at first.
template <class Leaf>
struct Placed {
  struct At {
    EntryKey key;
    uint32_t place;  // In the leaf; its count for the one that is added.
    bool operator<(const At& other) const { return key < other.key; }
  };
  std::array<At, Leaf::kRoom + 1> all;
  size_t count = 0;

  explicit Placed(const Leaf& leaf, const Entry* added = nullptr) : count(leaf.head.count) {
    std::array<uint64_t, Leaf::kRoom> cells;
    if constexpr (Leaf::kHoldsBoxes) {
      for (size_t i = 0; i < count; ++i) cells[i] = key_of(leaf.entry(i)).cell;
    } else {
      hilberts_of(leaf.lats, leaf.lngs, count, cells.data());
    }
    for (uint32_t i = 0; i < count; ++i) all[i] = {{cells[i], leaf.ids[i]}, i};
    if (added == nullptr) return;
    all[count] = {key_of(*added), static_cast<uint32_t>(count)};
    ++count;
  }
  At* at(size_t i) { return all.data() + i; }
};

}  // namespace

// The blocks from the root to a leaf, and which child was taken in each, by level.
struct Tree::Path {
  BlockId blocks[kHeightMax];
  size_t places[kHeightMax];
};

// What became of a node, for its parent.
struct Tree::Change {
  BlockId block = kNoBlock;  // Gone, if kNoBlock.
  FloatBox box = kNowhere;   // Its box now; or, if it grew, what was added to it.
  bool has_grown = false;
  bool is_small = false;
  std::optional<Child> added;  // A node after it.
};

bool Tree::descend(const EntryKey& key, Path& path, std::optional<EntryKey>* end) const {
  BlockId block = state_.root;
  for (uint32_t level = state_.height - 1; level > 0; --level) {
    const InnerNode& node = read_node<InnerNode>(blocks_, block, level);
    if (node.head.count == 0) return false;  // Could not be read.
    path.blocks[level] = block;
    const size_t place = node.place_of(key);
    path.places[level] = place;
    block = node.blocks[place];
    if (end != nullptr && place + 1 < node.head.count) *end = node.low(place + 1);
  }
  path.blocks[0] = block;
  return true;
}

// ---- one entry

bool Tree::insert(const Entry& entry) {
  const EntryKey key = key_of(entry);
  return holds_ == Holds::kPoints ? insert_in<PointLeaf>(key, entry)
                                  : insert_in<BoxLeaf>(key, entry);
}

bool Tree::remove(const Entry& entry) {
  const EntryKey key = key_of(entry);
  return holds_ == Holds::kPoints ? remove_in<PointLeaf>(key) : remove_in<BoxLeaf>(key);
}

std::optional<Entry> Tree::named_as(const Entry& entry) const {
  const EntryKey key = key_of(entry);
  return holds_ == Holds::kPoints ? find_in<PointLeaf>(key) : find_in<BoxLeaf>(key);
}

template <class Leaf>
std::optional<Entry> Tree::find_in(const EntryKey& key) const {
  Path path;
  if (state_.height == 0 || !descend(key, path)) return std::nullopt;
  const Leaf& leaf = read_node<Leaf>(blocks_, path.blocks[0], 0);
  const size_t place = find(leaf, key);
  if (place >= Leaf::kRoom) return std::nullopt;
  return leaf.entry(place);
}

template <class Leaf>
bool Tree::insert_in(const EntryKey& key, const Entry& entry) {
  if (state_.height == 0) {
    BlockId block = kNoBlock;
    Leaf& leaf = write_node<Leaf>(blocks_, block, 0);
    leaf.set(0, entry);
    leaf.head.count = 1;
    state_ = {block, 1, 1};
    return true;
  }
  Path path;
  if (!descend(key, path)) return false;
  BlockId block = path.blocks[0];
  const Leaf& there = read_node<Leaf>(blocks_, block, 0);
  const size_t place = find(there, key);
  const bool is_new = place == Leaf::kRoom;
  Change change;
  if (is_new && there.head.count == Leaf::kRoom) {
    change = split_leaf<Leaf>(block, entry);
  } else {
    Leaf& leaf = write_node<Leaf>(blocks_, block, 0);
    leaf.set(is_new ? leaf.head.count++ : place, entry);
    change.block = block;
    change.has_grown = is_new;
    change.box = is_new ? rounded_out(entry.box) : bounds_of(leaf);
  }
  if (is_new) state_.count += 1;
  carry_up(path, change);
  return is_new;
}

template <class Leaf>
bool Tree::remove_in(const EntryKey& key) {
  Path path;
  if (state_.height == 0 || !descend(key, path)) return false;
  BlockId block = path.blocks[0];
  const size_t place = find(read_node<Leaf>(blocks_, block, 0), key);
  if (place == Leaf::kRoom) return false;
  Leaf& leaf = write_node<Leaf>(blocks_, block, 0);
  const FloatBox box = rounded_out(leaf.box(place));
  leaf.head.count -= 1;
  leaf.set(place, leaf.entry(leaf.head.count));
  Change change;
  change.block = block;
  change.is_small = leaf.head.count < small_count<Leaf>();
  change.has_grown = false;
  if (state_.height > 1) {
    // Only what touches the edge of the leaf's box can make it smaller.
    const InnerNode& parent = read_node<InnerNode>(blocks_, path.blocks[1], 1);
    const FloatBox all = parent.box(path.places[1]);
    const bool is_within = all.south < box.south && all.west < box.west && all.north > box.north &&
                           all.east > box.east;
    change.box = is_within ? all : bounds_of(read_node<Leaf>(blocks_, block, 0));
  }
  if (read_node<Leaf>(blocks_, block, 0).head.count == 0) {
    blocks_.free(block);
    change.block = kNoBlock;
  }
  state_.count -= 1;
  carry_up(path, change);
  return true;
}

// ---- nodes that split, join and go

template <class Leaf>
Tree::Change Tree::split_leaf(BlockId block, const Entry& entry) {
  const Leaf from = read_node<Leaf>(blocks_, block, 0);
  Placed<Leaf> placed(from, &entry);
  const size_t half = placed.count / 2;
  std::nth_element(placed.at(0), placed.at(half), placed.at(placed.count));
  const auto fill = [&](Leaf& leaf, size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      const uint32_t place = placed.all[i].place;
      leaf.set(i - begin, place < from.head.count ? from.entry(place) : entry);
    }
    leaf.head.count = static_cast<uint16_t>(end - begin);
    return bounds_of(leaf);
  };
  Change change;
  change.box = fill(write_node<Leaf>(blocks_, block, 0), 0, half);
  change.block = block;
  BlockId right = kNoBlock;
  const FloatBox box = fill(write_node<Leaf>(blocks_, right, 0), half, placed.count);
  change.added = Child{placed.all[half].key, box, right};
  return change;
}

Tree::Change Tree::split_inner(BlockId block, uint32_t level, size_t place, const Change& below) {
  std::array<Child, InnerNode::kRoom + 1> all;
  const InnerNode& node = read_node<InnerNode>(blocks_, block, level);
  const size_t count = node.head.count;
  for (size_t i = 0; i < count; ++i) all[i < place + 1 ? i : i + 1] = node.child(i);
  all[place] = {all[place].low, below.box, below.block};
  all[place + 1] = *below.added;
  const size_t half = (count + 1) / 2;
  Change change;
  InnerNode& left = write_node<InnerNode>(blocks_, block, level);
  left.head.count = static_cast<uint16_t>(half);
  for (size_t i = 0; i < half; ++i) left.set(i, all[i]);
  change.box = left.bounds();
  change.block = block;
  BlockId right_block = kNoBlock;
  InnerNode& right = write_node<InnerNode>(blocks_, right_block, level);
  right.head.count = static_cast<uint16_t>(count + 1 - half);
  for (size_t i = half; i <= count; ++i) right.set(i - half, all[i]);
  change.added = Child{all[half].low, right.bounds(), right_block};
  return change;
}

void Tree::carry_up(const Path& path, Change change) {
  for (uint32_t level = 1; level < state_.height; ++level) {
    const InnerNode& node = read_node<InnerNode>(blocks_, path.blocks[level], level);
    const size_t place = path.places[level];
    const FloatBox box = node.box(place);
    const bool has_same_box = change.has_grown ? covers(box, change.box) : is_same(box, change.box);
    const bool is_as_it_was = has_same_box && node.blocks[place] == change.block && !change.added;
    const auto joins = [&] {
      return change.is_small && joinable(node, level, place) < InnerNode::kRoom;
    };
    if (is_as_it_was && !joins()) return;
    change = change.added && node.head.count == InnerNode::kRoom
                 ? split_inner(path.blocks[level], level, place, change)
                 : apply(path.blocks[level], level, place, change);
  }
  set_root(change);
}

Tree::Change Tree::apply(BlockId block, uint32_t level, size_t place, const Change& below) {
  InnerNode& to = write_node<InnerNode>(blocks_, block, level);
  if (below.block == kNoBlock) {
    erase_child(to, place);
  } else {
    to.blocks[place] = below.block;
    to.set_box(place, below.has_grown ? merged(to.box(place), below.box) : below.box);
    if (below.added) insert_child(to, place + 1, *below.added);
  }
  if (to.head.count == 0) {
    blocks_.free(block);
    return {};
  }
  if (below.is_small && below.block != kNoBlock) join_children(block, level, place);
  const InnerNode& now = read_node<InnerNode>(blocks_, block, level);
  Change change;
  change.block = block;
  change.has_grown = below.has_grown;
  change.box = below.has_grown ? below.box : now.bounds();
  const bool has_lost = below.is_small || below.block == kNoBlock;
  change.is_small = has_lost && now.head.count < small_count<InnerNode>();
  return change;
}

void Tree::join_children(BlockId& parent, uint32_t level, size_t place) {
  const InnerNode& node = read_node<InnerNode>(blocks_, parent, level);
  const size_t left = joinable(node, level, place);
  if (left == InnerNode::kRoom) return;
  const Child a = node.child(left);
  const Child b = node.child(left + 1);
  const Child one = level > 1                  ? joined_children<InnerNode>(a, b, level - 1)
                    : holds_ == Holds::kPoints ? joined_children<PointLeaf>(a, b, 0)
                                               : joined_children<BoxLeaf>(a, b, 0);
  InnerNode& to = write_node<InnerNode>(blocks_, parent, level);
  to.set(left, one);
  erase_child(to, left + 1);
}

uint32_t Tree::count_of(BlockId block, uint32_t level) const {
  if (level > 0) return read_node<InnerNode>(blocks_, block, level).head.count;
  return holds_ == Holds::kPoints ? read_node<PointLeaf>(blocks_, block, 0).head.count
                                  : read_node<BoxLeaf>(blocks_, block, 0).head.count;
}

size_t Tree::joinable(const InnerNode& parent, uint32_t level, size_t place) const {
  const size_t room = level > 1                  ? InnerNode::kRoom
                      : holds_ == Holds::kPoints ? PointLeaf::kRoom
                                                 : BoxLeaf::kRoom;
  const size_t count = parent.head.count;
  for (size_t left = place == 0 ? 0 : place - 1; left <= place && left + 1 < count; ++left) {
    const uint32_t a = count_of(parent.blocks[left], level - 1);
    const uint32_t b = count_of(parent.blocks[left + 1], level - 1);
    if (a > 0 && b > 0 && a + b <= room) return left;
  }
  return InnerNode::kRoom;
}

template <class Node>
Child Tree::joined_children(const Child& left, const Child& right, uint32_t level) {
  const Node from = read_node<Node>(blocks_, right.block, level);
  blocks_.free(right.block);
  BlockId block = left.block;
  Node& to = write_node<Node>(blocks_, block, level);
  for (size_t i = 0; i < from.head.count; ++i) {
    if constexpr (requires { from.child(i); }) {
      to.set(to.head.count++, from.child(i));
    } else {
      to.set(to.head.count++, from.entry(i));
    }
  }
  if constexpr (requires { from.child(0); }) {
    // What is inserted below the first of them went to it, as long as it was the first of its node.
    Child first = from.child(0);
    first.low = right.low;
    to.set(to.head.count - from.head.count, first);
  }
  return {left.low, merged(left.box, right.box), block};
}

void Tree::set_root(const Change& change) {
  if (change.block == kNoBlock) {
    state_ = {};
    return;
  }
  state_.root = change.block;
  if (change.added) {
    check(state_.height < kHeightMax);
    BlockId block = kNoBlock;
    InnerNode& root = write_node<InnerNode>(blocks_, block, state_.height);
    root.head.count = 2;
    root.set(0, {EntryKey{0, 0}, change.box, change.block});
    root.set(1, *change.added);
    state_.root = block;
    state_.height += 1;
  }
  while (state_.height > 1) {
    const InnerNode& root = read_node<InnerNode>(blocks_, state_.root, state_.height - 1);
    if (root.head.count != 1) return;
    const BlockId below = root.blocks[0];
    blocks_.free(state_.root);
    state_.root = below;
    state_.height -= 1;
  }
}

// ---- many entries

uint64_t Tree::insert_many(const Columns& entries) {
  if (entries.size() >= state_.count / kMergeShare) return merge(entries);
  const uint64_t before = state_.count;
  std::vector<Keyed> run;
  if (entries.size() > 0 && holds_ == Holds::kPoints) {
    Buckets buckets(entries);
    for (size_t bucket = 0; bucket < buckets.count(); ++bucket) {
      const std::span<const Located> from = buckets.points(bucket);
      run.clear();
      for (const uint32_t place : buckets.order(bucket)) {
        const Located& point = from[place];
        run.push_back({point.key(), {point.id, box_of(Point{point.lat, point.lng})}});
      }
      insert_run<PointLeaf>(run);
    }
    return state_.count - before;
  }
  const Order order = order_of(entries, holds_);
  for (const uint32_t place : order.places) {
    run.push_back({{order.cells[place], entries.id(place)}, entries.entry(place)});
    if (run.size() < kRunMax) continue;
    insert_run<BoxLeaf>(run);
    run.clear();
  }
  insert_run<BoxLeaf>(run);
  return state_.count - before;
}

// Entries in the order of their keys, no two the same.
template <class Leaf>
void Tree::insert_run(std::span<const Keyed> run) {
  while (!run.empty()) {
    Path path;
    std::optional<EntryKey> end;
    size_t taken = 0;
    if (state_.height > 0 && descend(run[0].key, path, &end)) {
      size_t count = 1;
      while (count < run.size() && (!end || run[count].key < *end)) ++count;
      ask_for_next<Leaf>(path);
      taken = insert_in_leaf<Leaf>(path, run.first(count));
    }
    if (taken == 0) {
      insert_in<Leaf>(run[0].key, run[0].entry);
      taken = 1;
    }
    run = run.subspan(taken);
  }
}

// Asks for what a leaf's neighbour is searched for: most likely it is next.
template <class Leaf>
void Tree::ask_for_next(const Path& path) const {
  if (state_.height < 2) return;
  const InnerNode& parent = read_node<InnerNode>(blocks_, path.blocks[1], 1);
  const size_t next = path.places[1] + 1;
  if (next >= parent.head.count) return;
  blocks_.prefetch(parent.blocks[next], 0, offsetof(Leaf, ids) + sizeof(Leaf::ids));
}

// As many of what belongs to one leaf, from the first on, as it has room for.
template <class Leaf>
size_t Tree::insert_in_leaf(const Path& path, std::span<const Keyed> run) {
  BlockId block = path.blocks[0];
  const Leaf& there = read_node<Leaf>(blocks_, block, 0);
  if (there.head.count == Leaf::kRoom && find(there, run[0].key) == Leaf::kRoom) return 0;
  Leaf& leaf = write_node<Leaf>(blocks_, block, 0);
  const uint16_t before = leaf.head.count;
  bool has_replaced = false;
  FloatBox added = kNowhere;
  size_t taken = 0;
  for (; taken < run.size(); ++taken) {
    const auto& [key, entry] = run[taken];
    const size_t place = find(leaf, key);
    if (place == Leaf::kRoom && leaf.head.count == Leaf::kRoom) break;
    has_replaced = has_replaced || place < Leaf::kRoom;
    leaf.set(place < Leaf::kRoom ? place : leaf.head.count++, entry);
    added = merged(added, rounded_out(entry.box));
  }
  state_.count += leaf.head.count - before;
  Change change;
  change.block = block;
  change.has_grown = !has_replaced;
  change.box = has_replaced ? bounds_of(leaf) : added;
  carry_up(path, change);
  return taken;
}

uint64_t Tree::remove_many(const Columns& entries) {
  const uint64_t before = state_.count;
  for (const uint32_t place : order_of(entries, holds_).places) remove(entries.entry(place));
  return before - state_.count;
}

// Writes the tree anew, of what is there and what is added; of the same key the added one.
uint64_t Tree::merge(const Columns& entries) {
  Packer packer(blocks_, holds_, kPackedShare);
  if (state_.height == 0) {
    packer.add_all(entries);
    state_ = packer.finish();
    return state_.count;
  }
  const Order order = order_of(entries, holds_);
  size_t next = 0;
  const auto key_at = [&](size_t i) {
    return EntryKey{order.cells[order.places[i]], entries.id(order.places[i])};
  };
  const auto add_next = [&] {
    packer.add(key_at(next), entries.entry(order.places[next]));
    ++next;
  };
  each([&](const EntryKey& key, const Entry& entry) {
    while (next < order.places.size() && key_at(next) < key) add_next();
    if (next == order.places.size() || !(key_at(next) == key)) packer.add(key, entry);
    return true;
  });
  while (next < order.places.size()) add_next();
  const uint64_t before = state_.count;
  const TreeState made = packer.finish();
  clear();
  state_ = made;
  return state_.count - before;
}

void Tree::assign(const Tree& from) {
  check(state_.height == 0 && holds_ == from.holds_);
  Packer packer(blocks_, holds_, kPackedShare);
  from.each([&](const EntryKey& key, const Entry& entry) {
    packer.add(key, entry);
    return true;
  });
  state_ = packer.finish();
}

void Tree::clear() {
  if (state_.height > 0) free_below(state_.root, state_.height - 1);
  state_ = {};
}

void Tree::free_below(BlockId block, uint32_t level) {
  if (level > 0) {
    const InnerNode node = read_node<InnerNode>(blocks_, block, level);
    for (size_t i = 0; i < node.head.count; ++i) free_below(node.blocks[i], level - 1);
  }
  blocks_.free(block);
}

void Tree::each(const Visit& visit) const {
  if (state_.height == 0) return;
  if (holds_ == Holds::kPoints) {
    each_in<PointLeaf>(state_.root, state_.height - 1, visit);
  } else {
    each_in<BoxLeaf>(state_.root, state_.height - 1, visit);
  }
}

template <class Leaf>
bool Tree::each_in(BlockId block, uint32_t level, const Visit& visit) const {
  if (level > 0) {
    const InnerNode node = read_node<InnerNode>(blocks_, block, level);
    for (size_t i = 0; i < node.head.count; ++i) {
      if (!each_in<Leaf>(node.blocks[i], level - 1, visit)) return false;
    }
    return true;
  }
  const Leaf leaf = read_node<Leaf>(blocks_, block, 0);
  Placed<Leaf> placed(leaf);
  std::sort(placed.at(0), placed.at(placed.count));
  for (size_t i = 0; i < placed.count; ++i) {
    if (!visit(placed.all[i].key, leaf.entry(placed.all[i].place))) return false;
  }
  return true;
}

FloatBox Tree::bounds() const {
  if (state_.height == 0) return kNowhere;
  const uint32_t level = state_.height - 1;
  if (level > 0) return read_node<InnerNode>(blocks_, state_.root, level).bounds();
  return holds_ == Holds::kPoints ? bounds_of(read_node<PointLeaf>(blocks_, state_.root, 0))
                                  : bounds_of(read_node<BoxLeaf>(blocks_, state_.root, 0));
}

}  // namespace varve::geo

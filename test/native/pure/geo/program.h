// test/native/pure/geo/program.h — a tree that grows and shrinks by chance, against a look at every
// entry: a program that runs over any filling of blocks.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "pure/geo/tree.h"
#include "world.h"

namespace varve::geo::test {

inline Entry entry_in(World world, Holds holds, Random& random, uint64_t id) {
  if (holds == Holds::kPoints) return {id, box_of(point_in(world, random))};
  return {id, unrolled(box_in(world, random))};
}

// A star around a point: it may go over the antimeridian.
inline Polygon polygon_around(Point center, double size, Random& random) {
  std::vector<Point> corners;
  const size_t count = 3 + random.below(9);
  for (size_t i = 0; i < count; ++i) {
    const double angle = 2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(count);
    const double reach = size * between(random, 0.2, 1);
    corners.push_back({std::clamp(center.lat + reach * std::sin(angle), -90.0, 90.0),
                       wrap_longitude(center.lng + reach * std::cos(angle))});
  }
  const uint32_t ends[] = {static_cast<uint32_t>(corners.size())};
  Result<Polygon> made = Polygon::make(corners, ends);
  require(static_cast<bool>(made));
  return std::move(*made);
}

inline void expect_same_answers(const Tree& tree, const Model& model, World world, Random& random) {
  expect(tree.state().count == model.entries().size());
  const std::function<bool(uint64_t)> filter = [](uint64_t id) { return id % 3 == 0; };
  for (int i = 0; i < 6; ++i) {
    const Point from =
        random.one_in(3) ? point_in(World::kUniform, random) : point_in(world, random);
    Query query;
    query.filter = random.one_in(3) ? &filter : nullptr;
    std::vector<Match> found;
    const Box box = box_in(random.one_in(3) ? World::kUniform : world, random);
    tree.within(box, query, found);
    Model::sort(found);
    expect(found == model.within(box, query));

    found.clear();
    const Polygon polygon = polygon_around(from, between(random, 0.01, 40), random);
    tree.within(polygon, query, found);
    Model::sort(found);
    expect(found == model.within(polygon, query));

    const double metres = std::pow(10.0, between(random, 0, 7.5));
    found.clear();
    tree.near(from, metres, query, found);
    expect(found == model.near(from, metres, query));

    query.limit = 1 + random.below(30);
    found.clear();
    const double reach = random.one_in(2) ? INFINITY : metres;
    tree.near(from, reach, query, found);
    expect(found == model.near(from, reach, query));

    query.from = &from;
    found.clear();
    tree.within(box, query, found);
    expect(found == model.within(box, query));
  }
}

// Every node counts what it holds, touches its box, and has its keys between those of its
// neighbours.
struct Checker {
  const Blocks& blocks;
  uint64_t entry_count = 0;
  EntryKey last = {0, 0};
  bool is_first = true;

  template <class Leaf>
  FloatBox walk(BlockId block, uint32_t level) {
    if (level > 0) {
      const InnerNode node = read_node<InnerNode>(blocks, block, level);
      require(node.head.count > 0);
      for (size_t i = 0; i < node.head.count; ++i) {
        if (i > 0) expect(last < node.low(i));
        const FloatBox box = walk<Leaf>(node.blocks[i], level - 1);
        expect(is_same(box, node.box(i)));
      }
      return node.bounds();
    }
    const Leaf leaf = read_node<Leaf>(blocks, block, 0);
    require(leaf.head.count > 0);
    std::vector<EntryKey> keys;
    for (size_t i = 0; i < leaf.head.count; ++i) keys.push_back(key_of(leaf.entry(i)));
    std::sort(keys.begin(), keys.end());
    for (const EntryKey& key : keys) {
      expect(is_first || last < key);
      last = key;
      is_first = false;
    }
    entry_count += leaf.head.count;
    return bounds_of(leaf);
  }
};

template <class Leaf>
inline void expect_whole(const Tree& tree, const Blocks& blocks) {
  if (tree.state().height == 0) return expect(tree.state().count == 0);
  Checker checker{blocks};
  checker.walk<Leaf>(tree.state().root, tree.state().height - 1);
  expect(checker.entry_count == tree.state().count);
}

inline void expect_whole(const Tree& tree, const Blocks& blocks) {
  tree.holds() == Holds::kPoints ? expect_whole<PointLeaf>(tree, blocks)
                                 : expect_whole<BoxLeaf>(tree, blocks);
}

struct Stored {
  std::vector<uint64_t> ids;
  std::vector<double> souths, wests, norths, easts;
  void add(const Entry& entry) {
    const Box box = rolled(entry.box);
    ids.push_back(entry.id);
    souths.push_back(box.south);
    wests.push_back(box.west);
    norths.push_back(box.north);
    easts.push_back(box.east);
  }
  Columns columns() const { return {ids, souths, wests, norths, easts}; }
};

// Between its rounds whoever lends the blocks may bring them to rest.
inline void run_program(
    Blocks& blocks, World world, Holds holds, Random& random, size_t size,
    const std::function<void()>& rest = [] {}) {
  Tree tree(blocks, holds);
  Model model(holds);
  uint64_t id = 0;
  std::vector<Entry> given;
  for (int round = 0; round < 4; ++round) {
    Stored many;
    uint64_t new_count = 0;
    for (size_t i = random.below(size); i > 0; --i) {
      given.push_back(entry_in(world, holds, random, random.one_in(20) ? id : ++id));
      many.add(given.back());
      new_count += model.insert(given.back());
    }
    expect(tree.insert_many(many.columns()) == new_count);
    for (size_t i = random.below(size); i > 0; --i) {
      given.push_back(entry_in(world, holds, random, random.one_in(20) ? id : ++id));
      expect(tree.insert(given.back()) == model.insert(given.back()));
    }
    rest();
    expect_whole(tree, blocks);
    expect_same_answers(tree, model, world, random);
    rest();
    for (size_t i = given.size() * random.below(4) / 3; i > 0; --i) {
      const size_t at = random.below(given.size());
      const Entry entry = given[at];
      expect(tree.has(entry) == (model.entries().count(key_of(entry)) == 1));
      expect(tree.remove(entry) == model.remove(entry));
      given[at] = given.back();
      given.pop_back();
    }
    expect_whole(tree, blocks);
    expect_same_answers(tree, model, world, random);
  }
  Stored left;
  for (const auto& [key, entry] : model.entries()) left.add(entry);
  expect(tree.remove_many(left.columns()) == model.entries().size());
  expect(tree.state().height == 0 && tree.state().count == 0);
  tree.insert_many(left.columns());
  tree.clear();
}

}  // namespace varve::geo::test

// test/native/pure/bitmap/model.h — what bitmaps are held against: a set of the standard library,
// random members of every shape, and a filling of Blocks that forgives nothing.
#pragma once

#include <set>
#include <vector>

#include "../blocks/moving.h"
#include "base/random.h"
#include "pure/bitmap/bitmap.h"
#include "test.h"

namespace varve::test {

using Model = std::set<uint64_t>;

// A set of nodes is slow, and a seed makes several: a fifth of the seeds is asked for.
inline uint64_t bitmap_count() { return seed_count() / 5 + 1; }

// Members in clusters, so that containers of all three forms come up: sparse, dense, in runs.
inline Model random_model(Random& random, uint64_t universe) {
  Model model;
  const uint64_t cluster_count = random.below(5);
  for (uint64_t cluster = 0; cluster < cluster_count; ++cluster) {
    const uint64_t base = random.below(universe);
    const uint64_t shape = random.below(3);
    const uint64_t count = shape == 0 ? random.below(300) : random.below(12000);
    for (uint64_t index = 0; index < count; ++index) {
      const uint64_t spread = shape == 2 ? index + index / 500 * 3 : random.below(70000);
      if (base + spread < universe) model.insert(base + spread);
    }
  }
  return model;
}

inline Bitmap bitmap_of(const Model& model, Blocks& blocks) {
  Bitmap bitmap(blocks);
  const std::vector<uint64_t> members(model.begin(), model.end());
  bitmap.add_many(std::span<const uint64_t>(members));
  return bitmap;
}

inline bool holds(const Bitmap& bitmap, const Model& model) {
  std::vector<uint64_t> members(model.size() + 1);
  if (bitmap.total() != model.size()) return false;
  const size_t count = bitmap.list_up(0, members.data(), members.size());
  members.resize(count);
  return bool(bitmap.verify()) &&
         std::equal(members.begin(), members.end(), model.begin(), model.end());
}

}  // namespace varve::test

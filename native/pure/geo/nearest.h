// pure/geo/nearest.h — measuring what is in a leaf, and the walk outwards from a point.
#pragma once

#include <vector>

#include "pure/geo/tree.h"

namespace varve::geo {

inline bool is_nearer(const Match& a, const Match& b) {
  return a.haversine != b.haversine ? a.haversine < b.haversine : a.id < b.id;
}

// Sorts what was found from `begin` on; the vector may grow meanwhile.
void sort_by_distance(std::vector<Match>& found, size_t begin);

// Room for any leaf, in whole vectors.
inline constexpr size_t kMeasuredMax = PointLeaf::kRoom + kDoublesCount;

// How far these places of a leaf are.
void measure(const Origin& from, const PointLeaf& leaf, const uint8_t* places, size_t count,
             double* haversines);
void measure(const Origin& from, const BoxLeaf& leaf, const uint8_t* places, size_t count,
             double* haversines);

struct Nodes {
  const Blocks& blocks;
  Holds holds;
  TreeState state;
};

// The nearest `query.limit`, none farther than the reach: fewer than there are, and at least one.
void find_nearest(const Nodes& nodes, const Origin& from, double reach, const Query& query,
                  std::vector<Match>& found);

}  // namespace varve::geo

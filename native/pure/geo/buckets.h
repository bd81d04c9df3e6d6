// pure/geo/buckets.h — many points on their way into a tree, brought near one another first.
//
// Gathered from their columns in the order of their keys, points would cost a cache miss for each
// of their numbers. So they are dealt out once, by the upper bits of their cells, to buckets of
// some hundred points; each of these is sorted, and gathered from, within the nearest cache.
//
//   columns ──▶ cells ──▶ | bucket | bucket | bucket | …   each sorted when its turn comes
//
// Invariants
//   - every key of a bucket is below every key of the next one.
//   - the points of a bucket stand in the order in which they were given.
// Threads: one.
#pragma once

#include <span>
#include <vector>

#include "base/arena.h"
#include "pure/geo/tree.h"

namespace varve::geo {

struct Located {
  uint64_t cell;
  uint64_t id;
  double lat;
  double lng;

  EntryKey key() const { return {cell, id}; }
};

class Buckets {
 public:
  explicit Buckets(const Columns& points);

  size_t count() const { return ends_.size() - 1; }
  std::span<const Located> points(size_t bucket) const {
    return {points_ + ends_[bucket], ends_[bucket + 1] - ends_[bucket]};
  }
  // The places of a bucket's points in the order of their keys, of several with the same key that
  // of the last; until the next call.
  std::span<const uint32_t> order(size_t bucket);

 private:
  static constexpr size_t kPointsWanted = 256;  // In a bucket: with their keys half a first cache.
  static constexpr uint32_t kBucketBitsMax = 12;  // So many lines are written to at a time.

  void deal(const Columns& points, const uint64_t* cells);
  void sort_keys(std::span<uint64_t> keys);
  void put_in_order(std::span<const Located> points, std::span<const uint64_t> keys);

  Arena arena_;
  Located* points_ = nullptr;
  uint64_t least_ = 0;         // The first cell of the first bucket.
  uint32_t bucket_shift_ = 0;  // A bucket has two to the power of this cells.
  std::vector<uint32_t> ends_;
  std::vector<uint64_t> keys_;
  std::vector<uint64_t> spare_;
  std::vector<uint32_t> order_;
};

}  // namespace varve::geo

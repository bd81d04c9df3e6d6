// storage/table/point_index.h — where a fingerprint may lie, how an entry is divided, and how the
// buckets are filled. Bytes: FORMAT.md
//
// An entry has 32 bits: the fingerprint of a key above, its place (block and slot) below. A
// fingerprint keeps at least the bits it was promised: in a table so large that places would need
// them, places lose their low bits, and whoever follows one searches the block that it names.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <vector>

#include "pure/simd/lanes.h"
#include "storage/table/layout.h"

namespace varve {

struct PointPlace {
  uint32_t first;  // Buckets.
  uint32_t second;
};

inline PointPlace point_place(uint64_t hash, uint32_t bucket_count) {
  const uint64_t other = (hash * 0x9e3779b97f4a7c15ULL) & 0xffffffffu;
  return {static_cast<uint32_t>(((hash >> 32) * bucket_count) >> 32),
          static_cast<uint32_t>((other * bucket_count) >> 32)};
}

inline uint32_t point_fingerprint(uint64_t hash, uint32_t location_bits) {
  return static_cast<uint32_t>(hash >> 8) << location_bits;
}

inline constexpr uint32_t kFingerprintBitsMin = 8;

// A place is block << slot_bits | slot; what an entry keeps of it is place >> coarse_bits, which
// fits into location_bits and never fills them with ones: an entry of ones is an empty one.
struct PointLayout {
  uint32_t location_bits = 0;
  uint32_t slot_bits = 0;
  uint32_t coarse_bits = 0;
};

// Calls `on_place` with the place of each entry that matches a hash, until it says true. Where
// places are coarse, that is the first of several.
template <class OnPlace>
bool each_place(const uint32_t* points, uint32_t bucket_count, const PointLayout& layout,
                uint64_t hash, OnPlace on_place) {
  const PointPlace buckets = point_place(hash, bucket_count);
  const uint32_t want = point_fingerprint(hash, layout.location_bits);
  const uint32_t mask = ~((1u << layout.location_bits) - 1);
  for (const uint32_t bucket : {buckets.first, buckets.second}) {
    const uint32_t* const entries = points + static_cast<size_t>(bucket) * kBucketCount;
    uint32_t matches = match16(entries, want, mask);
    for (; matches != 0; matches &= matches - 1) {
      const uint32_t entry = entries[std::countr_zero(matches)];
      if (entry == kEmptySlot) continue;
      if (on_place(static_cast<uint64_t>(entry & ~mask) << layout.coarse_bits)) return true;
    }
    if (buckets.first == buckets.second) break;
  }
  return false;
}

PointLayout point_layout(uint64_t block_count, uint32_t slot_max, uint32_t fingerprint_bits_min);

struct PointIndex {
  std::string bytes;
  bool is_whole = true;  // Every key is in it.
};

// Puts every key into one of its two buckets, moving others to their second one as needed. The
// buckets are about 97 % full, so that a key costs about 4.1 bytes. Keys that no number of buckets
// would part, because their hashes are the same, may be left out: then the index is not whole.
PointIndex fill_point_index(const std::vector<uint64_t>& hashes,
                            const std::vector<uint32_t>& locations, uint32_t location_bits);

}  // namespace varve

// storage/table/point_index.h — where a fingerprint may lie, and how the buckets are filled. Bytes:
// FORMAT.md
#pragma once

#include <cstdint>
#include <string>
#include <vector>

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

// Puts every key into one of its two buckets, moving others to their second one as needed. The
// buckets are about 97 % full, so that a key costs about 4.1 bytes.
std::string fill_point_index(const std::vector<uint64_t>& hashes,
                             const std::vector<uint32_t>& locations, uint32_t location_bits);

}  // namespace varve

#include "storage/table/point_index.h"

#include <algorithm>
#include <bit>

#include "base/bytes.h"
#include "base/bits.h"
#include "base/check.h"
#include "base/random.h"
#include "storage/table/layout.h"

namespace varve {
namespace {

constexpr int kMoveCountMax = 2000;
constexpr int kGrowthCountMax = 8;  // Each by a thirty-second; chance alone needs one, at most two.

// The slots hold indexes of keys while they are being placed.
class Filling {
 public:
  Filling(const std::vector<uint64_t>& hashes, uint32_t bucket_count)
      : hashes_(hashes),
        bucket_count_(bucket_count),
        owners_(static_cast<size_t>(bucket_count) * kBucketCount, kEmptySlot),
        used_(bucket_count, 0) {}

  // How many keys found no place.
  size_t add_all() {
    size_t left_out = 0;
    for (uint32_t i = 0; i < hashes_.size(); ++i) {
      if (i + 8 < hashes_.size()) {
        const PointPlace ahead = point_place(hashes_[i + 8], bucket_count_);
        prefetch(&used_[ahead.first]);
        prefetch(&used_[ahead.second]);
      }
      if (!add(i)) ++left_out;
    }
    return left_out;
  }
  const std::vector<uint32_t>& owners() const { return owners_; }

 private:
  bool add(uint32_t key) {
    for (int move = 0; move < kMoveCountMax; ++move) {
      const PointPlace place = point_place(hashes_[key], bucket_count_);
      const uint32_t bucket =
          used_[place.first] <= used_[place.second] ? place.first : place.second;
      if (used_[bucket] < kBucketCount) {
        owners_[static_cast<size_t>(bucket) * kBucketCount + used_[bucket]++] = key;
        return true;
      }
      // Both are full: take the place of another, which then looks for its own second bucket.
      const uint32_t from = random_.one_in(2) ? place.first : place.second;
      std::swap(key,
                owners_[static_cast<size_t>(from) * kBucketCount + random_.below(kBucketCount)]);
    }
    return false;
  }

  const std::vector<uint64_t>& hashes_;
  const uint32_t bucket_count_;
  std::vector<uint32_t> owners_;
  std::vector<uint8_t> used_;
  Random random_{1};
};

}  // namespace

PointLayout point_layout(uint64_t block_count, uint32_t slot_max, uint32_t fingerprint_bits_min) {
  check(fingerprint_bits_min >= kFingerprintBitsMin && fingerprint_bits_min < 32);
  if (block_count == 0) return {};
  PointLayout layout;
  layout.slot_bits = static_cast<uint32_t>(std::bit_width(slot_max));
  const uint64_t last = (block_count << layout.slot_bits) - 1;
  const auto bits_of = [&] {
    return static_cast<uint32_t>(std::bit_width((last >> layout.coarse_bits) + 1));
  };
  while (bits_of() > 32 - fingerprint_bits_min) ++layout.coarse_bits;
  layout.location_bits = bits_of();
  return layout;
}

PointIndex fill_point_index(const std::vector<uint64_t>& hashes,
                            const std::vector<uint32_t>& locations, uint32_t location_bits) {
  uint64_t bucket_count =
      std::max<uint64_t>(1, (hashes.size() * 100 / 97 + kBucketCount) / kBucketCount);
  for (int growth = 0;; ++growth) {
    Filling filling(hashes, static_cast<uint32_t>(bucket_count));
    const size_t left_out = filling.add_all();
    if (left_out != 0 && growth < kGrowthCountMax) {
      bucket_count += bucket_count / 32 + 1;
      continue;
    }
    PointIndex index{std::string(bucket_count * kBucketCount * 4, '\0'), left_out == 0};
    uint8_t* at = reinterpret_cast<uint8_t*>(index.bytes.data());
    for (const uint32_t key : filling.owners()) {
      const uint32_t value = key == kEmptySlot
                                 ? kEmptySlot
                                 : point_fingerprint(hashes[key], location_bits) | locations[key];
      store<uint32_t>(at, value);
      at += 4;
    }
    return index;
  }
}

}  // namespace varve

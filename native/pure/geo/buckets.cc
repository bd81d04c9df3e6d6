#include "pure/geo/buckets.h"

#include <algorithm>
#include <bit>

namespace varve::geo {
namespace {

// A key to sort by: of the cell what the bucket leaves open, the upper 32 bits of it above the
// place in the bucket, so that no two are the same.
constexpr uint32_t kPlaceBits = 32;
constexpr uint32_t kDigitBits = 8;
constexpr size_t kDigits = size_t{1} << kDigitBits;
constexpr uint32_t kDigitShifts[] = {48, 56};
constexpr size_t kDirectMax = 48;  // Below, digits are not worth counting (a guess).

uint32_t place_of(uint64_t key) { return static_cast<uint32_t>(key); }

void sort_by_digit(std::span<const uint64_t> from, uint32_t shift, uint64_t* to) {
  uint32_t places[kDigits] = {};
  for (const uint64_t key : from) places[(key >> shift) & (kDigits - 1)] += 1;
  uint32_t sum = 0;
  for (uint32_t& place : places) {
    const uint32_t count = place;
    place = sum;
    sum += count;
  }
  for (const uint64_t key : from) to[places[(key >> shift) & (kDigits - 1)]++] = key;
}

// Calls `visit` with each run of two keys or more that are the same from bit `shift` on.
template <class Visit>
void each_alike(std::span<uint64_t> keys, uint32_t shift, const Visit& visit) {
  for (size_t begin = 0; begin < keys.size();) {
    size_t end = begin + 1;
    while (end < keys.size() && keys[end] >> shift == keys[begin] >> shift) ++end;
    if (end - begin > 1) visit(keys.subspan(begin, end - begin));
    begin = end;
  }
}

}  // namespace

Buckets::Buckets(const Columns& points) : arena_(Arena::kPageBytesMin) {
  const size_t size = points.size();
  check(size > 0 && size <= kColumnSizeMax);
  uint64_t* const cells = reinterpret_cast<uint64_t*>(arena_.allocate(size * sizeof(uint64_t)));
  hilberts_of(points.souths.data(), points.wests.data(), size, cells);
  const auto [least, most] = std::ranges::minmax(std::span<const uint64_t>(cells, size));
  least_ = least;
  const uint32_t wanted_bits =
      std::min(static_cast<uint32_t>(std::bit_width(size / kPointsWanted)), kBucketBitsMax);
  const uint32_t bits = static_cast<uint32_t>(std::bit_width(most - least));
  bucket_shift_ = bits > wanted_bits ? bits - wanted_bits : 0;
  bucket_shift_ = std::min(bucket_shift_, 63u);  // Two buckets are as good as one.
  ends_.resize(((most - least) >> bucket_shift_) + 2);
  deal(points, cells);
}

void Buckets::deal(const Columns& points, const uint64_t* cells) {
  const size_t size = points.size();
  points_ = reinterpret_cast<Located*>(arena_.allocate(size * sizeof(Located), 64));
  const auto bucket_of = [&](uint64_t cell) { return (cell - least_) >> bucket_shift_; };
  for (size_t i = 0; i < size; ++i) ends_[bucket_of(cells[i]) + 1] += 1;
  for (size_t bucket = 1; bucket < ends_.size(); ++bucket) ends_[bucket] += ends_[bucket - 1];
  std::vector<uint32_t> next(ends_.begin(), ends_.end() - 1);
  for (size_t i = 0; i < size; ++i) {
    points_[next[bucket_of(cells[i])]++] = {cells[i], points.id(i), points.souths[i],
                                            points.wests[i]};
  }
}

std::span<const uint32_t> Buckets::order(size_t bucket) {
  const std::span<const Located> from = points(bucket);
  const uint64_t open = (uint64_t{1} << bucket_shift_) - 1;
  keys_.resize(from.size());
  for (size_t i = 0; i < from.size(); ++i) {
    const uint64_t rest = (from[i].cell - least_) & open;
    const uint64_t upper = bucket_shift_ > kPlaceBits ? rest >> (bucket_shift_ - kPlaceBits)
                                                      : rest << (kPlaceBits - bucket_shift_);
    keys_[i] = upper << kPlaceBits | i;
  }
  sort_keys(keys_);
  put_in_order(from, keys_);
  return order_;
}

// By the upper half of the cell's bits at once, then what is still alike.
void Buckets::sort_keys(std::span<uint64_t> keys) {
  if (keys.size() <= kDirectMax) {
    std::ranges::sort(keys);
    return;
  }
  spare_.resize(keys.size());
  sort_by_digit(keys, kDigitShifts[0], spare_.data());
  sort_by_digit(spare_, kDigitShifts[1], keys.data());
  each_alike(keys, kDigitShifts[0], [](std::span<uint64_t> alike) { std::ranges::sort(alike); });
}

// Most have a key of their own, so that neither the rest of their cell nor their id is looked up.
void Buckets::put_in_order(std::span<const Located> points, std::span<const uint64_t> keys) {
  order_.clear();
  const auto is_before = [&](uint32_t a, uint32_t b) {
    return points[a].key() == points[b].key() ? a < b : points[a].key() < points[b].key();
  };
  for (size_t begin = 0; begin < keys.size();) {
    const size_t first = order_.size();
    const uint64_t upper = keys[begin] >> kPlaceBits;
    for (; begin < keys.size() && keys[begin] >> kPlaceBits == upper; ++begin) {
      order_.push_back(place_of(keys[begin]));
    }
    if (order_.size() - first == 1) continue;
    const auto at_first = order_.begin() + static_cast<std::ptrdiff_t>(first);
    std::sort(at_first, order_.end(), is_before);
    const auto is_same = [&](uint32_t a, uint32_t b) { return points[a].key() == points[b].key(); };
    const auto last = std::unique(order_.rbegin(), std::make_reverse_iterator(at_first), is_same);
    order_.erase(at_first, last.base());
  }
}

}  // namespace varve::geo

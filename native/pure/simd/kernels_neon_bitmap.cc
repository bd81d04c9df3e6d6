// pure/simd/kernels_neon_bitmap.cc — bitmap kernels of arm64: bits are counted by CNT, and lists
// are intersected eight numbers at a time, one vector turned through its eight places.
#include "pure/simd/simd.h"

#if defined(__aarch64__)
#include <arm_neon.h>

namespace varve {
namespace {

constexpr size_t kWidth = 16;
constexpr size_t kSumsMax = 31;  // Vectors of byte sums, each at most 8, before they are gathered.

template <SetOp op>
uint8x16_t apply(uint8x16_t a, uint8x16_t b) {
  if constexpr (op == SetOp::kAnd) return vandq_u8(a, b);
  if constexpr (op == SetOp::kOr) return vorrq_u8(a, b);
  if constexpr (op == SetOp::kXor) return veorq_u8(a, b);
  return vbicq_u8(a, b);
}

template <SetOp op>
uint8_t apply8(uint8_t a, uint8_t b) {
  if constexpr (op == SetOp::kAnd) return a & b;
  if constexpr (op == SetOp::kOr) return a | b;
  if constexpr (op == SetOp::kXor) return a ^ b;
  return static_cast<uint8_t>(a & ~b);
}

uint64_t ones(uint8_t byte) { return static_cast<uint64_t>(__builtin_popcount(byte)); }

template <class Vector, class Rest>
uint64_t walk(size_t size, Vector vector, Rest rest) {
  uint64_t total = 0;
  size_t at = 0;
  while (at + kWidth <= size) {
    const size_t left = (size - at) / kWidth;
    const size_t end = at + (left < kSumsMax ? left : kSumsMax) * kWidth;
    uint8x16_t sums = vdupq_n_u8(0);
    for (; at < end; at += kWidth) sums = vaddq_u8(sums, vcntq_u8(vector(at)));
    total += vaddlvq_u8(sums);
  }
  for (; at < size; ++at) total += ones(rest(at));
  return total;
}

uint64_t count(const uint8_t* bytes, size_t size) {
  return walk(
      size, [=](size_t at) { return vld1q_u8(bytes + at); }, [=](size_t at) { return bytes[at]; });
}

template <SetOp op>
uint64_t join(uint8_t* to, const uint8_t* a, const uint8_t* b, size_t size) {
  return walk(
      size,
      [=](size_t at) {
        const uint8x16_t bits = apply<op>(vld1q_u8(a + at), vld1q_u8(b + at));
        vst1q_u8(to + at, bits);
        return bits;
      },
      [=](size_t at) { return to[at] = apply8<op>(a[at], b[at]); });
}

template <SetOp op>
uint64_t join_count(const uint8_t* a, const uint8_t* b, size_t size) {
  return walk(
      size, [=](size_t at) { return apply<op>(vld1q_u8(a + at), vld1q_u8(b + at)); },
      [=](size_t at) { return apply8<op>(a[at], b[at]); });
}

// The lanes of `a` that are somewhere in `b`, as all ones.
uint16x8_t matches(uint16x8_t a, uint16x8_t b) {
  uint16x8_t found = vceqq_u16(a, b);
  found = vorrq_u16(found, vceqq_u16(a, vextq_u16(b, b, 1)));
  found = vorrq_u16(found, vceqq_u16(a, vextq_u16(b, b, 2)));
  found = vorrq_u16(found, vceqq_u16(a, vextq_u16(b, b, 3)));
  found = vorrq_u16(found, vceqq_u16(a, vextq_u16(b, b, 4)));
  found = vorrq_u16(found, vceqq_u16(a, vextq_u16(b, b, 5)));
  found = vorrq_u16(found, vceqq_u16(a, vextq_u16(b, b, 6)));
  return vorrq_u16(found, vceqq_u16(a, vextq_u16(b, b, 7)));
}

template <bool writes>
size_t intersect_lists(const uint16_t* a, size_t a_count, const uint16_t* b, size_t b_count,
                       uint16_t* to) {
  const uint16_t lane_bits[8] = {1, 2, 4, 8, 16, 32, 64, 128};
  const uint16x8_t bits = vld1q_u16(lane_bits);
  size_t i = 0;
  size_t j = 0;
  size_t found = 0;
  while (i + 8 <= a_count && j + 8 <= b_count) {
    uint32_t mask = vaddvq_u16(vandq_u16(matches(vld1q_u16(a + i), vld1q_u16(b + j)), bits));
    if constexpr (writes) {
      for (; mask != 0; mask &= mask - 1) to[found++] = a[i + __builtin_ctz(mask)];
    } else {
      found += static_cast<size_t>(__builtin_popcount(mask));
    }
    const uint16_t left_last = a[i + 7];
    const uint16_t right_last = b[j + 7];
    i += left_last <= right_last ? 8 : 0;
    j += right_last <= left_last ? 8 : 0;
  }
  while (i < a_count && j < b_count) {
    const uint16_t left = a[i];
    const uint16_t right = b[j];
    if constexpr (writes) to[found] = left;
    found += left == right;
    i += left <= right;
    j += right <= left;
  }
  return found;
}

size_t intersect(const uint16_t* a, size_t a_count, const uint16_t* b, size_t b_count,
                 uint16_t* to) {
  return intersect_lists<true>(a, a_count, b, b_count, to);
}

size_t intersect_count(const uint16_t* a, size_t a_count, const uint16_t* b, size_t b_count) {
  return intersect_lists<false>(a, a_count, b, b_count, nullptr);
}

}  // namespace

void fill_bitmap_neon(BitmapKernels& table) {
  table.count = count;
  table.join[0] = join<SetOp::kAnd>;
  table.join[1] = join<SetOp::kOr>;
  table.join[2] = join<SetOp::kXor>;
  table.join[3] = join<SetOp::kAndNot>;
  table.join_count[0] = join_count<SetOp::kAnd>;
  table.join_count[1] = join_count<SetOp::kOr>;
  table.join_count[2] = join_count<SetOp::kXor>;
  table.join_count[3] = join_count<SetOp::kAndNot>;
  table.intersect = intersect;
  table.intersect_count = intersect_count;
}

}  // namespace varve
#endif

// pure/simd/kernels_neon_bitmap.cc — bitmap kernels of arm64: bits are counted by CNT, and lists
// are joined eight numbers at a time; to intersect, one vector is turned through its eight places.
#include "pure/simd/simd.h"

#if defined(__aarch64__)
#include <arm_neon.h>

#include "pure/simd/bitmap_loops.h"

namespace varve {
namespace {

// The lanes of `a` that are somewhere in `b`, as all ones.
uint16x8_t among(uint16x8_t a, uint16x8_t b) {
  uint16x8_t found = vceqq_u16(a, b);
  found = vorrq_u16(found, vceqq_u16(a, vextq_u16(b, b, 1)));
  found = vorrq_u16(found, vceqq_u16(a, vextq_u16(b, b, 2)));
  found = vorrq_u16(found, vceqq_u16(a, vextq_u16(b, b, 3)));
  found = vorrq_u16(found, vceqq_u16(a, vextq_u16(b, b, 4)));
  found = vorrq_u16(found, vceqq_u16(a, vextq_u16(b, b, 5)));
  found = vorrq_u16(found, vceqq_u16(a, vextq_u16(b, b, 6)));
  return vorrq_u16(found, vceqq_u16(a, vextq_u16(b, b, 7)));
}

constexpr Packing kPacking;

struct Lanes {
  static constexpr size_t kWidth = 16;
  static constexpr size_t kSumsMax = 31;  // Of byte sums, each at most 8, before they are gathered.

  static uint8x16_t read(const uint8_t* at) { return vld1q_u8(at); }
  static uint8x16_t read_part(const uint8_t* at, size_t size) {
    uint8_t bytes[kWidth] = {};
    __builtin_memcpy(bytes, at, size);
    return read(bytes);
  }
  static void write(uint8_t* at, uint8x16_t bits) { vst1q_u8(at, bits); }
  static void write_part(uint8_t* at, uint8x16_t bits, size_t size) {
    uint8_t bytes[kWidth];
    write(bytes, bits);
    __builtin_memcpy(at, bytes, size);
  }
  // `before`: of each word the one below it.
  static uint8x16_t run_begins(uint8x16_t bits, uint8x16_t before) {
    const uint64x2_t words = vreinterpretq_u64_u8(bits);
    const uint64x2_t carried = vshrq_n_u64(vreinterpretq_u64_u8(before), 63);
    return vreinterpretq_u8_u64(vbicq_u64(words, vorrq_u64(vshlq_n_u64(words, 1), carried)));
  }
  static uint64_t ones(uint8x16_t bits) { return vaddlvq_u8(vcntq_u8(bits)); }
  template <class Source>
  static uint64_t count(const Source& source, size_t size) {
    uint64_t total = 0;
    for (size_t at = 0; at < size;) {
      const size_t left = (size - at) / kWidth;
      const size_t end = at + (left < kSumsMax ? left : kSumsMax) * kWidth;
      uint8x16_t sums = vdupq_n_u8(0);
      for (; at < end; at += kWidth) sums = vaddq_u8(sums, vcntq_u8(source.full(at)));
      total += vaddlvq_u8(sums);
    }
    return total;
  }

  static uint32_t matches(uint16x8_t a, uint16x8_t b) { return bits_of(among(a, b)); }
  static uint16x8_t shuffled(uint16x8_t lanes, const uint8_t* order) {
    return vreinterpretq_u16_u8(vqtbl1q_u8(vreinterpretq_u8_u16(lanes), read(order)));
  }
  static size_t pack(uint16x8_t lanes, uint32_t mask, uint16_t* to) {
    vst1q_u16(to, shuffled(lanes, kPacking.at[mask]));
    return static_cast<size_t>(__builtin_popcount(mask));
  }

  static uint64_t common_eights(const uint16_t* a, const uint16_t* b) {
    return static_cast<uint64_t>(__builtin_popcount(matches(load(a), load(b))));
  }
  static uint64_t common_rest(const uint16_t* a, size_t a_count, const uint16_t* b,
                              size_t b_count) {
    return a_count < 8 ? count_few<Lanes>(a, a_count, b, b_count)
                       : count_few<Lanes>(b, b_count, a, a_count);
  }

  static uint16x8_t load(const uint16_t* at) { return vld1q_u16(at); }
  static uint16x8_t all(uint16_t number) { return vdupq_n_u16(number); }
  static uint16x8_t least(uint16x8_t a, uint16x8_t b) { return vminq_u16(a, b); }
  static uint16x8_t greatest(uint16x8_t a, uint16x8_t b) { return vmaxq_u16(a, b); }
  static uint16x8_t turned(uint16x8_t lanes) { return vextq_u16(lanes, lanes, 1); }
  static uint16x8_t behind(uint16x8_t lanes, uint16x8_t before) {
    return vextq_u16(before, lanes, 7);
  }
  static uint32_t equals(uint16x8_t a, uint16x8_t b) { return bits_of(vceqq_u16(a, b)); }

 private:
  // A bit for each lane of all ones.
  static uint32_t bits_of(uint16x8_t lanes) {
    const uint16_t lane_bits[8] = {1, 2, 4, 8, 16, 32, 64, 128};
    return vaddvq_u16(vandq_u16(lanes, vld1q_u16(lane_bits)));
  }
};

}  // namespace

void fill_bitmap_neon(BitmapKernels& table) {
  fill_sets<Lanes>(table);
  table.intersect = intersect_lists<Lanes>;
  table.count_common = count_common<Lanes>;
  table.unite = unite_lists<Lanes>;
}

}  // namespace varve
#endif

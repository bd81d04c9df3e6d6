// pure/simd/kernels_sse42_bitmap.cc — bitmap kernels of SSE 4.2: POPCNT for bits, and sorted lists
// eight numbers at a time, which wider tables keep.
//
// Intersecting compares eight numbers with eight by one string instruction and packs the matches by
// a table. Uniting merges two sorted vectors by eight rounds of minimum, maximum and rotation, and
// drops what equals its neighbour.
#include "pure/simd/simd.h"

#if defined(__SSE4_2__) || defined(_M_X64)
#include <nmmintrin.h>

#include "pure/simd/bitmap_loops.h"

namespace varve {
namespace {

// For each mask of eight lanes, the shuffle that moves its set lanes to the front.
struct Packing {
  alignas(16) uint8_t at[256][16];
  constexpr Packing() : at() {
    for (int mask = 0; mask < 256; ++mask) {
      int to = 0;
      for (int lane = 0; lane < 8; ++lane) {
        if ((mask >> lane & 1) == 0) continue;
        at[mask][to++] = static_cast<uint8_t>(2 * lane);
        at[mask][to++] = static_cast<uint8_t>(2 * lane + 1);
      }
      while (to < 16) at[mask][to++] = 0xff;
    }
  }
};

constexpr Packing kPacking;

__m128i load128(const void* at) { return _mm_loadu_si128(static_cast<const __m128i*>(at)); }

size_t ones(uint32_t mask) { return static_cast<size_t>(_mm_popcnt_u32(mask)); }

// Writes the lanes of `mask` and returns how many they are; always sixteen bytes are written.
size_t pack(__m128i lanes, uint32_t mask, uint16_t* to) {
  const __m128i packed = _mm_shuffle_epi8(lanes, load128(kPacking.at[mask]));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), packed);
  return ones(mask);
}

constexpr int kAnyEqual = _SIDD_UWORD_OPS | _SIDD_CMP_EQUAL_ANY | _SIDD_BIT_MASK;

// The lanes of `a` that are somewhere in `b`.
struct Lanes {
  static uint32_t matches(const uint16_t* a, const uint16_t* b) {
    return static_cast<uint32_t>(
        _mm_cvtsi128_si32(_mm_cmpestrm(load128(b), 8, load128(a), 8, kAnyEqual)));
  }
  static size_t pack(const uint16_t* from, uint32_t mask, uint16_t* to) {
    return varve::pack(load128(from), mask, to);
  }
};

// Two sorted vectors become the eight least and the eight greatest of their sixteen numbers.
void merge(__m128i& low, __m128i& high) {
  __m128i least = _mm_min_epu16(low, high);
  high = _mm_max_epu16(low, high);
  for (int round = 0; round < 7; ++round) {
    least = _mm_alignr_epi8(least, least, 2);
    const __m128i both = least;
    least = _mm_min_epu16(both, high);
    high = _mm_max_epu16(both, high);
  }
  low = _mm_alignr_epi8(least, least, 2);
}

// Writes what differs from the number before it; `before` has that of the first lane in its last.
size_t pack_new(__m128i before, __m128i lanes, uint16_t* to) {
  const __m128i same = _mm_cmpeq_epi16(_mm_alignr_epi8(lanes, before, 14), lanes);
  const uint32_t mask =
      static_cast<uint32_t>(_mm_movemask_epi8(_mm_packs_epi16(same, _mm_setzero_si128()))) & 0xff;
  return pack(lanes, mask ^ 0xff, to);
}

// The greatest eight so far (without what was written) and fewer than eight of the list that ran
// out make one small list; it is united with what the other list still has.
size_t finish(__m128i before, __m128i high, const uint16_t* few, size_t few_count,
              const uint16_t* rest, size_t rest_count, uint16_t* to) {
  uint16_t pending[16];
  uint16_t joined[24];
  const size_t pending_count = pack_new(before, high, pending);
  const size_t joined_count = unite_one_by_one(pending, pending_count, few, few_count, joined);
  return unite_one_by_one(joined, joined_count, rest, rest_count, to);
}

size_t unite(const uint16_t* a, size_t a_count, const uint16_t* b, size_t b_count, uint16_t* to) {
  if (a_count < 8 || b_count < 8) return unite_one_by_one(a, a_count, b, b_count, to);
  __m128i low = load128(a);
  __m128i high = load128(b);
  size_t i = 8;
  size_t j = 8;
  merge(low, high);
  // Nothing lies before the first number, so what stands there must differ from it.
  __m128i before = _mm_set1_epi16(static_cast<short>(~_mm_extract_epi16(low, 0)));
  size_t found = pack_new(before, low, to);
  before = low;
  while (i + 8 <= a_count && j + 8 <= b_count) {
    const bool from_a = a[i] <= b[j];
    low = load128(from_a ? a + i : b + j);
    i += from_a ? 8 : 0;
    j += from_a ? 0 : 8;
    merge(low, high);
    found += pack_new(before, low, to + found);
    before = low;
  }
  if (i + 8 > a_count) {
    return found + finish(before, high, a + i, a_count - i, b + j, b_count - j, to + found);
  }
  return found + finish(before, high, b + j, b_count - j, a + i, a_count - i, to + found);
}

// A run begins at each set bit whose lower neighbour is clear.
uint32_t run_count(const uint8_t* bytes, size_t size) {
  uint64_t total = 0;
  uint64_t carry = 0;
  for (size_t at = 0; at + 8 <= size; at += 8) {
    uint64_t word;
    __builtin_memcpy(&word, bytes + at, 8);
    total += static_cast<uint64_t>(_mm_popcnt_u64(word & ~(word << 1 | carry)));
    carry = word >> 63;
  }
  return static_cast<uint32_t>(total);
}

}  // namespace

void fill_bitmap_sse42(BitmapKernels& table) {
  table.run_count = run_count;
  table.intersect = intersect_lists<Lanes>;
  table.intersect_count = count_common<Lanes>;
  table.unite = unite;
}

}  // namespace varve
#endif

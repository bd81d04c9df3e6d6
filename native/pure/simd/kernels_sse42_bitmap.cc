// pure/simd/kernels_sse42_bitmap.cc — bitmap kernels of SSE 4.2: sixteen bytes at a time joined and
// counted by POPCNT, and sorted lists eight numbers at a time, which wider tables keep.
//
// Intersecting compares eight numbers with eight by one string instruction and packs the matches by
// a table.
#include "pure/simd/simd.h"

#if defined(__SSE4_2__) || defined(_M_X64)
#include <nmmintrin.h>

#include "pure/simd/bitmap_loops.h"

namespace varve {
namespace {

constexpr Packing kPacking;
constexpr int kAnyEqual = _SIDD_UWORD_OPS | _SIDD_CMP_EQUAL_ANY | _SIDD_BIT_MASK;

uint64_t ones_of(__m128i bits) {
  return static_cast<uint64_t>(_mm_popcnt_u64(static_cast<uint64_t>(_mm_cvtsi128_si64(bits)))) +
         static_cast<uint64_t>(_mm_popcnt_u64(static_cast<uint64_t>(_mm_extract_epi64(bits, 1))));
}

struct Lanes {
  static constexpr size_t kWidth = 16;

  static __m128i read(const uint8_t* at) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  }
  static __m128i read_part(const uint8_t* at, size_t size) {
    uint8_t bytes[kWidth] = {};
    __builtin_memcpy(bytes, at, size);
    return read(bytes);
  }
  static void write(uint8_t* at, __m128i bits) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(at), bits);
  }
  static void write_part(uint8_t* at, __m128i bits, size_t size) {
    uint8_t bytes[kWidth];
    write(bytes, bits);
    __builtin_memcpy(at, bytes, size);
  }
  // `before`: of each word the one below it.
  static __m128i run_begins(__m128i bits, __m128i before) {
    const __m128i lower = _mm_or_si128(_mm_slli_epi64(bits, 1), _mm_srli_epi64(before, 63));
    return _mm_andnot_si128(lower, bits);
  }
  static uint64_t ones(__m128i bits) { return ones_of(bits); }
  template <class Source>
  static uint64_t count(const Source& source, size_t size) {
    uint64_t even = 0;
    uint64_t odd = 0;
    size_t at = 0;
    for (; at + 2 * kWidth <= size; at += 2 * kWidth) {
      even += ones_of(source.full(at));
      odd += ones_of(source.full(at + kWidth));
    }
    if (at < size) even += ones_of(source.full(at));
    return even + odd;
  }

  // The lanes of `a` that are somewhere in `b`.
  static uint32_t matches(__m128i a, __m128i b) {
    return static_cast<uint32_t>(_mm_cvtsi128_si32(_mm_cmpestrm(b, 8, a, 8, kAnyEqual)));
  }
  static __m128i shuffled(__m128i lanes, const uint8_t* order) {
    return _mm_shuffle_epi8(lanes, read(order));
  }
  static size_t pack(__m128i lanes, uint32_t mask, uint16_t* to) {
    const __m128i packed = shuffled(lanes, kPacking.at[mask]);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), packed);
    return static_cast<size_t>(_mm_popcnt_u32(mask));
  }

  static uint64_t common_eights(const uint16_t* a, const uint16_t* b) {
    return static_cast<uint64_t>(_mm_popcnt_u32(matches(load(a), load(b))));
  }
  static uint64_t common_rest(const uint16_t* a, size_t a_count, const uint16_t* b,
                              size_t b_count) {
    return a_count < 8 ? count_few<Lanes>(a, a_count, b, b_count)
                       : count_few<Lanes>(b, b_count, a, a_count);
  }

  static __m128i load(const uint16_t* at) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  }
  static __m128i all(uint16_t number) { return _mm_set1_epi16(static_cast<short>(number)); }
  static __m128i least(__m128i a, __m128i b) { return _mm_min_epu16(a, b); }
  static __m128i greatest(__m128i a, __m128i b) { return _mm_max_epu16(a, b); }
  static __m128i turned(__m128i lanes) { return _mm_alignr_epi8(lanes, lanes, 2); }
  static __m128i behind(__m128i lanes, __m128i before) {
    return _mm_alignr_epi8(lanes, before, 14);
  }
  static uint32_t equals(__m128i a, __m128i b) {
    const __m128i same = _mm_packs_epi16(_mm_cmpeq_epi16(a, b), _mm_setzero_si128());
    return static_cast<uint32_t>(_mm_movemask_epi8(same)) & 0xff;
  }
};

}  // namespace

void fill_bitmap_sse42(BitmapKernels& table) {
  fill_sets<Lanes>(table);
  table.intersect = intersect_lists<Lanes>;
  table.count_common = count_common<Lanes>;
  table.unite = unite_lists<Lanes>;
}

}  // namespace varve
#endif

// pure/simd/kernels_avx512_list.cc — sorted lists by AVX-512: eight numbers are held against eight
// others in two comparisons, and what a list has left at its end is read under a mask.
//
//   a     a0 a0 a0 a0 a0 a0 a0 a0 | a1 a1 a1 a1 … | a2 … | a3 …      then the same of a4 to a7
//   b     b0 b1 b2 b3 b4 b5 b6 b7 | b0 b1 b2 b3 … | b0 … | b0 …
#include "pure/simd/simd.h"

#if defined(__AVX512BW__)
#include <immintrin.h>

#include "pure/simd/bitmap_loops.h"

namespace varve {
namespace {

constexpr Packing kPacking;

// Which lane of a vector goes to each of its 32 places.
struct Repeats {
  alignas(64) uint16_t at[2][32];
  constexpr Repeats() : at() {
    for (uint16_t place = 0; place < 32; ++place) {
      at[0][place] = place / 8;
      at[1][place] = static_cast<uint16_t>(4 + place / 8);
    }
  }
};
constexpr Repeats kRepeats;

// What is left of two lists.
struct Rest {
  const uint16_t* a;
  size_t a_count;
  const uint16_t* b;
  size_t b_count;

  size_t a_taken() const { return a_count < 8 ? a_count : 8; }
  size_t b_taken() const { return b_count < 8 ? b_count : 8; }
  // Past what was held against each other, on the side whose last number is the less.
  void advance(size_t a_taken, size_t b_taken) {
    const uint16_t a_last = a[a_taken - 1];
    const uint16_t b_last = b[b_taken - 1];
    const size_t a_step = a_last <= b_last ? a_taken : 0;
    const size_t b_step = b_last <= a_last ? b_taken : 0;
    a += a_step;
    a_count -= a_step;
    b += b_step;
    b_count -= b_step;
  }
};

struct Lanes {
  // Bit 8 * i + j is set where lane i of `a` equals lane j of `b`.
  static uint64_t matches(__m128i a, __m128i b) {
    const __m512i lanes = _mm512_castsi128_si512(a);
    const __m512i others = _mm512_broadcast_i32x4(b);
    const __m512i low = _mm512_permutexvar_epi16(_mm512_load_si512(kRepeats.at[0]), lanes);
    const __m512i high = _mm512_permutexvar_epi16(_mm512_load_si512(kRepeats.at[1]), lanes);
    const uint64_t lower = _mm512_cmpeq_epi16_mask(low, others);
    const uint64_t upper = _mm512_cmpeq_epi16_mask(high, others);
    return lower | upper << 32;
  }
  // The lanes of `b` that equal any of `a`, of what matches() says.
  static uint32_t matched(uint64_t matches) {
    matches |= matches >> 32;
    matches |= matches >> 16;
    return static_cast<uint32_t>((matches | matches >> 8) & 0xff);
  }
  static uint32_t first(size_t count) { return (1u << count) - 1; }
  // The bits of matches() that stand for the first lanes of both.
  static uint64_t first(size_t a_count, size_t b_count) {
    return _bzhi_u64(first(b_count) * 0x0101010101010101u, static_cast<uint32_t>(a_count * 8));
  }

  static __m128i load(const uint16_t* at) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  }
  static __m128i load_first(const uint16_t* at, size_t count) {
    return _mm_maskz_loadu_epi16(static_cast<__mmask8>(first(count)), at);
  }
  static size_t pack(__m128i lanes, uint32_t mask, uint16_t* to) {
    const __m128i order = _mm_load_si128(reinterpret_cast<const __m128i*>(kPacking.at[mask]));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm_shuffle_epi8(lanes, order));
    return static_cast<size_t>(_mm_popcnt_u32(mask));
  }

  static uint64_t common_eights(const uint16_t* a, const uint16_t* b) {
    return static_cast<uint64_t>(_mm_popcnt_u64(matches(load(a), load(b))));
  }
  static uint64_t common_rest(const uint16_t* a, size_t a_count, const uint16_t* b,
                              size_t b_count) {
    Rest rest{a, a_count, b, b_count};
    uint64_t found = 0;
    while (rest.a_count > 0 && rest.b_count > 0) {
      const size_t a_taken = rest.a_taken();
      const size_t b_taken = rest.b_taken();
      const uint64_t all = matches(load_first(rest.a, a_taken), load_first(rest.b, b_taken));
      found += static_cast<uint64_t>(_mm_popcnt_u64(all & first(a_taken, b_taken)));
      rest.advance(a_taken, b_taken);
    }
    return found;
  }
};

size_t intersect(const uint16_t* a, size_t a_count, const uint16_t* b, size_t b_count,
                 uint16_t* to) {
  Rest rest{a, a_count, b, b_count};
  size_t found = 0;
  while (rest.a_count >= 8 && rest.b_count >= 8) {
    const __m128i lanes = Lanes::load(rest.b);
    const uint64_t all = Lanes::matches(Lanes::load(rest.a), lanes);
    found += Lanes::pack(lanes, Lanes::matched(all), to + found);
    rest.advance(8, 8);
  }
  while (rest.a_count > 0 && rest.b_count > 0) {
    const size_t a_taken = rest.a_taken();
    const size_t b_taken = rest.b_taken();
    const __m128i lanes = Lanes::load_first(rest.b, b_taken);
    const uint64_t all = Lanes::matches(Lanes::load_first(rest.a, a_taken), lanes);
    found += Lanes::pack(lanes, Lanes::matched(all & Lanes::first(a_taken, b_taken)), to + found);
    rest.advance(a_taken, b_taken);
  }
  return found < a_count + b_count ? found : a_count + b_count;  // Of lists that do not rise.
}

}  // namespace

void fill_lists_avx512(BitmapKernels& table) {
  table.intersect = intersect;
  table.count_common = count_common<Lanes>;
}

}  // namespace varve
#endif

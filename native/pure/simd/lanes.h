// pure/simd/lanes.h — a few operations on a cache line, in what every CPU of a family has, so that
// they can be inlined where a call through the table would cost more than they do.
#pragma once

#include <stdint.h>

#if defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

namespace varve {

// Bit i is set where lanes[i] and `want` agree in the bits of `mask`. `want` has no others.
inline uint32_t match16(const uint32_t* lanes, uint32_t want, uint32_t mask) {
#if defined(__SSE2__) || defined(_M_X64)
  const __m128i wanted = _mm_set1_epi32(static_cast<int>(want));
  const __m128i masked = _mm_set1_epi32(static_cast<int>(mask));
  const auto equal4 = [&](int i) {
    const __m128i four = _mm_loadu_si128(reinterpret_cast<const __m128i*>(lanes + i));
    return _mm_cmpeq_epi32(_mm_and_si128(four, masked), wanted);
  };
  const __m128i low = _mm_packs_epi32(equal4(0), equal4(4));
  const __m128i high = _mm_packs_epi32(equal4(8), equal4(12));
  return static_cast<uint32_t>(_mm_movemask_epi8(_mm_packs_epi16(low, high)));
#elif defined(__ARM_NEON)
  const uint32x4_t wanted = vdupq_n_u32(want);
  const uint32x4_t masked = vdupq_n_u32(mask);
  const uint32_t places[4] = {1, 2, 4, 8};
  const uint32x4_t bits = vld1q_u32(places);
  uint32_t matches = 0;
  for (int i = 0; i < 16; i += 4) {
    const uint32x4_t equal = vceqq_u32(vandq_u32(vld1q_u32(lanes + i), masked), wanted);
    matches |= vaddvq_u32(vandq_u32(equal, bits)) << i;
  }
  return matches;
#else
  uint32_t matches = 0;
  for (uint32_t i = 0; i < 16; ++i) {
    matches |= static_cast<uint32_t>((lanes[i] & mask) == want) << i;
  }
  return matches;
#endif
}

}  // namespace varve

// pure/simd/boxes.h — which of many boxes, or points, a window meets, in what every CPU of a family
// has: the loops are short, and a call through the table would cost more than wider lanes win.
//
// Arrays are read in whole lanes: up to three elements beyond the count, which the caller owns.
#pragma once

#include <stddef.h>
#include <stdint.h>

#if defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
#elif defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace varve {

template <class Number>
struct Bounds {
  Number south;
  Number west;
  Number north;
  Number east;
};

// Columns of boxes.
struct FloatBoxes {
  const float* souths;
  const float* wests;
  const float* norths;
  const float* easts;
};

// Bit i is set where box i of `count`, at most 64, shares a point with the window.
inline uint64_t boxes_meet(const FloatBoxes& boxes, size_t count, const Bounds<float>& window) {
  uint64_t met = 0;
#if defined(__SSE2__) || defined(_M_X64)
  const __m128 south = _mm_set1_ps(window.south);
  const __m128 west = _mm_set1_ps(window.west);
  const __m128 north = _mm_set1_ps(window.north);
  const __m128 east = _mm_set1_ps(window.east);
  for (size_t i = 0; i < count; i += 4) {
    const __m128 by_lat = _mm_and_ps(_mm_cmple_ps(_mm_loadu_ps(boxes.souths + i), north),
                                     _mm_cmpge_ps(_mm_loadu_ps(boxes.norths + i), south));
    const __m128 by_lng = _mm_and_ps(_mm_cmple_ps(_mm_loadu_ps(boxes.wests + i), east),
                                     _mm_cmpge_ps(_mm_loadu_ps(boxes.easts + i), west));
    met |= static_cast<uint64_t>(_mm_movemask_ps(_mm_and_ps(by_lat, by_lng))) << i;
  }
#elif defined(__ARM_NEON) && defined(__aarch64__)
  const uint32_t places[4] = {1, 2, 4, 8};
  const uint32x4_t bits = vld1q_u32(places);
  for (size_t i = 0; i < count; i += 4) {
    const uint32x4_t by_lat =
        vandq_u32(vcleq_f32(vld1q_f32(boxes.souths + i), vdupq_n_f32(window.north)),
                  vcgeq_f32(vld1q_f32(boxes.norths + i), vdupq_n_f32(window.south)));
    const uint32x4_t by_lng =
        vandq_u32(vcleq_f32(vld1q_f32(boxes.wests + i), vdupq_n_f32(window.east)),
                  vcgeq_f32(vld1q_f32(boxes.easts + i), vdupq_n_f32(window.west)));
    const uint64_t four = vaddvq_u32(vandq_u32(vandq_u32(by_lat, by_lng), bits));
    met |= four << i;
  }
#else
  for (size_t i = 0; i < count; ++i) {
    const bool is_met = boxes.souths[i] <= window.north && boxes.norths[i] >= window.south &&
                        boxes.wests[i] <= window.east && boxes.easts[i] >= window.west;
    met |= static_cast<uint64_t>(is_met) << i;
  }
#endif
  return count < 64 ? met & ((uint64_t{1} << count) - 1) : met;
}

// The same of points.
inline uint64_t points_meet(const double* lats, const double* lngs, size_t count,
                            const Bounds<double>& window) {
  uint64_t met = 0;
#if defined(__SSE2__) || defined(_M_X64)
  const __m128d south = _mm_set1_pd(window.south);
  const __m128d west = _mm_set1_pd(window.west);
  const __m128d north = _mm_set1_pd(window.north);
  const __m128d east = _mm_set1_pd(window.east);
  for (size_t i = 0; i < count; i += 2) {
    const __m128d lat = _mm_loadu_pd(lats + i);
    const __m128d lng = _mm_loadu_pd(lngs + i);
    const __m128d by_lat = _mm_and_pd(_mm_cmpge_pd(lat, south), _mm_cmple_pd(lat, north));
    const __m128d by_lng = _mm_and_pd(_mm_cmpge_pd(lng, west), _mm_cmple_pd(lng, east));
    met |= static_cast<uint64_t>(_mm_movemask_pd(_mm_and_pd(by_lat, by_lng))) << i;
  }
#else
  for (size_t i = 0; i < count; ++i) {
    const bool is_met = lats[i] >= window.south && lats[i] <= window.north &&
                        lngs[i] >= window.west && lngs[i] <= window.east;
    met |= static_cast<uint64_t>(is_met) << i;
  }
#endif
  return count < 64 ? met & ((uint64_t{1} << count) - 1) : met;
}

}  // namespace varve

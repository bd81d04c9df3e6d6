// pure/simd/vectors.h — four floats or two doubles at a time, in what every CPU of a family has: for
// arithmetic that is written once, and that a compiler does not turn into vectors by itself because
// of NaN and -0.
//
// smaller() and larger() answer the second where either is NaN, as the instructions of x64 do.
#pragma once

#include <stddef.h>
#include <stdint.h>

#if defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
#elif defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace varve {

struct Floats {
  static constexpr size_t kCount = 4;
#if defined(__SSE2__) || defined(_M_X64)
  __m128 lanes;
  Floats(__m128 given) : lanes(given) {}              // NOLINT
  Floats(float all) : lanes(_mm_set1_ps(all)) {}      // NOLINT
  static Floats of(const float* at) { return _mm_loadu_ps(at); }
  static Floats of(const double* at) {
    return _mm_movelh_ps(_mm_cvtpd_ps(_mm_loadu_pd(at)), _mm_cvtpd_ps(_mm_loadu_pd(at + 2)));
  }
  void put(float* at) const { _mm_storeu_ps(at, lanes); }
  // Bit i is set where this lane is at most the other.
  uint32_t at_most(Floats other) const {
    return static_cast<uint32_t>(_mm_movemask_ps(_mm_cmple_ps(lanes, other.lanes)));
  }
  friend Floats operator+(Floats a, Floats b) { return _mm_add_ps(a.lanes, b.lanes); }
  friend Floats operator-(Floats a, Floats b) { return _mm_sub_ps(a.lanes, b.lanes); }
  friend Floats operator*(Floats a, Floats b) { return _mm_mul_ps(a.lanes, b.lanes); }
  friend Floats smaller(Floats a, Floats b) { return _mm_min_ps(a.lanes, b.lanes); }
  friend Floats larger(Floats a, Floats b) { return _mm_max_ps(a.lanes, b.lanes); }
#elif defined(__ARM_NEON) && defined(__aarch64__)
  float32x4_t lanes;
  Floats(float32x4_t given) : lanes(given) {}         // NOLINT
  Floats(float all) : lanes(vdupq_n_f32(all)) {}      // NOLINT
  static Floats of(const float* at) { return vld1q_f32(at); }
  static Floats of(const double* at) {
    return vcombine_f32(vcvt_f32_f64(vld1q_f64(at)), vcvt_f32_f64(vld1q_f64(at + 2)));
  }
  void put(float* at) const { vst1q_f32(at, lanes); }
  uint32_t at_most(Floats other) const {
    const uint32_t places[4] = {1, 2, 4, 8};
    return vaddvq_u32(vandq_u32(vcleq_f32(lanes, other.lanes), vld1q_u32(places)));
  }
  friend Floats operator+(Floats a, Floats b) { return vaddq_f32(a.lanes, b.lanes); }
  friend Floats operator-(Floats a, Floats b) { return vsubq_f32(a.lanes, b.lanes); }
  friend Floats operator*(Floats a, Floats b) { return vmulq_f32(a.lanes, b.lanes); }
  friend Floats smaller(Floats a, Floats b) { return vminq_f32(a.lanes, b.lanes); }
  friend Floats larger(Floats a, Floats b) { return vmaxq_f32(a.lanes, b.lanes); }
#else
  float lanes[kCount];
  Floats(float all) : lanes{all, all, all, all} {}    // NOLINT
  template <class Number>
  static Floats of(const Number* at) {
    Floats made(0);
    for (size_t i = 0; i < kCount; ++i) made.lanes[i] = static_cast<float>(at[i]);
    return made;
  }
  void put(float* at) const {
    for (size_t i = 0; i < kCount; ++i) at[i] = lanes[i];
  }
  uint32_t at_most(Floats other) const {
    uint32_t bits = 0;
    for (size_t i = 0; i < kCount; ++i) bits |= uint32_t{lanes[i] <= other.lanes[i]} << i;
    return bits;
  }
  template <class Operation>
  static Floats each(Floats a, Floats b, Operation operation) {
    for (size_t i = 0; i < kCount; ++i) a.lanes[i] = operation(a.lanes[i], b.lanes[i]);
    return a;
  }
  friend Floats operator+(Floats a, Floats b) {
    return each(a, b, [](float x, float y) { return x + y; });
  }
  friend Floats operator-(Floats a, Floats b) {
    return each(a, b, [](float x, float y) { return x - y; });
  }
  friend Floats operator*(Floats a, Floats b) {
    return each(a, b, [](float x, float y) { return x * y; });
  }
  friend Floats smaller(Floats a, Floats b) {
    return each(a, b, [](float x, float y) { return x < y ? x : y; });
  }
  friend Floats larger(Floats a, Floats b) {
    return each(a, b, [](float x, float y) { return x > y ? x : y; });
  }
#endif
};

inline double smaller(double a, double b) { return a < b ? a : b; }
inline double larger(double a, double b) { return a > b ? a : b; }

// Two doubles, for what is written for any number type. No compiler may fuse a product and a sum
// (binding.gyp forbids it where it could): lanes would differ from what is reckoned one by one, and one
// machine from another.
#if defined(__SSE2__) || defined(_M_X64)
inline constexpr size_t kDoublesCount = 2;
struct Doubles {
  __m128d lanes;
  Doubles(__m128d given) : lanes(given) {}          // NOLINT
  Doubles(double all) : lanes(_mm_set1_pd(all)) {}  // NOLINT
  friend Doubles operator+(Doubles a, Doubles b) { return _mm_add_pd(a.lanes, b.lanes); }
  friend Doubles operator-(Doubles a, Doubles b) { return _mm_sub_pd(a.lanes, b.lanes); }
  friend Doubles operator*(Doubles a, Doubles b) { return _mm_mul_pd(a.lanes, b.lanes); }
  friend Doubles smaller(Doubles a, Doubles b) { return _mm_min_pd(a.lanes, b.lanes); }
  friend Doubles larger(Doubles a, Doubles b) { return _mm_max_pd(a.lanes, b.lanes); }
  friend Doubles absolute(Doubles a) { return _mm_andnot_pd(_mm_set1_pd(-0.0), a.lanes); }
};
inline Doubles read_doubles(const double* at) { return _mm_loadu_pd(at); }
inline void write_doubles(Doubles two, double* at) { _mm_storeu_pd(at, two.lanes); }
#elif defined(__ARM_NEON) && defined(__aarch64__)
inline constexpr size_t kDoublesCount = 2;
struct Doubles {
  float64x2_t lanes;
  Doubles(float64x2_t given) : lanes(given) {}      // NOLINT
  Doubles(double all) : lanes(vdupq_n_f64(all)) {}  // NOLINT
  friend Doubles operator+(Doubles a, Doubles b) { return vaddq_f64(a.lanes, b.lanes); }
  friend Doubles operator-(Doubles a, Doubles b) { return vsubq_f64(a.lanes, b.lanes); }
  friend Doubles operator*(Doubles a, Doubles b) { return vmulq_f64(a.lanes, b.lanes); }
  friend Doubles smaller(Doubles a, Doubles b) {
    return vbslq_f64(vcltq_f64(a.lanes, b.lanes), a.lanes, b.lanes);
  }
  friend Doubles larger(Doubles a, Doubles b) {
    return vbslq_f64(vcgtq_f64(a.lanes, b.lanes), a.lanes, b.lanes);
  }
  friend Doubles absolute(Doubles a) { return vabsq_f64(a.lanes); }
};
inline Doubles read_doubles(const double* at) { return vld1q_f64(at); }
inline void write_doubles(Doubles two, double* at) { vst1q_f64(at, two.lanes); }
#else
inline constexpr size_t kDoublesCount = 1;
using Doubles = double;
inline Doubles read_doubles(const double* at) { return *at; }
inline void write_doubles(Doubles one, double* at) { *at = one; }
#endif

// Where the smallest of `count` floats lies, the first of several; they are read in whole lanes, and
// what lies beyond the count is not smaller.
inline size_t place_of_smallest(const float* numbers, size_t count) {
  Floats least = Floats::of(numbers);
  for (size_t i = Floats::kCount; i < count; i += Floats::kCount) {
    least = smaller(least, Floats::of(numbers + i));
  }
  float lanes[Floats::kCount];
  least.put(lanes);
  const float ab = lanes[0] < lanes[1] ? lanes[0] : lanes[1];
  const float cd = lanes[2] < lanes[3] ? lanes[2] : lanes[3];
  const Floats all = ab < cd ? ab : cd;
  for (size_t i = 0; i < count; i += Floats::kCount) {
    const uint32_t bits = Floats::of(numbers + i).at_most(all);
    if (bits == 0) continue;
    size_t place = i;
    for (uint32_t rest = bits; (rest & 1) == 0; rest >>= 1) ++place;
    return place;
  }
  return 0;
}

}  // namespace varve

// pure/simd/kernels_avx2_curve.cc — the Hilbert curve of eight cells at a time.
#include "pure/simd/simd.h"

#if defined(__AVX2__)
#include <immintrin.h>

#include "pure/simd/curve_loops.h"

namespace varve {
namespace {

struct Lanes {
  using Vector = __m256i;
  static constexpr size_t kCount = 8;

  static Vector read(const void* at) { return _mm256_loadu_si256(static_cast<const __m256i*>(at)); }
  static Vector all(uint32_t word) { return _mm256_set1_epi32(static_cast<int>(word)); }
  static Vector both(Vector a, Vector b) { return _mm256_and_si256(a, b); }
  static Vector either(Vector a, Vector b) { return _mm256_or_si256(a, b); }
  static Vector differ(Vector a, Vector b) { return _mm256_xor_si256(a, b); }
  static Vector without(Vector a, Vector b) { return _mm256_andnot_si256(b, a); }
  template <int count>
  static Vector down(Vector words) {
    return _mm256_srli_epi32(words, count);
  }
  static Vector twice(const uint8_t* at) {
    return _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at)));
  }
  static void write_woven(Vector upper, Vector lower, uint64_t* to) {
    const Vector odd = twice(kSpreads.odd);
    const Vector even = twice(kSpreads.even);
    const Vector fours = _mm256_set1_epi8(15);
    const Vector low = either(_mm256_shuffle_epi8(odd, both(upper, fours)),
                              _mm256_shuffle_epi8(even, both(lower, fours)));
    const Vector high = either(_mm256_shuffle_epi8(odd, both(down<4>(upper), fours)),
                               _mm256_shuffle_epi8(even, both(down<4>(lower), fours)));
    const Vector a = _mm256_unpacklo_epi8(low, high);  // Cells 0, 1, 4 and 5.
    const Vector b = _mm256_unpackhi_epi8(low, high);  // Cells 2, 3, 6 and 7.
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm256_permute2x128_si256(a, b, 0x20));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + 4), _mm256_permute2x128_si256(a, b, 0x31));
  }
};

}  // namespace

void fill_curve_avx2(Kernels& table) { table.hilbert = hilbert_by<Lanes>; }

}  // namespace varve
#endif

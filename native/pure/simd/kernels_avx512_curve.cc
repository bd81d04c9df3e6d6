// pure/simd/kernels_avx512_curve.cc — the Hilbert curve of sixteen cells at a time.
#include "pure/simd/simd.h"

#if defined(__AVX512BW__)
#include <immintrin.h>

#include "pure/simd/curve_loops.h"

namespace varve {
namespace {

struct Lanes {
  using Vector = __m512i;
  static constexpr size_t kCount = 16;

  static Vector read(const uint32_t* at) { return _mm512_loadu_si512(at); }
  static Vector all(uint32_t word) { return _mm512_set1_epi32(static_cast<int>(word)); }
  static Vector both(Vector a, Vector b) { return _mm512_and_si512(a, b); }
  static Vector either(Vector a, Vector b) { return _mm512_or_si512(a, b); }
  static Vector differ(Vector a, Vector b) { return _mm512_xor_si512(a, b); }
  static Vector without(Vector a, Vector b) { return _mm512_andnot_si512(b, a); }
  template <int count>
  static Vector down(Vector words) {
    return _mm512_srli_epi32(words, count);
  }
  static Vector four_times(const uint8_t* at) {
    return _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at)));
  }
  static void write_woven(Vector upper, Vector lower, uint64_t* to) {
    const Vector odd = four_times(kSpreads.odd);
    const Vector even = four_times(kSpreads.even);
    const Vector fours = _mm512_set1_epi8(15);
    const Vector low = either(_mm512_shuffle_epi8(odd, both(upper, fours)),
                              _mm512_shuffle_epi8(even, both(lower, fours)));
    const Vector high = either(_mm512_shuffle_epi8(odd, both(down<4>(upper), fours)),
                               _mm512_shuffle_epi8(even, both(down<4>(lower), fours)));
    const Vector a = _mm512_unpacklo_epi8(low, high);  // The first two cells of every four.
    const Vector b = _mm512_unpackhi_epi8(low, high);  // The last two.
    const Vector first = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
    const Vector second = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    _mm512_storeu_si512(to, _mm512_permutex2var_epi64(a, first, b));
    _mm512_storeu_si512(to + 8, _mm512_permutex2var_epi64(a, second, b));
  }
};

}  // namespace

void fill_curve_avx512(Kernels& table) { table.hilbert = hilbert_by<Lanes>; }

}  // namespace varve
#endif

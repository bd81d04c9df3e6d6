// pure/simd/kernels_sse42_curve.cc — the Hilbert curve of four cells at a time.
#include "pure/simd/simd.h"

#if defined(__SSE4_2__) || defined(_M_X64)
#include <nmmintrin.h>

#include "pure/simd/curve_loops.h"

namespace varve {
namespace {

struct Lanes {
  using Vector = __m128i;
  static constexpr size_t kCount = 4;

  static Vector read(const void* at) { return _mm_loadu_si128(static_cast<const __m128i*>(at)); }
  static Vector all(uint32_t word) { return _mm_set1_epi32(static_cast<int>(word)); }
  static Vector both(Vector a, Vector b) { return _mm_and_si128(a, b); }
  static Vector either(Vector a, Vector b) { return _mm_or_si128(a, b); }
  static Vector differ(Vector a, Vector b) { return _mm_xor_si128(a, b); }
  static Vector without(Vector a, Vector b) { return _mm_andnot_si128(b, a); }
  template <int count>
  static Vector down(Vector words) {
    return _mm_srli_epi32(words, count);
  }
  static void write_woven(Vector upper, Vector lower, uint64_t* to) {
    const Vector odd = read(kSpreads.odd);
    const Vector even = read(kSpreads.even);
    const Vector fours = _mm_set1_epi8(15);
    const Vector low = either(_mm_shuffle_epi8(odd, both(upper, fours)),
                              _mm_shuffle_epi8(even, both(lower, fours)));
    const Vector high = either(_mm_shuffle_epi8(odd, both(down<4>(upper), fours)),
                               _mm_shuffle_epi8(even, both(down<4>(lower), fours)));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm_unpacklo_epi8(low, high));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + 2), _mm_unpackhi_epi8(low, high));
  }
};

}  // namespace

void fill_curve_sse42(Kernels& table) { table.hilbert = hilbert_by<Lanes>; }

}  // namespace varve
#endif

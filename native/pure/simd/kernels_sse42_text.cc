// pure/simd/kernels_sse42_text.cc — keys and texts sixteen bytes at a time.
#include "pure/simd/simd.h"

#if defined(__SSE4_2__) || defined(_M_X64)
#include <nmmintrin.h>

#include "pure/simd/text_loops.h"

namespace varve {
namespace {

struct Lanes {
  static constexpr size_t kWidth = 16;

  static __m128i read(const uint8_t* at) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  }
  static void write(uint8_t* at, __m128i bytes) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(at), bytes);
  }
  static __m128i all(int byte) { return _mm_set1_epi8(static_cast<char>(byte)); }
  static __m128i plus(__m128i a, __m128i b) { return _mm_add_epi8(a, b); }
  static __m128i with(__m128i a, __m128i b) { return _mm_or_si128(a, b); }
  static __m128i equal(__m128i a, __m128i b) { return _mm_cmpeq_epi8(a, b); }
  static __m128i at_most(__m128i a, int most) { return equal(_mm_min_epu8(a, all(most)), a); }
  static __m128i either(__m128i a, __m128i b) { return _mm_or_si128(a, b); }
  static __m128i choose(__m128i marks, __m128i a, __m128i b) {
    return _mm_blendv_epi8(b, a, marks);
  }
  static uint64_t bits(__m128i marks) { return static_cast<uint32_t>(_mm_movemask_epi8(marks)); }
  static uint64_t high_bits(__m128i bytes) { return bits(bytes); }
};

}  // namespace

void fill_text_sse42(Kernels& table) { fill_texts<Lanes>(table); }

}  // namespace varve
#endif

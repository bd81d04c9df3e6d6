// pure/simd/kernels_avx2_text.cc — keys and texts thirty-two bytes at a time.
#include "pure/simd/simd.h"

#if defined(__AVX2__)
#include <immintrin.h>

#include "pure/simd/text_loops.h"

namespace varve {
namespace {

struct Lanes {
  static constexpr size_t kWidth = 32;

  static __m256i read(const uint8_t* at) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
  }
  static void write(uint8_t* at, __m256i bytes) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(at), bytes);
  }
  static __m256i all(int byte) { return _mm256_set1_epi8(static_cast<char>(byte)); }
  static __m256i plus(__m256i a, __m256i b) { return _mm256_add_epi8(a, b); }
  static __m256i with(__m256i a, __m256i b) { return _mm256_or_si256(a, b); }
  static __m256i equal(__m256i a, __m256i b) { return _mm256_cmpeq_epi8(a, b); }
  static __m256i at_most(__m256i a, int most) { return equal(_mm256_min_epu8(a, all(most)), a); }
  static __m256i either(__m256i a, __m256i b) { return _mm256_or_si256(a, b); }
  static __m256i choose(__m256i marks, __m256i a, __m256i b) {
    return _mm256_blendv_epi8(b, a, marks);
  }
  static uint64_t bits(__m256i marks) { return static_cast<uint32_t>(_mm256_movemask_epi8(marks)); }
  static uint64_t high_bits(__m256i bytes) { return bits(bytes); }
};

}  // namespace

void fill_text_avx2(Kernels& table) { fill_texts<Lanes>(table); }

}  // namespace varve
#endif

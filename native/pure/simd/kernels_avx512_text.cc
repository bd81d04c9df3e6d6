// pure/simd/kernels_avx512_text.cc — texts sixty-four bytes at a time. Keys are seldom so long:
// they stay with AVX2.
#include "pure/simd/simd.h"

#if defined(__AVX512BW__)
#include <immintrin.h>

#include "pure/simd/text_loops.h"

namespace varve {
namespace {

struct Lanes {
  static constexpr size_t kWidth = 64;

  static __m512i read(const uint8_t* at) { return _mm512_loadu_si512(at); }
  static void write(uint8_t* at, __m512i bytes) { _mm512_storeu_si512(at, bytes); }
  static __m512i all(int byte) { return _mm512_set1_epi8(static_cast<char>(byte)); }
  static __m512i plus(__m512i a, __m512i b) { return _mm512_add_epi8(a, b); }
  static __m512i with(__m512i a, __m512i b) { return _mm512_or_si512(a, b); }
  static __mmask64 equal(__m512i a, __m512i b) { return _mm512_cmpeq_epi8_mask(a, b); }
  static __mmask64 at_most(__m512i a, int most) { return _mm512_cmple_epu8_mask(a, all(most)); }
  static __mmask64 either(__mmask64 a, __mmask64 b) { return a | b; }
  static __m512i choose(__mmask64 marks, __m512i a, __m512i b) {
    return _mm512_mask_blend_epi8(marks, b, a);
  }
  static uint64_t bits(__mmask64 marks) { return marks; }
  static uint64_t high_bits(__m512i bytes) { return _mm512_movepi8_mask(bytes); }
};

}  // namespace

void fill_text_avx512(Kernels& table) { table.scan_text = scan_text_by<Lanes>; }

}  // namespace varve
#endif

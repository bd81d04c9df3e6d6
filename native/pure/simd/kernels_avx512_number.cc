// pure/simd/kernels_avx512_number.cc — packed blocks and rising streams by AVX-512: sixteen numbers
// at a time.
//
// Four rows of a packed block begin within four words of 16 bytes, so one load has all that they
// begin with, the load one word further all that they end with, and one permutation serves both.
//
// Times what SSE 4.2 does on the machine of kernels_avx2_number.cc: packed blocks 2.0, rising ones
// 1.7, rising streams 1.3. A plain stream is left to AVX2, than which this was not quicker (0.97).
#include "pure/simd/simd.h"

#if defined(__AVX512BW__)
#include <immintrin.h>

#include "pure/simd/number_loops.h"

namespace varve {
namespace {

// Four rows. Lane i of them is row i / 4, lane i % 4 of the block.
struct PackedBySixteen {
  const uint8_t* from;
  uint32_t width;
  __m512i mask;
  __m512i row_bits;  // From the first of four rows.

  PackedBySixteen(const uint8_t* block, uint32_t bits)
      : from(block),
        width(bits),
        mask(_mm512_set1_epi32(static_cast<int>(~0u >> (32 - bits)))),
        row_bits(_mm512_mullo_epi32(rows_of_lanes(), _mm512_set1_epi32(static_cast<int>(bits)))) {}

  static __m512i rows_of_lanes() {
    return _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
  }
  // Four words of the block, zeros behind its end.
  __m512i words(uint32_t word) const {
    const uint32_t left = width - word;
    const __mmask16 there = static_cast<__mmask16>(left >= 4 ? 0xffff : (1u << 4 * left) - 1);
    return _mm512_maskz_loadu_epi32(there, from + word * 16);
  }
  __m512i rows(uint32_t index) const {
    const uint32_t bit = index * width;
    const uint32_t word = bit / 32;
    const __m512i bits = _mm512_add_epi32(row_bits, _mm512_set1_epi32(static_cast<int>(bit % 32)));
    const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3);
    const __m512i order = _mm512_or_si512(_mm512_slli_epi32(_mm512_srli_epi32(bits, 5), 2), lanes);
    const __m512i shift = _mm512_and_si512(bits, _mm512_set1_epi32(31));
    const __m512i back = _mm512_sub_epi32(_mm512_set1_epi32(32), shift);
    const __m512i low = _mm512_srlv_epi32(_mm512_permutexvar_epi32(order, words(word)), shift);
    const __m512i high = _mm512_sllv_epi32(_mm512_permutexvar_epi32(order, words(word + 1)), back);
    return _mm512_and_si512(_mm512_or_si512(low, high), mask);
  }
};

struct Lanes {
  using Vector = __m512i;
  using Packed = PackedBySixteen;
  using Flags = __mmask16;
  static constexpr size_t kCount = 16;

  static void write(uint32_t* to, Vector numbers) { _mm512_storeu_si512(to, numbers); }
  static Vector all(uint32_t number) { return _mm512_set1_epi32(static_cast<int>(number)); }
  static Vector add(Vector a, Vector b) { return _mm512_add_epi32(a, b); }
  static __m128i shuffle(const uint8_t* data, const uint8_t* order) {
    return _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(data)),
                            _mm_loadu_si128(reinterpret_cast<const __m128i*>(order)));
  }
  static Vector take(StreamParts& from) {
    __m512i numbers = _mm512_castsi128_si512(take_four<Lanes>(from));
    numbers = _mm512_inserti32x4(numbers, take_four<Lanes>(from), 1);
    numbers = _mm512_inserti32x4(numbers, take_four<Lanes>(from), 2);
    return _mm512_inserti32x4(numbers, take_four<Lanes>(from), 3);
  }

  template <int count>
  static Vector moved_up(Vector numbers) {
    return _mm512_alignr_epi32(numbers, _mm512_setzero_si512(), 16 - count);
  }
  static Vector sums(Vector differences) {
    const __m512i two = add(differences, _mm512_bslli_epi128(differences, 4));
    const __m512i four = add(two, _mm512_bslli_epi128(two, 8));
    const __m512i ends = _mm512_shuffle_epi32(four, _MM_PERM_DDDD);
    const __m512i eight = add(four, moved_up<4>(ends));
    const __m512i rest = add(moved_up<8>(ends), moved_up<12>(ends));
    return add(eight, rest);
  }
  static Vector last_of(Vector numbers) {
    return _mm512_permutexvar_epi32(_mm512_set1_epi32(15), numbers);
  }
  static Vector before(Vector numbers, Vector last) {
    return _mm512_alignr_epi32(numbers, last, 15);
  }
  static Flags mark(Flags flags, Vector sums, Vector before) {
    return static_cast<Flags>(flags | _mm512_cmplt_epu32_mask(sums, before));
  }
  static bool is_marked(Flags flags) { return flags != 0; }
};

}  // namespace

void fill_number_avx512(Kernels& table) {
  table.unpack = unpack_by<Lanes>;
  table.unpack_rising = unpack_rising_by<Lanes>;
  table.decode_rising_stream = decode_rising_stream_by<Lanes>;
}

}  // namespace varve
#endif

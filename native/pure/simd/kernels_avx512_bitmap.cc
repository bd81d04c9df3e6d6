// pure/simd/kernels_avx512_bitmap.cc — the same by AVX-512, in two fillings: byte counts by table
// where there is only F and BW, and VPOPCNTDQ where the CPU has it.
//
// The file is compiled without VPOPCNTDQ; the functions that use it say so themselves, so that no
// other code here can hold one. What is left at the end is read under a mask.
#include "pure/simd/simd.h"

#if defined(__AVX512BW__)
#include <immintrin.h>

#include "pure/simd/bitmap_loops.h"

namespace varve {
namespace {

__m512i word_counts(__m512i bits) {
  const __m512i table =
      _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
  const __m512i mask = _mm512_set1_epi8(15);
  const __m512i low = _mm512_shuffle_epi8(table, _mm512_and_si512(bits, mask));
  const __m512i high =
      _mm512_shuffle_epi8(table, _mm512_and_si512(_mm512_srli_epi16(bits, 4), mask));
  return _mm512_sad_epu8(_mm512_add_epi8(low, high), _mm512_setzero_si512());
}

uint64_t sum(__m512i even, __m512i odd) {
  return static_cast<uint64_t>(_mm512_reduce_add_epi64(_mm512_add_epi64(even, odd)));
}

struct Lanes {
  static constexpr size_t kWidth = 64;

  static __mmask64 first(size_t size) { return (__mmask64{1} << size) - 1; }
  static __m512i read(const uint8_t* at) { return _mm512_loadu_si512(at); }
  static __m512i read_part(const uint8_t* at, size_t size) {
    return _mm512_maskz_loadu_epi8(first(size), at);
  }
  static void write(uint8_t* at, __m512i bits) { _mm512_storeu_si512(at, bits); }
  static void write_part(uint8_t* at, __m512i bits, size_t size) {
    _mm512_mask_storeu_epi8(at, first(size), bits);
  }
  // `before`: of each word the one below it.
  static __m512i run_begins(__m512i bits, __m512i before) {
    const __m512i lower =
        _mm512_or_si512(_mm512_slli_epi64(bits, 1), _mm512_srli_epi64(before, 63));
    return _mm512_andnot_si512(lower, bits);
  }
  static uint64_t ones(__m512i bits) { return sum(word_counts(bits), _mm512_setzero_si512()); }
  template <class Source>
  static uint64_t count(const Source& source, size_t size) {
    __m512i even = _mm512_setzero_si512();
    __m512i odd = _mm512_setzero_si512();
    size_t at = 0;
    for (; at + 2 * kWidth <= size; at += 2 * kWidth) {
      even = _mm512_add_epi64(even, word_counts(source.full(at)));
      odd = _mm512_add_epi64(odd, word_counts(source.full(at + kWidth)));
    }
    if (at < size) even = _mm512_add_epi64(even, word_counts(source.full(at)));
    return sum(even, odd);
  }
};

// What counts is written out again: no function may be inlined into both.
struct PopcntLanes {
  static constexpr size_t kWidth = Lanes::kWidth;

  static __m512i read(const uint8_t* at) { return Lanes::read(at); }
  static __m512i read_part(const uint8_t* at, size_t size) { return Lanes::read_part(at, size); }
  static void write(uint8_t* at, __m512i bits) { Lanes::write(at, bits); }
  static void write_part(uint8_t* at, __m512i bits, size_t size) {
    Lanes::write_part(at, bits, size);
  }
  static __m512i run_begins(__m512i bits, __m512i before) {
    return Lanes::run_begins(bits, before);
  }
  [[gnu::target("avx512vpopcntdq")]] static uint64_t ones(__m512i bits) {
    return sum(_mm512_popcnt_epi64(bits), _mm512_setzero_si512());
  }
  template <class Source>
  [[gnu::target("avx512vpopcntdq")]] static uint64_t count(const Source& source, size_t size) {
    __m512i even = _mm512_setzero_si512();
    __m512i odd = _mm512_setzero_si512();
    size_t at = 0;
    for (; at + 2 * kWidth <= size; at += 2 * kWidth) {
      even = _mm512_add_epi64(even, _mm512_popcnt_epi64(source.full(at)));
      odd = _mm512_add_epi64(odd, _mm512_popcnt_epi64(source.full(at + kWidth)));
    }
    if (at < size) even = _mm512_add_epi64(even, _mm512_popcnt_epi64(source.full(at)));
    return sum(even, odd);
  }
};

// Which of up to 64 words are not zero.
uint64_t words_that_count(const uint8_t* bytes, size_t word_count) {
  uint64_t found = 0;
  for (size_t at = 0; at < word_count; at += 8) {
    const size_t left = word_count - at;
    const __mmask8 lanes = static_cast<__mmask8>(left < 8 ? (1u << left) - 1 : 0xff);
    const __m512i words = _mm512_maskz_loadu_epi64(lanes, bytes + at * 8);
    found |= uint64_t{_mm512_test_epi64_mask(words, words)} << at;
  }
  return found;
}

// Words of zeros, of which there are many in what becomes a list, are passed over 64 at a time. Two
// positions a word without asking; what is written beyond the last is written over.
size_t positions(const uint8_t* bytes, size_t size, uint16_t* to) {
  uint16_t* next = to;
  for (size_t begin = 0; begin + 8 <= size; begin += 512) {
    const size_t left = (size - begin) / 8;
    uint64_t places = words_that_count(bytes + begin, left < 64 ? left : 64);
    for (; places != 0; places = _blsr_u64(places)) {
      const size_t at = begin + _tzcnt_u64(places) * 8;
      uint64_t word;
      __builtin_memcpy(&word, bytes + at, 8);
      uint16_t* const end = next + _mm_popcnt_u64(word);
      do {
        next[0] = static_cast<uint16_t>(at * 8 + _tzcnt_u64(word));
        word = _blsr_u64(word);
        next[1] = static_cast<uint16_t>(at * 8 + _tzcnt_u64(word));
        word = _blsr_u64(word);
        next += 2;
      } while (word != 0);
      next = end;
    }
  }
  return static_cast<size_t>(next - to);
}

}  // namespace

void fill_bitmap_avx512(BitmapKernels& table) {
  fill_sets<Lanes>(table);
  table.positions = positions;
}

void fill_bitmap_popcnt512(BitmapKernels& table) { fill_sets<PopcntLanes>(table); }

}  // namespace varve
#endif

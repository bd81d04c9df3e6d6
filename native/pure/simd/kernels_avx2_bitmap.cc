// pure/simd/kernels_avx2_bitmap.cc — whole containers by AVX2: joined and counted in one pass.
//
// Bits are counted by looking each half byte up in a vector of sixteen counts; the sums of bytes
// are gathered before they can pass 255.
#include "pure/simd/simd.h"

#if defined(__AVX2__)
#include <immintrin.h>

#include "pure/simd/bitmap_loops.h"

namespace varve {
namespace {

uint64_t load64(const uint8_t* at) {
  uint64_t word;
  __builtin_memcpy(&word, at, 8);
  return word;
}

uint64_t ones(uint64_t word) { return static_cast<uint64_t>(_mm_popcnt_u64(word)); }

__m256i byte_counts(__m256i bits) {
  const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2,
                                         1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
  const __m256i mask = _mm256_set1_epi8(15);
  const __m256i low = _mm256_shuffle_epi8(table, _mm256_and_si256(bits, mask));
  const __m256i high =
      _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(bits, 4), mask));
  return _mm256_add_epi8(low, high);
}

uint64_t sum(__m256i lanes) {
  const __m128i half =
      _mm_add_epi64(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256(lanes, 1));
  return static_cast<uint64_t>(_mm_cvtsi128_si64(half)) +
         static_cast<uint64_t>(_mm_extract_epi64(half, 1));
}

struct Lanes {
  static constexpr size_t kWidth = 32;
  static constexpr size_t kSumsMax = 31;  // Of byte sums, each at most 8, before they are gathered.

  static __m256i read(const uint8_t* at) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
  }
  static __m256i read_part(const uint8_t* at, size_t size) {
    uint8_t bytes[kWidth] = {};
    __builtin_memcpy(bytes, at, size);
    return read(bytes);
  }
  static void write(uint8_t* at, __m256i bits) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(at), bits);
  }
  static void write_part(uint8_t* at, __m256i bits, size_t size) {
    uint8_t bytes[kWidth];
    write(bytes, bits);
    __builtin_memcpy(at, bytes, size);
  }
  // `before`: of each word the one below it.
  static __m256i run_begins(__m256i bits, __m256i before) {
    const __m256i lower =
        _mm256_or_si256(_mm256_slli_epi64(bits, 1), _mm256_srli_epi64(before, 63));
    return _mm256_andnot_si256(lower, bits);
  }
  static uint64_t ones(__m256i bits) {
    return sum(_mm256_sad_epu8(byte_counts(bits), _mm256_setzero_si256()));
  }
  template <class Source>
  static uint64_t count(const Source& source, size_t size) {
    __m256i total = _mm256_setzero_si256();
    for (size_t at = 0; at < size;) {
      const size_t left = (size - at) / kWidth;
      const size_t end = at + (left < kSumsMax ? left : kSumsMax) * kWidth;
      __m256i sums = _mm256_setzero_si256();
      for (; at < end; at += kWidth) sums = _mm256_add_epi8(sums, byte_counts(source.full(at)));
      total = _mm256_add_epi64(total, _mm256_sad_epu8(sums, _mm256_setzero_si256()));
    }
    return sum(total);
  }
};

// Two positions a word without asking, since most words of what becomes a list have no more; what
// is written beyond the last is written over.
size_t positions(const uint8_t* bytes, size_t size, uint16_t* to) {
  uint16_t* next = to;
  for (size_t at = 0; at + 8 <= size; at += 8) {
    uint64_t word = load64(bytes + at);
    const uint64_t base = at * 8;
    uint16_t* const end = next + ones(word);
    do {
      next[0] = static_cast<uint16_t>(base + _tzcnt_u64(word));
      word = _blsr_u64(word);
      next[1] = static_cast<uint16_t>(base + _tzcnt_u64(word));
      word = _blsr_u64(word);
      next += 2;
    } while (word != 0);
    next = end;
  }
  return static_cast<size_t>(next - to);
}

}  // namespace

void fill_bitmap_avx2(BitmapKernels& table) {
  fill_sets<Lanes>(table);
  table.positions = positions;
}

}  // namespace varve
#endif

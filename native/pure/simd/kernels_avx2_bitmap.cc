// pure/simd/kernels_avx2_bitmap.cc — whole containers by AVX2: joined and counted in one pass.
//
// Bits are counted by looking each half byte up in a vector of sixteen counts; the sums of bytes
// are gathered before they can pass 255.
#include "pure/simd/simd.h"

#if defined(__AVX2__)
#include <immintrin.h>

namespace varve {
namespace {

constexpr size_t kWidth = 32;
constexpr size_t kSumsMax = 31;  // Vectors of byte sums, each at most 8, before they are gathered.

__m256i load256(const uint8_t* at) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
}

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

template <SetOp op>
__m256i apply(__m256i a, __m256i b) {
  if constexpr (op == SetOp::kAnd) return _mm256_and_si256(a, b);
  if constexpr (op == SetOp::kOr) return _mm256_or_si256(a, b);
  if constexpr (op == SetOp::kXor) return _mm256_xor_si256(a, b);
  return _mm256_andnot_si256(b, a);
}

template <SetOp op>
uint64_t apply64(uint64_t a, uint64_t b) {
  if constexpr (op == SetOp::kAnd) return a & b;
  if constexpr (op == SetOp::kOr) return a | b;
  if constexpr (op == SetOp::kXor) return a ^ b;
  return a & ~b;
}

// What every kernel below is: vectors from `vector(at)`, then words, then bytes from `rest(at)`.
template <class Vector, class Rest>
uint64_t walk(size_t size, Vector vector, Rest rest) {
  __m256i total = _mm256_setzero_si256();
  size_t at = 0;
  while (at + kWidth <= size) {
    const size_t left = (size - at) / kWidth;
    const size_t end = at + (left < kSumsMax ? left : kSumsMax) * kWidth;
    __m256i sums = _mm256_setzero_si256();
    for (; at < end; at += kWidth) sums = _mm256_add_epi8(sums, byte_counts(vector(at)));
    total = _mm256_add_epi64(total, _mm256_sad_epu8(sums, _mm256_setzero_si256()));
  }
  uint64_t count = sum(total);
  for (; at + 8 <= size; at += 8) count += ones(rest(at, 8));
  for (; at < size; ++at) count += ones(rest(at, 1));
  return count;
}

uint64_t count(const uint8_t* bytes, size_t size) {
  return walk(
      size, [=](size_t at) { return load256(bytes + at); },
      [=](size_t at, size_t width) { return width == 8 ? load64(bytes + at) : bytes[at]; });
}

template <SetOp op>
uint64_t join(uint8_t* to, const uint8_t* a, const uint8_t* b, size_t size) {
  return walk(
      size,
      [=](size_t at) {
        const __m256i bits = apply<op>(load256(a + at), load256(b + at));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + at), bits);
        return bits;
      },
      [=](size_t at, size_t width) {
        if (width == 1) return uint64_t{to[at] = static_cast<uint8_t>(apply64<op>(a[at], b[at]))};
        const uint64_t word = apply64<op>(load64(a + at), load64(b + at));
        __builtin_memcpy(to + at, &word, 8);
        return word;
      });
}

template <SetOp op>
uint64_t join_count(const uint8_t* a, const uint8_t* b, size_t size) {
  return walk(
      size, [=](size_t at) { return apply<op>(load256(a + at), load256(b + at)); },
      [=](size_t at, size_t width) {
        if (width == 1) return apply64<op>(a[at], b[at]) & 0xff;
        return apply64<op>(load64(a + at), load64(b + at));
      });
}

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
  table.count = count;
  table.join[0] = join<SetOp::kAnd>;
  table.join[1] = join<SetOp::kOr>;
  table.join[2] = join<SetOp::kXor>;
  table.join[3] = join<SetOp::kAndNot>;
  table.join_count[0] = join_count<SetOp::kAnd>;
  table.join_count[1] = join_count<SetOp::kOr>;
  table.join_count[2] = join_count<SetOp::kXor>;
  table.join_count[3] = join_count<SetOp::kAndNot>;
  table.positions = positions;
}

}  // namespace varve
#endif

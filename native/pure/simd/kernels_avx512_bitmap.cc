// pure/simd/kernels_avx512_bitmap.cc — the same by AVX-512, in two fillings: byte counts by table
// where there is only F and BW, and VPOPCNTDQ where the CPU has it.
//
// The file is compiled without VPOPCNTDQ; the functions that use it say so themselves, so that no
// other code here can hold one. What is left at the end is read under a mask.
#include "pure/simd/simd.h"

#if defined(__AVX512BW__)
#include <immintrin.h>

namespace varve {
namespace {

constexpr size_t kWidth = 64;

// The bytes at `at` that lie before `size`; the rest is zero.
__mmask64 mask_before(size_t at, size_t size) {
  const size_t left = size - at;
  return left >= kWidth ? ~__mmask64{0} : (__mmask64{1} << left) - 1;
}

__m512i load512(const uint8_t* at) { return _mm512_loadu_si512(at); }

template <SetOp op>
__m512i apply(__m512i a, __m512i b) {
  if constexpr (op == SetOp::kAnd) return _mm512_and_si512(a, b);
  if constexpr (op == SetOp::kOr) return _mm512_or_si512(a, b);
  if constexpr (op == SetOp::kXor) return _mm512_xor_si512(a, b);
  return _mm512_andnot_si512(b, a);
}

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

template <SetOp op>
__m512i joined(const uint8_t* a, const uint8_t* b) {
  return apply<op>(load512(a), load512(b));
}

template <SetOp op>
__m512i joined_under(__mmask64 mask, const uint8_t* a, const uint8_t* b) {
  return apply<op>(_mm512_maskz_loadu_epi8(mask, a), _mm512_maskz_loadu_epi8(mask, b));
}

uint64_t count(const uint8_t* bytes, size_t size) {
  __m512i even = _mm512_setzero_si512();
  __m512i odd = _mm512_setzero_si512();
  size_t at = 0;
  for (; at + 2 * kWidth <= size; at += 2 * kWidth) {
    even = _mm512_add_epi64(even, word_counts(load512(bytes + at)));
    odd = _mm512_add_epi64(odd, word_counts(load512(bytes + at + kWidth)));
  }
  for (; at < size; at += kWidth) {
    const __m512i bits = _mm512_maskz_loadu_epi8(mask_before(at, size), bytes + at);
    even = _mm512_add_epi64(even, word_counts(bits));
  }
  return sum(even, odd);
}

template <SetOp op>
uint64_t join(uint8_t* to, const uint8_t* a, const uint8_t* b, size_t size) {
  __m512i even = _mm512_setzero_si512();
  __m512i odd = _mm512_setzero_si512();
  size_t at = 0;
  for (; at + 2 * kWidth <= size; at += 2 * kWidth) {
    const __m512i first = joined<op>(a + at, b + at);
    const __m512i second = joined<op>(a + at + kWidth, b + at + kWidth);
    _mm512_storeu_si512(to + at, first);
    _mm512_storeu_si512(to + at + kWidth, second);
    even = _mm512_add_epi64(even, word_counts(first));
    odd = _mm512_add_epi64(odd, word_counts(second));
  }
  for (; at < size; at += kWidth) {
    const __mmask64 mask = mask_before(at, size);
    const __m512i bits = joined_under<op>(mask, a + at, b + at);
    _mm512_mask_storeu_epi8(to + at, mask, bits);
    even = _mm512_add_epi64(even, word_counts(bits));
  }
  return sum(even, odd);
}

template <SetOp op>
uint64_t join_count(const uint8_t* a, const uint8_t* b, size_t size) {
  __m512i even = _mm512_setzero_si512();
  __m512i odd = _mm512_setzero_si512();
  size_t at = 0;
  for (; at + 2 * kWidth <= size; at += 2 * kWidth) {
    even = _mm512_add_epi64(even, word_counts(joined<op>(a + at, b + at)));
    odd = _mm512_add_epi64(odd, word_counts(joined<op>(a + at + kWidth, b + at + kWidth)));
  }
  for (; at < size; at += kWidth) {
    const __m512i bits = joined_under<op>(mask_before(at, size), a + at, b + at);
    even = _mm512_add_epi64(even, word_counts(bits));
  }
  return sum(even, odd);
}

// ---- with VPOPCNTDQ

[[gnu::target("avx512vpopcntdq")]] uint64_t popcnt_count(const uint8_t* bytes, size_t size) {
  __m512i even = _mm512_setzero_si512();
  __m512i odd = _mm512_setzero_si512();
  size_t at = 0;
  for (; at + 2 * kWidth <= size; at += 2 * kWidth) {
    even = _mm512_add_epi64(even, _mm512_popcnt_epi64(load512(bytes + at)));
    odd = _mm512_add_epi64(odd, _mm512_popcnt_epi64(load512(bytes + at + kWidth)));
  }
  for (; at < size; at += kWidth) {
    const __m512i bits = _mm512_maskz_loadu_epi8(mask_before(at, size), bytes + at);
    even = _mm512_add_epi64(even, _mm512_popcnt_epi64(bits));
  }
  return sum(even, odd);
}

template <SetOp op>
[[gnu::target("avx512vpopcntdq")]] uint64_t popcnt_join(uint8_t* to, const uint8_t* a,
                                                        const uint8_t* b, size_t size) {
  __m512i even = _mm512_setzero_si512();
  __m512i odd = _mm512_setzero_si512();
  size_t at = 0;
  for (; at + 2 * kWidth <= size; at += 2 * kWidth) {
    const __m512i first = joined<op>(a + at, b + at);
    const __m512i second = joined<op>(a + at + kWidth, b + at + kWidth);
    _mm512_storeu_si512(to + at, first);
    _mm512_storeu_si512(to + at + kWidth, second);
    even = _mm512_add_epi64(even, _mm512_popcnt_epi64(first));
    odd = _mm512_add_epi64(odd, _mm512_popcnt_epi64(second));
  }
  for (; at < size; at += kWidth) {
    const __mmask64 mask = mask_before(at, size);
    const __m512i bits = joined_under<op>(mask, a + at, b + at);
    _mm512_mask_storeu_epi8(to + at, mask, bits);
    even = _mm512_add_epi64(even, _mm512_popcnt_epi64(bits));
  }
  return sum(even, odd);
}

template <SetOp op>
[[gnu::target("avx512vpopcntdq")]] uint64_t popcnt_join_count(const uint8_t* a, const uint8_t* b,
                                                              size_t size) {
  __m512i even = _mm512_setzero_si512();
  __m512i odd = _mm512_setzero_si512();
  size_t at = 0;
  for (; at + 2 * kWidth <= size; at += 2 * kWidth) {
    even = _mm512_add_epi64(even, _mm512_popcnt_epi64(joined<op>(a + at, b + at)));
    odd = _mm512_add_epi64(odd, _mm512_popcnt_epi64(joined<op>(a + at + kWidth, b + at + kWidth)));
  }
  for (; at < size; at += kWidth) {
    const __m512i bits = joined_under<op>(mask_before(at, size), a + at, b + at);
    even = _mm512_add_epi64(even, _mm512_popcnt_epi64(bits));
  }
  return sum(even, odd);
}

}  // namespace

void fill_bitmap_avx512(BitmapKernels& table) {
  table.count = count;
  table.join[0] = join<SetOp::kAnd>;
  table.join[1] = join<SetOp::kOr>;
  table.join[2] = join<SetOp::kXor>;
  table.join[3] = join<SetOp::kAndNot>;
  table.join_count[0] = join_count<SetOp::kAnd>;
  table.join_count[1] = join_count<SetOp::kOr>;
  table.join_count[2] = join_count<SetOp::kXor>;
  table.join_count[3] = join_count<SetOp::kAndNot>;
}

void fill_bitmap_popcnt512(BitmapKernels& table) {
  table.count = popcnt_count;
  table.join[0] = popcnt_join<SetOp::kAnd>;
  table.join[1] = popcnt_join<SetOp::kOr>;
  table.join[2] = popcnt_join<SetOp::kXor>;
  table.join[3] = popcnt_join<SetOp::kAndNot>;
  table.join_count[0] = popcnt_join_count<SetOp::kAnd>;
  table.join_count[1] = popcnt_join_count<SetOp::kOr>;
  table.join_count[2] = popcnt_join_count<SetOp::kXor>;
  table.join_count[3] = popcnt_join_count<SetOp::kAndNot>;
}

}  // namespace varve
#endif

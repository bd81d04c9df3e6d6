// pure/simd/kernels_avx512_list.cc — sorted lists by AVX-512: 64 numbers of the shorter list are a
// table in two registers, in which 32 numbers of the longer one are looked up at once by halving.
//
//   table        t0 … t63, the last one repeated where the list ends
//   32 numbers   place = 0; for 32, 16, 8, 4, 2, 1:
//                place += step where table[place + step] <= number;
//                a number is in both lists where table[place] equals it
//
// No step waits for a comparison to say which list goes on, as it does where two lists are walked.
#include "pure/simd/simd.h"

#if defined(__AVX512BW__)
#include <immintrin.h>

namespace varve {
namespace {

constexpr size_t kTableCount = 64;
constexpr size_t kBlockCount = 32;

struct List {
  const uint16_t* numbers;
  size_t count;
};

__mmask32 first(size_t count) {
  return count >= kBlockCount ? ~__mmask32{0} : (__mmask32{1} << count) - 1;
}

class Table {
 public:
  // The list is not empty.
  explicit Table(const List& list) {
    const size_t count = list.count < kTableCount ? list.count : kTableCount;
    const __m512i last = all(list.numbers[count - 1]);
    const size_t upper = count < kBlockCount ? 0 : count - kBlockCount;
    lower_ = _mm512_mask_loadu_epi16(last, first(count), list.numbers);
    upper_ = _mm512_mask_loadu_epi16(last, first(upper), list.numbers + (count - upper));
    middle_ = _mm512_permutexvar_epi16(_mm512_setzero_si512(), upper_);
  }

  // Which numbers are in it.
  __mmask32 matches(__m512i numbers) const {
    __m512i place = _mm512_maskz_mov_epi16(_mm512_cmple_epu16_mask(middle_, numbers), all(32));
    place = step(place, numbers, 16);
    place = step(place, numbers, 8);
    place = step(place, numbers, 4);
    place = step(place, numbers, 2);
    place = step(place, numbers, 1);
    return _mm512_cmpeq_epi16_mask(at(place), numbers);
  }

  static __m512i all(uint16_t number) { return _mm512_set1_epi16(static_cast<short>(number)); }

 private:
  __m512i at(__m512i places) const { return _mm512_permutex2var_epi16(lower_, places, upper_); }
  __m512i step(__m512i place, __m512i numbers, uint16_t by) const {
    const __m512i next = _mm512_or_si512(place, all(by));
    return _mm512_mask_mov_epi16(place, _mm512_cmple_epu16_mask(at(next), numbers), next);
  }

  __m512i lower_;
  __m512i upper_;
  __m512i middle_;  // Number 32 of the table in every lane.
};

// Hands `each` the numbers of the longer list, up to 32 at a time, and which of them are in the
// shorter one. Each number is looked at in one table: the one before the first that is above it.
template <class Each>
void join(List few, List many, Each each) {
  if (many.count < few.count) {
    const List longer = few;
    few = many;
    many = longer;
  }
  while (few.count > 0 && many.count > 0) {
    const Table table(few);
    const bool is_last = few.count <= kTableCount;
    const __m512i limit = Table::all(is_last ? 0 : few.numbers[kTableCount]);
    for (bool is_whole = true; is_whole && many.count > 0;) {
      const size_t taken = many.count < kBlockCount ? many.count : kBlockCount;
      __mmask32 lanes = first(taken);
      const __m512i numbers = _mm512_maskz_loadu_epi16(lanes, many.numbers);
      size_t done = taken;
      if (!is_last) {
        lanes = _mm512_mask_cmplt_epu16_mask(lanes, numbers, limit);
        done = static_cast<size_t>(_mm_popcnt_u32(lanes));
        is_whole = done == taken;
      }
      each(numbers, table.matches(numbers) & lanes);
      many.numbers += done;
      many.count -= done;
    }
    if (is_last) return;
    few.numbers += kTableCount;
    few.count -= kTableCount;
  }
}

uint64_t count_common(const ListPair* pairs, size_t pair_count) {
  uint64_t found = 0;
  for (size_t index = 0; index < pair_count; ++index) {
    const ListPair& pair = pairs[index];
    join({pair.a, pair.a_count}, {pair.b, pair.b_count}, [&found](__m512i, __mmask32 matches) {
      found += static_cast<uint64_t>(_mm_popcnt_u32(matches));
    });
  }
  return found;
}

// Writes sixteen numbers, of which those of the mask are first; how many they are.
size_t pack(__m256i numbers, __mmask16 lanes, uint16_t* to) {
  const __m512i packed = _mm512_maskz_compress_epi32(lanes, _mm512_cvtepu16_epi32(numbers));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm512_cvtepi32_epi16(packed));
  return static_cast<size_t>(_mm_popcnt_u32(lanes));
}

size_t intersect(const uint16_t* a, size_t a_count, const uint16_t* b, size_t b_count,
                 uint16_t* to) {
  size_t found = 0;
  join({a, a_count}, {b, b_count}, [&found, to](__m512i numbers, __mmask32 matches) {
    if (matches == 0) return;
    found += pack(_mm512_castsi512_si256(numbers), static_cast<__mmask16>(matches), to + found);
    found += pack(_mm512_extracti64x4_epi64(numbers, 1), static_cast<__mmask16>(matches >> 16),
                  to + found);
  });
  return found;
}

}  // namespace

void fill_lists_avx512(BitmapKernels& table) {
  table.intersect = intersect;
  table.count_common = count_common;
}

}  // namespace varve
#endif

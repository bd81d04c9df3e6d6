// pure/simd/kernels_scalar_bitmap.cc — the specification of the bitmap kernels.
#include "pure/simd/bitmap_loops.h"

namespace varve {
namespace {

uint64_t load64(const uint8_t* at) {
  uint64_t word;
  __builtin_memcpy(&word, at, 8);
  return word;
}

uint64_t ones(uint64_t word) { return static_cast<uint64_t>(__builtin_popcountll(word)); }

uint64_t count(const uint8_t* bytes, size_t size) {
  uint64_t total = 0;
  for (; size >= 8; bytes += 8, size -= 8) total += ones(load64(bytes));
  for (; size > 0; ++bytes, --size) total += ones(*bytes);
  return total;
}

template <SetOp op>
uint64_t join(uint8_t* to, const uint8_t* a, const uint8_t* b, size_t size) {
  uint64_t total = 0;
  size_t at = 0;
  for (; at + 8 <= size; at += 8) {
    const uint64_t word = joined<op>(load64(a + at), load64(b + at));
    __builtin_memcpy(to + at, &word, 8);
    total += ones(word);
  }
  for (; at < size; ++at) {
    to[at] = static_cast<uint8_t>(joined<op>(a[at], b[at]));
    total += ones(to[at]);
  }
  return total;
}

template <SetOp op>
uint64_t join_count(const uint8_t* a, const uint8_t* b, size_t size) {
  uint64_t total = 0;
  size_t at = 0;
  for (; at + 8 <= size; at += 8) total += ones(joined<op>(load64(a + at), load64(b + at)));
  for (; at < size; ++at) total += ones(joined<op>(a[at], b[at]) & 0xff);
  return total;
}

// A run begins at each set bit whose lower neighbour is clear.
uint32_t run_count(const uint8_t* bytes, size_t size) {
  uint64_t total = 0;
  uint64_t carry = 0;
  for (; size >= 8; bytes += 8, size -= 8) {
    const uint64_t word = load64(bytes);
    total += ones(word & ~(word << 1 | carry));
    carry = word >> 63;
  }
  return static_cast<uint32_t>(total);
}

// Four positions a step, of which the last may be one too many: the next word writes over them.
size_t positions(const uint8_t* bytes, size_t size, uint16_t* to) {
  uint16_t* next = to;
  for (size_t at = 0; at + 8 <= size; at += 8) {
    uint64_t word = load64(bytes + at);
    const uint32_t base = static_cast<uint32_t>(at * 8);
    uint16_t* const end = next + ones(word);
    while (word != 0) {
      for (int step = 0; step < 4; ++step) {
        const uint32_t bit = word == 0 ? 0 : static_cast<uint32_t>(__builtin_ctzll(word));
        next[step] = static_cast<uint16_t>(base + bit);
        word &= word - 1;
      }
      next += 4;
    }
    next = end;
  }
  return static_cast<size_t>(next - to);
}

uint64_t count_common(const ListPair* pairs, size_t pair_count) {
  uint64_t found = 0;
  for (size_t index = 0; index < pair_count; ++index) {
    const ListPair& pair = pairs[index];
    found +=
        intersect_one_by_one<false, uint16_t>(pair.a, pair.a_count, pair.b, pair.b_count, nullptr);
  }
  return found;
}

}  // namespace

void fill_bitmap_scalar(BitmapKernels& table) {
  table = {count,
           {join<SetOp::kAnd>, join<SetOp::kOr>, join<SetOp::kXor>, join<SetOp::kAndNot>},
           {join_count<SetOp::kAnd>, join_count<SetOp::kOr>, join_count<SetOp::kXor>,
            join_count<SetOp::kAndNot>},
           run_count,
           positions,
           intersect_one_by_one<true>,
           count_common,
           unite_one_by_one};
}

}  // namespace varve

// pure/simd/kernels_scalar_bitmap.cc — the specification of the bitmap kernels.
#include "pure/simd/simd.h"

namespace varve {
namespace {

uint64_t load64(const uint8_t* at) {
  uint64_t word;
  __builtin_memcpy(&word, at, 8);
  return word;
}

uint64_t ones(uint64_t word) { return static_cast<uint64_t>(__builtin_popcountll(word)); }

template <SetOp op>
uint64_t apply(uint64_t a, uint64_t b) {
  if constexpr (op == SetOp::kAnd) return a & b;
  if constexpr (op == SetOp::kOr) return a | b;
  if constexpr (op == SetOp::kXor) return a ^ b;
  return a & ~b;
}

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
    const uint64_t word = apply<op>(load64(a + at), load64(b + at));
    __builtin_memcpy(to + at, &word, 8);
    total += ones(word);
  }
  for (; at < size; ++at) {
    to[at] = static_cast<uint8_t>(apply<op>(a[at], b[at]));
    total += ones(to[at]);
  }
  return total;
}

template <SetOp op>
uint64_t join_count(const uint8_t* a, const uint8_t* b, size_t size) {
  uint64_t total = 0;
  size_t at = 0;
  for (; at + 8 <= size; at += 8) total += ones(apply<op>(load64(a + at), load64(b + at)));
  for (; at < size; ++at) total += ones(apply<op>(a[at], b[at]) & 0xff);
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

size_t intersect(const uint16_t* a, size_t a_count, const uint16_t* b, size_t b_count,
                 uint16_t* to) {
  size_t i = 0;
  size_t j = 0;
  size_t found = 0;
  while (i < a_count && j < b_count) {
    const uint16_t left = a[i];
    const uint16_t right = b[j];
    to[found] = left;
    found += left == right;
    i += left <= right;
    j += right <= left;
  }
  return found;
}

size_t intersect_count(const uint16_t* a, size_t a_count, const uint16_t* b, size_t b_count) {
  size_t i = 0;
  size_t j = 0;
  size_t found = 0;
  while (i < a_count && j < b_count) {
    const uint16_t left = a[i];
    const uint16_t right = b[j];
    found += left == right;
    i += left <= right;
    j += right <= left;
  }
  return found;
}

size_t unite(const uint16_t* a, size_t a_count, const uint16_t* b, size_t b_count, uint16_t* to) {
  size_t i = 0;
  size_t j = 0;
  size_t found = 0;
  while (i < a_count && j < b_count) {
    const uint16_t left = a[i];
    const uint16_t right = b[j];
    to[found++] = left <= right ? left : right;
    i += left <= right;
    j += right <= left;
  }
  while (i < a_count) to[found++] = a[i++];
  while (j < b_count) to[found++] = b[j++];
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
           intersect,
           intersect_count,
           unite};
}

}  // namespace varve

// pure/simd/bitmap_loops.h — the loops that fillings of the bitmap kernels have in common; what a
// vector is, and what is done to one, comes as `Lanes` from each.
//
// All of it is without a name outside of the file that includes it: a copy that was compiled with
// wide instructions must never become the one that the linker keeps for others. So everything here
// is a template, and only fillings include it.
#pragma once

#include "pure/simd/simd.h"

namespace varve {
namespace {

// Of words, and of vectors, which have the operators, too.
template <SetOp op, class Word>
Word joined(Word a, Word b) {
  if constexpr (op == SetOp::kAnd) return static_cast<Word>(a & b);
  if constexpr (op == SetOp::kOr) return static_cast<Word>(a | b);
  if constexpr (op == SetOp::kXor) return static_cast<Word>(a ^ b);
  return static_cast<Word>(a & ~b);
}

// ---- what is walked along: a set, two that are joined, two that are joined and written. part() is
// for fewer bytes than a vector has, the others being zero.

template <class Lanes>
struct One {
  const uint8_t* bytes;

  auto full(size_t at) const { return Lanes::read(bytes + at); }
  auto part(size_t at, size_t size) const { return Lanes::read_part(bytes + at, size); }
};

template <class Lanes, SetOp op>
struct Two {
  const uint8_t* a;
  const uint8_t* b;

  auto full(size_t at) const { return joined<op>(Lanes::read(a + at), Lanes::read(b + at)); }
  auto part(size_t at, size_t size) const {
    return joined<op>(Lanes::read_part(a + at, size), Lanes::read_part(b + at, size));
  }
};

template <class Lanes, SetOp op>
struct Written {
  uint8_t* to;
  Two<Lanes, op> sets;

  auto full(size_t at) const {
    const auto bits = sets.full(at);
    Lanes::write(to + at, bits);
    return bits;
  }
  auto part(size_t at, size_t size) const {
    const auto bits = sets.part(at, size);
    Lanes::write_part(to + at, bits, size);
    return bits;
  }
};

// Lanes::count() walks whole vectors, in the way that is quickest there.
template <class Lanes, class Source>
uint64_t count_along(const Source& source, size_t size) {
  const size_t whole = size - size % Lanes::kWidth;
  const uint64_t count = Lanes::count(source, whole);
  return whole == size ? count : count + Lanes::ones(source.part(whole, size - whole));
}

template <class Lanes>
uint64_t count_set(const uint8_t* bytes, size_t size) {
  return count_along<Lanes>(One<Lanes>{bytes}, size);
}
template <class Lanes, SetOp op>
uint64_t join_sets(uint8_t* to, const uint8_t* a, const uint8_t* b, size_t size) {
  return count_along<Lanes>(Written<Lanes, op>{to, {a, b}}, size);
}
template <class Lanes, SetOp op>
uint64_t count_sets(const uint8_t* a, const uint8_t* b, size_t size) {
  return count_along<Lanes>(Two<Lanes, op>{a, b}, size);
}

// Set bits whose lower neighbour is clear. The words before those at `bytes` can be read.
template <class Lanes>
struct RunBegins {
  const uint8_t* bytes;

  auto full(size_t at) const {
    return Lanes::run_begins(Lanes::read(bytes + at), Lanes::read(bytes + at - 8));
  }
  auto part(size_t at, size_t size) const {
    return Lanes::run_begins(Lanes::read_part(bytes + at, size),
                             Lanes::read_part(bytes + at - 8, size));
  }
};

template <class Lanes>
uint32_t count_runs(const uint8_t* bytes, size_t size) {
  if (size < 8) return 0;
  uint64_t first;
  __builtin_memcpy(&first, bytes, 8);
  const uint64_t count = static_cast<uint64_t>(__builtin_popcountll(first & ~(first << 1)));
  return static_cast<uint32_t>(count + count_along<Lanes>(RunBegins<Lanes>{bytes + 8}, size - 8));
}

template <class Lanes>
void fill_sets(BitmapKernels& table) {
  table.count = count_set<Lanes>;
  table.join[0] = join_sets<Lanes, SetOp::kAnd>;
  table.join[1] = join_sets<Lanes, SetOp::kOr>;
  table.join[2] = join_sets<Lanes, SetOp::kXor>;
  table.join[3] = join_sets<Lanes, SetOp::kAndNot>;
  table.join_count[0] = count_sets<Lanes, SetOp::kAnd>;
  table.join_count[1] = count_sets<Lanes, SetOp::kOr>;
  table.join_count[2] = count_sets<Lanes, SetOp::kXor>;
  table.join_count[3] = count_sets<Lanes, SetOp::kAndNot>;
  table.run_count = count_runs<Lanes>;
}

// ---- lists of rising numbers, one by one

template <bool kWrites, class Number>
size_t intersect_one_by_one(const Number* a, size_t a_count, const Number* b, size_t b_count,
                            Number* to) {
  size_t i = 0;
  size_t j = 0;
  size_t found = 0;
  while (i < a_count && j < b_count) {
    const Number left = a[i];
    const Number right = b[j];
    if constexpr (kWrites) to[found] = left;
    found += left == right;
    i += left <= right;
    j += right <= left;
  }
  return found;
}

template <class Number>
size_t unite_one_by_one(const Number* a, size_t a_count, const Number* b, size_t b_count,
                        Number* to) {
  size_t i = 0;
  size_t j = 0;
  size_t found = 0;
  while (i < a_count && j < b_count) {
    const Number left = a[i];
    const Number right = b[j];
    to[found++] = left <= right ? left : right;
    i += left <= right;
    j += right <= left;
  }
  while (i < a_count) to[found++] = a[i++];
  while (j < b_count) to[found++] = b[j++];
  return found;
}

// ---- eight by eight: Lanes::matches() says as bits which of eight are among eight others, and
// Lanes::pack() writes those.

template <class Lanes, bool kWrites, class Number>
size_t intersect_eights(const Number* a, size_t a_count, const Number* b, size_t b_count,
                        Number* to) {
  size_t i = 0;
  size_t j = 0;
  size_t found = 0;
  while (i + 8 <= a_count && j + 8 <= b_count) {
    const uint32_t mask = Lanes::matches(a + i, b + j);
    if constexpr (kWrites) {
      found += Lanes::pack(a + i, mask, to + found);
    } else {
      found += static_cast<size_t>(__builtin_popcount(mask));
    }
    const Number left_last = a[i + 7];
    const Number right_last = b[j + 7];
    i += left_last <= right_last ? 8 : 0;
    j += right_last <= left_last ? 8 : 0;
  }
  Number* const rest = kWrites ? to + found : nullptr;
  return found + intersect_one_by_one<kWrites>(a + i, a_count - i, b + j, b_count - j, rest);
}

template <class Lanes>
size_t intersect_lists(const uint16_t* a, size_t a_count, const uint16_t* b, size_t b_count,
                       uint16_t* to) {
  return intersect_eights<Lanes, true>(a, a_count, b, b_count, to);
}
template <class Lanes>
size_t count_common(const uint16_t* a, size_t a_count, const uint16_t* b, size_t b_count) {
  return intersect_eights<Lanes, false, uint16_t>(a, a_count, b, b_count, nullptr);
}

}  // namespace
}  // namespace varve

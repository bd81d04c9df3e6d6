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

// ---- eight by eight, by Lanes:
//
//   load       eight numbers
//   shuffled   bytes of them in another order
//   matches    as bits, which of eight are among eight others
//   pack       writes the lanes of a mask, and always eight numbers; how many they are

// By how many numbers a list has left: the order that brings the last of them to the front of a
// vector, and repeats the very last behind them.
struct RestOrders {
  alignas(16) uint8_t at[8][16];
  constexpr RestOrders() : at() {
    for (int left = 1; left < 8; ++left) {
      for (int lane = 0; lane < 8; ++lane) {
        const int from = lane < left ? 8 - left + lane : 7;
        at[left][2 * lane] = static_cast<uint8_t>(2 * from);
        at[left][2 * lane + 1] = static_cast<uint8_t>(2 * from + 1);
      }
    }
  }
};

template <class Lanes>
constexpr RestOrders kRestOrders;

// The next eight of a list, or fewer where it ends; it has eight at least.
template <class Lanes, class Number>
auto next_eight(const Number* list, size_t at, size_t count) {
  if (at + 8 <= count) return Lanes::load(list + at);
  return Lanes::shuffled(Lanes::load(list + count - 8), kRestOrders<Lanes>.at[count - at]);
}

template <class Lanes>
size_t intersect_lists(const uint16_t* a, size_t a_count, const uint16_t* b, size_t b_count,
                       uint16_t* to) {
  if (a_count < 8 || b_count < 8) return intersect_one_by_one<true>(a, a_count, b, b_count, to);
  size_t i = 0;
  size_t j = 0;
  size_t found = 0;
  const auto step = [&](auto left, auto right, uint32_t lanes, size_t a_taken, size_t b_taken) {
    found += Lanes::pack(left, Lanes::matches(left, right) & lanes, to + found);
    const uint16_t left_last = a[i + a_taken - 1];
    const uint16_t right_last = b[j + b_taken - 1];
    i += left_last <= right_last ? a_taken : 0;
    j += right_last <= left_last ? b_taken : 0;
  };
  while (i + 8 <= a_count && j + 8 <= b_count) {
    step(Lanes::load(a + i), Lanes::load(b + j), 0xff, 8, 8);
  }
  while (i < a_count && j < b_count) {
    const size_t a_taken = a_count - i < 8 ? a_count - i : 8;
    const size_t b_taken = b_count - j < 8 ? b_count - j : 8;
    step(next_eight<Lanes>(a, i, a_count), next_eight<Lanes>(b, j, b_count), (1u << a_taken) - 1,
         a_taken, b_taken);
  }
  return found < a_count + b_count ? found : a_count + b_count;  // Of lists that do not rise.
}

// ---- counting, two pairs of lists at a time: more were no quicker where it was measured. Of
// Lanes:
//
//   common_eights  how many of eight numbers are among eight others
//   common_rest    the same of two lists, one of them shorter than eight

// How many of fewer than eight numbers are in a list, for a common_rest().
template <class Lanes>
uint64_t count_few(const uint16_t* few, size_t few_count, const uint16_t* list, size_t count) {
  if (few_count == 0) return 0;
  uint16_t padded[8];
  for (size_t i = 0; i < 8; ++i) padded[i] = few[i < few_count ? i : few_count - 1];
  const auto lanes = Lanes::load(padded);
  const uint32_t mask = (1u << few_count) - 1;
  uint64_t found = 0;
  for (; count >= 8; list += 8, count -= 8) {
    const uint32_t matches = Lanes::matches(lanes, Lanes::load(list)) & mask;
    found += static_cast<uint64_t>(__builtin_popcount(matches));
    if (list[7] >= padded[7]) return found;
  }
  return found + intersect_one_by_one<false, uint16_t>(few, few_count, list, count, nullptr);
}

// What is left of a pair.
struct PairWalk {
  const uint16_t* a;
  const uint16_t* b;
  const uint16_t* a_end;
  const uint16_t* b_end;
  uint64_t found = 0;
  uint64_t found_max;  // Lists that do not rise could be counted beyond it.

  explicit PairWalk(const ListPair& pair)
      : a(pair.a),
        b(pair.b),
        a_end(pair.a + pair.a_count),
        b_end(pair.b + pair.b_count),
        found_max(uint64_t{pair.a_count} + pair.b_count) {}
  bool has_eights() const { return a_end - a >= 8 && b_end - b >= 8; }

  template <class Lanes>
  void step() {
    found += Lanes::common_eights(a, b);
    const uint16_t a_last = a[7];
    const uint16_t b_last = b[7];
    a += a_last <= b_last ? 8 : 0;
    b += b_last <= a_last ? 8 : 0;
  }
  template <class Lanes>
  uint64_t finish() {
    while (has_eights()) step<Lanes>();
    found +=
        Lanes::common_rest(a, static_cast<size_t>(a_end - a), b, static_cast<size_t>(b_end - b));
    return found < found_max ? found : found_max;
  }
};

template <class Lanes>
uint64_t count_common(const ListPair* pairs, size_t pair_count) {
  uint64_t found = 0;
  size_t index = 0;
  for (; index + 2 <= pair_count; index += 2) {
    PairWalk one(pairs[index]);
    PairWalk other(pairs[index + 1]);
    while (one.has_eights() && other.has_eights()) {
      one.step<Lanes>();
      other.step<Lanes>();
    }
    found += one.finish<Lanes>() + other.finish<Lanes>();
  }
  if (index < pair_count) found += PairWalk(pairs[index]).finish<Lanes>();
  return found;
}

// ---- uniting, eight by eight: two sorted vectors are merged by eight rounds of minimum, maximum
// and turning by a lane, and what equals its neighbour is dropped. Of Lanes:
//
//   load, all            eight numbers; the same in every lane
//   least, greatest      lane by lane
//   turned               each lane to the place below it, the first to the last
//   behind               the lanes, each one place up, below them the last one of another vector
//   equals               as bits, the lanes that are equal
//   pack                 writes the lanes of a mask, and always eight numbers; how many they are

// For each mask of eight lanes, the bytes of what moves its lanes to the front; 0xff makes zeros.
struct Packing {
  alignas(16) uint8_t at[256][16];
  constexpr Packing() : at() {
    for (int mask = 0; mask < 256; ++mask) {
      int to = 0;
      for (int lane = 0; lane < 8; ++lane) {
        if ((mask >> lane & 1) == 0) continue;
        at[mask][to++] = static_cast<uint8_t>(2 * lane);
        at[mask][to++] = static_cast<uint8_t>(2 * lane + 1);
      }
      while (to < 16) at[mask][to++] = 0xff;
    }
  }
};

// Two sorted vectors become the eight least and the eight greatest of their sixteen numbers.
template <class Lanes, class Vector>
void merge_eights(Vector& low, Vector& high) {
  Vector least = Lanes::least(low, high);
  high = Lanes::greatest(low, high);
  for (int round = 0; round < 7; ++round) {
    const Vector both = Lanes::turned(least);
    least = Lanes::least(both, high);
    high = Lanes::greatest(both, high);
  }
  low = Lanes::turned(least);
}

// Writes what differs from the number before it; `before` has that of the first lane in its last.
template <class Lanes, class Vector>
size_t pack_new(Vector before, Vector lanes, uint16_t* to) {
  return Lanes::pack(lanes, Lanes::equals(Lanes::behind(lanes, before), lanes) ^ 0xff, to);
}

// The greatest eight so far (without what was written) and fewer than eight of the list that ran
// out make one small list; it is united with what the other list still has.
template <class Lanes, class Vector>
size_t unite_rest(Vector before, Vector high, const uint16_t* few, size_t few_count,
                  const uint16_t* rest, size_t rest_count, uint16_t* to) {
  uint16_t pending[16];
  uint16_t joined[24];
  const size_t pending_count = pack_new<Lanes>(before, high, pending);
  const size_t joined_count = unite_one_by_one(pending, pending_count, few, few_count, joined);
  return unite_one_by_one(joined, joined_count, rest, rest_count, to);
}

template <class Lanes>
size_t unite_lists(const uint16_t* a, size_t a_count, const uint16_t* b, size_t b_count,
                   uint16_t* to) {
  if (a_count < 8 || b_count < 8) return unite_one_by_one(a, a_count, b, b_count, to);
  auto low = Lanes::load(a);
  auto high = Lanes::load(b);
  size_t i = 8;
  size_t j = 8;
  // Nothing lies before the first number, so what stands there must differ from it.
  auto before = Lanes::all(static_cast<uint16_t>(~(a[0] < b[0] ? a[0] : b[0])));
  merge_eights<Lanes>(low, high);
  size_t found = pack_new<Lanes>(before, low, to);
  before = low;
  while (i + 8 <= a_count && j + 8 <= b_count) {
    const bool from_a = a[i] <= b[j];
    low = Lanes::load(from_a ? a + i : b + j);
    i += from_a ? 8 : 0;
    j += from_a ? 0 : 8;
    merge_eights<Lanes>(low, high);
    found += pack_new<Lanes>(before, low, to + found);
    before = low;
  }
  uint16_t* const rest = to + found;
  if (i + 8 > a_count) {
    return found + unite_rest<Lanes>(before, high, a + i, a_count - i, b + j, b_count - j, rest);
  }
  return found + unite_rest<Lanes>(before, high, b + j, b_count - j, a + i, a_count - i, rest);
}

}  // namespace
}  // namespace varve

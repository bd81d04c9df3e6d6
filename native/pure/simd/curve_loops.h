// pure/simd/curve_loops.h — places on the Hilbert curve (pure/geo/hilbert.h) of many cells at once, all 32
// levels of a cell side by side.
//
// The scalar walk goes level by level, because how the curve runs in a square (state: s mirrored at the
// diagonal, f turned by half) follows from the square around it. With c and r the bits of column and
// row in a level, s and f of the next are
//
//     c = r:   s + f + 1 + c,   f            (modulo 2)
//     c ≠ r:       f     + c,   s     + c
//
// Read as numbers of the field of four, 1 for s and w for f, and with s and f exchanged before every
// other level, both lines become u → m u + t with m of 1, w and w²: maps that can be joined in any
// grouping. So, for all levels, first the products M of the m above by doubling steps; then
// u = M · (the sum of t / M' above, M' with the level's own m), where sums are exclusive ors and again
// doubling steps. The last level is bit 0: what lies above is shifted down.
//
// Of a number p + q w two words have the bits p and q. Of an m, which is never 0, the first word has
// what p lacks of 1, so that the zeros which shifts bring in are ones.
//
// What a vector of words is comes as `Lanes` from each filling:
//
//   Vector, kCount           so many words of 32 bits
//   read, all                from memory, of one word in every lane
//   both, either, differ     and, or, exclusive or;     without: and with the second's complement
//   down<n>                  each lane shifted
//   write_woven              bits of two vectors by turns, the first on top, to kCount words of 64 bits
//
// As in number_loops.h, everything is without a name outside of the file that includes it.
#pragma once

#include "pure/simd/simd.h"

namespace varve {
namespace {

template <class Lanes>
struct Curve {
  using Vector = typename Lanes::Vector;

  // A number of four in every bit.
  struct Four {
    Vector one;
    Vector w;
  };
  // An m: `lack` has what its first bit lacks of 1.
  struct Factor {
    Vector lack;
    Vector w;
  };

  static constexpr uint32_t kEven = 0xaaaaaaaa;  // Levels 0, 2, …, counted from the top.
  static constexpr uint32_t kOdd = 0x55555555;

  template <int step>
  static Factor doubled(Factor below) {
    const Vector lack = Lanes::template down<step>(below.lack);
    const Vector w = Lanes::template down<step>(below.w);
    // (1 + a + p w)(1 + b + q w) = 1 + (a | b) + p q + (p (1 + b + q) + q (1 + a)) w
    const Vector own = Lanes::without(below.w, Lanes::differ(lack, w));
    return {Lanes::differ(Lanes::either(below.lack, lack), Lanes::both(below.w, w)),
            Lanes::differ(own, Lanes::without(w, below.lack))};
  }
  static Factor products(Factor each) {
    return doubled<16>(doubled<8>(doubled<4>(doubled<2>(doubled<1>(each)))));
  }
  template <int step>
  static Vector summed(Vector each) {
    return Lanes::differ(each, Lanes::template down<step>(each));
  }
  static Vector sums(Vector each) {
    return summed<16>(summed<8>(summed<4>(summed<2>(summed<1>(each)))));
  }
  static Four times(Four number, Factor by) {
    const Vector own = Lanes::without(number.one, by.lack);
    const Vector across =
        Lanes::differ(number.w, Lanes::both(number.w, Lanes::differ(by.lack, by.w)));
    return {Lanes::differ(own, Lanes::both(number.w, by.w)),
            Lanes::differ(Lanes::both(number.one, by.w), across)};
  }

  // Of kCount cells.
  static void places_of(const uint32_t* columns, const uint32_t* rows, uint64_t* to) {
    const Vector column = Lanes::read(columns);
    const Vector row = Lanes::read(rows);
    const Vector even = Lanes::all(kEven);
    const Vector odd = Lanes::all(kOdd);
    const Vector differing = Lanes::differ(column, row);
    const Vector same = Lanes::differ(differing, Lanes::all(~0u));
    const Vector added = Lanes::both(differing, column);
    const Vector neither = Lanes::without(same, column);
    const Four t = {Lanes::either(added, Lanes::both(neither, odd)),
                    Lanes::either(added, Lanes::both(neither, even))};
    const Factor upto = products({Lanes::both(same, even), same});
    const Four divided = times(t, {Lanes::differ(upto.lack, upto.w), upto.w});
    const Four sum = {Lanes::template down<1>(sums(divided.one)),
                      Lanes::template down<1>(sums(divided.w))};
    const Four u =
        times(sum, {Lanes::template down<1>(upto.lack), Lanes::template down<1>(upto.w)});
    const Vector exchanged = Lanes::both(Lanes::differ(u.one, u.w), odd);
    const Vector s = Lanes::differ(u.one, exchanged);
    const Vector f = Lanes::differ(u.w, exchanged);
    const Vector upper = Lanes::differ(Lanes::differ(column, Lanes::both(differing, s)), f);
    Lanes::write_woven(upper, differing, to);
  }
};

template <class Lanes>
void hilbert_by(const uint32_t* columns, const uint32_t* rows, size_t count, uint64_t* to) {
  constexpr size_t kCount = Lanes::kCount;
  size_t i = 0;
  for (; i + kCount <= count; i += kCount) Curve<Lanes>::places_of(columns + i, rows + i, to + i);
  for (; i < count; ++i) to[i] = hilbert_scalar(columns[i], rows[i]);
}

// How the bits of four are spread over eight, at even places and at odd ones.
struct Spreads {
  alignas(16) uint8_t even[16];
  alignas(16) uint8_t odd[16];
  constexpr Spreads() : even(), odd() {
    for (uint32_t four = 0; four < 16; ++four) {
      for (uint32_t bit = 0; bit < 4; ++bit) {
        even[four] = static_cast<uint8_t>(even[four] | (four >> bit & 1) << (2 * bit));
      }
      odd[four] = static_cast<uint8_t>(even[four] << 1);
    }
  }
};

constexpr Spreads kSpreads;

}  // namespace
}  // namespace varve

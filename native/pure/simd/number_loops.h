// pure/simd/number_loops.h — the loops that fillings have in common for streams and packed blocks
// of numbers; what a vector is, and what is done to one, comes as `Lanes` from each:
//
//   Vector, kCount            so many numbers of 32 bits
//   all, add, write           of one number in every lane, lane by lane, to memory
//   shuffle                   (of four lanes) sixteen bytes, moved as a control byte says
//   take                      the next numbers of a stream; 4 * kCount bytes of data can be read
//   sums, last_of             each lane with all before it; the last lane in every lane
//   before                    lanes moved up by one, the first being the last of another vector
//   Flags, mark, is_marked    whether a lane was ever below the one before it
//   Packed                    rows of a packed block, kCount numbers from a row on
//
// As in bitmap_loops.h, everything is without a name outside of the file that includes it.
#pragma once

#include "pure/simd/simd.h"

namespace varve {
namespace {

// For each control byte: which of 16 data bytes goes where, and how many are used.
struct Shuffles {
  alignas(16) uint8_t from[256][16];
  uint8_t size[256];
  constexpr Shuffles() : from(), size() {
    for (uint32_t control = 0; control < 256; ++control) {
      uint8_t next = 0;
      for (uint32_t byte = 0; byte < 16; ++byte) {
        const bool used = byte % 4 <= (control >> byte / 4 * 2 & 3);
        from[control][byte] = used ? next++ : 0xff;
      }
      size[control] = next;
    }
  }
};

constexpr Shuffles kShuffles;

// The next four numbers; 16 bytes of data can be read.
template <class Lanes>
auto take_four(StreamParts& from) {
  const uint8_t control = *from.control++;
  const auto four = Lanes::shuffle(from.data, kShuffles.from[control]);
  from.data += kShuffles.size[control];
  return four;
}

// Sums differences, and remembers whether a sum was smaller than the one before it.
template <class Lanes>
struct Rising {
  using Vector = typename Lanes::Vector;

  Vector last;  // The number before, in every lane.
  typename Lanes::Flags descended{};

  explicit Rising(uint32_t base) : last(Lanes::all(base)) {}
  Vector next(Vector differences) {
    const Vector sums = Lanes::add(Lanes::sums(differences), last);
    descended = Lanes::mark(descended, sums, Lanes::before(sums, last));
    last = Lanes::last_of(sums);
    return sums;
  }
};

template <class Lanes>
bool has_wide(const StreamParts& from, size_t count) {
  return count >= Lanes::kCount &&
         from.end - from.data >= static_cast<ptrdiff_t>(4 * Lanes::kCount);
}

// ---- what stands in the table

template <class Lanes>
const uint8_t* decode_stream_by(StreamParts from, uint32_t* to, size_t count) {
  for (; has_wide<Lanes>(from, count); to += Lanes::kCount, count -= Lanes::kCount) {
    Lanes::write(to, Lanes::take(from));
  }
  return decode_stream_scalar(from, to, count);
}

// The vectors at the front of a stream; false where it descends.
template <class Lanes>
bool take_rising(StreamParts& from, uint32_t& base, uint32_t*& to, size_t& count) {
  Rising<Lanes> rising(base);
  uint32_t* const begin = to;
  for (; has_wide<Lanes>(from, count); to += Lanes::kCount, count -= Lanes::kCount) {
    Lanes::write(to, rising.next(Lanes::take(from)));
  }
  if (to != begin) base = to[-1];
  return !Lanes::is_marked(rising.descended);
}

template <class Lanes>
const uint8_t* decode_rising_stream_by(StreamParts from, uint32_t base, uint32_t* to,
                                       size_t count) {
  if (!take_rising<Lanes>(from, base, to, count)) return nullptr;
  return decode_rising_stream_scalar(from, base, to, count);
}

constexpr uint32_t kRows = kPackedCount / 4;

template <class Lanes>
void unpack_by(const uint8_t* from, uint32_t width, uint32_t base, uint32_t* to) {
  const auto bases = Lanes::all(base);
  if (width == 0) {
    for (uint32_t at = 0; at < kPackedCount; at += Lanes::kCount) Lanes::write(to + at, bases);
    return;
  }
  const typename Lanes::Packed packed(from, width);
  for (uint32_t row = 0; row < kRows; row += Lanes::kCount / 4) {
    Lanes::write(to + row * 4, Lanes::add(packed.rows(row), bases));
  }
}

template <class Lanes>
bool unpack_rising_by(const uint8_t* from, uint32_t width, uint32_t base, uint32_t* to) {
  if (width == 0) {
    unpack_by<Lanes>(from, width, base, to);
    return true;
  }
  Rising<Lanes> rising(base);
  const typename Lanes::Packed packed(from, width);
  for (uint32_t row = 0; row < kRows; row += Lanes::kCount / 4) {
    Lanes::write(to + row * 4, rising.next(packed.rows(row)));
  }
  return !Lanes::is_marked(rising.descended);
}

// ---- packed blocks of lanes of four: a row, one number of each lane, which all begin at the same
// bit. Lanes::read(), cut() and shift what lies there.

template <class Lanes>
struct PackedRows {
  const uint8_t* from;
  uint32_t width;
  typename Lanes::Vector mask;

  PackedRows(const uint8_t* block, uint32_t bits)
      : from(block), width(bits), mask(Lanes::all(~0u >> (32 - bits))) {}

  // The last word is read twice where a row ends with it: what the second reading adds is masked.
  auto rows(uint32_t index) const {
    const uint32_t bit = index * width;
    const uint32_t word = bit / 32;
    const uint32_t next = word + 1 < width ? word + 1 : word;
    return Lanes::cut(Lanes::read(from + word * 16), Lanes::read(from + next * 16),
                      static_cast<int>(bit % 32), mask);
  }
};

}  // namespace
}  // namespace varve

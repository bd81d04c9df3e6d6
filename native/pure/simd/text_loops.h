// pure/simd/text_loops.h — the loops that fillings have in common for keys and texts; what a vector
// is, and what is done to one, comes as `Lanes` from each:
//
//   kWidth, read, write       so many bytes, from and to memory
//   all, plus, with           one byte in every lane; the sum; bits of either
//   Marks                     a bit or more for each lane
//   equal, at_most            marks where lanes agree, where they are at most a number
//   either, choose            marks of either; lanes of one vector where there is a mark, else of
//   another bits, high_bits           a bit for each lane, the first being the lowest: of marks;
//   the highest of bytes
//
// As in bitmap_loops.h, everything is without a name outside of the file that includes it.
#pragma once

#include "pure/simd/simd.h"

namespace varve {
namespace {

template <class Lanes>
size_t shared_prefix_by(const uint8_t* a, const uint8_t* b, size_t size) {
  constexpr uint64_t kAll = ~uint64_t{0} >> (64 - Lanes::kWidth);
  size_t at = 0;
  for (; at + Lanes::kWidth <= size; at += Lanes::kWidth) {
    const uint64_t differs =
        Lanes::bits(Lanes::equal(Lanes::read(a + at), Lanes::read(b + at))) ^ kAll;
    if (differs != 0) return at + static_cast<size_t>(__builtin_ctzll(differs));
  }
  return at + shared_prefix_scalar(a + at, b + at, size - at);
}

template <class Lanes>
TextMarks scan_text_by(const uint8_t* from, size_t size, uint8_t* to) {
  uint8_t padded[kScannedBytes] = {};
  if (size < kScannedBytes) {
    __builtin_memcpy(padded, from, size);
    from = padded;
  }
  TextMarks marks = {0, 0};
  for (size_t at = 0; at < kScannedBytes; at += Lanes::kWidth) {
    const auto bytes = Lanes::read(from + at);
    const auto small = Lanes::with(bytes, Lanes::all(0x20));
    const auto is_letter = Lanes::at_most(Lanes::plus(small, Lanes::all(0x100 - 'a')), 25);
    const auto is_digit = Lanes::at_most(Lanes::plus(bytes, Lanes::all(0x100 - '0')), 9);
    const auto is_line = Lanes::equal(bytes, Lanes::all('_'));
    Lanes::write(to + at, Lanes::choose(is_letter, small, bytes));
    marks.words |= Lanes::bits(Lanes::either(is_letter, is_digit)) << at;
    marks.others |= (Lanes::bits(is_line) | Lanes::high_bits(bytes)) << at;
  }
  return marks;
}

template <class Lanes>
void fill_texts(Kernels& table) {
  table.shared_prefix = shared_prefix_by<Lanes>;
  table.scan_text = scan_text_by<Lanes>;
}

}  // namespace
}  // namespace varve

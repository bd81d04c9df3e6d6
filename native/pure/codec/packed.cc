// pure/codec/packed.cc — the writing of packed blocks, and the checks around the kernels that read
// them.
#include "pure/codec/packed.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace varve {
namespace {

// `differences` have at most `width` bits; the block is all zeros before.
void put_bits(const uint32_t* differences, uint32_t width, uint8_t* to) {
  std::fill_n(to, packed_bytes(width), uint8_t{0});
  for (uint32_t index = 0; index < kPackedCount; ++index) {
    const uint32_t bit = index / 4 * width;
    const uint64_t two_words = static_cast<uint64_t>(differences[index]) << bit % 32;
    uint8_t* const at = to + bit / 32 * 16 + index % 4 * 4;
    if (width > 0) store(at, load<uint32_t>(at) | static_cast<uint32_t>(two_words));
    if (bit % 32 + width > 32) store(at + 16, static_cast<uint32_t>(two_words >> 32));
  }
}

bool fits(uint32_t difference, uint32_t width) {
  return static_cast<uint32_t>(std::bit_width(difference)) <= width;
}

bool is_block(Bytes from, PackedForm form) {
  return form.width <= kPackedWidthMax && from.size() == packed_bytes(form.width);
}

}  // namespace

PackedForm packed_form(PackedNumbers numbers) {
  const auto [least, most] = std::ranges::minmax(numbers);
  return {static_cast<uint32_t>(std::bit_width(most - least)), least};
}

PackedForm rising_form(PackedNumbers numbers, uint32_t base) {
  uint32_t bits = 0;
  uint32_t before = base;
  for (const uint32_t number : numbers) {
    bits |= number - before;
    before = number;
  }
  return {static_cast<uint32_t>(std::bit_width(bits)), base};
}

void pack(PackedNumbers numbers, PackedForm form, uint8_t* to) {
  check(form.width <= kPackedWidthMax);
  uint32_t differences[kPackedCount];
  for (size_t index = 0; index < kPackedCount; ++index) {
    differences[index] = numbers[index] - form.base;
    check(fits(differences[index], form.width));
  }
  put_bits(differences, form.width, to);
}

void pack_rising(PackedNumbers numbers, PackedForm form, uint8_t* to) {
  check(form.width <= kPackedWidthMax);
  uint32_t differences[kPackedCount];
  uint32_t before = form.base;
  for (size_t index = 0; index < kPackedCount; ++index) {
    check(numbers[index] >= before);
    differences[index] = numbers[index] - before;
    check(fits(differences[index], form.width));
    before = numbers[index];
  }
  put_bits(differences, form.width, to);
}

bool unpack(Bytes from, PackedForm form, UnpackedNumbers to) {
  if (!is_block(from, form)) return false;
  kernels().unpack(from.data(), form.width, form.base, to.data());
  return true;
}

bool unpack_rising(Bytes from, PackedForm form, UnpackedNumbers to) {
  if (!is_block(from, form)) return false;
  return kernels().unpack_rising(from.data(), form.width, form.base, to.data());
}

}  // namespace varve

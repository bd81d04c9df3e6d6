// test/native/pure/codec/packed.test.cc — packed blocks of every width come back.
#include "pure/codec/packed.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/random.h"
#include "test.h"

namespace varve {
namespace {

using test::expect;
using Block = std::array<uint32_t, kPackedCount>;

uint32_t some_bits(Random& random, uint32_t width) {
  return width == 0 ? 0 : static_cast<uint32_t>(random.next() >> (64 - width));
}

const test::Case round_trips("blocks of every width come back from any base", [] {
  Random random(test::seed());
  for (uint32_t width = 0; width <= kPackedWidthMax; ++width) {
    const uint32_t base = width == 32 ? 0 : some_bits(random, 32 - width) << width;
    Block numbers;
    for (uint32_t& number : numbers) number = base + some_bits(random, width);
    const PackedForm form = packed_form(numbers);
    expect(form.width <= width && form.base >= base);
    std::vector<uint8_t> bytes(packed_bytes(form.width));
    pack(numbers, form, bytes.data());
    Block found{};
    expect(unpack(bytes, form, found) && found == numbers);
  }
});

const test::Case rising("rising blocks of every width come back, and what passes is refused", [] {
  Random random(test::seed());
  for (uint32_t width = 0; width <= 25; ++width) {  // 128 steps of 25 bits fit 32.
    const uint32_t base = width > 24 ? 0 : some_bits(random, 20);
    Block numbers;
    uint32_t number = base;
    for (uint32_t& next : numbers) next = number += some_bits(random, width);
    const PackedForm form = rising_form(numbers, base);
    expect(form.width <= width && form.base == base);
    std::vector<uint8_t> bytes(packed_bytes(form.width));
    pack_rising(numbers, form, bytes.data());
    Block found{};
    expect(unpack_rising(bytes, form, found) && found == numbers);
    const uint32_t risen = numbers.back() - base;
    if (risen > 0) expect(!unpack_rising(bytes, {form.width, UINT32_MAX - risen + 1}, found));
  }
});

const test::Case widest("a block of the least and the most numbers needs 32 bits", [] {
  Block numbers{};
  numbers[77] = UINT32_MAX;
  expect(packed_form(numbers).width == 32);
  Block risen;
  risen.fill(UINT32_MAX);
  const PackedForm form = rising_form(risen, 0);
  expect(form.width == 32);
  std::vector<uint8_t> bytes(packed_bytes(32));
  pack_rising(risen, form, bytes.data());
  Block found{};
  expect(unpack_rising(bytes, form, found) && found == risen);
});

const test::Case refused("a block of another size or of no width is refused", [] {
  Block found{};
  const std::vector<uint8_t> bytes(packed_bytes(7));
  expect(unpack(bytes, {7, 0}, found));
  expect(!unpack(bytes, {6, 0}, found) && !unpack(bytes, {8, 0}, found));
  const std::vector<uint8_t> wide(packed_bytes(33));
  expect(!unpack(wide, {33, 0}, found) && !unpack_rising(wide, {33, 0}, found));
  expect(!unpack_rising(bytes, {UINT32_MAX, 0}, found));
});

const test::Case worked("the worked example of FORMAT.md is what is written", [] {
  Block numbers;
  for (uint32_t index = 0; index < kPackedCount; ++index) numbers[index] = 10 + index % 2;
  const PackedForm form = packed_form(numbers);
  expect(form.width == 1 && form.base == 10);
  std::vector<uint8_t> bytes(packed_bytes(1));
  pack(numbers, form, bytes.data());
  const uint8_t ones[4] = {0xff, 0xff, 0xff, 0xff};
  expect(equal(Bytes(bytes).subspan(4, 4), ones) && equal(Bytes(bytes).subspan(12, 4), ones));
  expect(std::ranges::count(bytes, 0) == 8);
});

}  // namespace
}  // namespace varve

// test/native/pure/bitmap/bit_string.test.cc — bits of bytes: what Redis documents of its commands,
// and a model that goes bit by bit.
#include "pure/bitmap/bit_string.h"

#include <algorithm>
#include <vector>

#include "base/random.h"
#include "test.h"

namespace varve {
namespace {

using test::expect;

bool bit_of(Bytes bytes, uint64_t offset) {
  return offset / 8 < bytes.size() && (bytes[offset / 8] >> (7 - offset % 8) & 1) != 0;
}

const test::Case documented("counts and places of bits are those that Redis documents", [] {
  const Bytes foobar = as_bytes("foobar");
  expect(count_bits(foobar, {}) == 26);
  expect(count_bits(foobar, {.first = 0, .last = 0}) == 4);
  expect(count_bits(foobar, {.first = 1, .last = 1}) == 6);
  expect(count_bits(foobar, {.first = 5, .last = 30, .unit = BitUnit::kBit}) == 17);
  expect(count_bits(foobar, {.first = -2, .last = -1}) == 7);
  expect(count_bits(foobar, {.first = -1, .last = -2}) == 0);
  const Bytes ones = as_bytes(std::string_view("\xff\xf0\x00", 3));
  expect(find_bit(ones, false, {}) == 12);
  const Bytes late = as_bytes(std::string_view("\x00\xff\xf0", 3));
  expect(find_bit(late, true, {.first = 0}) == 8);
  expect(find_bit(late, true, {.first = 2}) == 16);
  expect(find_bit(late, true, {.first = 2, .last = -1, .has_last = true}) == 16);
  expect(find_bit(late, true, {.first = 7, .last = 15, .has_last = true, .unit = BitUnit::kBit}) ==
         8);
  expect(find_bit(late, true, {.first = 7, .last = -3, .has_last = true, .unit = BitUnit::kBit}) ==
         8);
  const Bytes zeros = as_bytes(std::string_view("\0\0\0", 3));
  expect(find_bit(zeros, true, {}) == -1);
});

const test::Case behind("the zero behind the bytes counts where no end was named", [] {
  const Bytes ones = as_bytes("\xff\xff");
  expect(find_bit(ones, false, {}) == 16 && find_bit(ones, false, {.first = 1}) == 16);
  expect(find_bit(ones, false, {.first = 0, .last = -1, .has_last = true}) == -1);
  expect(find_bit(ones, false, {.first = 5}) == -1);
  expect(find_bit({}, false, {}) == 0 && find_bit({}, true, {}) == -1);
  expect(count_bits({}, {}) == 0);
});

const test::Case model("counts and places are those of bits looked at one by one", [] {
  Random random(test::seed());
  for (int round = 0; round < 500; ++round) {
    std::vector<uint8_t> bytes(1 + random.below(60));
    const uint64_t shape = random.below(3);
    for (uint8_t& byte : bytes) {
      const uint8_t noise = random.one_in(9) ? static_cast<uint8_t>(random.next()) : 0;
      byte = shape == 0 ? noise : static_cast<uint8_t>(shape == 1 ? ~noise : random.next());
    }
    const BitUnit unit = random.one_in(2) ? BitUnit::kBit : BitUnit::kByte;
    const uint64_t unit_bits = unit == BitUnit::kBit ? 1 : 8;
    const int64_t length = static_cast<int64_t>(bytes.size() * 8 / unit_bits);
    const int64_t first = static_cast<int64_t>(random.below(static_cast<uint64_t>(length)));
    const int64_t last = first + static_cast<int64_t>(random.below(60));
    const bool from_end = random.one_in(2) && last < length;
    const BitRange range{from_end ? first - length : first, from_end ? last - length : last, true,
                         unit};
    uint64_t count = 0;
    int64_t place[2] = {-1, -1};
    const uint64_t end = static_cast<uint64_t>(std::min(last, length - 1) + 1) * unit_bits;
    for (uint64_t offset = static_cast<uint64_t>(first) * unit_bits; offset < end; ++offset) {
      const bool bit = bit_of(bytes, offset);
      count += bit;
      if (place[bit] == -1) place[bit] = static_cast<int64_t>(offset);
    }
    expect(count_bits(bytes, range) == count);
    expect(find_bit(bytes, true, range) == place[1] && find_bit(bytes, false, range) == place[0]);
  }
});

const test::Case joins("strings of any length join as if zeros stood behind them", [] {
  const Bytes sources[] = {as_bytes("foobar"), as_bytes("abc")};
  uint8_t to[6];
  join_bits(SetOp::kAnd, sources, to);
  expect(as_text(to) == std::string_view("`bc\0\0\0", 6));  // f & a, o & b, o & c
  join_bits(SetOp::kOr, sources, to);
  expect(as_text(to) == "goobar");
  join_bits(SetOp::kXor, sources, to);
  expect(to[0] == ('f' ^ 'a') && to[2] == ('o' ^ 'c') && to[5] == 'r');
  invert_bits(sources[0], to);
  expect(to[0] == static_cast<uint8_t>(~'f') && to[5] == static_cast<uint8_t>(~'r'));
  const Bytes none[] = {Bytes(), as_bytes("x")};
  uint8_t one[1];
  join_bits(SetOp::kOr, none, one);
  expect(one[0] == 'x');
  join_bits(SetOp::kAnd, none, one);
  expect(one[0] == 0);
});

const test::Case fields("fields wrap, saturate and fail as Redis documents", [] {
  uint8_t bytes[16] = {};
  const BitField u2{2, false, 100};
  const int64_t wrapped[] = {1, 2, 3, 0};
  const int64_t saturated[] = {1, 2, 3, 3};
  for (const int64_t wanted : wrapped) {
    expect(increment_field(bytes, u2, 1, Overflow::kWrap) == wanted);
  }
  for (const int64_t wanted : saturated) {
    expect(increment_field(bytes, u2, 1, Overflow::kSaturate) == wanted);
  }
  expect(!increment_field(bytes, u2, 1, Overflow::kFail) && read_field(bytes, u2) == 3);
  const BitField i5{5, true, 3};
  expect(set_field(bytes, i5, -16, Overflow::kFail) == 0 && read_field(bytes, i5) == -16);
  expect(increment_field(bytes, i5, -1, Overflow::kWrap) == 15);
  expect(increment_field(bytes, i5, INT64_MAX, Overflow::kSaturate) == 15);
  expect(increment_field(bytes, i5, INT64_MIN, Overflow::kSaturate) == -16);
  expect(!set_field(bytes, i5, 16, Overflow::kFail));
  expect(set_field(bytes, i5, 17, Overflow::kWrap) == -16 && read_field(bytes, i5) == -15);
  const BitField u8{8, false, 8};
  expect(set_field(bytes, u8, -1, Overflow::kSaturate) == 0 && bytes[1] == 255);
});

const test::Case wide("fields of 63 and 64 bits keep every bit", [] {
  uint8_t bytes[17] = {};
  const BitField i64{64, true, 5};
  expect(set_field(bytes, i64, INT64_MAX, Overflow::kFail) == 0);
  expect(!increment_field(bytes, i64, 1, Overflow::kFail));
  expect(increment_field(bytes, i64, 1, Overflow::kWrap) == INT64_MIN);
  expect(increment_field(bytes, i64, -1, Overflow::kSaturate) == INT64_MIN);
  const BitField u63{63, false, 70};
  expect(set_field(bytes, u63, INT64_MAX, Overflow::kFail) == 0);
  expect(increment_field(bytes, u63, 2, Overflow::kWrap) == 1);
  expect(increment_field(bytes, u63, -2, Overflow::kSaturate) == 0);
  expect(read_field(Bytes(bytes), {64, true, 17 * 8 - 10}) >= INT64_MIN);  // Past the end: zeros.
  expect(read_field({}, i64) == 0);
});

const test::Case neighbours("a field leaves the bits around it as they are", [] {
  Random random(test::seed());
  for (int round = 0; round < 500; ++round) {
    const BitField field{1 + static_cast<uint32_t>(random.below(63)), random.one_in(2),
                         random.below(70)};
    std::vector<uint8_t> bytes(20);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random.next());
    const std::vector<uint8_t> before = bytes;
    const int64_t value = static_cast<int64_t>(random.next());
    expect(set_field(bytes, field, value, Overflow::kWrap) == read_field(before, field));
    const uint64_t mask = ~uint64_t{0} >> (64 - field.width);
    expect(((static_cast<uint64_t>(read_field(bytes, field)) ^ static_cast<uint64_t>(value)) &
            mask) == 0);
    for (uint64_t offset = 0; offset < bytes.size() * 8; ++offset) {
      const bool within = offset >= field.offset && offset < field.offset + field.width;
      expect(within || bit_of(bytes, offset) == bit_of(before, offset));
    }
  }
});

}  // namespace
}  // namespace varve

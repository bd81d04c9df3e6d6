// pure/bitmap/bit_string.h — bits of a row of bytes, as Redis has them in strings.
//
// Bit 0 is the highest of byte 0; beyond the end every bit is 0. Ranges count bytes or bits, both
// ends included, negative ones from the end. Fields are integers of 1 to 64 bits (63 without a
// sign), highest bit first, at any offset.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/bytes.h"
#include "pure/simd/simd.h"

namespace varve {

enum class BitUnit : uint8_t { kByte, kBit };

struct BitRange {
  int64_t first = 0;
  int64_t last = -1;
  bool has_last = false;  // Whether the caller named it: find_bit() asks.
  BitUnit unit = BitUnit::kByte;
};

uint64_t count_bits(Bytes bytes, const BitRange& range);

// The first such bit of the range, or -1. Where zeros are sought and no end was named, the one
// behind the bytes counts.
int64_t find_bit(Bytes bytes, bool bit, const BitRange& range);

// The sources joined from the left, the shorter ones with zeros behind; `to` is as long as the
// longest.
void join_bits(SetOp op, std::span<const Bytes> sources, MutableBytes to);
void invert_bits(Bytes from, MutableBytes to);

// What happens to a value that a field cannot hold: its lowest bits, the nearest that it can, or
// nothing at all.
enum class Overflow : uint8_t { kWrap, kSaturate, kFail };

struct BitField {
  uint32_t width = 1;  // 1 to 64, without a sign to 63.
  bool has_sign = false;
  uint64_t offset = 0;

  uint64_t end_byte() const { return (offset + width + 7) / 8; }
};

// Beyond the end it reads zeros.
int64_t read_field(Bytes bytes, const BitField& field);
// `bytes` reach to the field's end_byte(). Answers what was there, or nothing where it failed.
std::optional<int64_t> set_field(MutableBytes bytes, const BitField& field, int64_t value,
                                 Overflow overflow);
// Answers what is there now.
std::optional<int64_t> increment_field(MutableBytes bytes, const BitField& field, int64_t by,
                                       Overflow overflow);

}  // namespace varve

// pure/codec/varint.h — numbers in as few bytes as they need, one by one or in streams.
//
// One by one (LEB128): seven bits a byte, the lowest first, the top bit set where another byte
// follows. A number has exactly one form; a longer one is refused.
//
// A stream keeps the lengths apart from the data, four numbers of 32 bits a control byte, so that
// four are decoded by one shuffle:
//
//   control byte | control byte | … | data of number 0 | data of number 1 | …
//
// A rising stream is one of differences: each number is what it is above the one before, the first
// above a base that both sides know. It holds sequences that never descend.
//
// Invariants
//   - No decoder reads outside the bytes it is given, however hostile they are, or writes outside
//     the numbers it is asked for.
//   - What decode_rising_stream() accepts never descends, and begins at or above its base.
// Bytes: FORMAT.md
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/bytes.h"

namespace varve {

inline constexpr size_t kVarint32BytesMax = 5;
inline constexpr size_t kVarint64BytesMax = 10;

size_t varint_size(uint64_t number);

// Writes the number and returns its end; `to` has room for what varint_size() says.
inline uint8_t* put_varint(uint8_t* to, uint64_t number) {
  for (; number >= 0x80; number >>= 7) *to++ = static_cast<uint8_t>(number | 0x80);
  *to++ = static_cast<uint8_t>(number);
  return to;
}
void append_varint(std::string& to, uint64_t number);

// Takes one number off the front; where there is none, `from` and `number` stay as they are.
[[nodiscard]] bool take_long_varint(Bytes& from, uint64_t& number);
[[nodiscard]] bool take_long_varint(Bytes& from, uint32_t& number);
template <typename Number>
[[nodiscard]] inline bool take_varint(Bytes& from, Number& number) {
  if (from.empty() || from[0] >= 0x80) return take_long_varint(from, number);
  number = from[0];
  from = from.subspan(1);
  return true;
}

// Signed numbers near zero as small unsigned ones: 0, -1, 1, -2, … become 0, 1, 2, 3, …
constexpr uint64_t zigzag(int64_t number) {
  return (static_cast<uint64_t>(number) << 1) ^ static_cast<uint64_t>(number >> 63);
}
constexpr int64_t unzigzag(uint64_t number) {
  return static_cast<int64_t>((number >> 1) ^ (0 - (number & 1)));
}

constexpr size_t stream_control_bytes(size_t count) { return (count + 3) / 4; }
// The most that `count` numbers take, whatever they are.
constexpr size_t stream_bytes_max(size_t count) { return stream_control_bytes(count) + 4 * count; }

size_t stream_size(std::span<const uint32_t> numbers);
// Writes the stream and returns its size; `to` has room for what stream_size() says.
size_t encode_stream(std::span<const uint32_t> numbers, uint8_t* to);
// True when `from` is a stream of exactly as many numbers as `to` has, and they are there now.
[[nodiscard]] bool decode_stream(Bytes from, std::span<uint32_t> to);

// The numbers do not descend, and begin at or above `base`.
size_t rising_stream_size(std::span<const uint32_t> numbers, uint32_t base);
size_t encode_rising_stream(std::span<const uint32_t> numbers, uint32_t base, uint8_t* to);
[[nodiscard]] bool decode_rising_stream(Bytes from, uint32_t base, std::span<uint32_t> to);

}  // namespace varve

// pure/simd/kernels_scalar.cc — the specification of every kernel, and the filling for a CPU
// without others.
#include "pure/simd/simd.h"

namespace varve {
namespace {

struct CrcTables {
  uint32_t at[8][256];
  constexpr CrcTables() : at() {
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t crc = i;
      for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78u : 0);
      at[0][i] = crc;
    }
    for (uint32_t i = 0; i < 256; ++i) {
      for (int k = 1; k < 8; ++k) at[k][i] = (at[k - 1][i] >> 8) ^ at[0][at[k - 1][i] & 0xff];
    }
  }
};

constexpr CrcTables kCrc;

// Eight bytes a step, one table for each.
uint32_t crc32c(const uint8_t* bytes, size_t size, uint32_t seed) {
  uint32_t crc = ~seed;
  for (; size >= 8; bytes += 8, size -= 8) {
    const uint32_t low =
        crc ^ (static_cast<uint32_t>(bytes[0]) | static_cast<uint32_t>(bytes[1]) << 8 |
               static_cast<uint32_t>(bytes[2]) << 16 | static_cast<uint32_t>(bytes[3]) << 24);
    crc = kCrc.at[7][low & 0xff] ^ kCrc.at[6][(low >> 8) & 0xff] ^ kCrc.at[5][(low >> 16) & 0xff] ^
          kCrc.at[4][low >> 24] ^ kCrc.at[3][bytes[4]] ^ kCrc.at[2][bytes[5]] ^
          kCrc.at[1][bytes[6]] ^ kCrc.at[0][bytes[7]];
  }
  for (; size > 0; ++bytes, --size) crc = (crc >> 8) ^ kCrc.at[0][(crc ^ *bytes) & 0xff];
  return ~crc;
}

// Number `index` of a stream; moves its data on, to null where that would pass the end.
uint32_t take_number(StreamParts& from, size_t index) {
  const uint32_t size = (from.control[index / 4] >> (index % 4 * 2) & 3u) + 1;
  if (static_cast<size_t>(from.end - from.data) < size) {
    from.data = nullptr;
    return 0;
  }
  uint32_t number = 0;
  for (uint32_t byte = 0; byte < size; ++byte) {
    number |= static_cast<uint32_t>(*from.data++) << (8 * byte);
  }
  return number;
}

// Number `index` of a packed block. Row r of a lane, the numbers r * 4 + lane, lies at bit
// r * width of the lane, whose words are every fourth of the block.
uint32_t packed_number(const uint8_t* from, uint32_t width, uint32_t index) {
  const uint32_t bit = index / 4 * width;
  uint64_t two_words = 0;
  for (uint32_t word = bit / 32; word <= (bit + width - 1) / 32; ++word) {
    const uint8_t* const at = from + word * 16 + index % 4 * 4;
    const uint32_t value = static_cast<uint32_t>(at[0]) | static_cast<uint32_t>(at[1]) << 8 |
                           static_cast<uint32_t>(at[2]) << 16 | static_cast<uint32_t>(at[3]) << 24;
    two_words |= static_cast<uint64_t>(value) << (word - bit / 32) * 32;
  }
  return static_cast<uint32_t>(two_words >> bit % 32 & ((uint64_t{1} << width) - 1));
}

void unpack(const uint8_t* from, uint32_t width, uint32_t base, uint32_t* to) {
  for (uint32_t index = 0; index < kPackedCount; ++index) {
    to[index] = base + (width == 0 ? 0 : packed_number(from, width, index));
  }
}

bool unpack_rising(const uint8_t* from, uint32_t width, uint32_t base, uint32_t* to) {
  unpack(from, width, 0, to);
  for (uint32_t index = 0; index < kPackedCount; ++index) {
    to[index] += base;
    if (to[index] < base) return false;
    base = to[index];
  }
  return true;
}

}  // namespace

const uint8_t* decode_stream_scalar(StreamParts from, uint32_t* to, size_t count) {
  for (size_t index = 0; index < count && from.data != nullptr; ++index) {
    to[index] = take_number(from, index);
  }
  return from.data;
}

const uint8_t* decode_rising_stream_scalar(StreamParts from, uint32_t base, uint32_t* to,
                                           size_t count) {
  for (size_t index = 0; index < count && from.data != nullptr; ++index) {
    to[index] = base + take_number(from, index);
    if (to[index] < base) return nullptr;
    base = to[index];
  }
  return from.data;
}

void fill_scalar(Kernels& table) {
  table = {.name = "scalar",
           .crc32c = crc32c,
           .decode_stream = decode_stream_scalar,
           .decode_rising_stream = decode_rising_stream_scalar,
           .unpack = unpack,
           .unpack_rising = unpack_rising};
  fill_text_scalar(table);
  fill_curve_scalar(table);
  fill_bitmap_scalar(table.bitmap);
}

}  // namespace varve

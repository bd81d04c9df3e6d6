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

}  // namespace

const Kernels* kernels_scalar() {
  static const Kernels one = {"scalar", crc32c};
  return &one;
}

}  // namespace varve

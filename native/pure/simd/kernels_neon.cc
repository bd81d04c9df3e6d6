// pure/simd/kernels_neon.cc — fillings for arm64.
#include "pure/simd/simd.h"

#if defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>

namespace varve {
namespace {

uint32_t crc32c(const uint8_t* bytes, size_t size, uint32_t seed) {
  uint32_t crc = ~seed;
  for (; size >= 8; bytes += 8, size -= 8) {
    uint64_t word;
    __builtin_memcpy(&word, bytes, 8);
    crc = __crc32cd(crc, word);
  }
  for (; size > 0; ++bytes, --size) crc = __crc32cb(crc, *bytes);
  return ~crc;
}

}  // namespace

const Kernels* kernels_neon() {
  static const Kernels one = {"neon", crc32c};
  return &one;
}

}  // namespace varve
#else
namespace varve {
const Kernels* kernels_neon() { return nullptr; }
}  // namespace varve
#endif

// pure/simd/kernels_sse42.cc — fillings for x86-64 with SSE 4.2 (every one sold since 2009).
#include "pure/simd/simd.h"

#if defined(__SSE4_2__) || defined(_M_X64)
#include <nmmintrin.h>

namespace varve {
namespace {

uint32_t crc32c(const uint8_t* bytes, size_t size, uint32_t seed) {
  uint64_t crc = ~seed;
  for (; size >= 8; bytes += 8, size -= 8) {
    uint64_t word;
    __builtin_memcpy(&word, bytes, 8);
    crc = _mm_crc32_u64(crc, word);
  }
  uint32_t rest = static_cast<uint32_t>(crc);
  for (; size > 0; ++bytes, --size) rest = _mm_crc32_u8(rest, *bytes);
  return ~rest;
}

}  // namespace

const Kernels* kernels_sse42() {
  static const Kernels one = {"sse42", crc32c};
  return &one;
}

}  // namespace varve
#else
namespace varve {
const Kernels* kernels_sse42() { return nullptr; }
}  // namespace varve
#endif

// pure/codec/crc32c.h — CRC-32C, the checksum of everything at rest. Chainable by its seed.
#pragma once

#include "base/bytes.h"
#include "pure/simd/simd.h"

namespace varve {

inline uint32_t crc32c(Bytes bytes, uint32_t seed = 0) {
  return kernels().crc32c(bytes.data(), bytes.size(), seed);
}

}  // namespace varve

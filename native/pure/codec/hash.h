// pure/codec/hash.h — the one 64-bit hash of keys. It is part of the file format (point indexes are
// built on it), so its every bit is fixed: FORMAT.md.
//
// Eight or sixteen bytes at a time are folded by a 64 by 64 bit multiplication whose halves are
// combined: two dependent multiplications for a key of up to 16 bytes.
#pragma once

#include "base/bytes.h"

namespace varve {

namespace hash_detail {

inline constexpr uint64_t kA = 0xa0761d6478bd642fULL;
inline constexpr uint64_t kB = 0xe7037ed1a0b428dbULL;
inline constexpr uint64_t kC = 0x8ebc6af09c88c6e3ULL;

inline uint64_t fold(uint64_t a, uint64_t b) {
  const Product product = multiply(a, b);
  return product.low ^ product.high;
}

// The last 1 to 8 bytes as one number.
inline uint64_t tail(const uint8_t* at, size_t size) {
  if (size >= 4)
    return (static_cast<uint64_t>(load<uint32_t>(at)) << 32) | load<uint32_t>(at + size - 4);
  return (static_cast<uint64_t>(at[0]) << 16) | (static_cast<uint64_t>(at[size >> 1]) << 8) |
         at[size - 1];
}

}  // namespace hash_detail

inline uint64_t hash64(Bytes bytes, uint64_t seed) {
  using namespace hash_detail;
  const uint8_t* at = bytes.data();
  size_t size = bytes.size();
  uint64_t state = seed ^ kA;
  for (; size > 16; at += 16, size -= 16) {
    state = fold(load<uint64_t>(at) ^ kB, load<uint64_t>(at + 8) ^ state);
  }
  uint64_t first = 0;
  uint64_t second = 0;
  if (size > 8) {
    first = load<uint64_t>(at);
    second = load<uint64_t>(at + size - 8);
  } else if (size > 0) {
    first = tail(at, size);
  }
  return fold(kC ^ bytes.size(), fold(first ^ kB, second ^ state));
}

}  // namespace varve

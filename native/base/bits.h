// base/bits.h — what the CPU does in one instruction and the language has no word for.
#pragma once

#include <cstdint>

#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
#include <stdlib.h>
#endif

namespace varve {

struct Product {
  uint64_t low;
  uint64_t high;
};

// All 128 bits of a product.
inline Product multiply(uint64_t a, uint64_t b) {
#if defined(_MSC_VER) && !defined(__clang__)
#if defined(_M_X64)
  Product product;
  product.low = _umul128(a, b, &product.high);
  return product;
#else
  return {a * b, __umulh(a, b)};
#endif
#else
  const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
  return {static_cast<uint64_t>(product), static_cast<uint64_t>(product >> 64)};
#endif
}

// Asks for a cache line before it is needed. Any address will do, even a bad one.
inline void prefetch(const void* at) {
#if defined(_MSC_VER) && !defined(__clang__)
#if defined(_M_X64)
  _mm_prefetch(static_cast<const char*>(at), _MM_HINT_T0);
#else
  __prefetch(at);
#endif
#else
  __builtin_prefetch(at);
#endif
}

inline uint64_t swap_bytes(uint64_t value) {
#if defined(_MSC_VER) && !defined(__clang__)
  return _byteswap_uint64(value);
#else
  return __builtin_bswap64(value);
#endif
}

}  // namespace varve

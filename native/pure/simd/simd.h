// pure/simd/simd.h — the kernel table: a few coarse functions, filled once for the CPU that is
// there.
//
// kernels_scalar.cc is the specification; every other filling is tested against it. A filling is
// compiled with flags of its own and includes nothing but this and its intrinsics header, so that
// no wide instruction can leak into shared code. VARVE_SIMD=scalar|sse42|avx2|avx512|neon forces a
// filling, if this CPU can run it.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace varve {

struct Kernels {
  const char* name;
  // CRC-32C (Castagnoli), chainable: crc32c(b, n, crc32c(a, m, 0)) is that of a and b together.
  uint32_t (*crc32c)(const uint8_t* bytes, size_t size, uint32_t seed);
};

const Kernels& kernels();  // Chosen at the first call.

// The fillings; null where this build has none for the CPU family.
const Kernels* kernels_scalar();
const Kernels* kernels_sse42();
const Kernels* kernels_neon();

}  // namespace varve

// pure/simd/simd.h — the kernel table: a few coarse functions, filled once for the CPU that is
// there.
//
// kernels_scalar.cc is the specification; every other filling is tested against it. A filling is
// compiled with flags of its own and includes nothing but this and its intrinsics header, so that
// no wide instruction can leak into shared code. Fillings lie on one another: each sets the entries
// it has something better for and leaves the rest, so the table of AVX2 is scalar, then SSE 4.2,
// then AVX2. VARVE_SIMD=scalar|sse42|avx2|avx512|neon forces a table, if this CPU can run it.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace varve {

inline constexpr size_t kPackedCount = 128;  // Numbers in a packed block: pure/codec/packed.h.

// What pure/codec/varint.h calls a stream: lengths apart from data, four numbers a control byte.
// [data, end) is all that may be read.
struct StreamParts {
  const uint8_t* control;
  const uint8_t* data;
  const uint8_t* end;
};

struct Kernels {
  const char* name;

  // CRC-32C (Castagnoli), chainable: crc32c(b, n, crc32c(a, m, 0)) is that of a and b together.
  uint32_t (*crc32c)(const uint8_t* bytes, size_t size, uint32_t seed);

  // Decodes `count` numbers and returns where their data ends; null if that is past the end.
  const uint8_t* (*decode_stream)(StreamParts from, uint32_t* to, size_t count);

  // The same where each number is what it is above the one before, the first above `base`. Null
  // also where a sum passes 32 bits: what is returned never descends.
  const uint8_t* (*decode_rising_stream)(StreamParts from, uint32_t base, uint32_t* to,
                                         size_t count);

  // kPackedCount numbers of `width` bits (0..32), each added to `base` modulo 2^32.
  void (*unpack)(const uint8_t* from, uint32_t width, uint32_t base, uint32_t* to);

  // The same where each number is what it is above the one before, the first above `base`; false
  // where a sum passes 32 bits.
  bool (*unpack_rising)(const uint8_t* from, uint32_t width, uint32_t base, uint32_t* to);
};

const Kernels& kernels();  // Chosen at the first call.

// Every table this CPU can run, plainest first, for tests that hold them to one another.
inline constexpr size_t kTablesMax = 5;
size_t all_kernels(const Kernels* (&to)[kTablesMax]);

// The fillings, each over what lies below it; false where this build has none for the CPU family.
void fill_scalar(Kernels& table);
bool fill_sse42(Kernels& table);
bool fill_avx2(Kernels& table);
bool fill_neon(Kernels& table);

// How the streams of scalar end, which every filling needs where a wide read would pass the end.
const uint8_t* decode_stream_scalar(StreamParts from, uint32_t* to, size_t count);
const uint8_t* decode_rising_stream_scalar(StreamParts from, uint32_t base, uint32_t* to,
                                           size_t count);

}  // namespace varve

// pure/simd/simd.h — the kernel table: a few coarse functions, filled once for the CPU that is
// there.
//
// kernels_scalar.cc is the specification; every other filling is tested against it. A filling is
// compiled with flags of its own and includes nothing but this and its intrinsics header, so that
// no wide instruction can leak into shared code. Fillings lie on one another: each sets the entries
// it has something better for and leaves the rest, so the table of AVX2 is scalar, then SSE 4.2,
// then AVX2. VARVE_SIMD=scalar|sse42|avx2|avx512|popcnt512|neon forces a table, if this CPU can run
// it.
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

// The four ways to join two sets; the numbers index the kernels below.
enum class SetOp : uint8_t { kAnd = 0, kOr = 1, kXor = 2, kAndNot = 3 };
inline constexpr size_t kSetOpCount = 4;

// Two lists of 16-bit numbers, to be counted together.
struct ListPair {
  const uint16_t* a;
  const uint16_t* b;
  uint32_t a_count;
  uint32_t b_count;
};

// Containers of bitmaps (pure/bitmap/) and flat bits. Lists of 16-bit numbers rise strictly. A list
// that does not (bytes of a stranger) gives a wrong answer of at most `a_count + b_count` numbers,
// and nothing is read or written beyond what is said.
struct BitmapKernels {
  // How many bits are set.
  uint64_t (*count)(const uint8_t* bytes, size_t size);
  // Joins bit by bit into `to`, which may be `a`, and returns how many bits are set there.
  uint64_t (*join[kSetOpCount])(uint8_t* to, const uint8_t* a, const uint8_t* b, size_t size);
  // The same count without writing.
  uint64_t (*join_count[kSetOpCount])(const uint8_t* a, const uint8_t* b, size_t size);
  // How many runs of set bits there are; `size` is a multiple of 8.
  uint32_t (*run_count)(const uint8_t* bytes, size_t size);
  // The positions of the set bits, rising; returns how many. `size` is a multiple of 8, at most
  // 8192, and `to` has room for every bit and four more.
  size_t (*positions)(const uint8_t* bytes, size_t size, uint16_t* to);
  // What is in both lists; `to` has room for a_count + b_count + 16 numbers.
  size_t (*intersect)(const uint16_t* a, size_t a_count, const uint16_t* b, size_t b_count,
                      uint16_t* to);
  // How many numbers are in both lists of a pair, summed over the pairs. Walking two lists waits
  // for each step before it can begin the next, so pairs are walked side by side.
  uint64_t (*count_common)(const ListPair* pairs, size_t pair_count);
  // What is in either; the same room.
  size_t (*unite)(const uint16_t* a, size_t a_count, const uint16_t* b, size_t b_count,
                  uint16_t* to);
};

inline constexpr size_t kScannedBytes = 64;

// Of kScannedBytes of text, bit by bit from the first.
struct TextMarks {
  uint64_t words;   // Letters and digits of ASCII.
  uint64_t others;  // What else may belong to a word: underlines, and all that is not ASCII.
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

  // How many of the first `size` bytes two keys share.
  size_t (*shared_prefix)(const uint8_t* a, const uint8_t* b, size_t size);

  // Marks what is in a piece of text; where it has fewer than kScannedBytes, as if zeros followed.
  // `to` gets kScannedBytes, large letters of ASCII made small.
  TextMarks (*scan_text)(const uint8_t* from, size_t size, uint8_t* to);

  // The places on the Hilbert curve (pure/geo/hilbert.h) of cells by their columns and rows.
  void (*hilbert)(const uint32_t* columns, const uint32_t* rows, size_t count, uint64_t* to);

  BitmapKernels bitmap;
};

const Kernels& kernels();  // Chosen at the first call.

// Every table this CPU can run, plainest first, for tests that hold them to one another.
inline constexpr size_t kTablesMax = 5;
size_t all_kernels(const Kernels* (&to)[kTablesMax]);

// The fillings, each over what lies below it; false where this build has none for the CPU family.
void fill_scalar(Kernels& table);
bool fill_sse42(Kernels& table);
bool fill_avx2(Kernels& table);
bool fill_avx512(Kernels& table);
bool fill_popcnt512(Kernels& table);  // VPOPCNTDQ on top of AVX-512.
bool fill_neon(Kernels& table);

// What they set of the bitmap group, from kernels_<filling>_bitmap.cc.
void fill_bitmap_scalar(BitmapKernels& table);
void fill_bitmap_sse42(BitmapKernels& table);
void fill_bitmap_avx2(BitmapKernels& table);
void fill_bitmap_avx512(BitmapKernels& table);
void fill_bitmap_popcnt512(BitmapKernels& table);
void fill_lists_avx512(BitmapKernels& table);  // From kernels_avx512_list.cc.
void fill_bitmap_neon(BitmapKernels& table);

// What they set of the numbers, from kernels_<filling>_number.cc.
void fill_number_avx2(Kernels& table);
void fill_number_avx512(Kernels& table);

// What they set of keys and texts, from kernels_<filling>_text.cc.
void fill_text_scalar(Kernels& table);
void fill_text_sse42(Kernels& table);
void fill_text_avx2(Kernels& table);
void fill_text_avx512(Kernels& table);
void fill_text_neon(Kernels& table);

// What they set of the Hilbert curve, from kernels_<filling>_curve.cc.
void fill_curve_scalar(Kernels& table);
void fill_curve_sse42(Kernels& table);
void fill_curve_avx2(Kernels& table);
void fill_curve_avx512(Kernels& table);
void fill_curve_neon(Kernels& table);

// The place of one cell.
uint64_t hilbert_scalar(uint32_t column, uint32_t row);

// How keys end, which are no whole number of vectors.
size_t shared_prefix_scalar(const uint8_t* a, const uint8_t* b, size_t size);

// How the streams of scalar end, which every filling needs where a wide read would pass the end.
const uint8_t* decode_stream_scalar(StreamParts from, uint32_t* to, size_t count);
const uint8_t* decode_rising_stream_scalar(StreamParts from, uint32_t base, uint32_t* to,
                                           size_t count);

}  // namespace varve

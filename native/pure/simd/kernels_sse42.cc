// pure/simd/kernels_sse42.cc — fillings for x86-64 with SSE 4.2 and PCLMULQDQ (every one sold since
// 2011).
//
// The crc32 instruction takes eight bytes a cycle but answers after three, so three thirds of a
// long buffer are summed at once. A sum is moved over the n bytes that follow it by a
// multiplication by x^8n, modulo the polynomial: one carry-less product with a constant, reduced by
// the instruction itself.
#include "pure/simd/simd.h"

#if defined(__SSE4_2__) || defined(_M_X64)
#include <nmmintrin.h>
#include <wmmintrin.h>

#include "pure/simd/number_loops.h"

namespace varve {
namespace {

constexpr size_t kThirdWordsMin = 8;    // Below, joining costs more than it saves (measured).
constexpr size_t kThirdWordsMax = 256;  // Where the constants end.

// at[n] is x^(64 n - 33), bits reflected: what moves a sum over n words. The product of two
// reflected numbers is short of one x, and the reduction multiplies by x^32: together the 33.
struct CrcShifts {
  uint32_t at[2 * kThirdWordsMax + 1];
  constexpr CrcShifts() : at() {
    uint32_t power = 0x80000000u;  // x^0
    for (int bit = 0; bit < 31; ++bit) power = times_x(power);
    for (size_t words = 1; words <= 2 * kThirdWordsMax; ++words) {
      at[words] = power;
      for (int bit = 0; bit < 64; ++bit) power = times_x(power);
    }
  }
  static constexpr uint32_t times_x(uint32_t power) {
    return (power >> 1) ^ ((power & 1) != 0 ? 0x82f63b78u : 0);
  }
};

constexpr CrcShifts kCrcShifts;

uint64_t load_word(const uint8_t* at) {
  uint64_t word;
  __builtin_memcpy(&word, at, 8);
  return word;
}

uint64_t product(uint64_t sum, uint32_t shift) {
  const __m128i both = _mm_clmulepi64_si128(_mm_cvtsi64_si128(static_cast<long long>(sum)),
                                            _mm_cvtsi32_si128(static_cast<int>(shift)), 0);
  return static_cast<uint64_t>(_mm_cvtsi128_si64(both));
}

// The sum of three thirds of `words` words each, on top of `crc`.
uint64_t crc_of_thirds(const uint8_t* bytes, size_t words, uint64_t crc) {
  uint64_t second = 0;
  uint64_t third = 0;
  const uint8_t* const at_second = bytes + words * 8;
  const uint8_t* const at_third = bytes + words * 16;
  for (size_t offset = 0; offset < words * 8; offset += 8) {
    crc = _mm_crc32_u64(crc, load_word(bytes + offset));
    second = _mm_crc32_u64(second, load_word(at_second + offset));
    third = _mm_crc32_u64(third, load_word(at_third + offset));
  }
  const uint64_t moved =
      product(crc, kCrcShifts.at[2 * words]) ^ product(second, kCrcShifts.at[words]);
  return _mm_crc32_u64(0, moved) ^ third;
}

uint32_t crc32c(const uint8_t* bytes, size_t size, uint32_t seed) {
  uint64_t crc = static_cast<uint32_t>(~seed);
  while (size >= kThirdWordsMin * 24) {
    const size_t words = size / 24 < kThirdWordsMax ? size / 24 : kThirdWordsMax;
    crc = crc_of_thirds(bytes, words, crc);
    bytes += words * 24;
    size -= words * 24;
  }
  for (; size >= 8; bytes += 8, size -= 8) crc = _mm_crc32_u64(crc, load_word(bytes));
  uint32_t rest = static_cast<uint32_t>(crc);
  for (; size > 0; ++bytes, --size) rest = _mm_crc32_u8(rest, *bytes);
  return ~rest;
}

// Four numbers at a time.
struct Lanes {
  using Vector = __m128i;
  using Packed = PackedRows<Lanes>;
  static constexpr size_t kCount = 4;

  // What is not zero where a lane was below the one before it.
  struct Flags {
    __m128i bits = _mm_setzero_si128();
  };

  static Vector read(const uint8_t* at) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  }
  static void write(uint32_t* to, Vector four) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), four);
  }
  static Vector all(uint32_t number) { return _mm_set1_epi32(static_cast<int>(number)); }
  static Vector add(Vector a, Vector b) { return _mm_add_epi32(a, b); }
  static Vector shuffle(const uint8_t* data, const uint8_t* order) {
    return _mm_shuffle_epi8(read(data), read(order));
  }
  static Vector take(StreamParts& from) { return take_four<Lanes>(from); }

  static Vector sums(Vector differences) {
    const __m128i pairs = _mm_add_epi32(differences, _mm_slli_si128(differences, 4));
    return _mm_add_epi32(pairs, _mm_slli_si128(pairs, 8));
  }
  static Vector last_of(Vector four) { return _mm_shuffle_epi32(four, 0xff); }
  static Vector before(Vector four, Vector last) { return _mm_alignr_epi8(four, last, 12); }
  static Flags mark(Flags flags, Vector sums, Vector before) {
    return {_mm_or_si128(flags.bits, _mm_xor_si128(_mm_max_epu32(sums, before), sums))};
  }
  static bool is_marked(Flags flags) { return _mm_testz_si128(flags.bits, flags.bits) == 0; }

  static Vector cut(Vector word, Vector next, int shift, Vector mask) {
    const __m128i low = _mm_srl_epi32(word, _mm_cvtsi32_si128(shift));
    const __m128i high = _mm_sll_epi32(next, _mm_cvtsi32_si128(32 - shift));
    return _mm_and_si128(_mm_or_si128(low, high), mask);
  }
};

}  // namespace

bool fill_sse42(Kernels& table) {
  table.name = "sse42";
  table.crc32c = crc32c;
  table.decode_stream = decode_stream_by<Lanes>;
  table.decode_rising_stream = decode_rising_stream_by<Lanes>;
  table.unpack = unpack_by<Lanes>;
  table.unpack_rising = unpack_rising_by<Lanes>;
  fill_text_sse42(table);
  fill_curve_sse42(table);
  fill_bitmap_sse42(table.bitmap);
  return true;
}

}  // namespace varve
#else
namespace varve {
bool fill_sse42(Kernels&) { return false; }
}  // namespace varve
#endif

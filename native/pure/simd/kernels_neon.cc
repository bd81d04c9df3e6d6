// pure/simd/kernels_neon.cc — fillings for arm64 with the CRC extension.
//
// As in kernels_sse42.cc, three thirds of a long buffer are summed at once. Not every arm64 has the
// long carry-less product, so sums are moved by a plain one, which only pays for longer thirds.
#include "pure/simd/simd.h"

#if defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#include <arm_neon.h>

#include "pure/simd/number_loops.h"

namespace varve {
namespace {

constexpr size_t kThirdWordsMin = 64;  // A guess: two moves cost about as much as 100 words.
constexpr size_t kThirdWordsMax = 512;

constexpr uint32_t times_x(uint32_t power) {
  return (power >> 1) ^ (0x82f63b78u & (0u - (power & 1)));
}

// at[n] is x^(64 n) modulo the polynomial, bits reflected: what moves a sum over n words.
struct CrcShifts {
  uint32_t at[2 * kThirdWordsMax + 1];
  constexpr CrcShifts() : at() {
    uint32_t power = 0x80000000u;  // x^0
    for (size_t words = 0; words <= 2 * kThirdWordsMax; ++words) {
      at[words] = power;
      for (int bit = 0; bit < 64; ++bit) power = times_x(power);
    }
  }
};

constexpr CrcShifts kCrcShifts;

uint32_t product(uint32_t sum, uint32_t shift) {
  uint32_t result = 0;
  for (int bit = 31; bit >= 0; --bit) {
    result ^= shift & (0u - (sum >> bit & 1));
    shift = times_x(shift);
  }
  return result;
}

uint64_t load_word(const uint8_t* at) {
  uint64_t word;
  __builtin_memcpy(&word, at, 8);
  return word;
}

// The sum of three thirds of `words` words each, on top of `crc`.
uint32_t crc_of_thirds(const uint8_t* bytes, size_t words, uint32_t crc) {
  uint32_t second = 0;
  uint32_t third = 0;
  const uint8_t* const at_second = bytes + words * 8;
  const uint8_t* const at_third = bytes + words * 16;
  for (size_t offset = 0; offset < words * 8; offset += 8) {
    crc = __crc32cd(crc, load_word(bytes + offset));
    second = __crc32cd(second, load_word(at_second + offset));
    third = __crc32cd(third, load_word(at_third + offset));
  }
  return product(crc, kCrcShifts.at[2 * words]) ^ product(second, kCrcShifts.at[words]) ^ third;
}

uint32_t crc32c(const uint8_t* bytes, size_t size, uint32_t seed) {
  uint32_t crc = ~seed;
  while (size >= kThirdWordsMin * 24) {
    const size_t words = size / 24 < kThirdWordsMax ? size / 24 : kThirdWordsMax;
    crc = crc_of_thirds(bytes, words, crc);
    bytes += words * 24;
    size -= words * 24;
  }
  for (; size >= 8; bytes += 8, size -= 8) crc = __crc32cd(crc, load_word(bytes));
  for (; size > 0; ++bytes, --size) crc = __crc32cb(crc, *bytes);
  return ~crc;
}

// Four numbers at a time.
struct Lanes {
  using Vector = uint32x4_t;
  using Packed = PackedRows<Lanes>;
  static constexpr size_t kCount = 4;

  // What is not zero where a lane was below the one before it.
  struct Flags {
    uint32x4_t bits = vdupq_n_u32(0);
  };

  static Vector read(const uint8_t* at) { return vreinterpretq_u32_u8(vld1q_u8(at)); }
  static void write(uint32_t* to, Vector four) { vst1q_u32(to, four); }
  static Vector all(uint32_t number) { return vdupq_n_u32(number); }
  static Vector add(Vector a, Vector b) { return vaddq_u32(a, b); }
  static Vector shuffle(const uint8_t* data, const uint8_t* order) {
    return vreinterpretq_u32_u8(vqtbl1q_u8(vld1q_u8(data), vld1q_u8(order)));
  }
  static Vector take(StreamParts& from) { return take_four<Lanes>(from); }

  static Vector sums(Vector differences) {
    const uint32x4_t zero = vdupq_n_u32(0);
    const uint32x4_t pairs = vaddq_u32(differences, vextq_u32(zero, differences, 3));
    return vaddq_u32(pairs, vextq_u32(zero, pairs, 2));
  }
  static Vector last_of(Vector four) { return vdupq_laneq_u32(four, 3); }
  static Vector before(Vector four, Vector last) { return vextq_u32(last, four, 3); }
  static Flags mark(Flags flags, Vector sums, Vector before) {
    return {vorrq_u32(flags.bits, vcltq_u32(sums, before))};
  }
  static bool is_marked(Flags flags) { return vmaxvq_u32(flags.bits) != 0; }

  static Vector cut(Vector word, Vector next, int shift, Vector mask) {
    const uint32x4_t low = vshlq_u32(word, vdupq_n_s32(-shift));
    const uint32x4_t high = vshlq_u32(next, vdupq_n_s32(32 - shift));
    return vandq_u32(vorrq_u32(low, high), mask);
  }
};

}  // namespace

bool fill_neon(Kernels& table) {
  table.name = "neon";
  table.crc32c = crc32c;
  table.decode_stream = decode_stream_by<Lanes>;
  table.decode_rising_stream = decode_rising_stream_by<Lanes>;
  table.unpack = unpack_by<Lanes>;
  table.unpack_rising = unpack_rising_by<Lanes>;
  fill_text_neon(table);
  fill_curve_neon(table);
  fill_bitmap_neon(table.bitmap);
  return true;
}

}  // namespace varve
#else
namespace varve {
bool fill_neon(Kernels&) { return false; }
}  // namespace varve
#endif

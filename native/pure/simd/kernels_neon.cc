// pure/simd/kernels_neon.cc — fillings for arm64 with the CRC extension.
//
// As in kernels_sse42.cc, three thirds of a long buffer are summed at once. Not every arm64 has the
// long carry-less product, so sums are moved by a plain one, which only pays for longer thirds.
#include "pure/simd/simd.h"

#if defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#include <arm_neon.h>

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

// For each control byte: which of 16 data bytes goes where, and how many are used.
struct Shuffles {
  alignas(16) uint8_t from[256][16];
  uint8_t size[256];
  constexpr Shuffles() : from(), size() {
    for (uint32_t control = 0; control < 256; ++control) {
      uint8_t next = 0;
      for (uint32_t byte = 0; byte < 16; ++byte) {
        const bool used = byte % 4 <= (control >> byte / 4 * 2 & 3);
        from[control][byte] = used ? next++ : 0xff;
      }
      size[control] = next;
    }
  }
};

constexpr Shuffles kShuffles;

uint32x4_t load_4(const uint8_t* at) { return vreinterpretq_u32_u8(vld1q_u8(at)); }

// The next four numbers; 16 bytes of data can be read.
uint32x4_t take_four(StreamParts& from) {
  const uint8_t control = *from.control++;
  const uint8x16_t four = vqtbl1q_u8(vld1q_u8(from.data), vld1q_u8(kShuffles.from[control]));
  from.data += kShuffles.size[control];
  return vreinterpretq_u32_u8(four);
}

bool has_wide(const StreamParts& from) { return from.end - from.data >= 16; }

const uint8_t* decode_stream(StreamParts from, uint32_t* to, size_t count) {
  for (; count >= 4 && has_wide(from); to += 4, count -= 4) vst1q_u32(to, take_four(from));
  return decode_stream_scalar(from, to, count);
}

// Sums differences, and remembers whether a sum was smaller than the one before it.
struct Rising {
  uint32x4_t last;  // The number before, in every lane.
  uint32x4_t descended = vdupq_n_u32(0);

  explicit Rising(uint32_t base) : last(vdupq_n_u32(base)) {}
  uint32x4_t next(uint32x4_t differences) {
    const uint32x4_t zero = vdupq_n_u32(0);
    const uint32x4_t pairs = vaddq_u32(differences, vextq_u32(zero, differences, 3));
    const uint32x4_t sums = vaddq_u32(vaddq_u32(pairs, vextq_u32(zero, pairs, 2)), last);
    descended = vorrq_u32(descended, vcltq_u32(sums, vextq_u32(last, sums, 3)));
    last = vdupq_laneq_u32(sums, 3);
    return sums;
  }
  bool good() const { return vmaxvq_u32(descended) == 0; }
};

const uint8_t* decode_rising_stream(StreamParts from, uint32_t base, uint32_t* to, size_t count) {
  Rising rising(base);
  for (; count >= 4 && has_wide(from); to += 4, count -= 4) {
    vst1q_u32(to, rising.next(take_four(from)));
  }
  if (!rising.good()) return nullptr;
  return decode_rising_stream_scalar(from, vgetq_lane_u32(rising.last, 0), to, count);
}

// Four numbers, one of each lane, that begin at the same bit of their lanes.
struct Packed {
  const uint8_t* from;
  uint32_t width;
  uint32x4_t mask;

  Packed(const uint8_t* block, uint32_t bits)
      : from(block), width(bits), mask(vdupq_n_u32(~0u >> (32 - bits))) {}

  // The last word is read twice where a row ends with it: what the second reading adds is masked.
  uint32x4_t row(uint32_t index) const {
    const uint32_t bit = index * width;
    const uint32_t word = bit / 32;
    const uint32_t next = word + 1 < width ? word + 1 : word;
    const int shift = static_cast<int>(bit % 32);
    const uint32x4_t low = vshlq_u32(load_4(from + word * 16), vdupq_n_s32(-shift));
    const uint32x4_t high = vshlq_u32(load_4(from + next * 16), vdupq_n_s32(32 - shift));
    return vandq_u32(vorrq_u32(low, high), mask);
  }
};

void unpack(const uint8_t* from, uint32_t width, uint32_t base, uint32_t* to) {
  const uint32x4_t bases = vdupq_n_u32(base);
  if (width == 0) {
    for (uint32_t row = 0; row < 32; ++row) vst1q_u32(to + row * 4, bases);
    return;
  }
  const Packed packed(from, width);
  for (uint32_t row = 0; row < 32; ++row) {
    vst1q_u32(to + row * 4, vaddq_u32(packed.row(row), bases));
  }
}

bool unpack_rising(const uint8_t* from, uint32_t width, uint32_t base, uint32_t* to) {
  Rising rising(base);
  if (width == 0) {
    unpack(from, width, base, to);
    return true;
  }
  const Packed packed(from, width);
  for (uint32_t row = 0; row < 32; ++row) vst1q_u32(to + row * 4, rising.next(packed.row(row)));
  return rising.good();
}

}  // namespace

bool fill_neon(Kernels& table) {
  table.name = "neon";
  table.crc32c = crc32c;
  table.decode_stream = decode_stream;
  table.decode_rising_stream = decode_rising_stream;
  table.unpack = unpack;
  table.unpack_rising = unpack_rising;
  fill_bitmap_neon(table.bitmap);
  return true;
}

}  // namespace varve
#else
namespace varve {
bool fill_neon(Kernels&) { return false; }
}  // namespace varve
#endif

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

__m128i load_16(const uint8_t* at) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at)); }
void store_4(uint32_t* to, __m128i four) { _mm_storeu_si128(reinterpret_cast<__m128i*>(to), four); }

// The next four numbers; 16 bytes of data can be read.
__m128i take_four(StreamParts& from) {
  const uint8_t control = *from.control++;
  const __m128i order = _mm_load_si128(reinterpret_cast<const __m128i*>(kShuffles.from[control]));
  const __m128i four = _mm_shuffle_epi8(load_16(from.data), order);
  from.data += kShuffles.size[control];
  return four;
}

bool has_wide(const StreamParts& from) { return from.end - from.data >= 16; }

const uint8_t* decode_stream(StreamParts from, uint32_t* to, size_t count) {
  for (; count >= 4 && has_wide(from); to += 4, count -= 4) store_4(to, take_four(from));
  return decode_stream_scalar(from, to, count);
}

// Sums differences, and remembers whether a sum was smaller than the one before it.
struct Rising {
  __m128i last;  // The number before, in every lane.
  __m128i descended = _mm_setzero_si128();

  explicit Rising(uint32_t base) : last(_mm_set1_epi32(static_cast<int>(base))) {}
  __m128i next(__m128i differences) {
    const __m128i pairs = _mm_add_epi32(differences, _mm_slli_si128(differences, 4));
    const __m128i sums = _mm_add_epi32(_mm_add_epi32(pairs, _mm_slli_si128(pairs, 8)), last);
    const __m128i before = _mm_alignr_epi8(sums, last, 12);
    descended = _mm_or_si128(descended, _mm_xor_si128(_mm_max_epu32(sums, before), sums));
    last = _mm_shuffle_epi32(sums, 0xff);
    return sums;
  }
  bool good() const { return _mm_testz_si128(descended, descended) != 0; }
};

const uint8_t* decode_rising_stream(StreamParts from, uint32_t base, uint32_t* to, size_t count) {
  Rising rising(base);
  for (; count >= 4 && has_wide(from); to += 4, count -= 4) {
    store_4(to, rising.next(take_four(from)));
  }
  if (!rising.good()) return nullptr;
  base = static_cast<uint32_t>(_mm_cvtsi128_si32(rising.last));
  return decode_rising_stream_scalar(from, base, to, count);
}

// Four numbers, one of each lane, that begin at the same bit of their lanes.
struct Packed {
  const uint8_t* from;
  uint32_t width;
  __m128i mask;

  Packed(const uint8_t* block, uint32_t bits)
      : from(block), width(bits), mask(_mm_set1_epi32(static_cast<int>(~0u >> (32 - bits)))) {}

  // The last word is read twice where a row ends with it: what the second reading adds is masked.
  __m128i row(uint32_t index) const {
    const uint32_t bit = index * width;
    const uint32_t word = bit / 32;
    const uint32_t next = word + 1 < width ? word + 1 : word;
    const int shift = static_cast<int>(bit % 32);
    const __m128i low = _mm_srl_epi32(load_16(from + word * 16), _mm_cvtsi32_si128(shift));
    const __m128i high = _mm_sll_epi32(load_16(from + next * 16), _mm_cvtsi32_si128(32 - shift));
    return _mm_and_si128(_mm_or_si128(low, high), mask);
  }
};

void unpack(const uint8_t* from, uint32_t width, uint32_t base, uint32_t* to) {
  const __m128i bases = _mm_set1_epi32(static_cast<int>(base));
  if (width == 0) {
    for (uint32_t row = 0; row < 32; ++row) store_4(to + row * 4, bases);
    return;
  }
  const Packed packed(from, width);
  for (uint32_t row = 0; row < 32; ++row) {
    store_4(to + row * 4, _mm_add_epi32(packed.row(row), bases));
  }
}

bool unpack_rising(const uint8_t* from, uint32_t width, uint32_t base, uint32_t* to) {
  Rising rising(base);
  if (width == 0) {
    unpack(from, width, base, to);
    return true;
  }
  const Packed packed(from, width);
  for (uint32_t row = 0; row < 32; ++row) store_4(to + row * 4, rising.next(packed.row(row)));
  return rising.good();
}

}  // namespace

bool fill_sse42(Kernels& table) {
  table.name = "sse42";
  table.crc32c = crc32c;
  table.decode_stream = decode_stream;
  table.decode_rising_stream = decode_rising_stream;
  table.unpack = unpack;
  table.unpack_rising = unpack_rising;
  fill_bitmap_sse42(table.bitmap);
  return true;
}

}  // namespace varve
#else
namespace varve {
bool fill_sse42(Kernels&) { return false; }
}  // namespace varve
#endif

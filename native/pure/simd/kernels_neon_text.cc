// pure/simd/kernels_neon_text.cc — keys and texts sixteen bytes at a time.
#include "pure/simd/simd.h"

#if defined(__ARM_NEON)
#include <arm_neon.h>

#include "pure/simd/text_loops.h"

namespace varve {
namespace {

struct Lanes {
  static constexpr size_t kWidth = 16;

  static uint8x16_t read(const uint8_t* at) { return vld1q_u8(at); }
  static void write(uint8_t* at, uint8x16_t bytes) { vst1q_u8(at, bytes); }
  static uint8x16_t all(int byte) { return vdupq_n_u8(static_cast<uint8_t>(byte)); }
  static uint8x16_t plus(uint8x16_t a, uint8x16_t b) { return vaddq_u8(a, b); }
  static uint8x16_t with(uint8x16_t a, uint8x16_t b) { return vorrq_u8(a, b); }
  static uint8x16_t equal(uint8x16_t a, uint8x16_t b) { return vceqq_u8(a, b); }
  static uint8x16_t at_most(uint8x16_t a, int most) { return vcleq_u8(a, all(most)); }
  static uint8x16_t either(uint8x16_t a, uint8x16_t b) { return vorrq_u8(a, b); }
  static uint8x16_t choose(uint8x16_t marks, uint8x16_t a, uint8x16_t b) {
    return vbslq_u8(marks, a, b);
  }
  // There is no instruction for it: each lane keeps the bit of its place, and halves are added up.
  static uint64_t bits(uint8x16_t marks) {
    const uint8_t places[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    const uint8x16_t placed = vandq_u8(marks, vld1q_u8(places));
    return vaddv_u8(vget_low_u8(placed)) | uint64_t{vaddv_u8(vget_high_u8(placed))} << 8;
  }
  static uint64_t high_bits(uint8x16_t bytes) { return bits(vcgeq_u8(bytes, all(0x80))); }
};

}  // namespace

void fill_text_neon(Kernels& table) { fill_texts<Lanes>(table); }

}  // namespace varve
#endif

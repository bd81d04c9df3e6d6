// pure/simd/kernels_neon_curve.cc — the Hilbert curve of four cells at a time.
#include "pure/simd/simd.h"

#if defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
#include <arm_neon.h>

#include "pure/simd/curve_loops.h"

namespace varve {
namespace {

struct Lanes {
  using Vector = uint32x4_t;
  static constexpr size_t kCount = 4;

  static Vector read(const uint32_t* at) { return vld1q_u32(at); }
  static Vector all(uint32_t word) { return vdupq_n_u32(word); }
  static Vector both(Vector a, Vector b) { return vandq_u32(a, b); }
  static Vector either(Vector a, Vector b) { return vorrq_u32(a, b); }
  static Vector differ(Vector a, Vector b) { return veorq_u32(a, b); }
  static Vector without(Vector a, Vector b) { return vbicq_u32(a, b); }
  template <int count>
  static Vector down(Vector words) {
    return vshrq_n_u32(words, count);
  }
  static void write_woven(Vector upper, Vector lower, uint64_t* to) {
    const uint8x16_t odd = vld1q_u8(kSpreads.odd);
    const uint8x16_t even = vld1q_u8(kSpreads.even);
    const uint8x16_t uppers = vreinterpretq_u8_u32(upper);
    const uint8x16_t lowers = vreinterpretq_u8_u32(lower);
    const uint8x16_t fours = vdupq_n_u8(15);
    const uint8x16_t low = vorrq_u8(vqtbl1q_u8(odd, vandq_u8(uppers, fours)),
                                    vqtbl1q_u8(even, vandq_u8(lowers, fours)));
    const uint8x16_t high =
        vorrq_u8(vqtbl1q_u8(odd, vshrq_n_u8(uppers, 4)), vqtbl1q_u8(even, vshrq_n_u8(lowers, 4)));
    vst1q_u64(to, vreinterpretq_u64_u8(vzip1q_u8(low, high)));
    vst1q_u64(to + 2, vreinterpretq_u64_u8(vzip2q_u8(low, high)));
  }
};

}  // namespace

void fill_curve_neon(Kernels& table) { table.hilbert = hilbert_by<Lanes>; }

}  // namespace varve
#endif

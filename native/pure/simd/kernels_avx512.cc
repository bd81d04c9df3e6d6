// pure/simd/kernels_avx512.cc — what AVX-512 does better than AVX2, and VPOPCNTDQ better than that:
// whole containers of bits, lists, packed blocks and rising streams.
#include "pure/simd/simd.h"

namespace varve {

#if defined(__AVX512BW__)
bool fill_avx512(Kernels& table) {
  table.name = "avx512";
  fill_number_avx512(table);
  fill_text_avx512(table);
  fill_curve_avx512(table);
  fill_bitmap_avx512(table.bitmap);
  fill_lists_avx512(table.bitmap);
  return true;
}

bool fill_popcnt512(Kernels& table) {
  table.name = "popcnt512";
  fill_bitmap_popcnt512(table.bitmap);
  return true;
}
#else
bool fill_avx512(Kernels&) { return false; }
bool fill_popcnt512(Kernels&) { return false; }
#endif

}  // namespace varve

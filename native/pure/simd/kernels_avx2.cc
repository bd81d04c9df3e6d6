// pure/simd/kernels_avx2.cc — what AVX2 does better than SSE 4.2: whole containers of bits, streams
// and packed blocks of numbers.
//
// CRC-32C stays that of SSE 4.2: its instruction has no wider form, and three sums at once keep it
// busy (23.6 GB/s, measured). So do lists of 16-bit numbers, whose string instruction has none.
#include "pure/simd/simd.h"

namespace varve {

#if defined(__AVX2__)
bool fill_avx2(Kernels& table) {
  table.name = "avx2";
  fill_number_avx2(table);
  fill_text_avx2(table);
  fill_curve_avx2(table);
  fill_bitmap_avx2(table.bitmap);
  return true;
}
#else
bool fill_avx2(Kernels&) { return false; }
#endif

}  // namespace varve

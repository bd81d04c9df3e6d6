// pure/simd/kernels_avx2.cc — what AVX2 does better than SSE 4.2: whole containers of bits.
#include "pure/simd/simd.h"

namespace varve {

#if defined(__AVX2__)
bool fill_avx2(Kernels& table) {
  table.name = "avx2";
  fill_bitmap_avx2(table.bitmap);
  return true;
}
#else
bool fill_avx2(Kernels&) { return false; }
#endif

}  // namespace varve

#include "pure/geo/hilbert.h"

#include <algorithm>

#include "pure/simd/simd.h"

namespace varve::geo {
namespace {

constexpr double kCells = 4294967296.0;
constexpr size_t kPieceCount = 256;  // Points at a time: their columns and rows stay in the cache.

// The last cell takes the upper end in.
uint32_t cell_of(double offset, double extent) {
  const double cell = offset * (kCells / extent);
  return cell >= kCells - 1 ? UINT32_MAX : static_cast<uint32_t>(cell);
}

uint32_t column_of(double lng) { return cell_of(lng + kLngMax, 2 * kLngMax); }
uint32_t row_of(double lat) { return cell_of(lat + kLatMax, 2 * kLatMax); }

}  // namespace

uint64_t hilbert_of_cell(uint32_t column, uint32_t row) { return hilbert_scalar(column, row); }

uint64_t hilbert_of(Point point) {
  return hilbert_of_cell(column_of(point.lng), row_of(point.lat));
}

void hilberts_of(const double* lats, const double* lngs, size_t count, uint64_t* to) {
  uint32_t columns[kPieceCount];
  uint32_t rows[kPieceCount];
  for (size_t begin = 0; begin < count; begin += kPieceCount) {
    const size_t piece = std::min(kPieceCount, count - begin);
    for (size_t i = 0; i < piece; ++i) columns[i] = column_of(lngs[begin + i]);
    for (size_t i = 0; i < piece; ++i) rows[i] = row_of(lats[begin + i]);
    kernels().hilbert(columns, rows, piece, to + begin);
  }
}

}  // namespace varve::geo

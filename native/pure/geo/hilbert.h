// pure/geo/hilbert.h — the place of a point on a Hilbert curve over the whole earth.
//
// The curve visits every cell of a grid of 2^32 by 2^32 cells (9 mm at the equator) and never jumps, so
// points that are near on it are near on the earth: what a tree keeps in this order has small boxes.
//
// Invariants
//   - the first 2n bits are the cell of the grid of 2^n by 2^n.
//   - the same coordinates have the same cell on every machine: it is stored (FORMAT.md).
#pragma once

#include <cstdint>

#include "pure/geo/place.h"

namespace varve::geo {

uint64_t hilbert_of(Point point);
void hilberts_of(const double* lats, const double* lngs, size_t count, uint64_t* to);
// Of columns and rows, counted from the south-west corner.
uint64_t hilbert_of_cell(uint32_t column, uint32_t row);

}  // namespace varve::geo

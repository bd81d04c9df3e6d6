// layer/collection/row_set.h — a set of row numbers: what indexes of rows answer.
//
// Threads: one that is not changed any more is read by any.
#pragma once

#include <memory>

#include "pure/bitmap/bitmap.h"

namespace varve::collection {

struct RowSet {
  MemoryBlocks blocks;
  Bitmap rows{blocks};

  RowSet() = default;
  RowSet(const RowSet&) = delete;
  RowSet& operator=(const RowSet&) = delete;
};
using RowSetRef = std::shared_ptr<RowSet>;

}  // namespace varve::collection

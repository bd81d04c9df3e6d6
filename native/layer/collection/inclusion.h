// layer/collection/inclusion.h — documents of other collections that come with those of a query.
//
//   post  { id: 7, author: 3 } ──forward──▶ author 3           the document that a field names
//   author { id: 3 } ──backward──▶ posts where author = 3      those whose field names the document
//
// They are found by what lies in the record, in the same view and the same step as the document
// itself: none of their keys crosses to JavaScript. Backward it is a query of its own (plan.h),
// with the condition that the field has the document's key.
//
// Threads: one at a time, as the run that it belongs to.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "layer/collection/run.h"

namespace varve::collection {

inline constexpr size_t kInclusionsMax = 16;

enum class InclusionWay : uint8_t { kForward = 1, kBackward = 2 };

struct Inclusion {
  InclusionWay way = InclusionWay::kForward;
  uint32_t collection = 0;
  uint64_t commit = 0;  // Of the definition that columns are of.
  uint32_t field = 0;   // Forward a column of the document, backward of those that name it.
  std::string where;    // Conditions as bytes; backward alone, as are the next two.
  std::vector<OrderPart> order;
  uint64_t limit = UINT64_MAX;
  std::shared_ptr<const Definition> definition;  // Of the collection.
};

// A stored document that comes along; false: no more of them.
using TakeIncluded = std::function<bool(const Edit& edit)>;

// All that one document of `definition` brings along. `kept_bytes_max` is that of a Run.
Status include(const Reads& reads, const Definition& definition, Bytes stored,
               const Inclusion& inclusion, uint64_t kept_bytes_max, const TakeIncluded& take);

}  // namespace varve::collection

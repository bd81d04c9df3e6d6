// layer/collection/rows.h — what indexes of rows say of a query: sets of rows, joined before any
// document is read, and rows by their rank.
//
//   city = "Rome" or "Oslo"        bitmap    ─┐
//   at within a box                tree      ─┼─ and ─▶ rows ─▶ keys ─▶ documents ─▶ what is left
//   bio matches "rust database"    text, score ┘
//
// An index is brought to the query's view once, and keeps what it has for the next one. A
// transaction's own entries are laid over it for one query, so that what it says of them is what it
// would say of committed ones, scores included; the query after that begins with the committed
// again.
//
// A range of values of a bitmap index is each of these values. Conditions that only ordered indexes
// know are looked up behind the others, where their entries are few beside the rows that are left.
//
// A condition on words is looked up wherever it stands, for nothing else knows what it means; other
// conditions are asked of documents where there is no index, or where that is cheaper.
//
// Invariants
//   - a set is exact: conditions that it answers need not be asked again.
//   - what a transaction has looked up is a condition of its commit: the loose entries of the index.
// Threads: one, that of the reader.
#pragma once

#include <map>
#include <memory>
#include <optional>

#include "layer/blocks/stored_kinds.h"
#include "layer/collection/packed.h"
#include "layer/collection/plan.h"

namespace varve::collection {

class RowFinder {
 public:
  RowFinder() = default;
  RowFinder(const RowFinder&) = delete;
  RowFinder& operator=(const RowFinder&) = delete;

  // Looks up what words mean, and leaves in the request its rank and, where that is worth it, rows.
  Status find(const Reads& reads, const Definition& definition, Request& request);

 private:
  class Work;
  // One index as a thread has it.
  struct Held {
    std::unique_ptr<StoredBitmapIndex> members;
    std::unique_ptr<StoredPointIndex> points;
    std::unique_ptr<StoredBoxIndex> boxes;
    std::unique_ptr<StoredTextIndex> texts;
    uint64_t used = 0;
  };
  Held& held(const IndexDefinition& index);

  std::map<uint32_t, Held> held_;  // By the id of the index.
  uint64_t used_ = 0;
};

}  // namespace varve::collection

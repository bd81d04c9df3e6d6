// layer/collection/rows.h — what indexes of rows say of a query: sets of rows, joined before any
// document is read, and rows by their rank.
//
//   city = "Rome" or "Oslo"        bitmap    ─┐
//   at within a box                tree      ─┼─ and ─▶ rows ─▶ keys ─▶ documents ─▶ what is left
//   bio matches "rust database"    text, score ┘
//
// An index is brought to the query's view once, and keeps what it has for the next one. A
// transaction's own entries are laid over it, so that what it says of them is what it would say of
// committed ones, scores included. They stay for the transaction's next question, which lays what
// was written since over them; a question of somebody else takes them back one by one. So a question
// costs what it reads and what is new, not what the index holds. An index is held as of a few
// commits at once, so that a transaction which goes on at an older one has its own.
//
// A range of values of a bitmap index is each of these values. Conditions that only ordered indexes
// know are looked up behind the others, where their entries are few beside the rows that are left.
//
// A condition on words is looked up wherever it stands, for nothing else knows what it means; other
// conditions are asked of documents where there is no index, or where that is cheaper.
//
// Invariants
//   - a set is exact: conditions that it answers need not be asked again.
//   - what a transaction has looked up is a condition of its commit: of a bitmap the loose entries
//     of the values that were looked up, else all of the index. A fold does not break it.
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
  // What of a transaction is laid over an index: its edits below `edit_count`.
  struct Laid {
    uint64_t serial = 0;  // 0: of none.
    uint64_t rewind_count = 0;
    size_t edit_count = 0;
  };
  // One index as a thread has it, as of one commit.
  struct Held {
    std::unique_ptr<StoredBitmapIndex> members;
    std::unique_ptr<StoredPointIndex> points;
    std::unique_ptr<StoredBoxIndex> boxes;
    std::unique_ptr<StoredTextIndex> texts;
    Laid laid;
    uint64_t used = 0;

    explicit Held(const IndexDefinition& index);
    uint64_t synced() const;
  };
  // The one that is nearest behind the commit; where all are beyond it, one that is given up.
  Held& held(const IndexDefinition& index, uint64_t commit);
  void drop_unused();

  std::multimap<uint32_t, Held> held_;  // By the id of the index.
  uint64_t used_ = 0;                   // Counts the questions.
};

}  // namespace varve::collection

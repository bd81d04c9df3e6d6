// layer/collection/plan.h — how a query is answered: which keys are walked, in which direction, and
// what is still to be asked of each document.
//
// Of a root that is `and`, each condition can be held against the parts of an index: equal values
// are a prefix of its entries, one range behind them is a range of keys. What a range of keys says
// exactly is not asked again. Every index that is ready, and the documents themselves by their key,
// is a way; for each it is counted, up to a bound, how many entries lie in its ranges. What lies
// beyond, and how many of them meet the other conditions, a sample tells (statistics.h), and the
// cheapest is taken. An index whose entries are in the order that was asked for spares sorting, and
// with a limit most of the reading, the more of them meet the other conditions.
//
//   where city = "Rome" and age >= 18 order by age      index (city, age)
//         └── prefix ──┘   └─ range ─┘ └─ its order      15 id "Rome" 18 … 15 id "Rome" ff
//
// Where two ordered indexes leave many entries each, and few documents are in both, the rows of one
// are gathered, and the other is walked: of an entry whose row is not among them the document is not
// read. Both name rows, so that this is a look into a bitmap; the order is that of the walk.
//
//   city = "Rome"   9,000 entries ─▶ rows ─┐
//   age >= 18      12,000 entries ─────────┴─▶ 300 documents
//
// What indexes of rows have said of some of the conditions (rows.h) is one more way; rows that are
// ranked are the only one, since they say in which order.
//
// Invariants
//   - whatever way is taken, the answer is that of looking at every document.
// Threads: one.
#pragma once

#include <string>
#include <vector>

#include "layer/collection/definition.h"
#include "layer/collection/reads.h"
#include "layer/collection/score.h"
#include "layer/collection/spans.h"
#include "layer/collection/statistics.h"

namespace varve::collection {

struct OrderPart {
  uint32_t field = 0;
  bool is_descending = false;
};

// Where a query of which a part was answered goes on.
struct Position {
  bool is_sorted = false;  // Behind a sort key; else behind a key of the walk.
  uint32_t index = 0;      // That was walked; 0: the documents.
  std::string key;

  std::string write() const;
  static Result<Position> read(Bytes bytes);
};

// Documents by their rows, as indexes of rows know them: rows.h.
struct FoundRows {
  struct Ranked {
    uint64_t rank;  // The least is the best.
    uint64_t row;
  };
  RowSetRef set;  // By rising row; null where they are ranked and nothing else chose among them.
  std::vector<Ranked> ranked;
  bool is_ranked = false;
  std::vector<uint32_t> answered;  // Conditions, as places of nodes.
  std::vector<const IndexDefinition*> indexes;

  uint64_t count() const { return is_ranked ? ranked.size() : set->rows.total(); }
};

struct Request {
  Filter where;
  std::vector<OrderPart> order;
  uint64_t limit = UINT64_MAX;
  uint64_t offset = 0;
  bool is_counted = false;  // Documents themselves are not wanted.
  bool is_paged = false;    // It is asked for its position afterwards.
  std::optional<Position> after;
  bool may_rank = true;          // Without an order, by words or nearness.
  bool is_weighed = false;       // What it costs is held against another one's: count in any case.
  bool is_explained = false;     // What is expected of it is told.
  std::optional<uint32_t> rank;  // The condition that says in which order, where no other is given.
  std::optional<FoundRows> rows;  // Of conditions that were looked up already.
  std::shared_ptr<Score> score;   // The best come first; null: no score is asked for.
};

enum class Way : uint8_t { kDocuments, kIndex, kRows };

// Entries whose rows alone are wanted.
struct Narrowing {
  const IndexDefinition* index = nullptr;
  std::vector<KeySpan> spans;
};
inline constexpr size_t kNarrowingsMax = 3;

struct Plan {
  Way way = Way::kDocuments;
  const IndexDefinition* index = nullptr;  // Of the definition that it was made with.
  std::vector<KeySpan> spans;              // In the order of the walk; none meets another.
  Direction direction = Direction::kForward;
  std::vector<Narrowing> narrowings;  // Of the walk over an index.
  Filter rest;              // To be asked of documents.
  bool is_ordered = true;   // The walk is in the order that was asked for.
  bool may_repeat = false;  // A document may be met more than once.
  uint64_t estimate = 0;    // Entries in the spans,
  bool is_more = false;     // or more than these.
  size_t equal_count = 0;   // Parts that are bound to one value.
  double row_count = 0;     // Entries that are expected to be met,
  double match_count = 0;   // and documents among them that are asked for.
  double cost = 0;          // In looks at an entry.

  bool needs_documents(const Request& request) const {
    return !rest.is_always() || !request.is_counted;
  }
};

// Without statistics it goes by counts and guesses: null.
Result<Plan> make_plan(const Reads& reads, const Definition& definition, const Request& request,
                       Statistics* statistics);

// The cheapest walk in the order that is asked for, by counts and guesses; none: there is no such.
Result<std::optional<Plan>> plan_in_order(const Reads& reads, const Definition& definition,
                                          const Request& request);

// The index that finds documents by a field; null: there is none.
const IndexDefinition* index_by(const Definition& definition, const Filter& where, uint32_t field);
// By this index, or by the documents where it is null, whatever others there are.
Plan plan_by(const Definition& definition, const Request& request, const IndexDefinition* index);

// For people and tests, as JSON.
std::string explain(const Plan& plan, const Definition& definition, const Request& request);

}  // namespace varve::collection

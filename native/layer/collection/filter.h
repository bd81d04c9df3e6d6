// layer/collection/filter.h — conditions on documents, as bytes and as a tree that is asked.
//
// Every comparison is one of ordered keys: a field's key is made from the record and held against
// the key that the caller gave. So a condition means the same whether an index answers it or a look
// at the document, and strings, numbers and dates need no code of their own. A field that is absent
// has the key of null, which is below all others; gt, gte, lt, lte, between and startsWith are
// false of it.
//
//   and ─┬─ eq    city  "Rome"
//        ├─ or ─┬─ lt   age   18
//        │      └─ gte  age   65
//        └─ has  tags  "x"
//
// Invariants
//   - a tree that was read is whole: operands are there, and its depth is bounded.
//   - a condition on words is asked of a document only when its rows were looked up.
//   - operands of comparisons are ordered keys as they stand in an array; those of in and hasAny rise.
// Threads: one that was read is not changed; Scratch belongs to one.      Bytes: FORMAT.md
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "layer/collection/document.h"
#include "layer/collection/places.h"
#include "layer/collection/row_set.h"

namespace varve::collection {

inline constexpr size_t kFilterNodesMax = 4096;
inline constexpr size_t kFilterDepthMax = 32;
inline constexpr size_t kFilterOperandsMax = 65536;  // Of one condition.

enum class FilterOp : uint8_t {
  kAnd = 1,
  kOr = 2,
  kNot = 3,
  kEq = 16,
  kNe = 17,
  kGt = 18,
  kGte = 19,
  kLt = 20,
  kLte = 21,
  kBetween = 22,
  kIn = 23,
  kStartsWith = 24,
  kIsNull = 25,
  kHas = 26,
  kHasAny = 27,
  kHasAll = 28,
  kMatch = 29,  // Words; what it means, only an index knows.
  kNear = 30,   // A point, and metres.
  kWithinBox = 31,
  kWithinPolygon = 32,
};

// Whether one range of values is what it asks for.
constexpr bool asks_range(FilterOp op) {
  return (op >= FilterOp::kGt && op <= FilterOp::kBetween) || op == FilterOp::kStartsWith;
}

struct FilterNode {
  FilterOp op = FilterOp::kAnd;
  uint32_t field = 0;                 // Of a condition: its column.
  std::vector<std::string> operands;  // Of a condition.
  std::vector<double> numbers;        // What they are, where all are numbers, or dates:
  uint8_t number_tag = 0;             // then that of their keys.
  std::vector<uint32_t> children;     // Of and, or, not.
  std::shared_ptr<const PlaceCondition> place;  // Of near and within.
  RowSetRef rows;                               // Of match, once it was looked up.
};

class Filter {
 public:
  // Nodes of a tree; the root is the first.
  static Result<Filter> read(Bytes bytes);

  const FilterNode& root() const { return nodes_.front(); }
  const FilterNode& node(uint32_t index) const { return nodes_[index]; }
  // What of the tree has to be asked of a document: the conditions at these places of a root that
  // is `and` (or the root itself, at place 0) are answered otherwise.
  Filter without(const std::vector<uint32_t>& conditions) const;
  bool is_always() const {
    return nodes_.front().op == FilterOp::kAnd && nodes_.front().children.empty();
  }

  // The same, and a column has this value; of a root that is `and`.
  Filter with_equal(uint32_t field, std::string operand) const;
  // Whether a condition is on this column.
  bool names(uint32_t field) const;
  bool matches(const Document& document) const { return matches(document, 0); }
  uint32_t node_count() const { return static_cast<uint32_t>(nodes_.size()); }
  // The conditions that all have to hold, as places of nodes.
  std::vector<uint32_t> conjuncts() const;
  bool asks_words() const { return asks(FilterOp::kMatch); }
  bool asks_nearness() const { return asks(FilterOp::kNear); }
  void set_rows(uint32_t index, RowSetRef rows) { nodes_[index].rows = std::move(rows); }

 private:
  bool asks(FilterOp op) const;
  bool matches(const Document& document, uint32_t index) const;
  bool compares(const Document& document, const FilterNode& node) const;
  bool has(const Document& document, const FilterNode& node) const;
  static Status read_place(FilterNode& node);
  static void note_numbers(FilterNode& node);
  static Status read_node(Bytes& from, size_t depth, std::vector<FilterNode>& nodes);

  std::vector<FilterNode> nodes_;
};

// Whether two trees say the same.
bool same_condition(const Filter& a, uint32_t in_a, const Filter& b, uint32_t in_b);

// Whether every condition that all of `needed` hang on is one of `where`, word for word.
bool implies(const Filter& where, const Filter& needed);

// Takes a size and so many bytes off the front; false where there are none.
[[nodiscard]] bool take_sized(Bytes& from, Bytes& taken);

}  // namespace varve::collection

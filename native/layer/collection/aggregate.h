// layer/collection/aggregate.h — figures of many documents: how many, sums, extremes, by groups.
//
//   document ──▶ key of its group ──▶ a cell for each measure ──▶ having ──▶ order, limit ──▶ rows
//
// Documents come one by one from a Run (run.h); no more of them is kept than the groups and what
// their cells need. A row is an array as an ordered key: the parts of its group, then its measures.
// So having and the order compare keys as conditions on documents do, and JavaScript decodes only
// the rows that it gets.
//
// Invariants
//   - sums of integers are exact, those of other numbers are compensated; rows come in one order,
//   whatever the order of the documents was, but for the last digits of such sums.
//   - what is null or absent is in no measure, and in a group of its own.
// Threads: one.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "layer/collection/plan.h"

namespace varve::collection {

inline constexpr size_t kGroupPartsMax = 16;
inline constexpr size_t kMeasuresMax = 64;

enum class MeasureOp : uint8_t {
  kDocuments = 1,
  kCount = 2,  // Of those that have a value.
  kDistinct = 3,
  kSum = 4,
  kMin = 5,
  kMax = 6,
  kAverage = 7,
};

struct GroupPart {
  uint32_t field = 0;
  double width = 0;  // Of the intervals that values are put into; 0: none, each by itself.
  double origin = 0;
};

struct Measure {
  MeasureOp op = MeasureOp::kDocuments;
  uint32_t field = 0;
};

struct AggregateRequest {
  std::vector<GroupPart> groups;
  std::vector<Measure> measures;
  std::vector<OrderPart> order;  // Its fields, as those of `having`, are places in a row.
  uint64_t limit = UINT64_MAX;
  uint64_t offset = 0;
  Filter having;

  // INVALID where the bytes are none, or name fields that cannot be measured so.
  static Result<AggregateRequest> read(Bytes bytes, const Schema& schema);
};

class Aggregate {
 public:
  // What is kept takes at most so many bytes: TOO_LARGE beyond.
  Aggregate(std::shared_ptr<const Definition> definition, AggregateRequest request,
            uint64_t kept_bytes_max);

  Status add(Bytes stored);
  // The rows, each a count of bytes and an ordered key.
  Result<std::string> finish();

 private:
  struct Cell {
    uint64_t count = 0;
    uint64_t low = 0;  // A sum of integers, of 128 bits.
    int64_t high = 0;
    double sum = 0;
    double lost = 0;  // What rounding has taken from it.
    std::string extreme;
    std::unordered_set<std::string> values;
  };
  struct Group {
    std::vector<Cell> cells;
    std::vector<uint32_t> ends;  // Of the parts of its key.
  };
  struct Row {
    std::string group;
    std::vector<std::string> cells;
  };

  void append_group(const Document& document, const GroupPart& part, std::string& to) const;
  Status measure(const Document& document, const Measure& measure, Cell& cell);
  Status keep(uint64_t bytes);
  Result<std::string> value_of(const Measure& measure, const Cell& cell) const;
  Result<std::vector<Row>> rows() const;
  bool comes_before(const Row& a, const Row& b) const;

  const std::shared_ptr<const Definition> definition_;
  const AggregateRequest request_;
  const uint64_t kept_bytes_max_;
  uint64_t kept_bytes_ = 0;
  std::unordered_map<std::string, Group> groups_;
  std::string group_;  // These three are room.
  std::vector<uint32_t> ends_;
  std::string key_;
};

}  // namespace varve::collection

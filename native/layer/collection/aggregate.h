// layer/collection/aggregate.h — figures of many documents: how many, sums, extremes, by groups.
//
//   document ──▶ key of its group ──▶ a cell for each measure ──▶ having ──▶ order, limit ──▶ rows
//
// Documents come one by one from a Run (run.h); no more of them is kept than the groups and what
// their cells need. A group is found by the hash of its key in a table of its own; the cells of all
// groups lie side by side, so that a document costs two places in memory, not a chain. A row is an
// array as an ordered key: the parts of its group, then its measures. So having and the order
// compare keys as conditions on documents do, and JavaScript decodes only the rows that it gets.
//
// Documents that come many at a time (sieve.h), whose measures are of plain doubles, are opened no
// further than their slots; their group is found by its text as it lies there, without its key.
//
// Invariants
//   - sums of integers are exact, those of other numbers are compensated; rows come in one order,
//   whatever the order of the documents was, but for the last digits of such sums.
//   - what is null or absent is in no measure, and in a group of its own.
// Threads: one.
#pragma once

#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "layer/collection/plan.h"
#include "layer/collection/sieve.h"

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
  // What is kept takes at most so many bytes: TOO_LARGE beyond. `hash_seed` is not known to whoever
  // writes documents, who could otherwise make groups of one hash.
  Aggregate(std::shared_ptr<const Definition> definition, AggregateRequest request,
            uint64_t kept_bytes_max, uint64_t hash_seed);

  Status add(Bytes stored);
  Status add(const Document& document);
  Status add(const Documents& documents);
  // The rows, each a count of bytes and an ordered key.
  Result<std::string> finish();

 private:
  struct Cell {
    uint64_t count = 0;
    uint64_t low = 0;  // A sum of integers, of 128 bits.
    int64_t high = 0;
    double sum = 0;
    double lost = 0;  // What rounding has taken from it.
  };
  struct Values {  // What a cell has beside it, where a measure is of values themselves.
    std::string extreme;
    std::unordered_set<std::string> different;
  };
  struct Group {
    std::string key;
    std::vector<uint32_t> ends;  // Of the parts of its key.
  };
  struct Place {
    uint64_t hash = 0;
    size_t group = SIZE_MAX;  // None.
  };
  // A text as records have it, of which the group is known.
  struct Spelling {
    static constexpr size_t kBytesMax = 44;
    uint64_t hash = 0;
    size_t group = SIZE_MAX;  // None.
    bool is_wide = false;
    uint8_t size = 0;
    std::array<uint8_t, kBytesMax> bytes;
  };
  struct Row {
    std::string group;
    std::vector<std::string> cells;
  };

  void prepare_quick();
  Result<size_t> group_of(const Documents::Opened& one);
  Status add_quick(const Documents::Opened& one);
  void append_group(const Document& document, const GroupPart& part, std::string& to) const;
  Result<size_t> group_of_key();
  void grow_places();
  void add_group();
  Status measure(const Document& document, const Measure& measure, size_t at);
  Status measure_value(const Document& document, const Measure& measure, size_t at);
  static void add_number(double number, Cell& cell);
  Status keep(uint64_t bytes);
  Result<std::string> value_of(const Measure& measure, size_t at) const;
  Result<std::vector<Row>> rows() const;
  bool comes_before(const Row& a, const Row& b) const;

  const std::shared_ptr<const Definition> definition_;
  const AggregateRequest request_;
  const uint64_t kept_bytes_max_;
  const uint64_t hash_seed_;
  uint64_t kept_bytes_ = 0;
  bool keeps_values_ = false;
  std::vector<Group> groups_;
  std::vector<Cell> cells_;     // Of every group as many as there are measures,
  std::vector<Values> values_;  // and as many of these, if any measure needs them.
  std::vector<Place> places_;   // As many as a power of two; half of them or more are free.
  // Where every measure is of documents or of plain doubles, and the group one of texts or none.
  struct QuickMeasure {
    bool is_number = false;
    uint32_t slot_at = 0;
  };
  bool is_quick_ = false;
  uint32_t group_text_ = kNoColumn;  // A number of a text.
  std::vector<QuickMeasure> quick_measures_;
  std::vector<Spelling> spellings_;
  Document document_;  // These four are room.
  std::string group_;
  std::vector<uint32_t> ends_;
  std::string key_;
};

}  // namespace varve::collection

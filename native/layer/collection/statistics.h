// layer/collection/statistics.h — what a sample says of a collection: how many entries of an index
// lie in a range of keys, how many documents meet a condition, how many share a value.
//
//   sample ─▶ records ─┬─▶ their entries, in order: a histogram of each index, made when it is asked
//                      ├─▶ conditions, asked of those that lie in a range
//                      └─▶ values of a field, counted
//
// A sample is read when a plan asks for the first time, and again when a quarter of as many
// documents have come as there were, after a thousand plans, or when a plan has met far more than
// it says: never while nothing is committed. So an estimate may be old, and is right in its
// proportions sooner than in its size. Nothing that is answered depends on it.
//
// Invariants
//   - an estimate costs no more than a look at a few hundred documents in memory.
// Threads: one.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "layer/collection/sample.h"
#include "layer/collection/spans.h"

namespace varve::collection {

// Of a collection, as its sample was read.
class Known {
 public:
  // None: of a collection nobody knows anything of.
  Known(std::optional<Sample> sample, const Definition& definition, uint64_t commit,
        uint64_t given);

  double document_count() const { return weight_ * static_cast<double>(documents_.size()); }
  // A document of the sample stands for so many: what is less is not seen.
  double weight() const { return weight_; }
  // In the spans; null: of the documents by their keys. As many as nothing is known of are left out.
  double entries(const IndexDefinition* index, const std::vector<KeySpan>& spans);
  // Which part of the documents that have an entry there meets the conditions.
  double share(const IndexDefinition* index, const std::vector<KeySpan>& spans,
               const Filter& where);
  double share(const Filter& where) { return share(nullptr, {everything()}, where); }
  // How many documents have the same value of a field, where they have one.
  double per_value(uint32_t field);

 private:
  friend class Statistics;
  struct Entry {
    std::string key;
    uint32_t document;
    bool operator<(const Entry& other) const { return key < other.key; }
  };
  using Histogram = std::vector<Entry>;  // By rising keys.

  const Histogram& histogram(const IndexDefinition* index);
  std::vector<uint32_t> documents_in(const IndexDefinition* index,
                                     const std::vector<KeySpan>& spans);
  KeySpan everything() const;

  Known* self() { return is_known_ ? this : nullptr; }

  const bool is_known_;
  const SchemaSet schemas_;
  const uint32_t collection_;
  const double weight_;
  const std::vector<Sample::One> documents_;
  std::map<uint32_t, Histogram> histograms_;  // By the ids of indexes; 0: of the documents.
  std::map<uint32_t, double> per_value_;      // By columns.

  const uint64_t commit_;  // That it is as of,
  const uint64_t given_;   // when so many row numbers were given out.
  uint64_t checked_;       // Known to be fresh enough at this commit.
  uint64_t asked_ = 0;     // Plans,
  uint64_t used_ = 0;      // and the last one's number.
  bool is_doubtful_ = false;
};

// Of the collections that a thread asks.
class Statistics {
 public:
  Statistics() = default;
  Statistics(const Statistics&) = delete;
  Statistics& operator=(const Statistics&) = delete;

  // Null: nothing is known. Borrowed until it is asked again.
  Result<Known*> of(const Reads& reads, const Definition& definition);
  // The same, where what was there is much more than it says.
  Result<Known*> doubt(const Reads& reads, const Definition& definition);

 private:
  using Key = std::pair<uint32_t, uint64_t>;  // Its id, and the commit of its definition.

  Result<bool> is_fresh(const Store::View& view, Known& known) const;
  void drop_unused();

  std::map<Key, std::unique_ptr<Known>> known_;
  uint64_t used_ = 0;  // Counts what was asked.
};

}  // namespace varve::collection

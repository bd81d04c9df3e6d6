// layer/collection/score.h — one number for what a document is worth to a query: of its words, its
// distance and its age, each by its weight.
//
//   text      rank of the words / the best rank there is      × 2       what a part is worth is
//   distance  ½ ^ (metres / half)                             × 1       between 0 and 1; what is
//   recency   ½ ^ (age / half)                                × 0.5     absent is worth nothing
//
// Threads: one that is filled is read by any.      Bytes: binding/query.cc
#pragma once

#include <array>
#include <optional>
#include <unordered_map>

#include "layer/collection/document.h"
#include "layer/collection/places.h"

namespace varve::collection {

// In the order in which they are handed over.
enum class ScorePart : uint8_t { kText = 0, kDistance = 1, kRecency = 2 };
inline constexpr size_t kScorePartsMax = 3;

class Score {
 public:
  struct Part {
    double raw = 0;  // A rank, metres, milliseconds; NaN where there is none.
    double value = 0;
  };
  struct Parts {
    double total = 0;
    std::array<Part, kScorePartsMax> each;
  };
  static constexpr size_t kNumbers = 1 + 2 * kScorePartsMax;

  // Weights, and what parts are of; takes it off the front. INVALID where it is none.
  static Result<Score> read(Bytes& bytes);

  bool has_words() const { return weight(ScorePart::kText) > 0; }
  // Of words that were looked up; those of several conditions are added.
  void add_rank(uint64_t row, double rank);
  Parts of(const Document& document) const;
  // A total so that the best comes first, as whole bytes do.
  static uint64_t sort_bits(double total);

 private:
  double weight(ScorePart part) const { return weights_[static_cast<size_t>(part)]; }
  Part measured(ScorePart part, const Document& document) const;
  Part text(const Document& document) const;
  Part distance(const Document& document) const;
  Part recency(const Document& document) const;

  std::array<double, kScorePartsMax> weights_{};  // 0: the part is not asked for.
  std::unordered_map<uint64_t, double> ranks_;
  double best_rank_ = 0;
  std::optional<PlaceCondition> from_;
  uint32_t place_field_ = 0;
  double half_metres_ = 1;
  uint32_t time_field_ = 0;
  double now_ms_ = 0;
  double half_ms_ = 1;
};

}  // namespace varve::collection

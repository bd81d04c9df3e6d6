// pure/text/score.h — BM25, and the most that a group of postings can score.
//
//   score = weight * f / (f + k1 * (1 - b + b * length / average))
//
// where f is how often the term is in the document, weight = idf * (k1 + 1) * boost, and
// idf = ln(1 + (N - n + 0.5) / (n + 0.5)) of N documents, n with the term. More often is better,
// longer is worse, so the best of a group lies among the pairs of f and length that no other pair
// beats in both: its frontier, of at most four pairs. It holds whatever k1, b, and the average
// become.
//
// Scores are added as whole numbers of a fraction of the query's largest possible score, so that
// the order of adding is nothing to the sum: equal documents score equally, to the last bit.
//
// Invariants
//   - score() rises with f and falls with length, rounding included.
//   - a frontier never scores below a posting that it was made of.
#pragma once

#include <algorithm>
#include <cstdint>

namespace varve {

// One pair of a frontier, as it is stored.
struct Peak {
  uint16_t frequency;  // kPeakMax: or more.
  uint16_t length;     // kPeakMax: or more, which is the careful side.
};
inline constexpr uint32_t kPeakMax = 65535;
inline constexpr uint32_t kPeakCount = 4;

struct Frontier {
  Peak peaks[kPeakCount];  // The last repeats where there are fewer.
};

// Makes a frontier of postings, or of frontiers, one by one.
class FrontierMaker {
 public:
  void add(uint32_t frequency, uint32_t length) {
    add(Peak{static_cast<uint16_t>(std::min(frequency, kPeakMax)),
             static_cast<uint16_t>(std::min(length, kPeakMax))});
  }
  void add(const Frontier& frontier) {
    for (const Peak& peak : frontier.peaks) add(peak);
  }
  Frontier make() const;

 private:
  static constexpr uint32_t kHeldMax = 16;
  void add(Peak peak);
  void join_nearest();

  Peak held_[kHeldMax + 1];  // Frequency falls, and so does length.
  uint32_t count_ = 0;
};

// What all terms of a query share.
struct Norm {
  double base = 0;        // k1 * (1 - b)
  double per_length = 0;  // k1 * b / average

  double at(double length) const { return base + per_length * length; }
};

// A term of a query: its weight in units of the query's scale.
inline uint64_t score(double weight, const Norm& norm, uint32_t frequency, uint32_t length) {
  const double f = frequency;
  return static_cast<uint64_t>(static_cast<int64_t>(weight * (f / (f + norm.at(length)))));
}

inline uint64_t most(double weight, const Norm& norm, const Frontier& frontier) {
  uint64_t best = 0;
  for (const Peak& peak : frontier.peaks) {
    const uint32_t frequency = peak.frequency == kPeakMax ? UINT32_MAX : peak.frequency;
    best = std::max(best, score(weight, norm, frequency, peak.length));
  }
  return best;
}

}  // namespace varve

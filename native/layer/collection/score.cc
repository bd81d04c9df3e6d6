#include "layer/collection/score.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "pure/codec/varint.h"
#include "pure/geo/distance.h"

namespace varve::collection {
namespace {

Status no_score() { return Status::invalid("score: bytes that are none"); }

[[nodiscard]] bool take_double(Bytes& from, double& number) {
  if (from.size() < sizeof(double)) return false;
  number = load<double>(from.data());
  from = from.subspan(sizeof(double));
  return true;
}

constexpr size_t kCircleBytes = 3 * sizeof(double);  // Latitude, longitude, metres.

double halved(double distance, double half) { return std::exp2(-distance / half); }

}  // namespace

Result<Score> Score::read(Bytes& bytes) {
  Score score;
  for (double& weight : score.weights_) {
    if (!take_double(bytes, weight) || !(weight >= 0) || std::isinf(weight)) return no_score();
  }
  if (!take_varint(bytes, score.place_field_) || bytes.size() < kCircleBytes) return no_score();
  Result<PlaceCondition> from = PlaceCondition::read_near(bytes.first(kCircleBytes));
  if (!from) return from.error();
  score.from_ = std::move(*from);
  bytes = bytes.subspan(kCircleBytes);
  const bool is_whole = take_double(bytes, score.half_metres_) &&
                        take_varint(bytes, score.time_field_) &&
                        take_double(bytes, score.now_ms_) && take_double(bytes, score.half_ms_);
  if (!is_whole || !(score.half_metres_ > 0) || !(score.half_ms_ > 0)) return no_score();
  return score;
}

void Score::add_rank(uint64_t row, double rank) {
  double& all = ranks_[row];
  all += rank;
  best_rank_ = std::max(best_rank_, all);
}

Score::Part Score::text(const Document& document) const {
  const auto found = ranks_.find(document.row());
  if (found == ranks_.end()) return {NAN, 0};
  return {found->second, best_rank_ > 0 ? found->second / best_rank_ : 0};
}

Score::Part Score::distance(const Document& document) const {
  const std::optional<Place> place = place_of(document.item(place_field_));
  if (!place) return {NAN, 0};
  const double metres = geo::metres_of_haversine(from_->haversine(*place));
  return {metres, halved(metres, half_metres_)};
}

// What is yet to come is as new as can be.
Score::Part Score::recency(const Document& document) const {
  const Item item = document.item(time_field_);
  if (!item.is_present() || item.type().tag != TypeTag::kDate) return {NAN, 0};
  const double age = std::max(0.0, now_ms_ - item.number());
  return {age, halved(age, half_ms_)};
}

Score::Parts Score::of(const Document& document) const {
  Parts parts;
  for (size_t i = 0; i < kScorePartsMax; ++i) {
    if (weights_[i] == 0) continue;
    parts.each[i] = measured(static_cast<ScorePart>(i), document);
    parts.total += weights_[i] * parts.each[i].value;
  }
  return parts;
}

Score::Part Score::measured(ScorePart part, const Document& document) const {
  switch (part) {
    case ScorePart::kText:
      return text(document);
    case ScorePart::kDistance:
      return distance(document);
    case ScorePart::kRecency:
      return recency(document);
  }
  return {NAN, 0};
}

uint64_t Score::sort_bits(double total) { return ~std::bit_cast<uint64_t>(total + 0.0); }

}  // namespace varve::collection

// layer/collection/places.h — conditions on places: near a point, within a box, within a polygon.
//
// A field is a point or a box. The same condition is asked of a document, where no index answers
// it, and of a tree of places; both mean the same to the last bit, since the tree answers exactly
// what a look at every entry would (pure/geo/tree.h).
//
// Invariants
//   - one that was read has valid places and a distance that is one.
// Threads: any.      Bytes: FORMAT.md
#pragma once

#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "pure/codec/record/record.h"
#include "pure/geo/polygon.h"
#include "pure/geo/tree.h"

namespace varve::collection {

// What a field holds.
struct Place {
  geo::Box box;  // Unrolled.
  geo::Holds holds = geo::Holds::kPoints;
};
// None where the field is absent, null, or no place.
std::optional<Place> place_of(const Item& item);

class PlaceCondition {
 public:
  struct Circle {
    geo::Point center;
    double metres;  // May be infinite.
  };

  static Result<PlaceCondition> read_near(Bytes operand);
  static Result<PlaceCondition> read_box(Bytes operand);
  static Result<PlaceCondition> read_polygon(Bytes operand);

  bool matches(const Place& place) const;
  // From the middle of a circle; 0 of others.
  double haversine(const Place& place) const;
  // Of a circle the nearest first, at most so many.
  void find(const geo::Tree& tree, size_t limit, std::vector<geo::Match>& found) const;

 private:
  using Area = std::variant<Circle, geo::Box, geo::Polygon>;
  explicit PlaceCondition(Area area) : area_(std::move(area)) {}

  Area area_;
};

}  // namespace varve::collection

// pure/geo/polygon.h — areas bounded by rings of straight lines in the plane of latitude and longitude.
//
// A point is inside when it is inside of an odd number of rings: so a hole is a ring within a ring, and an
// area may have several parts. From one corner to the next a ring goes the shorter way round the earth,
// also over the antimeridian. A ring that goes around the earth and comes back to where it
// began contains the pole that is on the side of its corners: the south pole if their mean latitude
// is below 0, else the north pole. Points on a line may be on either side of it.
//
// Invariants
//   - relation() never says kInside or kOutside of a box that has a point on the other side.
#pragma once

#include <span>
#include <vector>

#include "base/status.h"
#include "pure/geo/place.h"

namespace varve::geo {

inline constexpr size_t kCornerCountMax = size_t{1} << 20;

enum class Relation { kOutside, kInside, kAcross };

class Polygon {
 public:
  // `ends` says where each ring ends in `corners`; its last corner may repeat the first.
  static Result<Polygon> make(std::span<const Point> corners, std::span<const uint32_t> ends);

  bool contains(Point point) const;
  Relation relation(const Box& unrolled) const { return relate(unrolled, kMargin); }
  bool meets(const Box& unrolled) const { return relate(unrolled, 0) != Relation::kOutside; }
  const Box& bounds() const { return bounds_; }

 private:
  static constexpr double kMargin = 1e-9;  // Degrees: more than rounding.

  // From one corner to the next, with longitudes that never jump along a ring.
  struct Line {
    double lng;
    double lat;
    double next_lng;
    double next_lat;
  };
  struct Ring {
    uint32_t begin;  // In lines_.
    uint32_t end;
    double west;  // Unrolled.
    double east;
    bool holds_south_pole;
    bool goes_around;
  };

  void add_ring(std::span<const Point> corners);
  Box bounds_of(const Ring& ring) const;
  bool is_in_ring(const Ring& ring, Point point) const;
  bool touches(const Ring& ring, const Box& box) const;
  Relation relate(const Box& unrolled, double margin) const;

  std::vector<Line> lines_;
  std::vector<Ring> rings_;
  Box bounds_ = {};
};

}  // namespace varve::geo

#include "pure/geo/polygon.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace varve::geo {
namespace {

constexpr double kTurn = 360;

// The turns by which something of -180 to 540 may have to be moved to lie between west and east.
struct Turns {
  int first;
  int last;
  Turns(double west, double east, double box_west, double box_east)
      : first(static_cast<int>(std::ceil((west - box_east) / kTurn))),
        last(static_cast<int>(std::floor((east - box_west) / kTurn))) {}
};

}  // namespace

Result<Polygon> Polygon::make(std::span<const Point> corners, std::span<const uint32_t> ends) {
  if (ends.empty() || ends.back() != corners.size() || corners.size() > kCornerCountMax) {
    return Status::invalid("polygon: needs rings of together at most 1048576 corners");
  }
  Polygon polygon;
  uint32_t begin = 0;
  for (const uint32_t end : ends) {
    if (end < begin || end > corners.size()) return Status::invalid("polygon: rings out of order");
    std::span<const Point> ring = corners.subspan(begin, end - begin);
    if (ring.size() > 1 && ring.front() == ring.back()) ring = ring.first(ring.size() - 1);
    if (ring.size() < 3) {
      return Status::invalid("polygon: ring " + std::to_string(polygon.rings_.size()) +
                             " has fewer than 3 corners");
    }
    for (size_t i = 0; i < ring.size(); ++i) {
      if (is_valid(ring[i])) continue;
      return Status::invalid("polygon: corner " + std::to_string(begin + i) + " is no point");
    }
    polygon.add_ring(ring);
    begin = end;
  }
  return polygon;
}

void Polygon::add_ring(std::span<const Point> corners) {
  Ring ring = {};
  ring.begin = static_cast<uint32_t>(lines_.size());
  ring.west = ring.east = corners[0].lng;
  double lng = corners[0].lng;
  double lat_sum = 0;
  for (size_t i = 0; i < corners.size(); ++i) {
    const Point& from = corners[i];
    const Point& to = corners[(i + 1) % corners.size()];
    // The sum is rounded; a whole number of turns from the corner itself keeps it exact.
    const double aside = lng + wrap_longitude(to.lng - from.lng);
    const double next = to.lng + kTurn * std::round((aside - to.lng) / kTurn);
    lines_.push_back({lng, from.lat, next, to.lat});
    lng = next;
    lat_sum += from.lat;
    ring.west = std::min(ring.west, lng);
    ring.east = std::max(ring.east, lng);
  }
  ring.end = static_cast<uint32_t>(lines_.size());
  ring.goes_around = lng != corners[0].lng;
  ring.holds_south_pole = ring.goes_around && lat_sum < 0;
  rings_.push_back(ring);
  const Box bounds = bounds_of(ring);
  bounds_ = rings_.size() == 1 ? bounds : joined(bounds_, bounds);
}

Box Polygon::bounds_of(const Ring& ring) const {
  double south = kLatMax;
  double north = -kLatMax;
  for (uint32_t i = ring.begin; i < ring.end; ++i) {
    south = std::min(south, lines_[i].lat);
    north = std::max(north, lines_[i].lat);
  }
  if (ring.goes_around)
    (ring.holds_south_pole ? south : north) = ring.holds_south_pole ? -kLatMax : kLatMax;
  if (ring.east - ring.west >= kTurn) return {south, -kLngMax, north, kLngMax};
  return {south, wrap_longitude(ring.west), north, wrap_longitude(ring.east)};
}

// A way from the point to the south pole crosses the ring an odd number of times if one of the two
// is inside.
bool Polygon::is_in_ring(const Ring& ring, Point point) const {
  const Turns turns(ring.west, ring.east, point.lng, point.lng);
  uint32_t crossings = 0;
  for (int turn = turns.first; turn <= turns.last; ++turn) {
    const double lng = point.lng + turn * kTurn;
    for (uint32_t i = ring.begin; i < ring.end; ++i) {
      const Line& line = lines_[i];
      if ((line.lng <= lng) == (line.next_lng <= lng)) continue;
      const double share = (lng - line.lng) / (line.next_lng - line.lng);
      crossings += line.lat + share * (line.next_lat - line.lat) < point.lat;
    }
  }
  return (crossings % 2 == 1) != ring.holds_south_pole;
}

bool Polygon::contains(Point point) const {
  bool is_inside = false;
  for (const Ring& ring : rings_) is_inside = is_inside != is_in_ring(ring, point);
  return is_inside;
}

// Whether a line of the ring has a point in the box: neither an edge of the box nor the line itself
// parts the two.
bool Polygon::touches(const Ring& ring, const Box& box) const {
  for (uint32_t i = ring.begin; i < ring.end; ++i) {
    const Line& line = lines_[i];
    if (std::max(line.lng, line.next_lng) < box.west) continue;
    if (std::min(line.lng, line.next_lng) > box.east) continue;
    if (std::max(line.lat, line.next_lat) < box.south) continue;
    if (std::min(line.lat, line.next_lat) > box.north) continue;
    const double along_lng = line.next_lng - line.lng;
    const double along_lat = line.next_lat - line.lat;
    const auto side = [&](double lng, double lat) {
      return along_lng * (lat - line.lat) - along_lat * (lng - line.lng);
    };
    const double sides[4] = {side(box.west, box.south), side(box.west, box.north),
                             side(box.east, box.south), side(box.east, box.north)};
    const auto [least, most] = std::minmax_element(sides, sides + 4);
    if (*least <= 0 && *most >= 0) return true;
  }
  return false;
}

Relation Polygon::relate(const Box& unrolled, double margin) const {
  for (const Ring& ring : rings_) {
    const Box box = {unrolled.south - margin, unrolled.west - margin, unrolled.north + margin,
                     unrolled.east + margin};
    const Turns turns(ring.west, ring.east, box.west, box.east);
    for (int turn = turns.first; turn <= turns.last; ++turn) {
      const double by = turn * kTurn;
      if (touches(ring, {box.south, box.west + by, box.north, box.east + by})) {
        return Relation::kAcross;
      }
    }
  }
  return contains(center_of(unrolled)) ? Relation::kInside : Relation::kOutside;
}

}  // namespace varve::geo

// pure/geo/place.h — points and boxes on the earth, in degrees.
//
// A point has a latitude of -90 to 90 and a longitude of -180 to 180, both ends included. A box goes
// from its west edge eastwards to its east edge: west above east means that it crosses the
// antimeridian, where 180 and -180 are one meridian. At the poles a longitude counts as it is
// written, although all of them meet there.
//
// Unrolled: the same box with its east edge at or above its west edge, up to 540. Indexes keep
// boxes so, because then a smallest and a largest longitude bound any number of them. A point is an
// unrolled box of one longitude.
//
// Invariants
//   - whatever passed is_valid() has no NaN and is in range; nothing else here looks again.
#pragma once

#include <cstddef>
#include <cstdint>

namespace varve::geo {

inline constexpr double kLatMax = 90;
inline constexpr double kLngMax = 180;
inline constexpr double kUnrolledMax = 540;

struct Point {
  double lat;
  double lng;
  bool operator==(const Point&) const = default;
};

struct Box {
  double south;
  double west;
  double north;
  double east;
  bool operator==(const Box&) const = default;
};

inline constexpr Box kEverywhere = {-kLatMax, -kLngMax, kLatMax, kLngMax};

inline bool is_valid(Point point) {  // False of NaN, too.
  return point.lat >= -kLatMax && point.lat <= kLatMax && point.lng >= -kLngMax &&
         point.lng <= kLngMax;
}
inline bool is_valid(const Box& box) {
  return is_valid(Point{box.south, box.west}) && is_valid(Point{box.north, box.east}) &&
         box.south <= box.north;
}

inline bool crosses_antimeridian(const Box& box) { return box.west > box.east; }
inline Box box_of(Point point) { return {point.lat, point.lng, point.lat, point.lng}; }

// Any longitude as one of -180 to 180.
double wrap_longitude(double lng);

Box unrolled(const Box& box);
Box rolled(const Box& unrolled);

// The middle of an unrolled box, of -180 to 180.
Point center_of(const Box& unrolled);

// Edges belong to a box.
bool contains(const Box& box, Point point);
bool encloses(const Box& outer, const Box& inner);
bool meets(const Box& a, const Box& b);
// The smallest box around both; of two that are as small the one that begins with `a`.
Box joined(const Box& a, const Box& b);

// A stretch of longitudes, west <= east.
struct Span {
  double west;
  double east;
};

// A box as it is compared with unrolled ones: the stretches of longitude that mean its own, as far
// as those reach that are compared: 180 for points, 540 for boxes.
struct Window {
  static constexpr size_t kSpanCountMax = 3;
  double south;
  double north;
  Span spans[kSpanCountMax];
  size_t span_count;

  explicit Window(const Box& box, double reach = kUnrolledMax);
  bool meets(const Box& unrolled) const {
    if (unrolled.south > north || unrolled.north < south) return false;
    for (size_t i = 0; i < span_count; ++i) {
      if (unrolled.west <= spans[i].east && unrolled.east >= spans[i].west) return true;
    }
    return false;
  }
};

}  // namespace varve::geo

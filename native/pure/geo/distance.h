// pure/geo/distance.h — how far two points are from each other, in metres.
//
// On a sphere: the haversine form with the mean radius of the earth. It differs from the true
// distance by at most 0.56 %, which is the flattening of the earth, and is otherwise exact to a
// relative 1e-15, but for points nearly opposite: there the form loses half of the digits, to 0.1 m.
// On the ellipsoid of WGS 84: Vincenty's form, to 0.5 mm. For points nearly opposite it does not converge;
// those are measured through the best point half-way, to 1 mm.
//
// A haversine is sin² of half the angle. It grows with the distance, so indexes compare these and
// take roots of what they answer only. Sines are polynomials of our own: they run in vectors, and
// are the same on every machine.
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>

#include "pure/geo/place.h"
#include "pure/simd/vectors.h"

namespace varve::geo {

inline constexpr double kEarthRadius = 6371008.8;  // The mean radius of WGS 84.
inline constexpr double kRadian = std::numbers::pi / 180;

// Of 0 to a right angle, in radians; the error is below 1e-16. Taylor's form, to the 21st power.
template <class Number>
inline Number sine(Number angle) {
  const Number x = angle * angle;
  Number sum = 1.9572941063391261e-20;  // 1/21!
  sum = sum * x - 8.2206352466243297e-18;
  sum = sum * x + 2.8114572543455208e-15;
  sum = sum * x - 7.6471637318198165e-13;
  sum = sum * x + 1.6059043836821615e-10;
  sum = sum * x - 2.5052108385441719e-08;
  sum = sum * x + 2.7557319223985893e-06;
  sum = sum * x - 1.9841269841269841e-04;
  sum = sum * x + 8.3333333333333332e-03;
  sum = sum * x - 1.6666666666666666e-01;
  return angle + angle * x * sum;
}

inline double absolute(double number) { return std::abs(number); }

template <class Number>
inline Number cosine_of_latitude(Number lat) {
  return sine((Number(kLatMax) - absolute(lat)) * Number(kRadian));
}

// sin² of half of what two longitudes, or latitudes, are apart.
template <class Number>
inline Number haversine_of_degrees(Number apart) {
  const Number half = sine(apart * Number(kRadian / 2));
  return half * half;
}

// A point that others are measured from.
struct Origin {
  double lat;
  double lng;
  double cosine;

  explicit Origin(Point point)
      : lat(point.lat), lng(point.lng), cosine(cosine_of_latitude(point.lat)) {}

  double haversine(Point to) const { return haversine(to.lat, to.lng); }
  template <class Number>
  Number haversine(Number to_lat, Number to_lng) const {
    const Number apart = absolute(to_lng - Number(lng));
    const Number shorter = smaller(apart, Number(360.0) - apart);
    return haversine_of_degrees(absolute(to_lat - Number(lat))) +
           Number(cosine) * cosine_of_latitude(to_lat) * haversine_of_degrees(shorter);
  }
  // Of many points; columns are read and written in whole lanes, up to one beyond the count.
  void haversines(const double* lats, const double* lngs, size_t count, double* to) const {
    for (size_t i = 0; i < count; i += kDoublesCount) {
      const Doubles found = haversine<Doubles>(read_doubles(lats + i), read_doubles(lngs + i));
      write_doubles(found, to + i);
    }
  }
};

inline double metres_of_haversine(double haversine) {
  return 2 * kEarthRadius * std::asin(std::sqrt(std::min(haversine, 1.0)));
}
// 1 from half of the circumference on.
double haversine_of_metres(double metres);

double distance(Point a, Point b);
double distance_on_ellipsoid(Point a, Point b);

// To the nearest point of an unrolled box: 0 inside.
double haversine_to_box(const Origin& from, const Box& unrolled);

// A box around all points within so many metres, a trifle larger.
Box box_around(Point center, double metres);

}  // namespace varve::geo

#include "pure/geo/distance.h"

#include <optional>

namespace varve::geo {
namespace {

constexpr double kMajorAxis = 6378137.0;
constexpr double kFlattening = 1 / 298.257223563;
constexpr double kMinorAxis = kMajorAxis * (1 - kFlattening);
constexpr int kIterationsMax = 60;
constexpr double kConverged = 1e-13;  // Radians: below a micrometre.

// What Vincenty's iteration finds for a difference of longitude on the auxiliary sphere.
struct Arc {
  double sin_sigma;
  double cos_sigma;
  double sigma;
  double cos2_alpha;
  double sin_alpha;
  double cos_2m;
};

struct Reduced {
  double sine;
  double cosine;
  explicit Reduced(double lat) {
    const double angle = std::atan((1 - kFlattening) * std::tan(lat * kRadian));
    const bool is_pole = std::abs(lat) == kLatMax;
    sine = is_pole ? std::copysign(1.0, lat) : std::sin(angle);
    cosine = is_pole ? 0 : std::cos(angle);
  }
};

Arc arc_of(const Reduced& a, const Reduced& b, double lambda) {
  const double sin_lambda = std::sin(lambda);
  const double cos_lambda = std::cos(lambda);
  Arc arc;
  arc.sin_sigma =
      std::hypot(b.cosine * sin_lambda, a.cosine * b.sine - a.sine * b.cosine * cos_lambda);
  arc.cos_sigma = a.sine * b.sine + a.cosine * b.cosine * cos_lambda;
  arc.sigma = std::atan2(arc.sin_sigma, arc.cos_sigma);
  const double top = a.cosine * b.cosine * sin_lambda;
  arc.sin_alpha = arc.sin_sigma == 0 ? 0 : top / arc.sin_sigma;
  arc.cos2_alpha = 1 - arc.sin_alpha * arc.sin_alpha;
  // Along the equator the middle of the arc has no meaning, and no weight.
  arc.cos_2m = arc.cos2_alpha < 1e-15 ? 0 : arc.cos_sigma - 2 * a.sine * b.sine / arc.cos2_alpha;
  return arc;
}

double metres_of(const Arc& arc) {
  const double u2 = arc.cos2_alpha * (kMajorAxis * kMajorAxis - kMinorAxis * kMinorAxis) /
                    (kMinorAxis * kMinorAxis);
  const double a = 1 + u2 / 16384 * (4096 + u2 * (-768 + u2 * (320 - 175 * u2)));
  const double b = u2 / 1024 * (256 + u2 * (-128 + u2 * (74 - 47 * u2)));
  const double m = arc.cos_2m;
  const double inner = arc.cos_sigma * (2 * m * m - 1) -
                       b / 6 * m * (4 * arc.sin_sigma * arc.sin_sigma - 3) * (4 * m * m - 3);
  const double correction = b * arc.sin_sigma * (m + b / 4 * inner);
  return kMinorAxis * a * (arc.sigma - correction);
}

// Nothing where it does not converge: the points are nearly opposite.
std::optional<double> vincenty(Point from, Point to) {
  const Reduced a(from.lat);
  const Reduced b(to.lat);
  const double apart = std::abs(to.lng - from.lng);
  const double given = std::min(apart, 360 - apart) * kRadian;
  if (given == 0 && from.lat == to.lat) return 0;  // Exactly, however products are rounded.
  double lambda = given;
  for (int i = 0; i < kIterationsMax; ++i) {
    const Arc arc = arc_of(a, b, lambda);
    if (arc.sin_sigma == 0 && arc.cos_sigma > 0) return 0;  // The same pole.
    const double c =
        kFlattening / 16 * arc.cos2_alpha * (4 + kFlattening * (4 - 3 * arc.cos2_alpha));
    const double m = arc.cos_2m;
    const double before = lambda;
    lambda =
        given + (1 - c) * kFlattening * arc.sin_alpha *
                    (arc.sigma + c * arc.sin_sigma * (m + c * arc.cos_sigma * (2 * m * m - 1)));
    if (std::abs(lambda) > std::numbers::pi) return std::nullopt;
    if (std::abs(lambda - before) < kConverged) return metres_of(arc_of(a, b, lambda));
  }
  return std::nullopt;
}

// Every way between points nearly opposite crosses the meridian half-way; the best crossing is
// looked for there, first in steps, then by golden section. Both halves are a quarter of the earth
// long, where the iteration converges.
double through_half_way(Point from, Point to) {
  double turn = wrap_longitude(to.lng - from.lng);
  const double lng = wrap_longitude(from.lng + turn / 2);
  const auto length = [&](double lat) {
    const Point middle{std::clamp(lat, -kLatMax, kLatMax), lng};
    return vincenty(from, middle).value_or(INFINITY) + vincenty(middle, to).value_or(INFINITY);
  };
  constexpr int kStepCount = 36;
  constexpr double kStep = 180.0 / kStepCount;
  double best_lat = -kLatMax;
  for (int i = 1; i <= kStepCount; ++i) {
    const double lat = -kLatMax + i * kStep;
    if (length(lat) < length(best_lat)) best_lat = lat;
  }
  double low = best_lat - kStep;
  double high = best_lat + kStep;
  constexpr double kGolden = 0.6180339887498949;
  for (int i = 0; i < 60; ++i) {
    const double a = high - (high - low) * kGolden;
    const double b = low + (high - low) * kGolden;
    (length(a) < length(b) ? high : low) = length(a) < length(b) ? b : a;
  }
  return std::min(length(best_lat), length((low + high) / 2));
}

// What two longitudes are apart, the shorter way.
double apart_of(double a, double b) {
  const double apart = std::abs(wrap_longitude(a - b));
  return std::min(apart, 360 - apart);
}

}  // namespace

double haversine_of_metres(double metres) {
  const double angle = metres / (2 * kEarthRadius);
  if (!(angle < std::numbers::pi / 2)) return 1;
  const double half = sine(angle);
  return half * half;
}

double distance(Point a, Point b) { return metres_of_haversine(Origin(a).haversine(b)); }

double distance_on_ellipsoid(Point a, Point b) {
  const std::optional<double> found = vincenty(a, b);
  return found ? *found : through_half_way(a, b);
}

double haversine_to_box(const Origin& from, const Box& box) {
  const bool is_beside = (from.lng < box.west || from.lng > box.east) && from.lng + 360 > box.east;
  if (!is_beside) {
    return haversine_of_degrees(std::max({0.0, box.south - from.lat, from.lat - box.north}));
  }
  // The nearest point lies on the nearer of the two meridians: at an end, or where the great circle
  // through the origin meets the meridian at a right angle.
  const double apart = std::min(apart_of(box.west, from.lng), apart_of(box.east, from.lng));
  const auto at = [&](double lat) {
    return haversine_of_degrees(std::abs(lat - from.lat)) +
           from.cosine * cosine_of_latitude(lat) * haversine_of_degrees(apart);
  };
  const double foot = std::atan2(std::sin(from.lat * kRadian),
                                 std::cos(from.lat * kRadian) * std::cos(apart * kRadian));
  const double lat = foot / kRadian;
  const double ends = std::min(at(box.south), at(box.north));
  return lat > box.south && lat < box.north ? std::min(ends, at(lat)) : ends;
}

Box box_around(Point center, double metres) {
  constexpr double kMargin = 1e-9;  // Degrees: more than rounding, less than a millimetre.
  const double angle = metres / kEarthRadius;
  const double up = angle / kRadian * (1 + 1e-12) + kMargin;
  const double south = center.lat - up;
  const double north = center.lat + up;
  if (!(south > -kLatMax && north < kLatMax)) {  // A pole is in it.
    return {std::max(south, -kLatMax), -kLngMax, std::min(north, kLatMax), kLngMax};
  }
  const double ratio = std::sin(angle) / std::cos(center.lat * kRadian);
  // Near a right angle the root of rounding shows in the arc sine.
  const double widest = ratio < 0.999999 ? std::asin(ratio) / kRadian : 90;
  const double aside = widest * (1 + 1e-9) + kMargin;
  if (aside >= 180 - kMargin) return {south, -kLngMax, north, kLngMax};
  return {south, wrap_longitude(center.lng - aside), north, wrap_longitude(center.lng + aside)};
}

}  // namespace varve::geo

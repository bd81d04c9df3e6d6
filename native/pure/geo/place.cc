#include "pure/geo/place.h"

#include <algorithm>
#include <cmath>

namespace varve::geo {
namespace {

constexpr double kTurn = 360;

double width_of(const Box& box) {
  return crosses_antimeridian(box) ? box.east - box.west + kTurn : box.east - box.west;
}

}  // namespace

double wrap_longitude(double lng) {
  if (lng >= -kLngMax && lng <= kLngMax) return lng;
  const double rest = std::fmod(lng + kLngMax, kTurn);
  return (rest < 0 ? rest + kTurn : rest) - kLngMax;
}

Box unrolled(const Box& box) {
  if (!crosses_antimeridian(box)) return box;
  return {box.south, box.west, box.north, box.east + kTurn};
}

Box rolled(const Box& box) {
  if (box.east <= kLngMax) return box;
  return {box.south, box.west, box.north, box.east - kTurn};
}

Point center_of(const Box& box) {
  const double lng = box.west + (box.east - box.west) / 2;
  return {box.south + (box.north - box.south) / 2, lng > kLngMax ? lng - kTurn : lng};
}

bool contains(const Box& box, Point point) { return Window(box).meets(box_of(point)); }

bool meets(const Box& a, const Box& b) { return Window(a).meets(unrolled(b)); }

bool encloses(const Box& outer, const Box& inner) {
  if (inner.south < outer.south || inner.north > outer.north) return false;
  if (width_of(outer) == kTurn) return true;
  const Window window(outer);
  const Box box = unrolled(inner);
  return std::any_of(window.spans, window.spans + window.span_count, [&](const Span& span) {
    return span.west <= box.west && span.east >= box.east;
  });
}

Box joined(const Box& a, const Box& b) {
  const double south = std::min(a.south, b.south);
  const double north = std::max(a.north, b.north);
  if (encloses(Box{-kLatMax, a.west, kLatMax, a.east}, b)) return {south, a.west, north, a.east};
  if (encloses(Box{-kLatMax, b.west, kLatMax, b.east}, a)) return {south, b.west, north, b.east};
  const Box forwards = {south, a.west, north, b.east};
  const Box backwards = {south, b.west, north, a.east};
  const bool holds_forwards = encloses(forwards, a) && encloses(forwards, b);
  const bool holds_backwards = encloses(backwards, a) && encloses(backwards, b);
  if (!holds_forwards && !holds_backwards) return {south, -kLngMax, north, kLngMax};
  if (!holds_backwards) return forwards;
  if (!holds_forwards) return backwards;
  return width_of(backwards) < width_of(forwards) ? backwards : forwards;
}

Window::Window(const Box& box, double reach)
    : south(box.south), north(box.north), spans{}, span_count(0) {
  const double east = unrolled(box).east;
  for (const double turn : {0.0, kTurn, -kTurn}) {
    if (box.west + turn > reach || east + turn < -kLngMax) continue;
    spans[span_count++] = {box.west + turn, east + turn};
  }
}

}  // namespace varve::geo

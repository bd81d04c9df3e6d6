// pure/geo/area.h — what a walk over the tree asks of an area: where it lies to a box, and what is in it.
//
// The walk tests boxes and points against the area's window first; only what passes is asked for here.
#pragma once

#include "pure/geo/node.h"
#include "pure/geo/polygon.h"

namespace varve::geo {

inline Box exact(const FloatBox& box) { return {box.south, box.west, box.north, box.east}; }

struct BoxArea {
  static constexpr bool kWindowIsAll = true;  // What meets the window is in it.
  Window window;

  Relation relation(const FloatBox& box) const {
    if (box.south < window.south || box.north > window.north) return Relation::kAcross;
    for (size_t i = 0; i < window.span_count; ++i) {
      const Span& span = window.spans[i];
      if (box.west >= span.west && box.east <= span.east) return Relation::kInside;
    }
    return Relation::kAcross;
  }
  bool has(Point) const { return true; }
  bool has(const Box&) const { return true; }
};

struct PolygonArea {
  static constexpr bool kWindowIsAll = false;
  Window window;
  const Polygon& polygon;

  Relation relation(const FloatBox& box) const { return polygon.relation(exact(box)); }
  bool has(Point point) const { return polygon.contains(point); }
  bool has(const Box& box) const { return polygon.meets(box); }
};

// Its points are measured as they are found, and kept or not by that.
struct CircleArea {
  static constexpr bool kWindowIsAll = true;
  Window window;

  Relation relation(const FloatBox&) const { return Relation::kAcross; }
  bool has(Point) const { return true; }
  bool has(const Box&) const { return true; }
};

}  // namespace varve::geo

#include "layer/collection/places.h"

#include "pure/geo/distance.h"

namespace varve::collection {
namespace {

Status no_place() { return Status::corrupt("filter: bytes that are no place"); }

double number_at(Bytes bytes, size_t index) { return load<double>(bytes.data() + index * 8); }

double reach_of(geo::Holds holds) {
  return holds == geo::Holds::kPoints ? geo::kLngMax : geo::kUnrolledMax;
}

double haversine_between(const geo::Point& from, const Place& place) {
  const geo::Origin origin(from);
  if (place.holds == geo::Holds::kBoxes) return geo::haversine_to_box(origin, place.box);
  return origin.haversine({place.box.south, place.box.west});
}

}  // namespace

std::optional<Place> place_of(const Item& item) {
  if (!item.is_present()) return std::nullopt;
  if (item.type().tag == TypeTag::kPoint) {
    const geo::Point point = {item.coordinate(0), item.coordinate(1)};
    if (!geo::is_valid(point)) return std::nullopt;
    return Place{geo::box_of(point), geo::Holds::kPoints};
  }
  if (item.type().tag != TypeTag::kBox) return std::nullopt;
  const geo::Box box = {item.coordinate(0), item.coordinate(1), item.coordinate(2),
                        item.coordinate(3)};
  if (!geo::is_valid(box)) return std::nullopt;
  return Place{geo::unrolled(box), geo::Holds::kBoxes};
}

Result<PlaceCondition> PlaceCondition::read_near(Bytes operand) {
  if (operand.size() != 3 * sizeof(double)) return no_place();
  const Circle circle = {{number_at(operand, 0), number_at(operand, 1)}, number_at(operand, 2)};
  if (!geo::is_valid(circle.center) || !(circle.metres >= 0)) return no_place();
  return PlaceCondition(circle);
}

Result<PlaceCondition> PlaceCondition::read_box(Bytes operand) {
  if (operand.size() != 4 * sizeof(double)) return no_place();
  const geo::Box box = {number_at(operand, 0), number_at(operand, 1), number_at(operand, 2),
                        number_at(operand, 3)};
  if (!geo::is_valid(box)) return no_place();
  return PlaceCondition(box);
}

Result<PlaceCondition> PlaceCondition::read_polygon(Bytes operand) {
  if (operand.size() < 4) return no_place();
  const size_t ring_count = load<uint32_t>(operand.data());
  operand = operand.subspan(4);
  if (ring_count > geo::kCornerCountMax || operand.size() < ring_count * 4) return no_place();
  std::vector<uint32_t> ends(ring_count);
  for (size_t i = 0; i < ring_count; ++i) ends[i] = load<uint32_t>(operand.data() + i * 4);
  operand = operand.subspan(ring_count * 4);
  if (operand.size() % 16 != 0) return no_place();
  std::vector<geo::Point> corners(operand.size() / 16);
  for (size_t i = 0; i < corners.size(); ++i) {
    corners[i] = {number_at(operand, 2 * i), number_at(operand, 2 * i + 1)};
  }
  Result<geo::Polygon> polygon = geo::Polygon::make(corners, ends);
  if (!polygon) return polygon.error();
  return PlaceCondition(std::move(*polygon));
}

bool PlaceCondition::matches(const Place& place) const {
  if (const Circle* const circle = std::get_if<Circle>(&area_)) {
    const double haversine = haversine_between(circle->center, place);
    const bool is_everywhere = circle->metres >= geo::metres_of_haversine(1);
    return is_everywhere || geo::metres_of_haversine(haversine) <= circle->metres;
  }
  if (const geo::Box* const box = std::get_if<geo::Box>(&area_)) {
    return geo::Window(*box, reach_of(place.holds)).meets(place.box);
  }
  const geo::Polygon& polygon = std::get<geo::Polygon>(area_);
  if (!geo::Window(polygon.bounds(), reach_of(place.holds)).meets(place.box)) return false;
  if (place.holds == geo::Holds::kBoxes) return polygon.meets(place.box);
  return polygon.contains({place.box.south, place.box.west});
}

double PlaceCondition::haversine(const Place& place) const {
  const Circle* const circle = std::get_if<Circle>(&area_);
  return circle == nullptr ? 0 : haversine_between(circle->center, place);
}

void PlaceCondition::find(const geo::Tree& tree, size_t limit,
                          std::vector<geo::Match>& found) const {
  geo::Query query;
  query.limit = limit;
  if (const Circle* const circle = std::get_if<Circle>(&area_)) {
    tree.near(circle->center, circle->metres, query, found);
  } else if (const geo::Box* const box = std::get_if<geo::Box>(&area_)) {
    tree.within(*box, query, found);
  } else {
    tree.within(std::get<geo::Polygon>(area_), query, found);
  }
}

}  // namespace varve::collection

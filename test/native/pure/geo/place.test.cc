// Places, distances, polygons and cells, against published vectors and against their definitions.
#include "pure/geo/place.h"

#include <array>
#include <string>

#include "pure/geo/geohash.h"
#include "pure/geo/hilbert.h"
#include "world.h"

namespace varve::geo::test {
namespace {

using varve::test::Case;

bool is_near(double a, double b, double margin) { return std::abs(a - b) <= margin; }

World any_world(Random& random) { return kWorlds[random.below(std::size(kWorlds))]; }

Polygon polygon_of(std::vector<Point> corners, std::vector<uint32_t> ends = {}) {
  if (ends.empty()) ends.push_back(static_cast<uint32_t>(corners.size()));
  Result<Polygon> made = Polygon::make(corners, ends);
  require(static_cast<bool>(made));
  return std::move(*made);
}

const Case coordinates("a point is valid up to the poles and the antimeridian, and never with NaN",
                       [] {
                         expect(is_valid(Point{90, 180}) && is_valid(Point{-90, -180}));
                         expect(!is_valid(Point{90.1, 0}) && !is_valid(Point{0, -180.1}));
                         expect(!is_valid(Point{NAN, 0}) && !is_valid(Point{0, NAN}) &&
                                !is_valid(Point{0, INFINITY}));
                         expect(is_valid(Box{-1, 170, 1, -170}) && !is_valid(Box{1, 0, -1, 0}));
                       });

const Case boxes("a box may cross the antimeridian, where 180 and -180 are one", [] {
  const Box fiji = {-20, 177, -12, -178};
  expect(contains(fiji, {-17, 178}) && contains(fiji, {-17, -179}) && contains(fiji, {-17, 180}));
  expect(!contains(fiji, {-17, 0}) && !contains(fiji, {-17, 176.9}));
  expect(contains(Box{0, 170, 1, 180}, {0, -180}) && contains(Box{0, -180, 1, -170}, {0, 180}));
  expect(meets(fiji, {-15, -179, -14, -100}) && meets(fiji, {-15, 100, -14, 177}));
  expect(!meets(fiji, {-15, -177, -14, 176}) && meets(fiji, kEverywhere));
  expect(encloses(kEverywhere, fiji) && encloses(fiji, {-19, 179, -18, -179}));
  expect(!encloses(fiji, {-19, -179, -18, 179}));
  expect(joined({0, 170, 1, 175}, {0, -175, 1, -170}) == Box{0, 170, 1, -170});
  expect(joined({0, 10, 1, 20}, {-5, 30, 0, 40}) == Box{-5, 10, 1, 40});
  expect(center_of(unrolled(fiji)) == Point{-16, 179.5} && rolled(unrolled(fiji)) == fiji);
});

const Case joined_boxes("what two boxes hold is in the box around both", [] {
  Random random(varve::test::seed());
  for (int i = 0; i < 3000; ++i) {
    const Box a = box_in(any_world(random), random);
    const Box b = box_in(any_world(random), random);
    const Box both = joined(a, b);
    expect(encloses(both, a) && encloses(both, b));
    const Point point = point_in(any_world(random), random);
    expect(!(contains(a, point) || contains(b, point)) || contains(both, point));
    expect(!contains(a, point) || !contains(b, point) || meets(a, b));
  }
});

const Case curve("cells that follow one another on the curve are neighbours", [] {
  constexpr uint32_t kSide = 16;
  std::array<std::pair<uint32_t, uint32_t>, kSide * kSide> visited;
  for (uint32_t column = 0; column < kSide; ++column) {
    for (uint32_t row = 0; row < kSide; ++row) {
      const uint64_t place = hilbert_of_cell(column << 28, row << 28) >> 56;
      visited[place] = {column, row};
    }
  }
  for (size_t i = 1; i < visited.size(); ++i) {
    const auto apart = [](uint32_t a, uint32_t b) { return a > b ? a - b : b - a; };
    expect(apart(visited[i].first, visited[i - 1].first) +
               apart(visited[i].second, visited[i - 1].second) ==
           1);
  }
  expect(hilbert_of({-90, -180}) == 0 && hilbert_of({90, 180}) == hilbert_of({90, 179.99999999}));
});

const Case sphere("distances on the sphere are what the published ones are", [] {
  // Of one degree of a great circle, a quarter of one, and half of it.
  expect(is_near(distance({0, 0}, {0, 1}), kEarthRadius * kRadian, 1e-9));
  expect(is_near(distance({0, 0}, {90, 17}), kEarthRadius * std::numbers::pi / 2, 1e-8));
  expect(is_near(distance({0, -90}, {0, 90}), kEarthRadius * std::numbers::pi, 0.1));
  expect(is_near(distance({10, 179}, {10, -179}), distance({10, 1}, {10, -1}), 1e-8));
  // Nashville to Los Angeles, as Rosetta Code has it for a radius of 6372.8 km.
  const double flight = distance({36.12, -86.67}, {33.94, -118.40});
  expect(is_near(flight * 6372.8 / kEarthRadius, 2887.2599506071106, 1e-9));
  expect(distance({48.1, 11.5}, {48.1, 11.5}) == 0);
});

const Case many_at_once("many distances at once are those one by one, bit by bit", [] {
  Random random(varve::test::seed());
  for (int run = 0; run < 300; ++run) {
    const World world = any_world(random);
    const Origin from(point_in(world, random));
    const size_t count = random.below(20);
    std::vector<double> lats(count + 1), lngs(count + 1), found(count + 1);
    for (size_t i = 0; i < count; ++i) {
      const Point point = point_in(world, random);
      lats[i] = point.lat;
      lngs[i] = point.lng;
    }
    from.haversines(lats.data(), lngs.data(), count, found.data());
    for (size_t i = 0; i < count; ++i) expect(found[i] == from.haversine({lats[i], lngs[i]}));
  }
});

const Case ellipsoid("distances on the ellipsoid are those of the published examples", [] {
  const auto dms = [](double degrees, double minutes, double seconds) {
    return (degrees < 0 ? -1 : 1) * (std::abs(degrees) + minutes / 60 + seconds / 3600);
  };
  // Flinders Peak to Buninyong, the example of the Australian datum's manual.
  const Point flinders = {dms(-37, 57, 3.72030), dms(144, 25, 29.52440)};
  const Point buninyong = {dms(-37, 39, 10.15610), dms(143, 55, 35.38390)};
  expect(is_near(distance_on_ellipsoid(flinders, buninyong), 54972.271, 0.001));
  // The quarter meridian and a degree of the equator.
  expect(is_near(distance_on_ellipsoid({0, 0}, {90, 0}), 10001965.729, 0.001));
  expect(is_near(distance_on_ellipsoid({0, 0}, {0, 1}), 111319.491, 0.001));
  // Nearly opposite, where the iteration does not converge.
  expect(is_near(distance_on_ellipsoid({0, 0}, {0.5, 179.5}), 19936288.579, 0.001));
  expect(is_near(distance_on_ellipsoid({0, 0}, {0.5, 179.7}), 19944127.421, 0.001));
  expect(is_near(distance_on_ellipsoid({0, 0}, {0, 180}), 20003931.459, 0.001));
  expect(is_near(distance_on_ellipsoid({90, 5}, {-90, 77}), 20003931.459, 0.001));
  expect(distance_on_ellipsoid({12, 34}, {12, 34}) == 0);
});

const Case flattening("the two kinds of distance differ by less than 0.57 %, and by nothing else",
                      [] {
                        Random random(varve::test::seed());
                        for (int i = 0; i < 2000; ++i) {
                          const Point a = point_in(any_world(random), random);
                          const Point b = point_in(any_world(random), random);
                          const double round = distance(a, b);
                          const double exact = distance_on_ellipsoid(a, b);
                          expect(is_near(round, exact, 0.0057 * std::max(round, exact) + 1e-6));
                          expect(is_near(exact, distance_on_ellipsoid(b, a), 1e-3));
                        }
                      });

const Case around("a box around a circle has all of it, and a box is as near as its nearest point",
                  [] {
                    Random random(varve::test::seed());
                    for (int i = 0; i < 3000; ++i) {
                      const Point center = point_in(any_world(random), random);
                      const double metres = std::pow(10, between(random, -1, 7.4));
                      const Point other = point_in(any_world(random), random);
                      const double apart = distance(center, other);
                      expect(contains(box_around(center, std::max(metres, apart)), other));
                      const Box box = box_in(any_world(random), random);
                      const Origin origin(center);
                      const double least = haversine_to_box(origin, unrolled(box));
                      expect(contains(box, center) ? least == 0 : least >= 0);
                      const Point inside = {
                          between(random, box.south, box.north),
                          wrap_longitude(between(random, box.west, unrolled(box).east))};
                      expect(origin.haversine(inside) >= least * (1 - 1e-9) - 1e-15);
                    }
                    // Beside a box that reaches to high latitudes the nearest point is inside of its edge.
                    const double least = haversine_to_box(Origin({60, 0}), {-80, 40, 89, 50});
                    const double ends = std::min(Origin({60, 0}).haversine({-80, 40}),
                                                 Origin({60, 0}).haversine({89, 40}));
                    expect(least < ends);
                  });

const Case holes("a polygon has holes, crosses the antimeridian, and goes around a pole", [] {
  const Polygon holed = polygon_of(
      {{0, 0}, {0, 10}, {10, 10}, {10, 0}, {0, 0}, {4, 4}, {4, 6}, {6, 6}, {6, 4}}, {5, 9});
  expect(holed.contains({2, 2}) && !holed.contains({5, 5}) && !holed.contains({11, 5}));
  expect(holed.relation({1, 1, 2, 2}) == Relation::kInside);
  expect(holed.relation({4.5, 4.5, 5.5, 5.5}) == Relation::kOutside);
  expect(holed.relation({3, 3, 7, 7}) == Relation::kAcross);
  expect(holed.relation({-5, -5, 15, 15}) == Relation::kAcross);

  const Polygon fiji = polygon_of({{-20, 177}, {-20, -178}, {-12, -178}, {-12, 177}});
  expect(fiji.contains({-17, 179}) && fiji.contains({-17, -179}) && !fiji.contains({-17, 0}));
  expect(fiji.contains({-17, 180}) && fiji.contains({-17, -180}));
  expect(fiji.bounds() == Box{-20, 177, -12, -178});

  const Polygon arctic = polygon_of({{66, 0}, {66, 120}, {66, -120}});
  expect(arctic.contains({90, 5}) && arctic.contains({80, -60}) && !arctic.contains({60, 0}));
  const Polygon antarctic =
      polygon_of({{-66, -180}, {-60, -60}, {-66, 60}, {-66, 180}, {-90, 180}, {-90, -180}});
  expect(antarctic.contains({-80, 20}) && antarctic.contains({-70, -170}));
  expect(!antarctic.contains({-50, 20}) && antarctic.bounds().south == -90);
});

const Case rings("rings that are none are refused", [] {
  const std::vector<Point> two = {{0, 0}, {1, 1}, {0, 0}};
  const uint32_t three[] = {3};
  const uint32_t five[] = {5};
  const std::vector<Point> odd = {{0, 0}, {NAN, 1}, {1, 0}};
  expect(Polygon::make(two, three).code() == Code::kInvalid);
  expect(Polygon::make(two, five).code() == Code::kInvalid);
  expect(Polygon::make(odd, three).code() == Code::kInvalid);
  expect(Polygon::make({}, {}).code() == Code::kInvalid);
});

const Case relations("a box that a polygon calls inside or outside has no point that is not", [] {
  Random random(varve::test::seed());
  for (int i = 0; i < 1000; ++i) {
    const Point center = point_in(any_world(random), random);
    std::vector<Point> corners;
    for (int corner = 0; corner < 6; ++corner) {
      corners.push_back({std::clamp(center.lat + between(random, -9, 9), -90.0, 90.0),
                         wrap_longitude(center.lng + between(random, -9, 9))});
    }
    const Polygon polygon = polygon_of(corners);
    const Box box = {std::clamp(center.lat - between(random, 0, 5), -90.0, 90.0),
                     wrap_longitude(center.lng - between(random, 0, 5)),
                     std::clamp(center.lat + between(random, 0, 5), -90.0, 90.0),
                     wrap_longitude(center.lng + between(random, 0, 5))};
    const Relation relation = polygon.relation(unrolled(box));
    for (int probe = 0; probe < 20; ++probe) {
      const Point point = {between(random, box.south, box.north),
                           wrap_longitude(between(random, box.west, unrolled(box).east))};
      if (polygon.contains(point)) {
        expect(relation != Relation::kOutside && contains(polygon.bounds(), point));
        expect(polygon.meets(unrolled(box)));
      } else {
        expect(relation != Relation::kInside);
      }
    }
  }
});

const Case published("geohashes are the published ones", [] {
  expect(geohash_of({57.64911, 10.40744}, 11) == "u4pruydqqvj");
  expect(geohash_of({42.605, -5.603}, 5) == "ezs42");
  expect(geohash_of({-25.382708, -49.265506}, 8) == "6gkzwgjz");
  expect(geohash_of({90, 180}, 12) == "zzzzzzzzzzzz" && geohash_of({-90, -180}, 3) == "000");
  const Box box = box_of_cell(*cell_of("ezs42"));
  expect(is_near(box.south, 42.583, 0.001) && is_near(box.north, 42.627, 0.001));
  expect(is_near(box.west, -5.625, 0.001) && is_near(box.east, -5.581, 0.001));
  // What Redis's documentation has for Palermo and Catania, and its GEOHASH.
  const Point palermo = {38.115556, 13.361389};
  const Point catania = {37.502669, 15.087269};
  expect(cell_at(palermo, 52, kRedisLatMax).bits == 3479099956230698);
  expect(cell_at(catania, 52, kRedisLatMax).bits == 3479447370796909);
  expect(geohash_of(palermo, 10) == "sqc8b49rny" && geohash_of(catania, 10) == "sqdtr74hyu");
});

const Case texts("a text that is no geohash is none, and either case reads alike", [] {
  expect(!cell_of("") && !cell_of("ezs4a") && !cell_of("ezs42ezs42ezs") && !cell_of("ez 42"));
  expect(cell_of("EZS42") == cell_of("ezs42") && text_of(*cell_of("EZS42")) == "ezs42");
});

const Case neighbours("neighbours share an edge, go over the antimeridian and end at the poles",
                      [] {
                        const auto of = [](const char* text, int north, int east) {
                          return text_of(*neighbour_of(*cell_of(text), north, east));
                        };
                        expect(of("dqcjq", 1, 0) == "dqcjw" && of("dqcjq", -1, -1) == "dqcjj");
                        expect(of("xbpbpb", 0, 1) == of("xbpbpb", 0, 1) && of("8", 0, -1) == "x" &&
                               of("x", 0, 1) == "8");
                        expect(!neighbour_of(*cell_of("zzz"), 1, 0) &&
                               !neighbour_of(*cell_of("000"), -1, 0));
                        Random random(varve::test::seed());
                        for (int i = 0; i < 1000; ++i) {
                          const Cell cell =
                              cell_at(point_in(any_world(random), random),
                                      static_cast<uint32_t>(5 * (1 + random.below(12))));
                          const Box box = box_of_cell(cell);
                          const std::optional<Cell> east = neighbour_of(cell, 0, 1);
                          expect(east && wrap_longitude(box_of_cell(*east).west - box.east) == 0);
                          const std::optional<Cell> north = neighbour_of(cell, 1, 0);
                          expect(north ? box_of_cell(*north).south == box.north : box.north == 90);
                        }
                      });

const Case cells("a point lies in its cell, and its cell in the one of fewer bits", [] {
  Random random(varve::test::seed());
  for (int i = 0; i < 5000; ++i) {
    const Point point = point_in(any_world(random), random);
    const uint32_t size = static_cast<uint32_t>(random.below(60));
    const Cell cell = cell_at(point, size);
    const Box box = box_of_cell(cell);
    expect(contains({std::max(box.south - 1e-12, -90.0), box.west, box.north, box.east}, point) ||
           std::abs(box.west - point.lng) < 1e-12 || std::abs(box.east - point.lng) < 1e-12);
    expect(cell_at(point, size + 1).bits >> 1 == cell.bits);
    expect(cell_at(center_of_cell(cell), size) == cell);
  }
});

bool is_covered(const std::vector<CellRange>& ranges, Point point) {
  const uint64_t bits = cell_at(point, kCellBits).bits;
  return std::any_of(ranges.begin(), ranges.end(), [bits](const CellRange& range) {
    return range.first <= bits && bits <= range.last;
  });
}

void expect_orderly(const std::vector<CellRange>& ranges, size_t count_max) {
  expect(ranges.size() <= count_max);
  for (size_t i = 0; i < ranges.size(); ++i) {
    expect(ranges[i].first <= ranges[i].last && ranges[i].last < uint64_t{1} << kCellBits);
    expect(i == 0 || ranges[i - 1].last + 1 < ranges[i].first);
  }
}

const Case coverings("a covering misses no point of its area and keeps to its count", [] {
  Random random(varve::test::seed());
  for (int i = 0; i < 300; ++i) {
    const size_t count_max = 1 + random.below(40);
    const World world = any_world(random);
    const Point center = point_in(world, random);
    const Box box = box_in(world, random);
    const double metres = std::pow(10, between(random, 0, 7.3));
    const Polygon polygon =
        polygon_of({center,
                    {std::clamp(center.lat + 3, -90.0, 90.0), wrap_longitude(center.lng + 2)},
                    {std::clamp(center.lat - 1, -90.0, 90.0), wrap_longitude(center.lng + 4)}});
    const auto of_box = cover_box(box, count_max);
    const auto of_circle = cover_circle(center, metres, count_max);
    const auto of_polygon = cover_polygon(polygon, count_max);
    for (const auto* ranges : {&of_box, &of_circle, &of_polygon}) {
      expect_orderly(*ranges, count_max);
    }
    for (int probe = 0; probe < 60; ++probe) {
      const Point point = random.one_in(2)
                              ? point_in(world, random)
                              : Point{std::clamp(center.lat + between(random, -2, 2), -90.0, 90.0),
                                      wrap_longitude(center.lng + between(random, -2, 4))};
      expect(!contains(box, point) || is_covered(of_box, point));
      expect(distance(center, point) > metres || is_covered(of_circle, point));
      expect(!polygon.contains(point) || is_covered(of_polygon, point));
    }
    expect(is_covered(of_box, {box.north, box.east}) && is_covered(of_circle, center));
  }
});

const Case tight("more ranges cover less", [] {
  const auto share = [](const std::vector<CellRange>& ranges) {
    uint64_t sum = 0;
    for (const CellRange& range : ranges) sum += range.last - range.first + 1;
    return static_cast<double>(sum) * 0x1p-52;
  };
  const Point berlin = {52.52, 13.405};
  const double circle = 5 * 5 * std::numbers::pi / (111.2 * 360 * 111.2 * 180 * 0.6085);
  expect(share(cover_circle(berlin, 5000, 4)) < 12 * circle);
  expect(share(cover_circle(berlin, 5000, 32)) < 2 * circle);
  expect(share(cover_circle(berlin, 5000, 32)) >= circle);
});

}  // namespace
}  // namespace varve::geo::test

// pure/geo/geohash.h — cells of the earth, named by the bits of interleaved halvings.
//
// A cell of n bits is reached by halving the earth n times, first by longitude, then by latitude, and so
// on; a bit is 1 for the eastern or northern half. So what begins with the bits of a cell lies in it,
// and an area is covered by ranges of cells: what is kept in their order is found by a few ranges.
//
// The text form writes five bits a character. The number form has 52 bits, and as a double is exact;
// Redis has the same but for latitudes, which it halves from ±85.05112878, where its map ends.
//
// Invariants
//   - a covering misses no point of its area, and has at most as many ranges as were allowed.
// Bytes: FORMAT.md
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pure/geo/place.h"
#include "pure/geo/polygon.h"

namespace varve::geo {

inline constexpr uint32_t kCellBits = 52;
inline constexpr size_t kGeohashLengthMax = 12;
inline constexpr double kRedisLatMax = 85.05112878;

// `bits` are the low `size` ones, at most 60.
struct Cell {
  uint64_t bits;
  uint32_t size;
  bool operator==(const Cell&) const = default;
};

// Half of the latitudes that are halved: 90, or kRedisLatMax. A point beyond is taken to the edge.
Cell cell_at(Point point, uint32_t size, double lat_max = kLatMax);
// Never across the antimeridian.
Box box_of_cell(Cell cell, double lat_max = kLatMax);
Point center_of_cell(Cell cell, double lat_max = kLatMax);

// Over the antimeridian, too; nothing beyond a pole. Steps are -1, 0 or 1.
std::optional<Cell> neighbour_of(Cell cell, int north, int east);

std::string geohash_of(Point point, size_t length);  // 1 to kGeohashLengthMax characters.
std::string text_of(Cell cell);                      // Of a multiple of five bits.
// Nothing if a character, of either case, is none of geohash, or there are none or too many.
std::optional<Cell> cell_of(std::string_view geohash);

// Cells of kCellBits from first to last, both of it.
struct CellRange {
  uint64_t first;
  uint64_t last;
  bool operator==(const CellRange&) const = default;
};

// How an area lies to a box that does not cross the antimeridian. kAcross is always allowed.
using Relate = std::function<Relation(const Box&)>;

// At most `count_max` ranges (1 or more), ascending, with gaps between them.
std::vector<CellRange> cover(const Relate& relate, size_t count_max, double lat_max = kLatMax);
std::vector<CellRange> cover_box(const Box& box, size_t count_max, double lat_max = kLatMax);
std::vector<CellRange> cover_circle(Point center, double metres, size_t count_max,
                                    double lat_max = kLatMax);
std::vector<CellRange> cover_polygon(const Polygon& polygon, size_t count_max,
                                     double lat_max = kLatMax);

}  // namespace varve::geo

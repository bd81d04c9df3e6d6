#include "pure/geo/geohash.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <queue>

#include "base/check.h"
#include "pure/geo/distance.h"

namespace varve::geo {
namespace {

constexpr std::string_view kAlphabet = "0123456789bcdefghjkmnpqrstuvwxyz";
constexpr uint32_t kBitsMax = 60;

// Every second bit of `wide`, from the lowest on.
uint32_t every_second(uint64_t wide) {
  uint64_t x = wide & 0x5555555555555555;
  x = (x | x >> 1) & 0x3333333333333333;
  x = (x | x >> 2) & 0x0f0f0f0f0f0f0f0f;
  x = (x | x >> 4) & 0x00ff00ff00ff00ff;
  x = (x | x >> 8) & 0x0000ffff0000ffff;
  return static_cast<uint32_t>(x | x >> 16);
}

uint64_t spread(uint32_t narrow) {
  uint64_t x = narrow;
  x = (x | x << 16) & 0x0000ffff0000ffff;
  x = (x | x << 8) & 0x00ff00ff00ff00ff;
  x = (x | x << 4) & 0x0f0f0f0f0f0f0f0f;
  x = (x | x << 2) & 0x3333333333333333;
  return (x | x << 1) & 0x5555555555555555;
}

// Columns and rows of a cell. The last bit is one of longitude when there is an odd number of them.
struct Grid {
  uint32_t column;
  uint32_t row;
  uint32_t column_bits;
  uint32_t row_bits;

  explicit Grid(Cell cell) : column_bits((cell.size + 1) / 2), row_bits(cell.size / 2) {
    const bool is_odd = cell.size % 2 == 1;
    column = every_second(is_odd ? cell.bits : cell.bits >> 1);
    row = every_second(is_odd ? cell.bits >> 1 : cell.bits);
  }
  Cell cell() const {
    const uint32_t size = column_bits + row_bits;
    const bool is_odd = size % 2 == 1;
    return {is_odd ? spread(column) | spread(row) << 1 : spread(column) << 1 | spread(row), size};
  }
};

uint32_t step_of(double value, double max, uint32_t bits) {
  const double count = std::ldexp(1.0, static_cast<int>(bits));
  const double step = std::floor((value + max) / (2 * max) * count);
  return static_cast<uint32_t>(std::clamp(step, 0.0, count - 1));
}

// Where a step begins; where the one after the last begins is the end.
double edge_of(uint64_t step, double max, uint32_t bits) {
  return std::ldexp(static_cast<double>(step), -static_cast<int>(bits)) * (2 * max) - max;
}

CellRange range_of(Cell cell) {
  const uint32_t rest = kCellBits - cell.size;
  return {cell.bits << rest, ((cell.bits + 1) << rest) - 1};
}

// All that a cell may be told to hold: a coordinate that rounding takes over its edge, and, in the
// last row, what lies beyond it.
Box reach_of(Cell cell, double lat_max) {
  constexpr double kRounding = 1e-12;
  const Box box = box_of_cell(cell, lat_max);
  return {box.south == -lat_max ? -kLatMax : box.south - kRounding,
          std::max(box.west - kRounding, -kLngMax),
          box.north == lat_max ? kLatMax : box.north + kRounding,
          std::min(box.east + kRounding, kLngMax)};
}

}  // namespace

Cell cell_at(Point point, uint32_t size, double lat_max) {
  check(size <= kBitsMax);
  Grid grid(Cell{0, size});
  grid.column = step_of(point.lng, kLngMax, grid.column_bits);
  grid.row = step_of(point.lat, lat_max, grid.row_bits);
  return grid.cell();
}

Box box_of_cell(Cell cell, double lat_max) {
  const Grid grid(cell);
  return {edge_of(grid.row, lat_max, grid.row_bits),
          edge_of(grid.column, kLngMax, grid.column_bits),
          edge_of(uint64_t{grid.row} + 1, lat_max, grid.row_bits),
          edge_of(uint64_t{grid.column} + 1, kLngMax, grid.column_bits)};
}

Point center_of_cell(Cell cell, double lat_max) {
  const Box box = box_of_cell(cell, lat_max);
  return {(box.south + box.north) / 2, (box.west + box.east) / 2};
}

std::optional<Cell> neighbour_of(Cell cell, int north, int east) {
  Grid grid(cell);
  const int64_t row = int64_t{grid.row} + north;
  const int64_t rows = int64_t{1} << grid.row_bits;
  const int64_t columns = int64_t{1} << grid.column_bits;
  if (row < 0 || row >= rows) return std::nullopt;
  grid.row = static_cast<uint32_t>(row);
  grid.column = static_cast<uint32_t>((int64_t{grid.column} + east + columns) % columns);
  return grid.cell();
}

std::string geohash_of(Point point, size_t length) {
  check(length >= 1 && length <= kGeohashLengthMax);
  return text_of(cell_at(point, static_cast<uint32_t>(length) * 5));
}

std::string text_of(Cell cell) {
  check(cell.size % 5 == 0 && cell.size <= kBitsMax);
  std::string text(cell.size / 5, '0');
  for (size_t i = text.size(); i-- > 0; cell.bits >>= 5) text[i] = kAlphabet[cell.bits & 31];
  return text;
}

std::optional<Cell> cell_of(std::string_view geohash) {
  if (geohash.empty() || geohash.size() > kGeohashLengthMax) return std::nullopt;
  Cell cell = {0, 0};
  for (const char c : geohash) {
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const size_t digit = kAlphabet.find(lower);
    if (digit == std::string_view::npos) return std::nullopt;
    cell = {cell.bits << 5 | digit, cell.size + 5};
  }
  return cell;
}

// The largest cell that the edge of the area goes through is halved, as long as there is room.
std::vector<CellRange> cover(const Relate& relate, size_t count_max, double lat_max) {
  const auto is_smaller = [](Cell a, Cell b) { return a.size > b.size; };
  std::priority_queue<Cell, std::vector<Cell>, decltype(is_smaller)> open(is_smaller);
  std::vector<CellRange> ranges;
  const auto place = [&](Cell cell) {
    const Relation relation = relate(reach_of(cell, lat_max));
    if (relation == Relation::kAcross && cell.size < kCellBits) open.push(cell);
    if (relation == Relation::kInside || (relation == Relation::kAcross && cell.size == kCellBits))
      ranges.push_back(range_of(cell));
  };
  place(Cell{0, 0});
  while (!open.empty() && open.size() + ranges.size() < count_max) {
    const Cell cell = open.top();
    open.pop();
    place({cell.bits << 1, cell.size + 1});
    place({cell.bits << 1 | 1, cell.size + 1});
  }
  for (; !open.empty(); open.pop()) ranges.push_back(range_of(open.top()));
  std::sort(ranges.begin(), ranges.end(), [](auto a, auto b) { return a.first < b.first; });
  size_t kept = 0;
  for (const CellRange& range : ranges) {
    if (kept > 0 && ranges[kept - 1].last + 1 == range.first) {
      ranges[kept - 1].last = range.last;
    } else {
      ranges[kept++] = range;
    }
  }
  ranges.resize(kept);
  return ranges;
}

std::vector<CellRange> cover_box(const Box& box, size_t count_max, double lat_max) {
  const auto relate = [&box](const Box& cell) {
    if (!meets(box, cell)) return Relation::kOutside;
    return encloses(box, cell) ? Relation::kInside : Relation::kAcross;
  };
  return cover(relate, count_max, lat_max);
}

std::vector<CellRange> cover_circle(Point center, double metres, size_t count_max, double lat_max) {
  const Origin origin(center);
  const double reach = haversine_of_metres(metres) * (1 + 1e-9) + 1e-24;
  const Box around = box_around(center, metres);
  const auto relate = [&](const Box& cell) {
    if (!meets(around, cell) || haversine_to_box(origin, cell) > reach) return Relation::kOutside;
    // A cell of a quarter turn or less whose corners are inside is inside as far as it matters:
    // halving it would win nothing.
    const bool is_small = cell.east - cell.west <= 90;
    const Point corners[] = {{cell.south, cell.west},
                             {cell.south, cell.east},
                             {cell.north, cell.west},
                             {cell.north, cell.east}};
    const bool is_inside = std::all_of(
        corners, corners + 4, [&](Point corner) { return origin.haversine(corner) <= reach; });
    return is_small && is_inside ? Relation::kInside : Relation::kAcross;
  };
  return cover(relate, count_max, lat_max);
}

std::vector<CellRange> cover_polygon(const Polygon& polygon, size_t count_max, double lat_max) {
  const auto relate = [&polygon](const Box& cell) { return polygon.relation(cell); };
  return cover(relate, count_max, lat_max);
}

}  // namespace varve::geo

// binding/geo.cc — indexes of places on their own, and cells of geohash.
//
// An index is an External with a finaliser, the first argument of what it is asked. Coordinates and
// other numbers lie as doubles at the beginning of the scratch's data area, where the answers'
// boxes and points are left, too. What a query finds is written to a Float64Array: first all ids,
// then, if it was asked from a point, all distances. Where there is no room it is kept, for
// geoTake().
#include "binding/geo.h"

#include <algorithm>
#include <cmath>

#include "binding/arguments.h"
#include "binding/bitmap.h"
#include "binding/image.h"
#include "pure/bitmap/bitmap.h"
#include "pure/geo/geohash.h"
#include "pure/geo/serial.h"

namespace varve {
namespace {

using geo::Box;
using geo::Point;

struct GeoIndex final : Owned {
  explicit GeoIndex(geo::Holds holds)
      : blocks(std::make_unique<MemoryBlocks>()), tree(std::in_place, *blocks, holds) {}
  GeoIndex(Image its_image, const geo::Opened& opened)
      : image(std::move(its_image)),
        mapped(std::make_unique<MappedBlocks>(image.bytes())),
        tree(std::in_place, *mapped, opened.holds, opened.state) {}

  // An index that was read from bytes is copied into blocks of its own when it is first written to.
  geo::Tree& to_write() {
    if (mapped == nullptr) return *tree;
    blocks = std::make_unique<MemoryBlocks>();
    geo::Tree copy(*blocks, tree->holds());
    copy.assign(*tree);
    tree.emplace(*blocks, copy.holds(), copy.state());
    mapped.reset();
    image = Image();
    return *tree;
  }
  size_t held_bytes() const {
    return image.held_bytes() + (blocks == nullptr ? 0 : blocks->slab_bytes()) +
           found.capacity() * sizeof(geo::Match) + bytes.capacity();
  }

  void let_go(napi_env env) override {
    tree.reset();
    mapped.reset();
    blocks.reset();
    image = Image();
    found = {};
    bytes = {};
    account(env, accounted, 0);
  }

  Image image;  // What `tree` reads where it lies, if it was opened from bytes.
  std::unique_ptr<MappedBlocks> mapped;
  std::unique_ptr<MemoryBlocks> blocks;
  std::optional<geo::Tree> tree;  // Over one of the two.
  std::vector<geo::Match> found;  // By the last query.
  bool has_distances = false;
  std::string bytes;      // Serialised, until they are taken.
  int64_t accounted = 0;  // What the collector was told of.
};

// The numbers that go along with a call, at the beginning of the data area.
struct Numbers {
  uint8_t* const data;

  explicit Numbers(napi_env env) : data(environment_of(env).scratch + kDataAt) {}
  double at(size_t place) const { return load<double>(data + place * 8); }
  void set(size_t place, double number) const { store<double>(data + place * 8, number); }
  Point point(size_t place) const { return {at(place), at(place + 1)}; }
  Box box(size_t place) const { return {at(place), at(place + 1), at(place + 2), at(place + 3)}; }
  void set_box(size_t place, const Box& box) const {
    set(place, box.south);
    set(place + 1, box.west);
    set(place + 2, box.north);
    set(place + 3, box.east);
  }
  // An id, then its place.
  geo::Entry entry() const { return {static_cast<uint64_t>(at(0)), geo::unrolled(box(1))}; }
};

GeoIndex& index_of(const Call& call) { return read_external<GeoIndex>(call, 0); }

void account(napi_env env, GeoIndex& index) {
  varve::account(env, index.accounted, static_cast<int64_t>(index.held_bytes()));
}

napi_value hand_over(napi_env env, std::unique_ptr<GeoIndex> index) {
  account(env, *index);
  return environment_of(env).owned->own(env, std::move(index));
}

// geoCreate(holds) → an index
napi_value create(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  const uint32_t holds = read_uint32(call, 0);
  return hand_over(env, std::make_unique<GeoIndex>(static_cast<geo::Holds>(holds)));
}

// geoOpen(bytes) → an index, or FAILED
napi_value open_index(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Image image(read_elements<const uint8_t>(call, 0));
  const Result<geo::Opened> opened = geo::open_tree(image.bytes());
  if (!opened) return make_failure(env, opened.error());
  return hand_over(env, std::make_unique<GeoIndex>(std::move(image), *opened));
}

// geoInsert(index), geoRemove(index), geoHas(index): the entry as numbers 0 to 4 → 1 or 0
napi_value insert(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  GeoIndex& index = index_of(call);
  const bool is_new = index.to_write().insert(Numbers(env).entry());
  account(env, index);
  return make_int(env, is_new);
}

napi_value remove(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  GeoIndex& index = index_of(call);
  const bool was_there = index.to_write().remove(Numbers(env).entry());
  account(env, index);
  return make_int(env, was_there);
}

napi_value has(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  return make_int(env, index_of(call).tree->has(Numbers(env).entry()));
}

// Ids of a Float64Array. False with the place of one that is no id.
bool read_ids(const Call& call, size_t argument, std::vector<uint64_t>& ids, size_t& wrong) {
  const auto from = read_elements<const double>(call, argument);
  ids.resize(from.size());
  for (wrong = 0; wrong < from.size(); ++wrong) {
    const double id = from[wrong];
    if (!(id >= 0 && id <= static_cast<double>(geo::kIdMax) && id == std::floor(id))) return false;
    ids[wrong] = static_cast<uint64_t>(id);
  }
  return true;
}

struct ColumnsArgument {
  std::vector<uint64_t> ids;
  geo::Columns columns;
  std::string message;

  // (index, ids, lats, lngs) or (index, ids, souths, wests, norths, easts)
  bool read(const Call& call) {
    size_t wrong = 0;
    const bool are_points = call.count == 4;
    if (read_element_type(call, 1) == napi_uint32_array) {
      columns.short_ids = read_elements<const uint32_t>(call, 1);
    } else if (read_ids(call, 1, ids, wrong)) {
      columns.ids = ids;
    } else {
      return refuse("ids", wrong, "an integer of 0 to 2^53 - 1");
    }
    columns.souths = read_elements<const double>(call, 2);
    columns.wests = read_elements<const double>(call, 3);
    columns.norths = are_points ? columns.souths : read_elements<const double>(call, 4);
    columns.easts = are_points ? columns.wests : read_elements<const double>(call, 5);
    for (size_t i = 0; i < columns.size(); ++i) {
      const Box box = {columns.souths[i], columns.wests[i], columns.norths[i], columns.easts[i]};
      if (!geo::is_valid(box)) return refuse_box(box, i, are_points);
    }
    return true;
  }

 private:
  bool refuse(const char* name, size_t place, const char* expected) {
    message = std::string(name) + "[" + std::to_string(place) + "] must be " + expected;
    return false;
  }
  bool refuse_box(const Box& box, size_t i, bool are_points) {
    const auto is_within = [](double value, double max) { return value >= -max && value <= max; };
    if (!is_within(box.south, 90)) {
      return refuse(are_points ? "lats" : "souths", i, "from -90 to 90");
    }
    if (!is_within(box.west, 180)) {
      return refuse(are_points ? "lngs" : "wests", i, "from -180 to 180");
    }
    if (!is_within(box.east, 180)) return refuse("easts", i, "from -180 to 180");
    return refuse("norths", i, "from its south to 90");
  }
};

// geoInsertMany(index, ids, columns…), geoRemoveMany(…) → how many were new, or there; or FAILED
template <uint64_t (geo::Tree::*kChange)(const geo::Columns&)>
napi_value change_many(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  GeoIndex& index = index_of(call);
  ColumnsArgument many;
  if (!many.read(call)) return make_failure(env, Status::invalid(many.message));
  const uint64_t changed = (index.to_write().*kChange)(many.columns);
  account(env, index);
  return make_double(env, static_cast<double>(changed));
}

napi_value clear(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  GeoIndex& index = index_of(call);
  index.to_write().clear();
  account(env, index);
  return make_answer(env, Answer::kOk);
}

// ---- queries

void write_found(const GeoIndex& index, double* to) {
  const size_t size = index.found.size();
  for (size_t i = 0; i < size; ++i) to[i] = static_cast<double>(index.found[i].id);
  if (!index.has_distances) return;
  for (size_t i = 0; i < size; ++i) {
    to[size + i] = geo::metres_of_haversine(index.found[i].haversine);
  }
}

// Writes what was found from `offset` on, if there is room; answers how many there are.
napi_value answer_found(const Call& call, GeoIndex& index, size_t to_argument) {
  const uint32_t offset = read_uint32(call, to_argument + 1);
  const std::span<double> to = read_elements<double>(call, to_argument);
  const size_t needed = index.found.size() * (index.has_distances ? 2 : 1);
  if (offset <= to.size() && needed <= to.size() - offset) {
    write_found(index, to.data() + offset);
  }
  return make_size(call.env, index.found.size());
}

size_t limit_of(double limit) {
  return limit < 9007199254740992.0 ? static_cast<size_t>(limit) : SIZE_MAX;
}

// What a query is asked with, from a number on: the limit, 1 if it measures from a point, that
// point, and the bitmap in which ids must be, or -1.
struct Asked {
  geo::Query query;
  Point from;
  std::function<bool(uint64_t)> passes;

  Asked(napi_env env, const Numbers& numbers, size_t place) : from(numbers.point(place + 2)) {
    query.limit = limit_of(numbers.at(place));
    if (numbers.at(place + 1) == 1) query.from = &from;
    const double set = numbers.at(place + 4);
    if (set < 0) return;
    const Bitmap& bitmap = bitmap_of(environment_of(env), static_cast<uint32_t>(set));
    passes = [&bitmap](uint64_t id) { return bitmap.has(id); };
    query.filter = &passes;
  }
  Asked(const Asked&) = delete;
  Asked& operator=(const Asked&) = delete;
};

// geoNear(index, to, offset): metres, then Asked → a count
napi_value near(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  const Numbers numbers(env);
  GeoIndex& index = index_of(call);
  const Asked asked(env, numbers, 1);
  index.found.clear();
  index.has_distances = true;
  index.tree->near(asked.from, numbers.at(0), asked.query, index.found);
  return answer_found(call, index, 1);
}

template <class Area>
void find_within(const Area& area, const Asked& asked, GeoIndex& index) {
  index.found.clear();
  index.has_distances = asked.query.from != nullptr;
  index.tree->within(area, asked.query, index.found);
}

// geoWithinBox(index, to, offset): the box, then Asked → a count
napi_value within_box(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  const Numbers numbers(env);
  GeoIndex& index = index_of(call);
  find_within(numbers.box(0), Asked(env, numbers, 4), index);
  return answer_found(call, index, 1);
}

Result<geo::Polygon> read_polygon(const Call& call, size_t argument) {
  const auto sides = read_elements<const double>(call, argument);
  const std::span<const uint32_t> ends = read_elements<const uint32_t>(call, argument + 1);
  std::vector<Point> corners(sides.size() / 2);
  for (size_t i = 0; i < corners.size(); ++i) corners[i] = {sides[2 * i], sides[2 * i + 1]};
  return geo::Polygon::make(corners, ends);
}

// geoWithinPolygon(index, to, offset, corners, ends): Asked → a count, or FAILED
napi_value within_polygon(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  GeoIndex& index = index_of(call);
  const Result<geo::Polygon> polygon = read_polygon(call, 3);
  if (!polygon) return make_failure(env, polygon.error());
  find_within(*polygon, Asked(env, Numbers(env), 0), index);
  return answer_found(call, index, 1);
}

// geoContains(corners, ends): a point; with corners of a polygon, else a box behind it → 1 or 0, or
// FAILED
napi_value contains(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  const Numbers numbers(env);
  if (call.count == 0) return make_int(env, geo::contains(numbers.box(2), numbers.point(0)));
  const Result<geo::Polygon> polygon = read_polygon(call, 0);
  if (!polygon) return make_failure(env, polygon.error());
  return make_int(env, polygon->contains(numbers.point(0)));
}

// geoTake(index, to): what the last query found.
napi_value take(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  GeoIndex& index = index_of(call);
  const std::span<double> to = read_elements<double>(call, 1);
  if (to.size() >= index.found.size() * (index.has_distances ? 2 : 1)) {
    write_found(index, to.data());
  }
  index.found = {};
  account(env, index);
  return make_answer(env, Answer::kOk);
}

// ---- the index as a whole

// geoStats(index): leaves the count and the bytes in memory as numbers 0 and 1.
napi_value stats(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  const GeoIndex& index = index_of(call);
  const Numbers numbers(env);
  numbers.set(0, static_cast<double>(index.tree->state().count));
  numbers.set(1, static_cast<double>(index.held_bytes()));
  return make_answer(env, Answer::kOk);
}

// geoWrite(index) → how many bytes; geoTakeBytes(index, to)
napi_value write(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  GeoIndex& index = index_of(call);
  index.bytes = geo::bytes_of(*index.tree);
  return make_double(env, static_cast<double>(index.bytes.size()));
}

napi_value take_bytes(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  GeoIndex& index = index_of(call);
  const std::span<uint8_t> to = read_elements<uint8_t>(call, 1);
  std::memcpy(to.data(), index.bytes.data(), std::min(to.size(), index.bytes.size()));
  index.bytes = {};
  return make_answer(env, Answer::kOk);
}

// ---- without an index

// geoDistance(isOnEllipsoid): two points; leaves metres as number 0.
napi_value measure(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  const Numbers numbers(env);
  const Point a = numbers.point(0);
  const Point b = numbers.point(2);
  numbers.set(0,
              read_uint32(call, 0) == 1 ? geo::distance_on_ellipsoid(a, b) : geo::distance(a, b));
  return make_answer(env, Answer::kOk);
}

// geohashEncode(length): a point → text
napi_value encode(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  const std::string text = geo::geohash_of(Numbers(env).point(0), read_uint32(call, 0));
  napi_value answer = nullptr;
  napi_create_string_latin1(env, text.data(), text.size(), &answer);
  return answer;
}

std::optional<geo::Cell> read_cell(const Call& call) {
  char text[geo::kGeohashLengthMax + 2];
  size_t length = 0;
  napi_get_value_string_latin1(call.env, call.arguments[0], text, sizeof text, &length);
  return geo::cell_of({text, length});
}

// geohashDecode(text): leaves its box → OK, or ABSENT if it is none
napi_value decode(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  const std::optional<geo::Cell> cell = read_cell(call);
  if (!cell) return make_answer(env, Answer::kAbsent);
  Numbers(env).set_box(0, geo::box_of_cell(*cell));
  return make_answer(env, Answer::kOk);
}

// geohashNeighbour(text): steps north and east → text, '' beyond a pole, or ABSENT
napi_value neighbour(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  const std::optional<geo::Cell> cell = read_cell(call);
  if (!cell) return make_answer(env, Answer::kAbsent);
  const Numbers numbers(env);
  const int north = static_cast<int>(numbers.at(0));
  const int east = static_cast<int>(numbers.at(1));
  const std::optional<geo::Cell> found = geo::neighbour_of(*cell, north, east);
  return make_text(env, found ? geo::text_of(*found) : std::string());
}

double lat_max_of(double is_redis) { return is_redis == 1 ? geo::kRedisLatMax : geo::kLatMax; }

// geohashNumber(): a point, 1 for Redis's latitudes; leaves the cell as number 0
napi_value cell_number(napi_env env, napi_callback_info) {
  const Numbers numbers(env);
  const geo::Cell cell = geo::cell_at(numbers.point(0), geo::kCellBits, lat_max_of(numbers.at(2)));
  numbers.set(0, static_cast<double>(cell.bits));
  return make_answer(env, Answer::kOk);
}

// geohashCell(): a cell, 1 for Redis's latitudes; leaves its box
napi_value cell_box(napi_env env, napi_callback_info) {
  const Numbers numbers(env);
  const geo::Cell cell = {static_cast<uint64_t>(numbers.at(0)), geo::kCellBits};
  numbers.set_box(0, geo::box_of_cell(cell, lat_max_of(numbers.at(1))));
  return make_answer(env, Answer::kOk);
}

// geohashCover(ranges, kind, corners, ends): from number 0 on 1 for Redis's latitudes, how many at
// most, then the box (kind 0) or the center and metres (kind 1); corners are of a polygon (kind 2).
// Leaves first and last of each range in `ranges` → a count, or FAILED.
napi_value cover(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  const std::span<double> to = read_elements<double>(call, 0);
  const uint32_t kind = read_uint32(call, 1);
  const Numbers numbers(env);
  const double lat_max = lat_max_of(numbers.at(0));
  const size_t count_max = std::min(limit_of(numbers.at(1)), to.size() / 2);
  std::vector<geo::CellRange> ranges;
  if (kind == 0) {
    ranges = geo::cover_box(numbers.box(2), count_max, lat_max);
  } else if (kind == 1) {
    ranges = geo::cover_circle(numbers.point(2), numbers.at(4), count_max, lat_max);
  } else {
    const Result<geo::Polygon> polygon = read_polygon(call, 2);
    if (!polygon) return make_failure(env, polygon.error());
    ranges = geo::cover_polygon(*polygon, count_max, lat_max);
  }
  for (size_t i = 0; i < ranges.size(); ++i) {
    to[2 * i] = static_cast<double>(ranges[i].first);
    to[2 * i + 1] = static_cast<double>(ranges[i].last);
  }
  return make_size(env, ranges.size());
}

}  // namespace

const std::vector<Method>& geo_methods() {
  static const std::vector<Method> methods = {
      {"geoCreate", create},
      {"geoOpen", open_index},
      {"geoInsert", insert},
      {"geoRemove", remove},
      {"geoHas", has},
      {"geoInsertMany", change_many<&geo::Tree::insert_many>},
      {"geoRemoveMany", change_many<&geo::Tree::remove_many>},
      {"geoClear", clear},
      {"geoNear", near},
      {"geoWithinBox", within_box},
      {"geoWithinPolygon", within_polygon},
      {"geoContains", contains},
      {"geoTake", take},
      {"geoStats", stats},
      {"geoWrite", write},
      {"geoTakeBytes", take_bytes},
      {"geoDistance", measure},
      {"geohashEncode", encode},
      {"geohashDecode", decode},
      {"geohashNeighbour", neighbour},
      {"geohashNumber", cell_number},
      {"geohashCell", cell_box},
      {"geohashCover", cover}};
  return methods;
}

}  // namespace varve

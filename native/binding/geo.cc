// binding/geo.cc — indexes of places on their own, and cells of geohash.
//
// An index is an External with a finaliser, the first argument of what it is asked. Coordinates and
// other numbers lie as doubles at the beginning of the scratch's data area, where the answers' boxes
// and points are left, too. What a query finds is written to a Float64Array: first all ids, then, if
// it was asked from a point, all distances. Where there is no room it is kept, for geoTake().
#include "binding/geo.h"

#include <algorithm>
#include <cmath>

#include "binding/arguments.h"
#include "pure/geo/geohash.h"
#include "pure/geo/serial.h"

namespace varve {
namespace {

using geo::Box;
using geo::Point;

struct GeoIndex {
  explicit GeoIndex(geo::Holds holds)
      : blocks(std::make_unique<MemoryBlocks>()), tree(std::in_place, *blocks, holds) {}
  GeoIndex(std::vector<uint64_t> words_in, size_t size, const geo::Opened& opened)
      : words(std::move(words_in)),
        mapped(std::make_unique<MappedBlocks>(
            Bytes(reinterpret_cast<const uint8_t*>(words.data()), size))),
        tree(std::in_place, *mapped, opened.holds, opened.state) {}

  // An index that was read from bytes is copied into blocks of its own when it is first written to.
  geo::Tree& to_write() {
    if (mapped == nullptr) return *tree;
    blocks = std::make_unique<MemoryBlocks>();
    geo::Tree copy(*blocks, tree->holds());
    copy.assign(*tree);
    tree.emplace(*blocks, copy.holds(), copy.state());
    mapped.reset();
    words = {};
    return *tree;
  }
  size_t held_bytes() const {
    return words.size() * 8 + (blocks == nullptr ? 0 : blocks->slab_bytes()) +
           found.capacity() * sizeof(geo::Match) + bytes.capacity();
  }

  std::vector<uint64_t> words;
  std::unique_ptr<MappedBlocks> mapped;
  std::unique_ptr<MemoryBlocks> blocks;
  std::optional<geo::Tree> tree;  // Over one of the two.
  std::vector<geo::Match> found;  // By the last query.
  bool has_distances = false;
  std::string bytes;      // Serialised, until they are taken.
  int64_t accounted = 0;  // What the collector was told of.
};

struct GeoCall {
  napi_env env;
  napi_value arguments[6];
  size_t count = 6;
  Environment& environment;

  GeoCall(napi_env env_in, napi_callback_info info)
      : env(env_in), environment(environment_of(env_in)) {
    napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  }
  GeoIndex& index() const {
    void* data = nullptr;
    napi_get_value_external(env, arguments[0], &data);
    return *static_cast<GeoIndex*>(data);
  }
  double number(size_t place) const {
    return load<double>(environment.scratch + kDataAt + place * 8);
  }
  void set_number(size_t place, double number) const {
    store<double>(environment.scratch + kDataAt + place * 8, number);
  }
  Point point(size_t place) const { return {number(place), number(place + 1)}; }
  Box box(size_t place) const {
    return {number(place), number(place + 1), number(place + 2), number(place + 3)};
  }
  void set_box(size_t place, const Box& box) const {
    set_number(place, box.south);
    set_number(place + 1, box.west);
    set_number(place + 2, box.north);
    set_number(place + 3, box.east);
  }
  // An id, then its place.
  geo::Entry entry(size_t place) const {
    return {static_cast<uint64_t>(number(place)), geo::unrolled(box(place + 1))};
  }
  template <class Element>
  std::span<Element> column(size_t argument) const {
    size_t length = 0;
    void* data = nullptr;
    napi_get_typedarray_info(env, arguments[argument], nullptr, &length, &data, nullptr, nullptr);
    return {static_cast<Element*>(data), length};
  }
  napi_value fail(const Status& status) const { return make_answer(env, environment.fail(status)); }
};

void account(napi_env env, GeoIndex& index) {
  const int64_t bytes_now = static_cast<int64_t>(index.held_bytes());
  if (bytes_now == index.accounted) return;
  int64_t ignored = 0;
  napi_adjust_external_memory(env, bytes_now - index.accounted, &ignored);
  index.accounted = bytes_now;
}

void finalize_index(napi_env env, void* data, void*) {
  GeoIndex* const index = static_cast<GeoIndex*>(data);
  int64_t ignored = 0;
  napi_adjust_external_memory(env, -index->accounted, &ignored);
  delete index;
}

napi_value hand_over(napi_env env, std::unique_ptr<GeoIndex> index) {
  napi_value external = nullptr;
  account(env, *index);
  napi_create_external(env, index.release(), finalize_index, nullptr, &external);
  return external;
}

// geoCreate(holds) → an index
napi_value create(napi_env env, napi_callback_info info) {
  const GeoCall call(env, info);
  uint32_t holds = 0;
  napi_get_value_uint32(env, call.arguments[0], &holds);
  return hand_over(env, std::make_unique<GeoIndex>(static_cast<geo::Holds>(holds)));
}

// geoOpen(bytes) → an index, or FAILED
napi_value open_index(napi_env env, napi_callback_info info) {
  const GeoCall call(env, info);
  const std::span<const uint8_t> bytes = call.column<const uint8_t>(0);
  // A copy of our own: JavaScript may change or detach its bytes after they were looked at.
  std::vector<uint64_t> words((bytes.size() + 7) / 8);
  if (!bytes.empty()) std::memcpy(words.data(), bytes.data(), bytes.size());
  const Result<geo::Opened> opened =
      geo::open_tree(Bytes(reinterpret_cast<const uint8_t*>(words.data()), bytes.size()));
  if (!opened) return call.fail(opened.error());
  return hand_over(env, std::make_unique<GeoIndex>(std::move(words), bytes.size(), *opened));
}

// geoInsert(index), geoRemove(index), geoHas(index): the entry as numbers 0 to 4 → 1 or 0
napi_value insert(napi_env env, napi_callback_info info) {
  const GeoCall call(env, info);
  GeoIndex& index = call.index();
  const bool is_new = index.to_write().insert(call.entry(0));
  account(env, index);
  return make_int(env, is_new);
}

napi_value remove(napi_env env, napi_callback_info info) {
  const GeoCall call(env, info);
  GeoIndex& index = call.index();
  const bool was_there = index.to_write().remove(call.entry(0));
  account(env, index);
  return make_int(env, was_there);
}

napi_value has(napi_env env, napi_callback_info info) {
  const GeoCall call(env, info);
  return make_int(env, call.index().tree->has(call.entry(0)));
}

// Ids of a Float64Array or a Uint32Array. False with the place of one that is no id.
bool read_ids(const GeoCall& call, size_t argument, std::vector<uint64_t>& ids, size_t& wrong) {
  napi_typedarray_type type = napi_uint32_array;
  size_t length = 0;
  void* data = nullptr;
  napi_get_typedarray_info(call.env, call.arguments[argument], &type, &length, &data, nullptr,
                           nullptr);
  ids.resize(length);
  if (type == napi_uint32_array) {
    const uint32_t* const from = static_cast<const uint32_t*>(data);
    std::copy(from, from + length, ids.begin());
    return true;
  }
  const double* const from = static_cast<const double*>(data);
  for (wrong = 0; wrong < length; ++wrong) {
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
  bool read(const GeoCall& call) {
    size_t wrong = 0;
    if (!read_ids(call, 1, ids, wrong)) return refuse("ids", wrong, "an integer of 0 to 2^53 - 1");
    const bool are_points = call.count == 4;
    columns.ids = ids;
    columns.souths = call.column<const double>(2);
    columns.wests = call.column<const double>(3);
    columns.norths = are_points ? columns.souths : call.column<const double>(4);
    columns.easts = are_points ? columns.wests : call.column<const double>(5);
    for (size_t i = 0; i < ids.size(); ++i) {
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
  const GeoCall call(env, info);
  GeoIndex& index = call.index();
  ColumnsArgument many;
  if (!many.read(call)) return call.fail(Status::invalid(many.message));
  const uint64_t changed = (index.to_write().*kChange)(many.columns);
  account(env, index);
  napi_value answer = nullptr;
  napi_create_double(env, static_cast<double>(changed), &answer);
  return answer;
}

napi_value clear(napi_env env, napi_callback_info info) {
  const GeoCall call(env, info);
  GeoIndex& index = call.index();
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
napi_value answer_found(const GeoCall& call, GeoIndex& index, size_t to_argument) {
  uint32_t offset = 0;
  napi_get_value_uint32(call.env, call.arguments[to_argument + 1], &offset);
  const std::span<double> to = call.column<double>(to_argument);
  const size_t needed = index.found.size() * (index.has_distances ? 2 : 1);
  if (offset <= to.size() && needed <= to.size() - offset) {
    write_found(index, to.data() + offset);
  }
  return make_size(call.env, index.found.size());
}

size_t limit_of(double limit) {
  return limit < 9007199254740992.0 ? static_cast<size_t>(limit) : SIZE_MAX;
}

// geoNear(index, to, offset): latitude, longitude, metres, limit → a count
napi_value near(napi_env env, napi_callback_info info) {
  const GeoCall call(env, info);
  GeoIndex& index = call.index();
  geo::Query query;
  query.limit = limit_of(call.number(3));
  index.found.clear();
  index.has_distances = true;
  index.tree->near(call.point(0), call.number(2), query, index.found);
  return answer_found(call, index, 1);
}

// Of geoWithin…(): limit, 1 if there is a point to measure from, its latitude and longitude.
geo::Query within_query(const GeoCall& call, GeoIndex& index, size_t place, Point& from) {
  from = call.point(place + 2);
  geo::Query query;
  query.limit = limit_of(call.number(place));
  query.from = call.number(place + 1) == 1 ? &from : nullptr;
  index.found.clear();
  index.has_distances = query.from != nullptr;
  return query;
}

// geoWithinBox(index, to, offset): the box and what within_query() reads → a count
napi_value within_box(napi_env env, napi_callback_info info) {
  const GeoCall call(env, info);
  GeoIndex& index = call.index();
  Point from;
  const geo::Query query = within_query(call, index, 4, from);
  index.tree->within(call.box(0), query, index.found);
  return answer_found(call, index, 1);
}

Result<geo::Polygon> read_polygon(const GeoCall& call, size_t argument) {
  const std::span<const double> numbers = call.column<const double>(argument);
  const std::span<const uint32_t> ends = call.column<const uint32_t>(argument + 1);
  std::vector<Point> corners(numbers.size() / 2);
  for (size_t i = 0; i < corners.size(); ++i) corners[i] = {numbers[2 * i], numbers[2 * i + 1]};
  return geo::Polygon::make(corners, ends);
}

// geoWithinPolygon(index, to, offset, corners, ends): what within_query() reads → a count, or FAILED
napi_value within_polygon(napi_env env, napi_callback_info info) {
  const GeoCall call(env, info);
  GeoIndex& index = call.index();
  const Result<geo::Polygon> polygon = read_polygon(call, 3);
  if (!polygon) return call.fail(polygon.error());
  Point from;
  const geo::Query query = within_query(call, index, 0, from);
  index.tree->within(*polygon, query, index.found);
  return answer_found(call, index, 1);
}

// geoTake(index, to): what the last query found.
napi_value take(napi_env env, napi_callback_info info) {
  const GeoCall call(env, info);
  GeoIndex& index = call.index();
  const std::span<double> to = call.column<double>(1);
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
  const GeoCall call(env, info);
  const GeoIndex& index = call.index();
  call.set_number(0, static_cast<double>(index.tree->state().count));
  call.set_number(1, static_cast<double>(index.held_bytes()));
  return make_answer(env, Answer::kOk);
}

// geoWrite(index) → how many bytes; geoTakeBytes(index, to)
napi_value write(napi_env env, napi_callback_info info) {
  const GeoCall call(env, info);
  GeoIndex& index = call.index();
  index.bytes = geo::bytes_of(*index.tree);
  napi_value size = nullptr;
  napi_create_double(env, static_cast<double>(index.bytes.size()), &size);
  return size;
}

napi_value take_bytes(napi_env env, napi_callback_info info) {
  const GeoCall call(env, info);
  GeoIndex& index = call.index();
  const std::span<uint8_t> to = call.column<uint8_t>(1);
  std::memcpy(to.data(), index.bytes.data(), std::min(to.size(), index.bytes.size()));
  index.bytes = {};
  return make_answer(env, Answer::kOk);
}

// ---- without an index

// geoDistance(isOnEllipsoid): two points; leaves metres as number 0.
napi_value measure(napi_env env, napi_callback_info info) {
  const GeoCall call(env, info);
  uint32_t is_on_ellipsoid = 0;
  napi_get_value_uint32(env, call.arguments[0], &is_on_ellipsoid);
  const Point a = call.point(0);
  const Point b = call.point(2);
  call.set_number(0, is_on_ellipsoid == 1 ? geo::distance_on_ellipsoid(a, b) : geo::distance(a, b));
  return make_answer(env, Answer::kOk);
}

// geohashEncode(length): a point → text
napi_value encode(napi_env env, napi_callback_info info) {
  const GeoCall call(env, info);
  uint32_t length = 0;
  napi_get_value_uint32(env, call.arguments[0], &length);
  const std::string text = geo::geohash_of(call.point(0), length);
  napi_value answer = nullptr;
  napi_create_string_latin1(env, text.data(), text.size(), &answer);
  return answer;
}

std::optional<geo::Cell> read_cell(const GeoCall& call) {
  char text[geo::kGeohashLengthMax + 2];
  size_t length = 0;
  napi_get_value_string_latin1(call.env, call.arguments[0], text, sizeof text, &length);
  return geo::cell_of({text, length});
}

// geohashDecode(text): leaves its box → OK, or ABSENT if it is none
napi_value decode(napi_env env, napi_callback_info info) {
  const GeoCall call(env, info);
  const std::optional<geo::Cell> cell = read_cell(call);
  if (!cell) return make_answer(env, Answer::kAbsent);
  call.set_box(0, geo::box_of_cell(*cell));
  return make_answer(env, Answer::kOk);
}

// geohashNeighbour(text): steps north and east → text, '' beyond a pole, or ABSENT
napi_value neighbour(napi_env env, napi_callback_info info) {
  const GeoCall call(env, info);
  const std::optional<geo::Cell> cell = read_cell(call);
  if (!cell) return make_answer(env, Answer::kAbsent);
  const int north = static_cast<int>(call.number(0));
  const int east = static_cast<int>(call.number(1));
  const std::optional<geo::Cell> found = geo::neighbour_of(*cell, north, east);
  return make_text(env, found ? geo::text_of(*found) : std::string());
}

double lat_max_of(double is_redis) { return is_redis == 1 ? geo::kRedisLatMax : geo::kLatMax; }

// geohashNumber(): a point, 1 for Redis's latitudes; leaves the cell as number 0
napi_value cell_number(napi_env env, napi_callback_info info) {
  const GeoCall call(env, info);
  const geo::Cell cell = geo::cell_at(call.point(0), geo::kCellBits, lat_max_of(call.number(2)));
  call.set_number(0, static_cast<double>(cell.bits));
  return make_answer(env, Answer::kOk);
}

// geohashCell(): a cell, 1 for Redis's latitudes; leaves its box
napi_value cell_box(napi_env env, napi_callback_info info) {
  const GeoCall call(env, info);
  const geo::Cell cell = {static_cast<uint64_t>(call.number(0)), geo::kCellBits};
  call.set_box(0, geo::box_of_cell(cell, lat_max_of(call.number(1))));
  return make_answer(env, Answer::kOk);
}

// geohashCover(ranges, kind, corners, ends): from number 0 on 1 for Redis's latitudes, how many at
// most, then the box (kind 0) or the center and metres (kind 1); corners are of a polygon (kind 2).
// Leaves first and last of each range in `ranges` → a count, or FAILED.
napi_value cover(napi_env env, napi_callback_info info) {
  const GeoCall call(env, info);
  const std::span<double> to = call.column<double>(0);
  uint32_t kind = 0;
  napi_get_value_uint32(env, call.arguments[1], &kind);
  const double lat_max = lat_max_of(call.number(0));
  const size_t count_max = std::min(limit_of(call.number(1)), to.size() / 2);
  std::vector<geo::CellRange> ranges;
  if (kind == 0) {
    ranges = geo::cover_box(call.box(2), count_max, lat_max);
  } else if (kind == 1) {
    ranges = geo::cover_circle(call.point(2), call.number(4), count_max, lat_max);
  } else {
    const Result<geo::Polygon> polygon = read_polygon(call, 2);
    if (!polygon) return call.fail(polygon.error());
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

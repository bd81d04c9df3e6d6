// test/native/pure/geo/world.h — seeded worlds, and what a look at every entry answers.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>
#include <vector>

#include "base/random.h"
#include "pure/geo/tree.h"
#include "test.h"

namespace varve::geo::test {

using varve::test::expect;
using varve::test::expect_ok;
using varve::test::require;

enum class World { kUniform, kCity, kEqual, kPoles, kAntimeridian, kGrid };
inline constexpr World kWorlds[] = {World::kUniform, World::kCity,         World::kEqual,
                                    World::kPoles,   World::kAntimeridian, World::kGrid};

inline double between(Random& random, double low, double high) {
  return low + (high - low) * (static_cast<double>(random.next() >> 11) * 0x1p-53);
}

inline Point point_in(World world, Random& random) {
  const double sign = random.one_in(2) ? 1 : -1;
  switch (world) {
    case World::kCity: return {between(random, 55.5, 55.9), between(random, 37.3, 37.9)};
    case World::kEqual: return {12.5, random.one_in(2) ? 180.0 : -180.0};
    case World::kPoles:
      if (random.one_in(4)) return {sign * 90, between(random, -180, 180)};
      return {sign * between(random, 89.99, 90), between(random, -180, 180)};
    case World::kAntimeridian:
      if (random.one_in(8)) return {between(random, -2, 2), sign * 180};
      return {between(random, -2, 2), sign * between(random, 178, 180)};
    case World::kGrid:
      return {static_cast<double>(random.below(19)) * 10 - 90,
              static_cast<double>(random.below(37)) * 10 - 180};
    default: return {between(random, -90, 90), between(random, -180, 180)};
  }
}

inline Box box_in(World world, Random& random) {
  const Point a = point_in(world, random);
  if (random.one_in(3)) return box_of(a);  // Degenerate.
  const Point b = random.one_in(2) ? point_in(world, random)
                                   : Point{std::clamp(a.lat + between(random, -1, 1), -90.0, 90.0),
                                           wrap_longitude(a.lng + between(random, 0, 2))};
  return {std::min(a.lat, b.lat), a.lng, std::max(a.lat, b.lat), b.lng};
}

// Every entry by its key, looked at one by one.
class Model {
 public:
  explicit Model(Holds holds) : holds_(holds) {}

  bool insert(const Entry& entry) { return entries_.insert_or_assign(key_of(entry), entry).second; }
  bool remove(const Entry& entry) { return entries_.erase(key_of(entry)) == 1; }
  const std::map<EntryKey, Entry>& entries() const { return entries_; }

  double haversine(Point from, const Entry& entry) const {
    const Origin origin(from);
    return holds_ == Holds::kPoints ? origin.haversine({entry.box.south, entry.box.west})
                                    : haversine_to_box(origin, entry.box);
  }
  std::vector<Match> within(const Box& box, const Query& query) const {
    return select(query, [&](const Entry& entry) { return meets(box, rolled(entry.box)); });
  }
  std::vector<Match> within(const Polygon& polygon, const Query& query) const {
    return select(query, [&](const Entry& entry) {
      return holds_ == Holds::kPoints ? polygon.contains({entry.box.south, entry.box.west})
                                      : polygon.meets(entry.box);
    });
  }
  std::vector<Match> near(Point from, double metres, Query query) const {
    query.from = &from;
    return select(query, [&](const Entry& entry) {
      return metres_of_haversine(haversine(from, entry)) <= metres;
    });
  }

 private:
  template <class Has>
  std::vector<Match> select(const Query& query, const Has& has) const {
    std::vector<Match> found;
    for (const auto& [key, entry] : entries_) {
      if (!has(entry) || (query.filter != nullptr && !(*query.filter)(entry.id))) continue;
      found.push_back({entry.id, query.from == nullptr ? 0 : haversine(*query.from, entry)});
    }
    sort(found);
    if (query.from != nullptr && found.size() > query.limit) found.resize(query.limit);
    return found;
  }

 public:
  static void sort(std::vector<Match>& found) {
    std::sort(found.begin(), found.end(), [](const Match& a, const Match& b) {
      return std::tie(a.haversine, a.id) < std::tie(b.haversine, b.id);
    });
  }

 private:
  const Holds holds_;
  std::map<EntryKey, Entry> entries_;
};

}  // namespace varve::geo::test

// pure/geo/query.cc — what a tree answers: a walk over all that meets a window. The walk outwards from a
// point is in nearest.cc.
#include <algorithm>
#include <bit>

#include "pure/geo/area.h"
#include "pure/geo/nearest.h"
#include "pure/geo/tree.h"

namespace varve::geo {
namespace {

// Which entries of up to 64 from `begin` on meet the window.
uint64_t entries_meet(const PointLeaf& leaf, size_t begin, const Window& window) {
  const size_t count = std::min<size_t>(leaf.head.count - begin, 64);
  uint64_t met = 0;
  for (size_t i = 0; i < window.span_count; ++i) {
    const Span& span = window.spans[i];
    met |= points_meet(leaf.lats + begin, leaf.lngs + begin, count,
                       {window.south, span.west, window.north, span.east});
  }
  return met;
}
uint64_t entries_meet(const BoxLeaf& leaf, size_t begin, const Window& window) {
  uint64_t met = 0;
  for (size_t i = begin; i < leaf.head.count && i < begin + 64; ++i) {
    met |= uint64_t{window.meets(leaf.box(i))} << (i - begin);
  }
  return met;
}

uint64_t all_from(size_t begin, size_t count) {
  return count - begin >= 64 ? UINT64_MAX : (uint64_t{1} << (count - begin)) - 1;
}

// Takes what a walk finds.
struct Taker {
  std::vector<Match>& found;
  const size_t begin;  // What was in `found` before is not of this query.
  const Query& query;
  const Origin* from;
  double reach = INFINITY;  // The largest haversine that counts.

  bool is_full() const { return from == nullptr && found.size() - begin >= query.limit; }

  bool passes(uint64_t id) const { return query.filter == nullptr || (*query.filter)(id); }

  // All are measured before any is kept, so that no branch waits for a distance.
  template <class Leaf>
  void take(const Leaf& leaf, const uint8_t* places, size_t count) {
    if (from == nullptr) {
      for (size_t i = 0; i < count && !is_full(); ++i) {
        if (passes(leaf.ids[places[i]])) found.push_back({leaf.ids[places[i]], 0});
      }
      return;
    }
    double haversines[kMeasuredMax];
    measure(*from, leaf, places, count, haversines);
    for (size_t i = 0; i < count; ++i) {
      if (haversines[i] > reach || !passes(leaf.ids[places[i]])) continue;
      found.push_back({leaf.ids[places[i]], haversines[i]});
    }
  }
  void finish() {
    if (from == nullptr) return;
    const auto first = found.begin() + static_cast<std::ptrdiff_t>(begin);
    if (found.size() - begin > query.limit) {
      const auto end = first + static_cast<std::ptrdiff_t>(query.limit);
      std::nth_element(first, end, found.end(), is_nearer);
      found.erase(end, found.end());
    }
    sort_by_distance(found, begin);
  }
};

constexpr size_t kAhead = 4;  // Leaves whose cache misses may overlap.

template <class Leaf, class Area>
class Walk {
 public:
  Walk(const Blocks& blocks, const Area& area, Taker& taker)
      : blocks_(blocks), area_(area), taker_(taker) {
    for (size_t i = 0; i < area.window.span_count; ++i) {
      const Span& span = area.window.spans[i];
      windows_[i] = rounded_out({area.window.south, span.west, area.window.north, span.east});
    }
  }

  void visit(BlockId block, uint32_t level, bool is_inside) {
    if (level == 0) return visit_leaf(read_node<Leaf>(blocks_, block, 0), is_inside);
    const InnerNode& node = read_node<InnerNode>(blocks_, block, level);
    uint64_t met = is_inside ? all_from(0, node.head.count) : 0;
    for (size_t i = 0; i < area_.window.span_count && !is_inside; ++i) {
      met |= boxes_meet(node.boxes(), node.head.count, windows_[i]);
    }
    if (level == 1) prefetch_leaves(node, met);
    for (; met != 0 && !taker_.is_full(); met &= met - 1) {
      const size_t i = static_cast<size_t>(std::countr_zero(met));
      const Relation relation = is_inside ? Relation::kInside : area_.relation(node.box(i));
      if (relation == Relation::kOutside) continue;
      visit(node.blocks[i], level - 1, relation == Relation::kInside);
    }
  }

 private:
  // The first few leaves that are met: their misses overlap. Inner nodes are few, and mostly cached.
  void prefetch_leaves(const InnerNode& node, uint64_t met) const {
    for (size_t count = 0; met != 0 && count < kAhead; met &= met - 1, ++count) {
      prefetch_node<Leaf>(blocks_, node.blocks[std::countr_zero(met)]);
    }
  }
  void visit_leaf(const Leaf& leaf, bool is_inside) {
    const size_t count = leaf.head.count;
    uint8_t places[Leaf::kRoom];
    size_t place_count = 0;
    for (size_t begin = 0; begin < count; begin += 64) {
      uint64_t met = is_inside ? all_from(begin, count) : entries_meet(leaf, begin, area_.window);
      for (; met != 0; met &= met - 1) {
        const size_t i = begin + static_cast<size_t>(std::countr_zero(met));
        if (!is_inside && !Area::kWindowIsAll && !has(leaf, i)) continue;
        places[place_count++] = static_cast<uint8_t>(i);
      }
    }
    taker_.take(leaf, places, place_count);
  }
  bool has(const PointLeaf& leaf, size_t i) const { return area_.has(leaf.point(i)); }
  bool has(const BoxLeaf& leaf, size_t i) const { return area_.has(leaf.box(i)); }

  const Blocks& blocks_;
  const Area& area_;
  Taker& taker_;
  FloatBox windows_[Window::kSpanCountMax];
};

template <class Area>
void walk(const Blocks& blocks, Holds holds, const TreeState& state, const Area& area,
          Taker& taker) {
  if (state.height == 0) return;
  if (holds == Holds::kPoints) {
    Walk<PointLeaf, Area>(blocks, area, taker).visit(state.root, state.height - 1, false);
  } else {
    Walk<BoxLeaf, Area>(blocks, area, taker).visit(state.root, state.height - 1, false);
  }
  taker.finish();
}

// The largest haversine whose distance is at most so many metres. The first guess is a few roundings
// away from it.
double reach_of(double metres) {
  if (metres >= metres_of_haversine(1)) return INFINITY;
  double reach = haversine_of_metres(metres);
  while (reach < 1 && metres_of_haversine(reach) <= metres) reach = std::nextafter(reach, 2.0);
  while (reach > 0 && metres_of_haversine(reach) > metres) reach = std::nextafter(reach, 0.0);
  return reach;
}

}  // namespace

void Tree::within(const Box& box, const Query& query, std::vector<Match>& found) const {
  const Origin from(query.from == nullptr ? Point{0, 0} : *query.from);
  Taker taker{found, found.size(), query, query.from == nullptr ? nullptr : &from};
  const double reach = holds_ == Holds::kPoints ? kLngMax : kUnrolledMax;
  walk(blocks_, holds_, state_, BoxArea{Window(box, reach)}, taker);
}

void Tree::within(const Polygon& polygon, const Query& query, std::vector<Match>& found) const {
  const Origin from(query.from == nullptr ? Point{0, 0} : *query.from);
  Taker taker{found, found.size(), query, query.from == nullptr ? nullptr : &from};
  const double reach = holds_ == Holds::kPoints ? kLngMax : kUnrolledMax;
  walk(blocks_, holds_, state_, PolygonArea{Window(polygon.bounds(), reach), polygon}, taker);
}

void Tree::near(Point point, double metres, const Query& query, std::vector<Match>& found) const {
  if (state_.height == 0 || query.limit == 0) return;
  const Origin from(point);
  const double reach = reach_of(metres);
  if (query.limit >= state_.count) {
    Taker taker{found, found.size(), query, &from, reach};
    const double lng_reach = holds_ == Holds::kPoints ? kLngMax : kUnrolledMax;
    walk(blocks_, holds_, state_, CircleArea{Window(box_around(point, metres), lng_reach)}, taker);
    return;
  }
  find_nearest({blocks_, holds_, state_}, from, reach, query, found);
}

}  // namespace varve::geo

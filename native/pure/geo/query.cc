// pure/geo/query.cc — what a tree answers: a walk over all that meets a window, and a walk outwards from a
// point, nearest first.
//
// The second keeps the nodes it has opened in a heap, each by the child of it that is next. How far
// a child is at least is reckoned in floats that are never too large, for a whole node at once; so
// nothing is missed, and what is measured exactly is only what may be among the nearest.
#include <algorithm>
#include <bit>
#include <queue>

#include "base/bits.h"
#include "pure/geo/area.h"
#include "pure/geo/tree.h"
#include "pure/simd/vectors.h"

namespace varve::geo {
namespace {

bool is_nearer(const Match& a, const Match& b) {
  return a.haversine != b.haversine ? a.haversine < b.haversine : a.id < b.id;
}

double haversine_to(const Origin& from, const PointLeaf& leaf, size_t i) {
  return from.haversine(leaf.point(i));
}
double haversine_to(const Origin& from, const BoxLeaf& leaf, size_t i) {
  return haversine_to_box(from, leaf.box(i));
}

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
    double haversines[Leaf::kRoom];
    for (size_t i = 0; i < count; ++i) haversines[i] = haversine_to(*from, leaf, places[i]);
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
    std::sort(first, found.end(), is_nearer);
  }
};

// Asks for all that is looked at in a leaf at once, rather than line by line.
void prefetch_columns(const PointLeaf& leaf) {
  constexpr size_t kPerLine = 8;
  for (size_t i = 0; i < PointLeaf::kRoom; i += kPerLine) {
    prefetch(leaf.lats + i);
    prefetch(leaf.lngs + i);
  }
}
void prefetch_columns(const BoxLeaf&) {}

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
    for (; met != 0 && !taker_.is_full(); met &= met - 1) {
      const size_t i = static_cast<size_t>(std::countr_zero(met));
      const Relation relation = is_inside ? Relation::kInside : area_.relation(node.box(i));
      if (relation == Relation::kOutside) continue;
      visit(node.blocks[i], level - 1, relation == Relation::kInside);
    }
  }

 private:
  void visit_leaf(const Leaf& leaf, bool is_inside) {
    prefetch_columns(leaf);
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

// ---- outwards from a point

// The point that is asked from, in floats.
struct FloatOrigin {
  float lat_down, lat_up, lng_down, lng_up, cosine;

  explicit FloatOrigin(const Origin& from)
      : lat_down(rounded_down(from.lat)),
        lat_up(rounded_up(from.lat)),
        lng_down(rounded_down(from.lng)),
        lng_up(rounded_up(from.lng)),
        cosine(rounded_down(from.cosine)) {}
};

// Series that end with a negative term are below what they tend to; one part in 10^5 less makes up
// for the rounding of floats.
constexpr float kBelow = 0.99999f;

inline Floats haversine_below(Floats degrees) {
  const Floats x = degrees * static_cast<float>(kRadian);
  const Floats y = x * x;
  return y * (y * (y * (y * (-1.0f / 80640) + 1.0f / 1440) + -1.0f / 48) + 0.25f) * kBelow;
}
inline Floats cosine_below(Floats lat) {
  const Floats x = lat * static_cast<float>(kRadian);
  const Floats y = x * x;
  const Floats cosine = y * (y * (y * (-1.0f / 720) + 1.0f / 24) + -0.5f) + (1 - 1e-6f);
  return larger(cosine, 0);
}

constexpr float kTurnRounding = 4e-5f;  // Degrees: what a longitude of up to 540 loses.

// At most the haversine from the point to anything in each box; infinite beyond the count.
inline void haversines_below(const InnerNode& node, const FloatOrigin& from, float* to) {
  const size_t count = node.head.count;
  for (size_t i = 0; i < count; i += Floats::kCount) {
    const Floats south = Floats::of(node.souths + i);
    const Floats west = Floats::of(node.wests + i);
    const Floats north = Floats::of(node.norths + i);
    const Floats east = Floats::of(node.easts + i);
    const Floats lat = larger(larger(south - from.lat_up, Floats(from.lat_down) - north), 0);
    const Floats direct = larger(west - from.lng_up, Floats(from.lng_down) - east);
    const Floats around = smaller(west + (360 - from.lng_up), Floats(from.lng_down + 360) - east);
    const Floats lng = larger(smaller(direct, around - kTurnRounding), 0);
    const Floats farthest = larger(Floats(0) - south, north);
    (haversine_below(lat) + cosine_below(farthest) * from.cosine * haversine_below(lng))
        .put(to + i);
  }
  for (size_t i = count; i < InnerNode::kRoom; ++i) to[i] = INFINITY;
}

// The same of points, which are rounded to floats on the way.
inline void haversines_below(const PointLeaf& leaf, const FloatOrigin& from, float* to) {
  constexpr float kRounding = 2.5e-5f;  // Degrees: what two longitudes lose, and a half more.
  const size_t count = leaf.head.count;
  for (size_t i = 0; i < count; i += Floats::kCount) {
    const Floats lat = Floats::of(leaf.lats + i);
    const Floats lng = Floats::of(leaf.lngs + i);
    const Floats up = larger(lat - from.lat_up, Floats(from.lat_down) - lat) - kRounding;
    const Floats aside = larger(lng - from.lng_up, Floats(from.lng_down) - lng);
    const Floats shorter = smaller(aside, Floats(360) - aside) - kRounding;
    // Its cosine is that of a latitude a trifle farther from the equator.
    const Floats farthest = larger(lat, Floats(0) - lat) + kRounding;
    (haversine_below(larger(up, 0)) +
     cosine_below(farthest) * from.cosine * haversine_below(larger(shorter, 0)))
        .put(to + i);
  }
}

// The nearest so far, the farthest of them on top.
class Nearest {
 public:
  Nearest(std::vector<Match>& found, const Query& query, double reach)
      : found_(found), begin_(found.size()), query_(query), reach_(reach) {}

  // What is farther does not count.
  double reach() const { return reach_; }
  // How many more count whatever they are, but for the reach.
  size_t missing() const { return query_.limit - (found_.size() - begin_); }

  void add(const Match& match) {
    if (match.haversine > reach_) return;
    const auto first = found_.begin() + static_cast<std::ptrdiff_t>(begin_);
    if (is_full() && !is_nearer(match, *first)) return;
    if (query_.filter != nullptr && !(*query_.filter)(match.id)) return;
    if (is_full()) {
      std::pop_heap(first, found_.end(), is_nearer);
      found_.back() = match;
    } else {
      found_.push_back(match);
    }
    const auto begin = found_.begin() + static_cast<std::ptrdiff_t>(begin_);
    std::push_heap(begin, found_.end(), is_nearer);
    if (is_full()) reach_ = begin->haversine;
  }
  void finish() {
    std::sort_heap(found_.begin() + static_cast<std::ptrdiff_t>(begin_), found_.end(), is_nearer);
  }

 private:
  bool is_full() const { return found_.size() - begin_ == query_.limit; }

  std::vector<Match>& found_;
  const size_t begin_;
  const Query& query_;
  double reach_;
};

// An opened node: how far each child is at least, and which of those not yet taken is next.
struct Opened {
  float below[InnerNode::kRoom];
  const InnerNode* node;
  uint32_t level;
  uint32_t next;

  void find_next() { next = static_cast<uint32_t>(place_of_smallest(below, node->head.count)); }
};

template <class Leaf>
class Outwards {
 public:
  Outwards(const Blocks& blocks, const Origin& from, Nearest& nearest)
      : blocks_(blocks), from_(from), floats_(from), nearest_(nearest) {
    opened_.reserve(kHeightMax);
    heap_.reserve(kHeightMax);
  }

  void run(const TreeState& state) {
    open(state.root, state.height - 1);
    while (!heap_.empty()) {
      std::pop_heap(heap_.begin(), heap_.end(), is_farther);
      const Place place = heap_.back();
      heap_.pop_back();
      if (place.below > nearest_.reach()) return;
      Opened& opened = opened_[place.index];
      const BlockId block = opened.node->blocks[opened.next];
      const uint32_t level = opened.level;
      opened.below[opened.next] = INFINITY;
      push(place.index);
      open(block, level - 1);
    }
  }

 private:
  struct Place {
    float below;
    uint32_t index;  // In opened_.
  };
  static bool is_farther(const Place& a, const Place& b) { return a.below > b.below; }

  void open(BlockId block, uint32_t level) {
    if (level == 0) return measure(read_node<Leaf>(blocks_, block, 0));
    const InnerNode& node = read_node<InnerNode>(blocks_, block, level);
    if (node.head.count == 0) return;
    opened_.emplace_back();
    opened_.back().node = &node;
    opened_.back().level = level;
    haversines_below(node, floats_, opened_.back().below);
    push(static_cast<uint32_t>(opened_.size() - 1));
  }
  void push(uint32_t index) {
    Opened& opened = opened_[index];
    opened.find_next();
    const float below = opened.below[opened.next];
    if (below == INFINITY || below > nearest_.reach()) return;  // All taken, or too far.
    heap_.push_back({below, index});
    std::push_heap(heap_.begin(), heap_.end(), is_farther);
  }

  // Exactly measured is what may be among the nearest. While there are too few to say, these are
  // the ones that are least far at least.
  void measure(const PointLeaf& leaf) {
    prefetch_columns(leaf);
    float below[PointLeaf::kRoom];
    const size_t count = leaf.head.count;
    haversines_below(leaf, floats_, below);
    float first = -1;
    const size_t missing = nearest_.missing();
    if (missing > 0 && missing < count) {
      float sorted[PointLeaf::kRoom];
      std::copy(below, below + count, sorted);
      std::nth_element(sorted, sorted + missing - 1, sorted + count);
      first = sorted[missing - 1];
      for (size_t i = 0; i < count; ++i) {
        if (below[i] <= first) add(leaf, i);
      }
    }
    for (size_t i = 0; i < count; ++i) {
      if (below[i] > first && below[i] <= nearest_.reach()) add(leaf, i);
    }
  }
  void add(const PointLeaf& leaf, size_t i) {
    nearest_.add({leaf.ids[i], from_.haversine(leaf.point(i))});
  }
  void measure(const BoxLeaf& leaf) {
    for (size_t i = 0; i < leaf.head.count; ++i) {
      nearest_.add({leaf.ids[i], haversine_to_box(from_, leaf.box(i))});
    }
  }

  const Blocks& blocks_;
  const Origin& from_;
  const FloatOrigin floats_;
  Nearest& nearest_;
  std::vector<Opened> opened_;
  std::vector<Place> heap_;
};

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
  Nearest nearest(found, query, reach);
  if (holds_ == Holds::kPoints) {
    Outwards<PointLeaf>(blocks_, from, nearest).run(state_);
  } else {
    Outwards<BoxLeaf>(blocks_, from, nearest).run(state_);
  }
  nearest.finish();
}

}  // namespace varve::geo

// pure/geo/nearest.cc — a walk outwards from a point, nearest first.
//
// It keeps the nodes it has opened in a heap, each by the child of it that is next. How far a child
// is at least is reckoned in floats that are never too large, for a whole node at once; so nothing
// is missed, and what is measured exactly is only what may be among the nearest.
//
// A walk waits for memory more than it reckons. So the child that would be next is asked for while
// the one before it is looked at.
#include "pure/geo/nearest.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/bits.h"
#include "pure/simd/vectors.h"

namespace varve::geo {

// ---- in order

// Where places lie evenly, as many have a haversine within any two tenths of the largest: an area grows
// with the square of its radius, and so does a haversine. So each is put where it would stand
// then, and only those that would stand together are compared.
void sort_by_distance(std::vector<Match>& found, size_t begin) {
  constexpr size_t kDirectMax = 16;  // A guess.
  constexpr size_t kBucketsMax = 1024;
  const size_t count = found.size() - begin;
  const auto first = found.begin() + static_cast<std::ptrdiff_t>(begin);
  double farthest = 0;
  for (size_t i = begin; i < found.size(); ++i) farthest = std::max(farthest, found[i].haversine);
  const size_t bucket_count = std::min(count, kBucketsMax);
  const double per_haversine = static_cast<double>(bucket_count - 1) / farthest;
  if (count <= kDirectMax || !std::isfinite(per_haversine)) {
    std::sort(first, found.end(), is_nearer);
    return;
  }
  uint32_t ends[kBucketsMax];
  std::fill_n(ends, bucket_count, 0);
  const auto bucket_of = [&](const Match& match) {
    return static_cast<size_t>(match.haversine * per_haversine);
  };
  for (size_t i = begin; i < found.size(); ++i) ends[bucket_of(found[i])] += 1;
  uint32_t sum = 0;
  for (size_t i = 0; i < bucket_count; ++i) sum += std::exchange(ends[i], sum);
  found.resize(begin + 2 * count);
  Match* const to = found.data() + begin;
  const Match* const from = to + count;
  std::copy_n(to, count, to + count);
  for (size_t i = 0; i < count; ++i) to[ends[bucket_of(from[i])]++] = from[i];
  for (size_t i = 0, at = 0; i < bucket_count; at = ends[i++]) {
    if (ends[i] - at > 1) std::sort(to + at, to + ends[i], is_nearer);
  }
  found.resize(begin + count);
}

// ---- exactly

void measure(const Origin& from, const PointLeaf& leaf, const uint8_t* places, size_t count,
             double* haversines) {
  double lats[kMeasuredMax];
  double lngs[kMeasuredMax];
  for (size_t i = 0; i < count; ++i) {
    lats[i] = leaf.lats[places[i]];
    lngs[i] = leaf.lngs[places[i]];
  }
  lats[count] = lngs[count] = 0;
  from.haversines(lats, lngs, count, haversines);
}

void measure(const Origin& from, const BoxLeaf& leaf, const uint8_t* places, size_t count,
             double* haversines) {
  for (size_t i = 0; i < count; ++i) haversines[i] = haversine_to_box(from, leaf.box(places[i]));
}

namespace {

// ---- at least

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

// ---- outwards

// The nearest so far, and some that were when they were found.
class Nearest {
 public:
  Nearest(std::vector<Match>& found, const Query& query, double reach)
      : found_(found), begin_(found.size()), query_(query), reach_(reach) {}

  // What is farther does not count.
  double reach() const { return reach_; }
  // How many more count whatever they are, but for the reach.
  size_t missing() const { return is_full() ? 0 : query_.limit - size(); }

  template <class Leaf>
  void take(const Origin& from, const Leaf& leaf, const uint8_t* places, size_t count) {
    double haversines[kMeasuredMax];
    measure(from, leaf, places, count, haversines);
    for (size_t i = 0; i < count; ++i) {
      if (haversines[i] > reach_) continue;
      const Match match = {leaf.ids[places[i]], haversines[i]};
      if (query_.filter == nullptr || (*query_.filter)(match.id)) found_.push_back(match);
    }
    if (size() >= wanted_) cut();
  }
  void finish() {
    if (size() > query_.limit) cut();
    sort_by_distance(found_, begin_);
  }

 private:
  size_t size() const { return found_.size() - begin_; }
  bool is_full() const { return size() >= query_.limit; }

  // Down to so many as are asked for. How far they reach is worth knowing again when an eighth has
  // come to them (a guess).
  void cut() {
    const auto begin = found_.begin() + static_cast<std::ptrdiff_t>(begin_);
    const auto last = begin + static_cast<std::ptrdiff_t>(query_.limit - 1);
    std::nth_element(begin, last, found_.end(), is_nearer);
    found_.erase(last + 1, found_.end());
    reach_ = last->haversine;
    wanted_ = query_.limit + query_.limit / 8 + 1;
  }

  std::vector<Match>& found_;
  const size_t begin_;
  const Query& query_;
  double reach_;
  size_t wanted_ = query_.limit;  // To be cut at.
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
    if (level == 0) return look_at(read_node<Leaf>(blocks_, block, 0));
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
    const BlockId block = opened.node->blocks[opened.next];
    if (opened.level == 1) {
      prefetch_node<Leaf>(blocks_, block);
    } else {
      prefetch_node<InnerNode>(blocks_, block);
    }
    heap_.push_back({below, index});
    std::push_heap(heap_.begin(), heap_.end(), is_farther);
  }

  // Exactly measured is what may be among the nearest. While there are too few to say, these are
  // the ones that are least far at least.
  void look_at(const PointLeaf& leaf) {
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
      take_between(leaf, below, -1, first);
    }
    take_between(leaf, below, first, rounded_up(std::min(nearest_.reach(), 2.0)));
  }
  // Of those whose bound is above one number and at most another.
  void take_between(const PointLeaf& leaf, const float* below, float above, float at_most) {
    uint8_t places[PointLeaf::kRoom];
    size_t count = 0;
    for (size_t i = 0; i < leaf.head.count; i += Floats::kCount) {
      const Floats four = Floats::of(below + i);
      uint32_t bits = four.at_most(at_most) & ~four.at_most(above);
      for (; bits != 0; bits &= bits - 1) {
        places[count] = static_cast<uint8_t>(i + static_cast<size_t>(std::countr_zero(bits)));
        prefetch(leaf.ids + places[count++]);
      }
    }
    while (count > 0 && places[count - 1] >= leaf.head.count) --count;  // Of the last vector.
    if (count > 0) nearest_.take(from_, leaf, places, count);
  }
  void look_at(const BoxLeaf& leaf) {
    uint8_t places[BoxLeaf::kRoom];
    std::iota(places, places + leaf.head.count, uint8_t{0});
    nearest_.take(from_, leaf, places, leaf.head.count);
  }

  const Blocks& blocks_;
  const Origin& from_;
  const FloatOrigin floats_;
  Nearest& nearest_;
  std::vector<Opened> opened_;
  std::vector<Place> heap_;
};

}  // namespace

void find_nearest(const Nodes& nodes, const Origin& from, double reach, const Query& query,
                  std::vector<Match>& found) {
  Nearest nearest(found, query, reach);
  if (nodes.holds == Holds::kPoints) {
    Outwards<PointLeaf>(nodes.blocks, from, nearest).run(nodes.state);
  } else {
    Outwards<BoxLeaf>(nodes.blocks, from, nearest).run(nodes.state);
  }
  nearest.finish();
}

}  // namespace varve::geo

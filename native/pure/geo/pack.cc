#include "pure/geo/pack.h"

#include <algorithm>
#include <array>

#include "pure/geo/buckets.h"

namespace varve::geo {
namespace {

constexpr size_t kBucketsMin = 1024;  // Fewer points are gathered from where they lie.

}  // namespace

struct Packer::Open {
  union {
    PointLeaf points;
    BoxLeaf boxes;
    InnerNode inner;
  };
  EntryKey low = {};
  uint64_t flushed_count = 0;
  Child last = {};  // What was flushed last; the root, if nothing came after.

  Open() : inner{} {}
  template <class Leaf>
  Leaf& leaf() {
    if constexpr (Leaf::kHoldsBoxes) {
      return boxes;
    } else {
      return points;
    }
  }
};

Packer::Packer(Blocks& blocks, Holds holds, double share)
    : blocks_(blocks),
      holds_(holds),
      fill_(static_cast<size_t>(share *
                                (holds == Holds::kPoints ? PointLeaf::kRoom : BoxLeaf::kRoom))) {
  check(fill_ >= 1 && share <= 1);
  open_.push_back(std::make_unique<Open>());
}

Packer::~Packer() = default;

void Packer::add(const EntryKey& key, const Entry& entry) {
  ++count_;
  if (holds_ == Holds::kPoints) {
    add_to<PointLeaf>(key, entry, fill_);
  } else {
    add_to<BoxLeaf>(key, entry, fill_);
  }
}

template <class Leaf>
void Packer::add_to(const EntryKey& key, const Entry& entry, size_t fill) {
  Open& open = *open_[0];
  Leaf& leaf = open.leaf<Leaf>();
  if (leaf.head.count == fill) flush_leaf<Leaf>();
  if (leaf.head.count == 0) open.low = key;
  leaf.set(leaf.head.count++, entry);
}

void Packer::add_all(const Columns& entries) {
  check(count_ == 0);
  if (holds_ == Holds::kPoints && entries.size() >= kBucketsMin) return add_points(entries);
  const Order order = order_of(entries, holds_);
  for (const uint32_t place : order.places) {
    add({order.cells[place], entries.id(place)}, entries.entry(place));
  }
}

void Packer::add_points(const Columns& points) {
  PointLeaf& leaf = open_[0]->leaf<PointLeaf>();
  Buckets buckets(points);
  for (size_t bucket = 0; bucket < buckets.count(); ++bucket) {
    const std::span<const Located> from = buckets.points(bucket);
    std::span<const uint32_t> order = buckets.order(bucket);
    count_ += order.size();
    while (!order.empty()) {
      if (leaf.head.count == fill_) flush_leaf<PointLeaf>();
      if (leaf.head.count == 0) open_[0]->low = from[order[0]].key();
      const size_t taken = std::min(fill_ - leaf.head.count, order.size());
      for (const uint32_t place : order.first(taken)) {
        const size_t to = leaf.head.count++;
        leaf.ids[to] = from[place].id;
        leaf.lats[to] = from[place].lat;
        leaf.lngs[to] = from[place].lng;
      }
      order = order.subspan(taken);
    }
  }
}

template <class Leaf>
void Packer::flush_leaf() {
  Leaf& leaf = open_[0]->leaf<Leaf>();
  BlockId block = kNoBlock;
  Leaf& to = write_node<Leaf>(blocks_, block, 0);
  to = leaf;
  const Child child = {open_[0]->low, bounds_of(leaf), block};
  leaf = Leaf{};
  open_[0]->flushed_count += 1;
  open_[0]->last = child;
  add_child(1, child);
}

void Packer::add_child(uint32_t level, const Child& child) {
  if (open_.size() == level) open_.push_back(std::make_unique<Open>());
  Open& open = *open_[level];
  if (open.inner.head.count == 0) open.low = child.low;
  open.inner.set(open.inner.head.count++, child);
  if (open.inner.head.count == InnerNode::kRoom) flush_inner(level);
}

void Packer::flush_inner(uint32_t level) {
  InnerNode& inner = open_[level]->inner;
  inner.head.level = static_cast<uint16_t>(level);
  BlockId block = kNoBlock;
  InnerNode& to = write_node<InnerNode>(blocks_, block, level);
  to = inner;
  const Child child = {open_[level]->low, inner.bounds(), block};
  inner = InnerNode{};
  open_[level]->flushed_count += 1;
  open_[level]->last = child;
  add_child(level + 1, child);
}

TreeState Packer::finish() {
  if (count_ == 0) return {};
  if (holds_ == Holds::kPoints) {
    flush_leaf<PointLeaf>();
  } else {
    flush_leaf<BoxLeaf>();
  }
  uint32_t top = 0;
  while (open_[top]->flushed_count > 1) {
    ++top;
    if (open_[top]->inner.head.count > 0) flush_inner(top);
  }
  return {open_[top]->last.block, top + 1, count_};
}

namespace {

// The upper half of each cell, with its place in the lower; sorted by three passes over eleven bits.
std::vector<uint64_t> sorted_by_upper_half(const std::vector<uint64_t>& cells) {
  constexpr uint32_t kDigitBits = 11;
  constexpr size_t kDigits = size_t{1} << kDigitBits;
  constexpr size_t kPassCount = 3;
  std::vector<std::array<uint32_t, kPassCount>> counts(kDigits);
  std::vector<uint64_t> from(cells.size());
  for (size_t i = 0; i < cells.size(); ++i) {
    const uint64_t upper = cells[i] >> 32;
    from[i] = upper << 32 | i;
    for (size_t pass = 0; pass < kPassCount; ++pass) {
      counts[(upper >> (pass * kDigitBits)) & (kDigits - 1)][pass] += 1;
    }
  }
  std::array<uint32_t, kPassCount> sums = {};
  for (auto& count : counts) {
    for (size_t pass = 0; pass < kPassCount; ++pass) {
      const uint32_t begin = sums[pass];
      sums[pass] += count[pass];
      count[pass] = begin;
    }
  }
  std::vector<uint64_t> to(cells.size());
  for (size_t pass = 0; pass < kPassCount; ++pass) {
    const uint32_t shift = static_cast<uint32_t>(32 + pass * kDigitBits);
    for (const uint64_t one : from) to[counts[(one >> shift) & (kDigits - 1)][pass]++] = one;
    from.swap(to);
  }
  return from;
}

}  // namespace

Order order_of(const Columns& entries, Holds holds) {
  const size_t size = entries.size();
  check(size <= kColumnSizeMax);
  Order order;
  order.cells.resize(size);
  if (holds == Holds::kPoints) {
    hilberts_of(entries.souths.data(), entries.wests.data(), size, order.cells.data());
  } else {
    for (size_t i = 0; i < size; ++i) order.cells[i] = hilbert_of(center_of(entries.entry(i).box));
  }
  const auto key = [&](uint32_t place) { return EntryKey{order.cells[place], entries.id(place)}; };
  const auto is_before = [&](uint32_t a, uint32_t b) {
    return key(a) == key(b) ? a < b : key(a) < key(b);
  };
  // Most have an upper half of their own, so that neither the rest of their cell nor their id is
  // looked up.
  const std::vector<uint64_t> sorted = sorted_by_upper_half(order.cells);
  std::vector<uint32_t>& places = order.places;
  places.reserve(size);
  for (size_t begin = 0; begin < size;) {
    const size_t first = places.size();
    const uint64_t upper = sorted[begin] >> 32;
    for (; begin < size && sorted[begin] >> 32 == upper; ++begin) {
      places.push_back(static_cast<uint32_t>(sorted[begin]));
    }
    if (places.size() - first == 1) continue;
    const auto at_first = places.begin() + static_cast<std::ptrdiff_t>(first);
    std::sort(at_first, places.end(), is_before);
    const auto is_same = [&](uint32_t a, uint32_t b) { return key(a) == key(b); };
    // Of the same key the last remains.
    const auto last = std::unique(places.rbegin(), std::make_reverse_iterator(at_first), is_same);
    places.erase(at_first, last.base());
  }
  return order;
}

}  // namespace varve::geo

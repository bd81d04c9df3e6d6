#include "engine/memory/image.h"

#include <algorithm>

#include "base/bits.h"
#include "base/check.h"
#include "pure/codec/hash.h"
#include "pure/codec/prefix.h"

namespace varve::memory {

namespace {

// Of no store: an index lies in one leaf, and flooding it makes a get no dearer than the leaf.
constexpr uint64_t kHashSeed = 0;
constexpr size_t kIndexedMax = UINT16_MAX - 1;

// The first eight bytes as a number that orders as they do; what is missing counts as zeros.
uint64_t start_of(Bytes key) {
  uint8_t bytes[8] = {};
  std::copy_n(key.begin(), std::min<size_t>(key.size(), 8), bytes);
  return load_big64(bytes);
}

}  // namespace

void Rows::add(const Edit& edit) {
  check(edit.key.size() <= UINT32_MAX && edit.value.size() <= UINT32_MAX);
  rows_.push_back({edit.commit, edit.expires_ms, bytes_.size(),
                   static_cast<uint32_t>(edit.key.size()), static_cast<uint32_t>(edit.value.size()),
                   edit.kind, edit.flags});
  bytes_.append(as_text(edit.key));
  bytes_.append(as_text(edit.value));
}

Edit Rows::edit(size_t index) const {
  const Row& row = rows_[index];
  const Bytes bytes = as_bytes(bytes_).subspan(row.at, size_t{row.key_size} + row.value_size);
  return {bytes.first(row.key_size),  row.commit, row.kind, row.flags, row.expires_ms,
          bytes.subspan(row.key_size)};
}

size_t Rows::lower_bound(Bytes key) const {
  const auto found = std::partition_point(
      rows_.begin(), rows_.end(), [&](const Row& row) { return compare(this->key(row), key) < 0; });
  return static_cast<size_t>(found - rows_.begin());
}

void Rows::build_index() {
  check(rows_.size() <= kIndexedMax);
  size_t places = 4;
  while (places * 3 < rows_.size() * 4) places *= 2;
  index_.assign(places, 0);
  for (size_t row = 0; row < rows_.size(); ++row) {
    const uint64_t hash = hash64(key(rows_[row]), kHashSeed);
    size_t at = hash & (places - 1);
    while (index_[at] != 0) at = (at + 1) & (places - 1);
    index_[at] = static_cast<uint32_t>(hash >> 48) << 16 | static_cast<uint32_t>(row + 1);
  }
}

size_t Rows::find(Bytes wanted) const {
  const uint64_t hash = hash64(wanted, kHashSeed);
  const uint32_t tag = static_cast<uint32_t>(hash >> 48);
  const size_t mask = index_.size() - 1;
  // An empty place ends the walk, and a quarter of them are.
  for (size_t at = hash & mask; index_[at] != 0; at = (at + 1) & mask) {
    if (index_[at] >> 16 != tag) continue;
    const size_t row = (index_[at] & 0xffff) - 1;
    if (equal(key(rows_[row]), wanted)) return row;
  }
  return rows_.size();
}

void Rows::prefetch(Bytes wanted) const {
  varve::prefetch(&index_[hash64(wanted, kHashSeed) & (index_.size() - 1)]);
}

bool RangeFact::covers(Bytes key) const {
  return compare(as_bytes(begin), key) <= 0 && (end.empty() || compare(key, as_bytes(end)) < 0);
}

void Image::build_index() {
  starts_.clear();
  shared_.clear();
  if (leaves.size() < 2) return;
  // They are in order: what the first and the last share, all share.
  const std::string& first = leaves[1]->low;
  shared_ = first.substr(0, shared_prefix(as_bytes(first), as_bytes(leaves.back()->low)));
  starts_.reserve(leaves.size() - 1);
  for (size_t i = 1; i < leaves.size(); ++i) {
    starts_.push_back(start_of(as_bytes(leaves[i]->low).subspan(shared_.size())));
  }
}

size_t Image::leaf_of(Bytes key) const {
  if (leaves.size() < 2) return 0;
  const Bytes head = key.first(std::min(key.size(), shared_.size()));
  const int order = compare(head, as_bytes(shared_));
  if (order != 0) return order < 0 ? 0 : leaves.size() - 1;
  const uint64_t start = start_of(key.subspan(shared_.size()));
  const auto [first, last] = std::equal_range(starts_.begin(), starts_.end(), start);
  // Those that begin alike are told apart by the whole.
  const auto begin = leaves.begin() + 1 + (first - starts_.begin());
  const auto end = leaves.begin() + 1 + (last - starts_.begin());
  const auto after = std::partition_point(
      begin, end, [&](const auto& leaf) { return compare(as_bytes(leaf->low), key) <= 0; });
  return static_cast<size_t>(after - leaves.begin()) - 1;
}

uint64_t Image::hidden_by(Bytes key, uint64_t than, uint64_t commit) const {
  for (const RangeFact& range : ranges) {
    if (range.commit <= than) return 0;
    if (range.commit <= commit && range.covers(key)) return range.commit;
  }
  return 0;
}

size_t Image::size_bytes() const {
  size_t bytes = 0;
  for (const auto& leaf : leaves) bytes += leaf->size_bytes();
  for (const RangeFact& range : ranges) bytes += range.begin.size() + range.end.size();
  return bytes;
}

// The oldest commit after which `version` is no longer the answer: that of the next version, or of
// a range deletion in between.
uint64_t LeafWriter::successor_of(const Edit& version, uint64_t newer) const {
  uint64_t successor = newer;
  for (const RangeFact& range : ranges_) {
    if (range.commit <= version.commit) break;
    if (range.commit < successor && range.covers(version.key)) successor = range.commit;
  }
  return successor;
}

// Puts all versions of one key where they belong. A deletion that is the newest stays while it is
// above the horizon, or while something older does that it must hide.
void LeafWriter::settle(const std::vector<Edit>& versions, Leaf& leaf) const {
  std::vector<const Edit*> kept;
  uint64_t newer = UINT64_MAX;
  bool older_kept = false;
  for (size_t i = 0; i < versions.size(); ++i) {
    const Edit& version = versions[i];
    const uint64_t successor = successor_of(version, newer);
    const bool newest = i == 0;
    newer = version.commit;
    if (newest && version.kind == EditKind::kPut && successor == UINT64_MAX) {
      leaf.current.add(version);
      continue;
    }
    const bool asked = successor == UINT64_MAX ? version.commit > retention_.horizon
                                               : retention_.asks_for(version.commit, successor);
    if (!asked && !(newest && version.kind == EditKind::kDelete)) continue;
    older_kept = older_kept || (asked && !newest);
    kept.push_back(&version);
  }
  const bool lonely = !kept.empty() && kept[0] == &versions[0] &&
                      versions[0].kind == EditKind::kDelete && !older_kept &&
                      versions[0].commit <= retention_.horizon;
  for (size_t i = lonely ? 1 : 0; i < kept.size(); ++i) leaf.history.add(*kept[i]);
}

void LeafWriter::write(const Leaf& leaf, const std::vector<Edit>& added,
                       std::vector<std::shared_ptr<const Leaf>>& into) {
  auto fresh = std::make_shared<Leaf>();
  fresh->low = leaf.low;
  size_t current = 0;
  size_t history = 0;
  size_t more = 0;
  std::vector<Edit> versions;
  const auto next_key = [&]() -> const Bytes {
    Bytes key;
    bool any = false;
    const auto offer = [&](Bytes offered) {
      if (!any || compare(offered, key) < 0) key = offered;
      any = true;
    };
    if (more < added.size()) offer(added[more].key);
    if (current < leaf.current.size()) offer(leaf.current.edit(current).key);
    if (history < leaf.history.size()) offer(leaf.history.edit(history).key);
    return key;
  };
  while (more < added.size() || current < leaf.current.size() || history < leaf.history.size()) {
    const Bytes key = next_key();
    versions.clear();
    for (; more < added.size() && equal(added[more].key, key); ++more) {
      versions.push_back(added[more]);
    }
    for (; current < leaf.current.size() && equal(leaf.current.edit(current).key, key); ++current) {
      versions.push_back(leaf.current.edit(current));
    }
    for (; history < leaf.history.size() && equal(leaf.history.edit(history).key, key); ++history) {
      versions.push_back(leaf.history.edit(history));
    }
    if (fresh->size_bytes() >= kLeafBytes) {
      fresh->finish();
      into.push_back(std::move(fresh));
      fresh = std::make_shared<Leaf>();
      fresh->low = as_text(key);
    }
    settle(versions, *fresh);
  }
  fresh->finish();
  // A leaf that lost everything goes, its keys falling to the one before; the first must stay.
  const bool vanished = fresh->current.size() == 0 && fresh->history.size() == 0;
  if (!vanished || into.empty()) into.push_back(std::move(fresh));
}

}  // namespace varve::memory

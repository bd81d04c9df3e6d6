#include "engine/memory/image.h"

#include <algorithm>

#include "base/check.h"

namespace varve::memory {

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
  return {bytes.first(row.key_size), row.commit, row.kind, row.flags, row.expires_ms,
          bytes.subspan(row.key_size)};
}

size_t Rows::lower_bound(Bytes key) const {
  const auto found = std::partition_point(rows_.begin(), rows_.end(), [&](const Row& row) {
    return compare(as_bytes(bytes_).subspan(row.at, row.key_size), key) < 0;
  });
  return static_cast<size_t>(found - rows_.begin());
}

bool RangeFact::covers(Bytes key) const {
  return compare(as_bytes(begin), key) <= 0 && (end.empty() || compare(key, as_bytes(end)) < 0);
}

size_t Image::leaf_of(Bytes key) const {
  const auto after = std::partition_point(leaves.begin() + 1, leaves.end(), [&](const auto& leaf) {
    return compare(as_bytes(leaf->low), key) <= 0;
  });
  return static_cast<size_t>(after - leaves.begin()) - 1;
}

uint64_t Image::hidden_by(Bytes key, uint64_t than, uint64_t commit) const {
  for (const RangeFact& range : ranges) {
    if (range.commit <= than) return 0;
    if (range.commit <= commit && range.covers(key)) return range.commit;
  }
  return 0;
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

bool LeafWriter::asked_for(uint64_t commit, uint64_t successor) const {
  if (successor > retention_.horizon) return true;
  const auto held = std::lower_bound(retention_.held.begin(), retention_.held.end(), commit);
  return held != retention_.held.end() && *held < successor;
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
                                               : asked_for(version.commit, successor);
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
      fresh->current.trim();
      fresh->history.trim();
      into.push_back(std::move(fresh));
      fresh = std::make_shared<Leaf>();
      fresh->low = as_text(key);
    }
    settle(versions, *fresh);
  }
  fresh->current.trim();
  fresh->history.trim();
  // A leaf that lost everything goes, its keys falling to the one before; the first must stay.
  const bool vanished = fresh->current.size() == 0 && fresh->history.size() == 0;
  if (!vanished || into.empty()) into.push_back(std::move(fresh));
}

}  // namespace varve::memory

#include "store/memtable/range_set.h"

#include <algorithm>

namespace varve::memtable {

namespace {

bool ends_before(Bytes end, Bytes other) {
  if (end.empty()) return false;
  return other.empty() || compare(end, other) < 0;
}

bool in_order(const RangeDeletion& a, const RangeDeletion& b) {
  const int begin = compare(a.begin, b.begin);
  if (begin != 0) return begin < 0;
  if (ends_before(a.end, b.end)) return true;
  if (ends_before(b.end, a.end)) return false;
  return a.commit < b.commit;
}

Bytes copy_into(Memory& memory, Bytes bytes) {
  if (bytes.empty()) return {};
  uint8_t* const at = memory.allocate(bytes.size(), 1);
  std::memcpy(at, bytes.data(), bytes.size());
  return {at, bytes.size()};
}

}  // namespace

void RangeSet::add(const RangeDeletion& deletion) {
  const List* const old = list_.load(std::memory_order_relaxed);
  std::vector<Node> merged(1);
  merged[0].deletion = {copy_into(memory_, deletion.begin), copy_into(memory_, deletion.end),
                        deletion.commit};
  size_t kept = old == nullptr ? 0 : old->count;
  while (kept > 0 && (old->sets[kept - 1].count < 2 * merged.size() || kept == kCountMax)) {
    const Set& set = old->sets[--kept];
    merged.insert(merged.end(), set.nodes, set.nodes + set.count);
  }
  std::sort(merged.begin(), merged.end(),
            [](const Node& a, const Node& b) { return in_order(a.deletion, b.deletion); });
  summarise(merged.data(), 0, merged.size());

  Node* const nodes = reinterpret_cast<Node*>(memory_.allocate(merged.size() * sizeof(Node)));
  std::uninitialized_copy(merged.begin(), merged.end(), nodes);
  const size_t count = kept + 1;
  uint8_t* const at = memory_.allocate(sizeof(List) + count * sizeof(Set));
  Set* const sets = reinterpret_cast<Set*>(at + sizeof(List));
  if (kept > 0) std::uninitialized_copy(old->sets, old->sets + kept, sets);
  std::construct_at(sets + kept, Set{nodes, merged.size()});
  List* const published = std::construct_at(reinterpret_cast<List*>(at), List{sets, count});
  list_.store(published, std::memory_order_release);
}

// The tree of [begin, end) has its root in the middle. Depth is the logarithm of the count.
void RangeSet::summarise(Node* nodes, size_t begin, size_t end) {
  if (begin >= end) return;
  const size_t middle = begin + (end - begin) / 2;
  Node& root = nodes[middle];
  root.end_max = root.deletion.end;
  root.commit_max = root.commit_min = root.deletion.commit;
  const size_t halves[2][2] = {{begin, middle}, {middle + 1, end}};
  for (const auto& [from, to] : halves) {
    if (from >= to) continue;
    summarise(nodes, from, to);
    const Node& child = nodes[from + (to - from) / 2];
    if (ends_before(root.end_max, child.end_max)) root.end_max = child.end_max;
    root.commit_max = std::max(root.commit_max, child.commit_max);
    root.commit_min = std::min(root.commit_min, child.commit_min);
  }
}

void RangeSet::search(const Set& set, Bytes key, uint64_t commit, uint64_t& best) {
  struct Part {
    size_t begin;
    size_t end;
  };
  Part open[64];  // One waiting sibling per level.
  size_t open_count = 0;
  open[open_count++] = {0, set.count};
  while (open_count > 0) {
    const Part part = open[--open_count];
    if (part.begin >= part.end) continue;
    const size_t middle = part.begin + (part.end - part.begin) / 2;
    const Node& node = set.nodes[middle];
    if (node.commit_max <= best || node.commit_min > commit) continue;
    if (!node.end_max.empty() && compare(key, node.end_max) >= 0) continue;
    open[open_count++] = {part.begin, middle};
    if (compare(key, node.deletion.begin) < 0) continue;
    open[open_count++] = {middle + 1, part.end};
    const bool covers = node.deletion.end.empty() || compare(key, node.deletion.end) < 0;
    if (covers && node.deletion.commit <= commit && node.deletion.commit > best) {
      best = node.deletion.commit;
    }
  }
}

uint64_t RangeSet::newest_over(Bytes key, uint64_t commit) const {
  const List* const list = list_.load(std::memory_order_acquire);
  if (list == nullptr) return 0;
  uint64_t best = 0;
  for (size_t i = list->count; i > 0; --i) search(list->sets[i - 1], key, commit, best);
  return best;
}

std::vector<RangeDeletion> RangeSet::all() const {
  std::vector<RangeDeletion> answer;
  const List* const list = list_.load(std::memory_order_acquire);
  if (list == nullptr) return answer;
  for (size_t i = 0; i < list->count; ++i) {
    const Set& set = list->sets[i];
    for (size_t j = 0; j < set.count; ++j) answer.push_back(set.nodes[j].deletion);
  }
  std::sort(answer.begin(), answer.end(), in_order);
  return answer;
}

}  // namespace varve::memtable

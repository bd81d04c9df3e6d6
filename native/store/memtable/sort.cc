// store/memtable/sort.cc — sorting items by their heads, and those whose heads are equal by the
// heads behind what they share, so that long common prefixes do not turn every comparison into two
// cache misses.
#include <algorithm>
#include <array>
#include <utility>

#include "pure/codec/prefix.h"
#include "store/memtable/order.h"

namespace varve::memtable {

namespace {

constexpr size_t kFewItems = 24;      // A guess: so few are sorted by whole keys.
constexpr size_t kRadixCount = 2048;  // A guess: below it, eight passes do not pay.

struct Group {
  size_t begin;
  size_t end;
  size_t skip;
};

bool head_in_order(const Item& a, const Item& b) { return a.head < b.head; }
bool key_in_order(const Item& a, const Item& b) {
  return compare(a.entry->key(), b.entry->key()) < 0;
}

// By heads: a byte at a time from the lowest, leaving out bytes in which all agree.
void radix_sort(std::vector<Item>& items) {
  std::vector<std::array<uint32_t, 256>> counts(8);
  for (const Item& item : items) {
    for (size_t digit = 0; digit < 8; ++digit) ++counts[digit][item.head >> (8 * digit) & 255];
  }
  std::vector<Item> other(items.size());
  for (size_t digit = 0; digit < 8; ++digit) {
    std::array<uint32_t, 256>& starts = counts[digit];
    if (starts[items[0].head >> (8 * digit) & 255] == items.size()) continue;
    uint32_t start = 0;
    for (uint32_t& count : starts) start += std::exchange(count, start);
    for (const Item& item : items) other[starts[item.head >> (8 * digit) & 255]++] = item;
    items.swap(other);
  }
}

// Adds each stretch of equal heads in [begin, end) that needs further sorting.
void add_ties(const std::vector<Item>& items, const Group& within, std::vector<Group>& ties) {
  size_t begin = within.begin;
  for (size_t i = within.begin + 1; i <= within.end; ++i) {
    if (i < within.end && items[i].head == items[begin].head) continue;
    if (i - begin > 1) ties.push_back({begin, i, within.skip});
    begin = i;
  }
}

// Sorts a stretch whose keys agree in the 8 bytes behind `skip` (where they have them).
void sort_tie(std::vector<Item>& items, const Group& tie, std::vector<Group>& ties) {
  const auto first = items.begin() + static_cast<ptrdiff_t>(tie.begin);
  const auto last = items.begin() + static_cast<ptrdiff_t>(tie.end);
  size_t skip = 0;
  if (tie.end - tie.begin >= kFewItems) {
    const Bytes key = items[tie.begin].entry->key();
    skip = key.size();
    for (auto item = first; item != last; ++item) {
      skip = shared_prefix(key.first(skip), item->entry->key());
    }
  }
  // No progress: a key ends within the 8 bytes.
  if (skip < tie.skip + 8) {
    std::sort(first, last, key_in_order);
    return;
  }
  for (auto item = first; item != last; ++item) item->head = head_of(item->entry->key(), skip);
  std::sort(first, last, head_in_order);
  add_ties(items, {tie.begin, tie.end, skip}, ties);
}

}  // namespace

void sort_items(std::vector<Item>& items, size_t skip) {
  const bool few = items.size() < kRadixCount || items.size() > UINT32_MAX;
  if (few)
    std::sort(items.begin(), items.end(), head_in_order);
  else
    radix_sort(items);
  std::vector<Group> outer;
  add_ties(items, {0, items.size(), skip}, outer);
  std::vector<Group> open;
  for (const Group& tie : outer) {
    const uint64_t head = items[tie.begin].head;
    open.assign(1, tie);
    // Each turn's stretch shares at least 8 bytes more than the one it came from, so key size
    // bounds the depth.
    while (!open.empty()) {
      const Group next = open.back();
      open.pop_back();
      sort_tie(items, next, open);
    }
    for (size_t i = tie.begin; i < tie.end; ++i) items[i].head = head;
  }
}

}  // namespace varve::memtable

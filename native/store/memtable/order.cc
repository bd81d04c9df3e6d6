#include "store/memtable/order.h"

#include <algorithm>

#include "base/bits.h"
#include "pure/codec/prefix.h"

namespace varve::memtable {

namespace {

constexpr size_t kAhead = 12;  // Entries fetched ahead when keys are read one after another.

Bytes prefix_of(const Ordered& ordered) {
  return ordered.runs[0]->begin()->entry->key().first(ordered.skip);
}

std::shared_ptr<const SortedRun> with_skip(const SortedRun& run, size_t skip) {
  std::vector<Item> items(run.begin(), run.end());
  for (size_t i = 0; i < items.size(); ++i) {
    if (i + kAhead < items.size()) prefetch(items[i + kAhead].entry);
    items[i].head = head_of(items[i].entry->key(), skip);
  }
  return std::make_shared<const SortedRun>(std::move(items));
}

std::vector<Item> merge(const SortedRun& a, const SortedRun& b) {
  std::vector<Item> merged(a.size() + b.size());
  std::merge(a.begin(), a.end(), b.begin(), b.end(), merged.begin(), in_order);
  return merged;
}

}  // namespace

uint64_t head_of(Bytes key, size_t skip) {
  if (key.size() >= skip + 8) return load_big64(key.data() + skip);
  uint8_t padded[8] = {};
  if (key.size() > skip) std::memcpy(padded, key.data() + skip, key.size() - skip);
  return load_big64(padded);
}

bool in_order(const Item& a, const Item& b) {
  if (a.head != b.head) return a.head < b.head;
  return compare(a.entry->key(), b.entry->key()) < 0;
}

SortedRun::SortedRun(std::vector<Item> items) : items_(std::move(items)) {
  fine_.reserve(items_.size() / kFineStep + 1);
  for (size_t i = 0; i < items_.size(); i += kFineStep) fine_.push_back(items_[i].head);
  for (size_t i = 0; i < fine_.size(); i += kCoarseStep) coarse_.push_back(fine_[i]);
}

// The index of the first item whose head is not below `head`. It lies behind the last sample that
// is below.
size_t SortedRun::first_not_below(uint64_t head) const {
  const auto index = [head](const uint64_t* begin, const uint64_t* end) {
    return static_cast<size_t>(std::lower_bound(begin, end, head) - begin);
  };
  const size_t coarse = index(coarse_.data(), coarse_.data() + coarse_.size());
  if (coarse == 0) return 0;
  size_t first = (coarse - 1) * kCoarseStep;
  size_t last = std::min(first + kCoarseStep, fine_.size());
  const size_t fine = first + index(fine_.data() + first, fine_.data() + last);
  first = (fine - 1) * kFineStep;
  last = std::min(first + kFineStep, items_.size());
  while (first < last && items_[first].head < head) ++first;
  return first;
}

const Item* SortedRun::lower_bound(uint64_t head, Bytes key) const {
  const Item* const first = begin() + first_not_below(head);
  if (first == end() || first->head != head) return first;
  if (compare(first->entry->key(), key) >= 0) return first;
  const Item* const last = head == UINT64_MAX ? end() : begin() + first_not_below(head + 1);
  return std::partition_point(
      first, last, [key](const Item& item) { return compare(item.entry->key(), key) < 0; });
}

const Item* Ordered::lower_bound(size_t run, Bytes key) const {
  const SortedRun& sorted = *runs[run];
  const Bytes prefix = prefix_of(*this);
  const size_t shared = shared_prefix(prefix, key);
  if (shared == skip) return sorted.lower_bound(head_of(key, skip), key);
  const bool before = shared == key.size() || key[shared] < prefix[shared];
  return before ? sorted.begin() : sorted.end();
}

// Room for 510 pointers. The writer fills `entries` and raises `count`; whoever sorts reads up to
// `count`, and frees the chunk once `next` is there: by then the writer has left it.
struct Order::Chunk {
  static constexpr uint32_t kCount = 510;
  std::atomic<uint32_t> count{0};
  std::atomic<Chunk*> next{nullptr};
  const Entry* entries[kCount];
};

Order::Order()
    : tail_(std::make_unique<Chunk>().release()),
      head_(tail_),
      ordered_(std::make_shared<const Ordered>()) {}

Order::~Order() {
  while (head_ != nullptr) {
    const std::unique_ptr<Chunk> chunk(head_);
    head_ = chunk->next.load(std::memory_order_relaxed);
  }
}

void Order::append(const Entry* entry) {
  uint32_t count = tail_->count.load(std::memory_order_relaxed);
  if (count == Chunk::kCount) {
    Chunk* const fresh = std::make_unique<Chunk>().release();
    tail_->next.store(fresh, std::memory_order_release);
    tail_ = fresh;
    count = 0;
  }
  tail_->entries[count] = entry;
  tail_->count.store(count + 1, std::memory_order_release);
  const uint64_t appended = appended_.load(std::memory_order_relaxed) + 1;
  appended_.store(appended, std::memory_order_release);

  if (!scans_expected_.load(std::memory_order_relaxed)) return;
  if (appended - taken_.load(std::memory_order_relaxed) < kBatchCount) return;
  const Lock held(mutex_, std::try_to_lock);
  if (held.owns_lock()) sort_pending(held);
}

std::shared_ptr<const Ordered> Order::order() {
  expect_scans(true);
  const Lock held(mutex_);
  if (appended_.load(std::memory_order_acquire) != taken_.load(std::memory_order_relaxed)) {
    sort_pending(held);
  }
  return ordered_;
}

size_t Order::size_bytes() const {
  const uint64_t appended = appended_.load(std::memory_order_relaxed);
  const uint64_t taken = std::min(appended, taken_.load(std::memory_order_relaxed));
  return sizeof(Chunk) + (appended - taken) * (sizeof(Chunk) / Chunk::kCount + 1) +
         taken * (sizeof(Item) + 1);
}

std::vector<const Entry*> Order::take_pending(const Lock&) {
  std::vector<const Entry*> entries;
  for (;;) {
    const uint32_t count = head_->count.load(std::memory_order_acquire);
    entries.insert(entries.end(), head_->entries + head_taken_, head_->entries + count);
    head_taken_ = count;
    if (count < Chunk::kCount) return entries;
    Chunk* const next = head_->next.load(std::memory_order_acquire);
    if (next == nullptr) return entries;
    const std::unique_ptr<Chunk> emptied(head_);
    head_ = next;
    head_taken_ = 0;
  }
}

void Order::sort_pending(const Lock& held) {
  const std::vector<const Entry*> pending = take_pending(held);
  if (pending.empty()) return;
  auto next = std::make_shared<Ordered>(*ordered_);
  const bool first = next->runs.empty();
  const Bytes known = first ? pending[0]->key() : prefix_of(*next);
  size_t skip = known.size();
  for (size_t i = 0; i < pending.size(); ++i) {
    if (i + kAhead < pending.size()) prefetch(pending[i + kAhead]);
    skip = shared_prefix(known.first(skip), pending[i]->key());
  }
  if (skip != next->skip) {
    for (auto& run : next->runs) run = with_skip(*run, skip);
    next->skip = skip;
  }

  std::vector<Item> items(pending.size());
  for (size_t i = 0; i < pending.size(); ++i) {
    if (i + kAhead < pending.size()) prefetch(pending[i + kAhead]);
    items[i] = {head_of(pending[i]->key(), skip), pending[i]};
  }
  sort_items(items, skip);

  auto run = std::make_shared<const SortedRun>(std::move(items));
  taken_.store(taken_.load(std::memory_order_relaxed) + pending.size(), std::memory_order_relaxed);
  const size_t most = std::max<size_t>(kMergeCount, taken_.load(std::memory_order_relaxed) / 8);
  while (!next->runs.empty() && next->runs.back()->size() <= kMergeRatio * run->size() &&
         next->runs.back()->size() + run->size() <= most) {
    run = std::make_shared<const SortedRun>(merge(*next->runs.back(), *run));
    next->runs.pop_back();
  }
  next->runs.push_back(std::move(run));
  ordered_ = std::move(next);
}

}  // namespace varve::memtable

#include "store/memtable/walk.h"

#include <algorithm>

#include "base/bits.h"

namespace varve::memtable {

Walk::Walk(std::shared_ptr<const Ordered> ordered, const KeyRange& range, Direction direction)
    : ordered_(std::move(ordered)), forward_(direction == Direction::kForward) {
  parts_.reserve(ordered_->runs.size());
  for (size_t i = 0; i < ordered_->runs.size(); ++i) {
    const SortedRun& run = *ordered_->runs[i];
    const Item* const first =
        range.begin.empty() ? run.begin() : ordered_->lower_bound(i, range.begin);
    const Item* const last = range.end.empty() ? run.end() : ordered_->lower_bound(i, range.end);
    const Item* const at = forward_ ? first : std::max(first, last);
    parts_.push_back({at, first, std::max(first, last), forward_});
  }
  start();
}

void Walk::start() {
  queue_count_ = 0;
  refill(kQueueStart);
}

void Walk::refill(size_t count) {
  const size_t wanted = std::min(count, kQueueMax);
  while (queue_count_ < wanted) {
    Part* const part = choose();
    if (part == nullptr) return;
    const Entry* const entry = part->item().entry;
    part->step();
    // The entry, and the start of its value.
    const uint8_t* const at = reinterpret_cast<const uint8_t*>(entry);
    prefetch(at);
    prefetch(at + 64);
    prefetch(at + 128);
    queue_[(queue_first_ + queue_count_) % kQueueMax] = entry;
    ++queue_count_;
  }
}

// The part whose item comes next; null at the end.
Walk::Part* Walk::choose() {
  Part* chosen = nullptr;
  for (Part& part : parts_) {
    if (part.ended()) continue;
    if (chosen == nullptr || in_order(part.item(), chosen->item()) == forward_) chosen = &part;
  }
  return chosen;
}

void Walk::seek(Bytes key) {
  for (size_t i = 0; i < parts_.size(); ++i) {
    Part& part = parts_[i];
    const Item* at = ordered_->lower_bound(i, key);
    const bool exact = at != ordered_->runs[i]->end() && equal(at->entry->key(), key);
    if (!forward_ && exact) ++at;
    part.at = std::clamp(at, part.first, part.last);
  }
  start();
}

}  // namespace varve::memtable

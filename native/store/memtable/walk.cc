#include "store/memtable/walk.h"

#include <algorithm>

#include "base/prefetch.h"

namespace varve::memtable {

Walk::Walk(std::shared_ptr<const Ordered> ordered, const KeyRange& range, Direction direction)
    : ordered_(std::move(ordered)), forward_(direction == Direction::kForward) {
  parts_.reserve(ordered_->runs.size());
  for (size_t i = 0; i < ordered_->runs.size(); ++i) {
    const SortedRun& run = *ordered_->runs[i];
    const Item* const first = range.begin.empty() ? run.begin() : ordered_->lower_bound(i, range.begin);
    const Item* const last = range.end.empty() ? run.end() : ordered_->lower_bound(i, range.end);
    const Item* const at = forward_ ? first : std::max(first, last);
    parts_.push_back({at, first, std::max(first, last), forward_});
  }
  choose();
}

void Walk::Part::step() {
  constexpr ptrdiff_t kAhead = 8;  // Each entry is a miss of its own: fetch its key and the start of its value.
  const ptrdiff_t left = forward ? last - at : at - first;
  if (left > kAhead) {
    const Entry* const soon = forward ? at[kAhead].entry : at[-kAhead - 1].entry;
    prefetch(soon);
    prefetch(reinterpret_cast<const uint8_t*>(soon) + 64);
  }
  at += forward ? 1 : -1;
}

void Walk::next() {
  current_->step();
  choose();
}

void Walk::choose() {
  current_ = nullptr;
  for (Part& part : parts_) {
    if (part.ended()) continue;
    if (current_ == nullptr || in_order(part.item(), current_->item()) == forward_) current_ = &part;
  }
}

void Walk::seek(Bytes key) {
  for (size_t i = 0; i < parts_.size(); ++i) {
    Part& part = parts_[i];
    const Item* at = ordered_->lower_bound(i, key);
    const bool exact = at != ordered_->runs[i]->end() && equal(at->entry->key(), key);
    if (!forward_ && exact) ++at;
    part.at = std::clamp(at, part.first, part.last);
  }
  choose();
}

}  // namespace varve::memtable

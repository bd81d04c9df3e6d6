#include "store/merged_cursor.h"

namespace varve {

MergedCursor::MergedCursor(std::vector<Source> sources, uint64_t commit, uint64_t expired_ms,
                           Direction direction)
    : sources_(std::move(sources)),
      commit_(commit),
      expired_ms_(expired_ms),
      sign_(direction == Direction::kForward ? 1 : -1) {
  for (const Source& source : sources_) any_ranges_ = any_ranges_ || source.ranges != nullptr;
  settle();
}

bool MergedCursor::hidden(size_t source, Bytes key) const {
  for (size_t i = 0; i < source; ++i) {
    const Memtable* const ranges = sources_[i].ranges;
    if (ranges != nullptr && ranges->range_deletion_over(key, commit_) != 0) return true;
  }
  return false;
}

// Every source that stands on `key` moves on. `key` is borrowed from one of them, which moves last.
void MergedCursor::step_past(Bytes key) {
  for (size_t i = current_index_ + 1; i < sources_.size(); ++i) {
    EngineCursor& cursor = *sources_[i].cursor;
    if (cursor.valid() && equal(cursor.edit().key, key)) cursor.next();
  }
  sources_[current_index_].cursor->next();
}

void MergedCursor::settle() {
  while (true) {
    current_ = nullptr;
    for (size_t i = 0; i < sources_.size(); ++i) {
      EngineCursor& cursor = *sources_[i].cursor;
      if (!cursor.valid()) {
        if (cursor.status()) continue;
        current_ = nullptr;  // A source that failed ends the walk: an entry may be missing.
        return;
      }
      if (current_ != nullptr && compare(cursor.edit().key, current_->edit().key) * sign_ >= 0)
        continue;
      current_ = &cursor;
      current_index_ = i;
    }
    if (current_ == nullptr) return;
    const Edit& edit = current_->edit();
    const bool is_live = edit.expires_ms == 0 || edit.expires_ms > expired_ms_;
    if (edit.kind == EditKind::kPut && is_live &&
        !(any_ranges_ && hidden(current_index_, edit.key)))
      return;
    step_past(edit.key);
  }
}

void MergedCursor::next() {
  step_past(current_->edit().key);
  settle();
}

// Up to the next key of another source. What a source hands over never expires.
size_t MergedCursor::take_values(Bytes end, std::span<Bytes> values) {
  if (any_ranges_ || sign_ < 0) return 0;
  for (const Source& source : sources_) {
    if (source.cursor.get() == current_ || !source.cursor->valid()) continue;
    const Bytes key = source.cursor->edit().key;
    if (key.empty()) return 0;  // Nothing is below it, and as an end it would be none.
    if (end.empty() || compare(key, end) < 0) end = key;
  }
  return current_->take_values(end, values);
}

void MergedCursor::seek(Bytes key) {
  for (Source& source : sources_) source.cursor->seek(key);
  settle();
}

Status MergedCursor::status() const {
  for (const Source& source : sources_) {
    if (Status status = source.cursor->status(); !status) return status;
  }
  return Status::ok();
}

}  // namespace varve

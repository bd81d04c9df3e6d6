#include "engine/lsm/version.h"

#include <algorithm>

namespace varve {

bool touches(const TableInfo& info, const KeyRange& range) {
  if (!range.end.empty() && compare(as_bytes(info.smallest), range.end) >= 0) return false;
  return info.unbounded || compare(as_bytes(info.largest), range.begin) >= 0;
}

LsmVersion::LsmVersion(std::array<Tables, kLevelCount> levels, uint64_t absorbed)
    : levels_(std::move(levels)), absorbed_(absorbed) {
  for (const Tables& level : levels_) {
    for (const auto& table : level) any_ranges_ = any_ranges_ || !table->range_deletions().empty();
  }
}

uint64_t LsmVersion::level_bytes(size_t level) const {
  uint64_t bytes = 0;
  for (const auto& table : levels_[level]) bytes += table->info().file_bytes;
  return bytes;
}

LsmVersion::Tables LsmVersion::overlapping(size_t level, const KeyRange& range) const {
  Tables found;
  for (const auto& table : levels_[level]) {
    if (touches(table->info(), range)) found.push_back(table);
  }
  return found;
}

const std::shared_ptr<Table>* LsmVersion::table_of(size_t level, Bytes key) const {
  const Tables& tables = levels_[level];
  const auto above = std::upper_bound(
      tables.begin(), tables.end(), key,
      [](Bytes k, const auto& table) { return compare(k, as_bytes(table->info().smallest)) < 0; });
  if (above == tables.begin()) return nullptr;
  const std::shared_ptr<Table>& table = *(above - 1);
  return compare(key, as_bytes(table->info().largest)) <= 0 ? &table : nullptr;
}

uint64_t LsmVersion::range_deletion_over(Bytes key, uint64_t commit) const {
  uint64_t newest = 0;
  for (const Tables& level : levels_) {
    for (const auto& table : level) {
      for (const RangeDeletion& deletion : table->range_deletions()) {
        if (deletion.commit > commit || deletion.commit <= newest ||
            compare(key, deletion.begin) < 0)
          continue;
        if (deletion.end.empty() || compare(key, deletion.end) < 0) newest = deletion.commit;
      }
    }
  }
  return newest;
}

void LsmVersion::prefetch(Bytes key, uint64_t hash) const {
  for (const auto& table : levels_[0]) table->prefetch(hash);
  for (size_t level = 1; level < kLevelCount; ++level) {
    if (levels_[level].empty()) continue;
    if (const auto* table = table_of(level, key)) (*table)->prefetch(hash);
  }
}

Result<Lookup> LsmVersion::get(Bytes key, uint64_t hash, uint64_t commit, bool may_block) const {
  Lookup found;
  const auto ask = [&](Table& table) -> Status {
    if (table.info().commit_first > commit) return Status::ok();
    Result<Lookup> answer = table.get(key, hash, commit, may_block);
    if (!answer) return answer.error();
    found = *answer;
    return Status::ok();
  };
  prefetch(key, hash);
  for (const auto& table : levels_[0]) {
    if (Status status = ask(*table); !status) return status;
    if (found.found != Found::kAbsent) break;
  }
  for (size_t level = 1; level < kLevelCount && found.found == Found::kAbsent; ++level) {
    if (levels_[level].empty()) continue;
    const std::shared_ptr<Table>* const table = table_of(level, key);
    if (table == nullptr) continue;
    if (Status status = ask(**table); !status) return status;
  }
  if (any_ranges_ && found.found == Found::kPut &&
      range_deletion_over(key, commit) > found.edit.commit) {
    found.found = Found::kDeleted;
  }
  return found;
}

uint64_t LsmVersion::size(const KeyRange& range) const {
  uint64_t bytes = 0;
  for (const Tables& level : levels_) {
    for (const auto& table : level) {
      if (touches(table->info(), range)) bytes += table->size_within(range);
    }
  }
  return bytes;
}

std::vector<RangeDeletion> LsmVersion::range_deletions(const KeyRange& range, uint64_t from,
                                                       uint64_t to) const {
  std::vector<RangeDeletion> found;
  for (const Tables& level : levels_) {
    for (const auto& table : level) {
      for (const RangeDeletion& deletion : table->range_deletions()) {
        if (deletion.commit <= from || deletion.commit > to) continue;
        const bool after = !range.end.empty() && compare(deletion.begin, range.end) >= 0;
        const bool before = !deletion.end.empty() && compare(deletion.end, range.begin) <= 0;
        if (!after && !before) found.push_back(deletion);
      }
    }
  }
  return found;
}

// ---- levels

void LevelCursor::enter(size_t table) {
  table_ = table;
  cursor_.reset();
  if (table >= tables_.size()) return;
  cursor_ = cached_ ? tables_[table]->cursor() : tables_[table]->cursor_uncached();
}

void LevelCursor::seek_first() {
  for (enter(0); cursor_ != nullptr; enter(table_ + 1)) {
    cursor_->seek_first();
    if (cursor_->valid() || !cursor_->status()) return;
  }
}

void LevelCursor::seek_last() {
  for (enter(tables_.size() - 1); cursor_ != nullptr; enter(table_ - 1)) {
    cursor_->seek_last();
    if (cursor_->valid() || !cursor_->status()) return;
  }
}

void LevelCursor::next() {
  cursor_->next();
  while (!cursor_->valid() && cursor_->status()) {
    enter(table_ + 1);
    if (cursor_ == nullptr) return;
    cursor_->seek_first();
  }
}

void LevelCursor::previous() {
  cursor_->previous();
  while (!cursor_->valid() && cursor_->status()) {
    enter(table_ - 1);  // One before the first is above every table, and ends the walk.
    if (cursor_ == nullptr) return;
    cursor_->seek_last();
  }
}

void LevelCursor::seek(Bytes key, uint64_t commit) {
  const auto found = std::partition_point(tables_.begin(), tables_.end(), [&](const auto& table) {
    return compare(as_bytes(table->info().largest), key) < 0;
  });
  enter(static_cast<size_t>(found - tables_.begin()));
  if (cursor_ == nullptr) return;
  cursor_->seek(key, commit);
  while (!cursor_->valid() && cursor_->status()) {
    enter(table_ + 1);
    if (cursor_ == nullptr) return;
    cursor_->seek_first();
  }
}

void LevelCursor::seek_before(Bytes key, uint64_t commit) {
  seek(key, commit);
  if (valid()) return previous();
  if (status()) seek_last();
}

// ---- merging

void VersionMerge::choose(bool forward) {
  current_ = nullptr;
  for (LevelCursor& level : levels_) {
    if (!level.valid()) {
      if (level.status()) continue;
      current_ = nullptr;
      return;
    }
    if (current_ == nullptr) {
      current_ = &level;
      continue;
    }
    int order = compare(level.edit().key, current_->edit().key);
    if (order == 0) order = level.edit().commit > current_->edit().commit ? -1 : 1;
    if (forward ? order < 0 : order > 0) current_ = &level;
  }
}

void VersionMerge::next() {
  current_->next();
  if (levels_.size() > 1 || !current_->valid()) choose(true);
}

void VersionMerge::previous() {
  current_->previous();
  if (levels_.size() > 1 || !current_->valid()) choose(false);
}

void VersionMerge::seek(Bytes key, uint64_t commit) {
  for (LevelCursor& level : levels_) level.seek(key, commit);
  choose(true);
}

void VersionMerge::seek_before(Bytes key, uint64_t commit) {
  for (LevelCursor& level : levels_) level.seek_before(key, commit);
  choose(false);
}

void VersionMerge::seek_first() {
  for (LevelCursor& level : levels_) level.seek_first();
  choose(true);
}

void VersionMerge::seek_last() {
  for (LevelCursor& level : levels_) level.seek_last();
  choose(false);
}

Status VersionMerge::status() const {
  for (const LevelCursor& level : levels_) {
    if (Status status = level.status(); !status) return status;
  }
  return Status::ok();
}

}  // namespace varve

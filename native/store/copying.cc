#include "store/copying.h"

#include <algorithm>

namespace varve {
namespace {

// An empty end is behind every key.
bool is_below(Bytes key, Bytes end) { return end.empty() || compare(key, end) < 0; }

}  // namespace

void PartCursor::show() {
  if (!valid()) return;
  const Copying::Row& row = copying_.rows_[at_];
  edit_ = {copying_.key(row), row.commit,
           row.kind,          0,
           row.expires_ms,    as_bytes(copying_.bytes_).subspan(row.value_at, row.value_bytes)};
}

bool Copying::is_ended_by_range(Bytes key, uint64_t commit) const {
  return std::any_of(all_ranges_.begin(), all_ranges_.end(), [&](const RangeDeletion& range) {
    return range.commit == commit && compare(key, range.begin) >= 0 && is_below(key, range.end);
  });
}

Status Copying::add(const Edit& edit, uint64_t key_at) {
  const Result<uint64_t> value_bytes = from_->value_bytes(edit);
  if (!value_bytes) return value_bytes.error();
  const uint64_t value_at = bytes_.size();
  rows_.push_back({edit.commit, edit.expires_ms, key_at, value_at,
                   static_cast<uint32_t>(edit.key.size()), static_cast<uint32_t>(*value_bytes),
                   edit.kind});
  if (*value_bytes == 0) return Status::ok();
  bytes_.resize(value_at + *value_bytes);
  uint8_t* const into = reinterpret_cast<uint8_t*>(bytes_.data()) + value_at;
  return from_->read_value(edit, MutableBytes(into, *value_bytes));
}

// All versions of the key that the cursor stands at, the newest first.
Status Copying::add_key(EditCursor& versions) {
  const uint64_t key_at = bytes_.size();
  const size_t first_row = rows_.size();
  append(bytes_, versions.edit().key);
  const size_t key_bytes = bytes_.size() - key_at;
  const auto is_same = [&] {
    return equal(versions.edit().key, as_bytes(bytes_).subspan(key_at, key_bytes));
  };
  uint64_t newer = 0;
  for (; versions.valid() && is_same(); versions.next()) {
    const Edit& edit = versions.edit();
    const uint64_t ended = edit.superseded;
    const bool is_end_missing = ended != 0 && (newer == 0 || newer > ended);
    if (is_end_missing && !is_ended_by_range(edit.key, ended)) {
      const Edit end{edit.key, ended, EditKind::kDelete, 0, 0, {}};
      if (Status status = add(end, key_at); !status) return status;
    }
    if (Status status = add(edit, key_at); !status) return status;
    newer = edit.commit;
    const uint64_t taken = bytes_.size() - key_at + (rows_.size() - first_row) * sizeof(Row);
    if (taken > key_bytes_max_) {
      return {Code::kTooLarge, "store: the versions of one key take more than " +
                                   std::to_string(key_bytes_max_) +
                                   " bytes, a quarter of `memory`: they cannot be copied"};
    }
  }
  return versions.status();
}

// What of range deletions lies in the part.
void Copying::clip(Bytes low, Bytes high) {
  ranges_.clear();
  for (RangeDeletion range : all_ranges_) {
    if (compare(range.begin, low) < 0) range.begin = low;
    const bool goes_beyond = range.end.empty() || !is_below(range.end, high);
    if (goes_beyond) range.end = high;
    if (is_below(range.begin, range.end)) ranges_.push_back(range);
  }
}

Status Copying::read() {
  const uint64_t to = absorbed();
  if (!knows_ranges_) all_ranges_ = from_->range_deletions({}, after_, to);
  knows_ranges_ = true;
  part_low_ = low_;
  bytes_.clear();
  rows_.clear();
  const std::unique_ptr<EditCursor> versions =
      from_->versions_once({as_bytes(part_low_), {}}, after_, to);
  while (versions->valid() && bytes_.size() + rows_.size() * sizeof(Row) < part_bytes_) {
    if (Status status = add_key(*versions); !status) return status;
  }
  if (Status status = versions->status(); !status) return status;
  is_whole_ = !versions->valid();
  low_.assign(is_whole_ ? std::string_view() : as_text(versions->edit().key));
  clip(as_bytes(part_low_), as_bytes(low_));
  return Status::ok();
}

Run Copying::run(EditCursor& edits) const {
  Run run;
  run.edits = &edits;
  run.range_deletions = ranges_;
  run.commit_first = after_ + 1;
  run.commit_last = absorbed();
  run.edit_count_hint = rows_.size();
  run.size_bytes_hint = bytes_.size();
  return run;
}

}  // namespace varve

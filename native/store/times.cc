#include "store/times.h"

#include <algorithm>

namespace varve {
namespace {

bool is_before(const TimeRow& row, uint64_t commit) { return row.commit < commit; }

}  // namespace

std::string time_key(uint64_t commit) {
  std::string key = kTimesBegin;
  uint8_t bytes[8];
  store_big64(bytes, commit);
  append(key, Bytes(bytes, sizeof bytes));
  return key;
}

bool is_time_key(Bytes key) { return as_text(key).starts_with(kTimesBegin); }

Result<TimeRow> decode_time_row(const Edit& edit) {
  constexpr size_t kPrefixBytes = sizeof kTimesBegin - 1;
  if (edit.key.size() != kPrefixBytes + 8 || edit.value.size() != 8) {
    return Status::corrupt("store: a row of times of a wrong size");
  }
  return TimeRow{load_big64(edit.key.data() + kPrefixBytes), load<uint64_t>(edit.value.data())};
}

void Times::add(const TimeRow& row) {
  second_ = row.second();
  const std::unique_lock<std::mutex> held(mutex_);
  rows_.push_back(row);
  newest_ms_.store(row.time_ms, std::memory_order_relaxed);
}

std::optional<TimeRow> Times::find(uint64_t commit, Direction direction) const {
  const std::unique_lock<std::mutex> held(mutex_);
  if (direction == Direction::kForward) {
    const auto found = std::lower_bound(rows_.begin(), rows_.end(), commit, is_before);
    return found == rows_.end() ? std::nullopt : std::optional(*found);
  }
  const auto behind =
      std::upper_bound(rows_.begin(), rows_.end(), commit,
                       [](uint64_t asked, const TimeRow& row) { return asked < row.commit; });
  return behind == rows_.begin() ? std::nullopt : std::optional(*(behind - 1));
}

std::vector<TimeRow> Times::between(uint64_t commit_first, uint64_t commit_last) const {
  const std::unique_lock<std::mutex> held(mutex_);
  return {std::lower_bound(rows_.begin(), rows_.end(), commit_first, is_before),
          std::lower_bound(rows_.begin(), rows_.end(), commit_last + 1, is_before)};
}

void Times::drop_through(uint64_t commit) {
  const std::unique_lock<std::mutex> held(mutex_);
  const auto end = std::lower_bound(rows_.begin(), rows_.end(), commit + 1, is_before);
  rows_.erase(rows_.begin(), end == rows_.end() && end != rows_.begin() ? end - 1 : end);
}

// ---- on the way to rest

WithTimes::WithTimes(std::unique_ptr<EditCursor> edits, const std::vector<uint64_t>& gone,
                     const std::vector<TimeRow>& made, uint64_t commit_last)
    : edits_(std::move(edits)) {
  rows_.reserve(gone.size() + made.size());  // What edits borrow does not move.
  for (const uint64_t commit : gone) add(time_key(commit), {}, commit_last, EditKind::kDelete);
  for (const TimeRow& row : made) {
    std::string value;
    append<uint64_t>(value, row.time_ms);
    add(time_key(row.commit), std::move(value), row.commit, EditKind::kPut);
  }
}

void WithTimes::add(std::string key, std::string value, uint64_t commit, EditKind kind) {
  Row& row = rows_.emplace_back(Row{std::move(key), std::move(value), {}});
  row.edit.key = as_bytes(row.key);
  row.edit.value = as_bytes(row.value);
  row.edit.commit = commit;
  row.edit.kind = kind;
}

bool WithTimes::takes_row() const {
  if (next_row_ == rows_.size()) return false;
  return !edits_->valid() || compare(rows_[next_row_].edit.key, edits_->edit().key) < 0;
}

// A walk over the edits that failed ends the whole: a run is absorbed as a whole or not at all.
bool WithTimes::valid() const { return edits_->valid() || (edits_->status() && takes_row()); }

void WithTimes::next() {
  if (takes_row()) {
    ++next_row_;
  } else {
    edits_->next();
  }
}

}  // namespace varve

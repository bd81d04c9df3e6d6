// store/history.cc — views of the past: what is held, how far back it goes, when commits were.
//
// The horizon is the oldest commit whose view is promised to everybody; older ones are promised to
// those who hold them. It only rises, and the engine is told of it before it acts on it. It follows
// from what the log has on the disk, and times from what commits say, never from the clock: so an
// opening after a crash finds a horizon no lower than what versions were dropped by.
#include <algorithm>

#include "pure/codec/hash.h"
#include "store/store.h"

namespace varve {
namespace {

constexpr size_t kRowsGoneMax = 4096;  // Rows of times that go with one run.

KeyRange one_key(Bytes key, std::string& end) {
  end.assign(as_text(key));
  end.push_back('\0');
  return {key, as_bytes(end)};
}

bool covers(const RangeDeletion& deletion, Bytes key) {
  return compare(key, deletion.begin) >= 0 &&
         (deletion.end.empty() || compare(key, deletion.end) < 0);
}

}  // namespace

// ---- holding

void Store::add_hold(uint64_t commit, const Lock& held) {
  check(held.owns_lock());
  Hold& hold = holds_[commit];
  if (hold.count++ == 0) hold.begin_ns = os_.now_ns();
}

uint64_t Store::hold() {
  const Lock held(hold_mutex_);
  const uint64_t commit = visible_.load(std::memory_order_seq_cst);  // See RecentWrites::begin().
  add_hold(commit, held);
  return commit;
}

Status Store::hold(uint64_t commit) {
  const Lock held(hold_mutex_);
  if (commit > visible()) {
    return Status::invalid("store: commit " + std::to_string(commit) +
                           " is beyond the newest, which is " + std::to_string(visible()));
  }
  if (commit < horizon_ && !holds_.contains(commit)) {
    return {Code::kTruncated, "store: commit " + std::to_string(commit) +
                                  " is not kept any more; the oldest that can be read is " +
                                  std::to_string(horizon_)};
  }
  add_hold(commit, held);
  return Status::ok();
}

void Store::release(uint64_t commit) {
  const Lock held(hold_mutex_);
  const auto found = holds_.find(commit);
  check(found != holds_.end());
  if (--found->second.count == 0) holds_.erase(found);
}

// ---- the horizon

uint64_t Store::horizon() const {
  const Lock held(hold_mutex_);
  return policy_.keep == Keep::kNone ? visible() : horizon_;
}

// So many commits before another one: numbers that nobody has are not counted.
uint64_t Store::commit_before(uint64_t commit, uint64_t count) const {
  for (auto gap = gaps_.rbegin(); gap != gaps_.rend(); ++gap) {
    if (gap->first > commit) continue;
    const uint64_t above = commit > gap->last ? commit - gap->last : 0;
    if (above > count) break;
    count -= above;
    commit = gap->first - 1;
  }
  return commit > count ? commit - count : 0;
}

// What an opening that gives out numbers from `next` on keeps of the gaps, with its own. One behind
// the last commit is of an opening that nothing was committed in: it is part of the new one.
std::vector<ManifestGap> Store::gaps_with(uint64_t last, uint64_t next) const {
  std::vector<ManifestGap> all;
  for (const ManifestGap& gap : gaps_) {
    if (gap.last > horizon_ && gap.first <= last) all.push_back(gap);
  }
  if (next > last + 1) all.push_back({last + 1, next - 1});
  if (all.size() > kManifestGapsMax) all.erase(all.begin());
  return all;
}

// Below it views need not be kept, but for those that are held.
Result<uint64_t> Store::dispensable() {
  const uint64_t durable = std::min(through(Durability::kDisk), visible());
  switch (policy_.keep) {
    case Keep::kNone: return visible();
    case Keep::kCommits: return commit_before(durable, policy_.amount);
    case Keep::kForever: return uint64_t{0};
    case Keep::kAge: break;
  }
  // Of what a crash leaves, never of what it may take.
  const std::optional<TimeRow> row = times_.find(durable, Direction::kReverse);
  const Result<uint64_t> newest_ms = row ? Result<uint64_t>(row->time_ms) : time_of(durable);
  if (!newest_ms) return newest_ms.error();
  if (*newest_ms < policy_.amount) return uint64_t{0};
  if (aged_at_ms_.exchange(*newest_ms) == *newest_ms) return uint64_t{0};
  const Result<uint64_t> commit = commit_at(*newest_ms - policy_.amount);
  if (commit) return std::min(*commit, durable);
  aged_at_ms_.store(0);  // It is asked again.
  return commit.error();
}

// Whoever holds a commit after this holds one at the horizon, or a later one. The engine may act on
// it late, when it has absorbed more: whatever was the newest at the horizon stays until then.
Retention Store::promised() {
  const Result<uint64_t> now = dispensable();
  const Lock held(hold_mutex_);
  if (now) horizon_ = std::max(horizon_, *now);
  Retention retention;
  retention.horizon = horizon_;
  for (const auto& [commit, hold] : holds_) retention.held.push_back(commit);
  return retention;
}

// Of the engine in use. A conversion that has what is below a commit finds all that is above it,
// also what was deleted meanwhile.
Retention Store::retention() {
  Retention retention = promised();
  const Lock held(hold_mutex_);
  retention.horizon = std::min(retention.horizon, followed_from_);
  return retention;
}

// What opening finds: commits up to `last`, and what was kept of them until now. How much that is
// has to be known: of less than was promised away nobody would be told that it is gone.
Result<ManifestHistory> Store::begin_history(const ManifestHistory& before, uint64_t last) {
  policy_ = policy_of(before);
  horizon_ = std::max(before.floor, horizon_);
  if (policy_.keep == Keep::kNone) {
    horizon_ = last;
  } else {
    const Result<uint64_t> now = dispensable();
    if (!now && !options_.serve_damaged) return now.error();
    if (now) horizon_ = std::max(horizon_, *now);
  }
  const HistoryPolicy asked = options_.history.value_or(policy_);
  if (asked == policy_) return before;
  policy_ = asked;
  aged_at_ms_.store(0);
  return ManifestHistory{static_cast<uint8_t>(asked.keep), asked.amount, horizon_};
}

// ---- times

// The last row at or before a commit, or the first at or after it.
Result<std::optional<TimeRow>> Store::find_time(uint64_t commit, Direction direction) {
  // Memory first: a row that comes to rest meanwhile is then found in the engine, too.
  const std::optional<TimeRow> near = times_.find(commit, direction);
  const bool is_forward = direction == Direction::kForward;
  if (!is_forward && near && near->commit == commit) return near;
  const Result<std::unique_ptr<Reader>> reader = Reader::take(*this);
  if (!reader) return reader.error();
  const EpochDomain::Guard guard(epochs_, *(*reader)->slot_);
  const std::string begin = is_forward ? time_key(commit) : kTimesBegin;
  const std::string end = is_forward ? kTimesEnd : time_key(commit) + '\0';
  const auto rows =
      engine().version().scan({as_bytes(begin), as_bytes(end)}, UINT64_MAX, direction);
  if (Status status = rows->status(); !status) return status;
  if (!rows->valid()) return near;
  const Result<TimeRow> rested = decode_time_row(rows->edit());
  if (!rested) return rested.error();
  if (!near) return std::optional(*rested);
  const bool rested_is_nearer = (rested->commit < near->commit) == is_forward;
  return std::optional(rested_is_nearer ? *rested : *near);
}

Result<uint64_t> Store::time_of(uint64_t commit) {
  const Result<std::optional<TimeRow>> row = find_time(commit, Direction::kReverse);
  if (!row) return row.error();
  return *row ? (*row)->time_ms : 0;
}

// Rows and their times rise together: the first row after the second is found by halves.
Result<uint64_t> Store::commit_at(uint64_t time_ms) {
  const uint64_t second = time_ms / 1000;
  const uint64_t newest = visible();
  uint64_t low = 0;            // Every row below it is of this second or an earlier one.
  uint64_t high = newest + 1;  // The first row at or after it is of a later second, or there is
  uint64_t next = newest + 1;  // none; and this is it.
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    const Result<std::optional<TimeRow>> row = find_time(middle, Direction::kForward);
    if (!row) return row.error();
    const bool is_later = !*row || (*row)->second() > second;
    if (is_later && *row) next = (*row)->commit;
    if (is_later)
      high = middle;
    else
      low = (*row)->commit + 1;
  }
  return std::min(next - 1, newest);
}

// Rows of what comes to rest, and the end of those that nobody asks for any more. Where those
// cannot be read they stay: what is committed comes to rest whatever is damaged beneath it.
std::unique_ptr<EditCursor> Store::with_times(std::unique_ptr<EditCursor> edits,
                                              uint64_t commit_first, uint64_t commit_last,
                                              uint64_t horizon) {
  std::vector<TimeRow> made;
  if (policy_.keep != Keep::kNone) made = times_.between(commit_first, commit_last);
  const std::vector<uint64_t> gone = rows_done_with(horizon);
  if (made.empty() && gone.empty()) return edits;
  return std::make_unique<WithTimes>(std::move(edits), gone, made, commit_last);
}

// Of rows at rest those below the one that the horizon has its time from; none while that can't be
// told.
std::vector<uint64_t> Store::rows_done_with(uint64_t horizon) {
  const Result<std::optional<TimeRow>> needed = find_time(horizon, Direction::kReverse);
  if (!needed || !*needed) return {};
  Result<std::vector<uint64_t>> gone = rows_below((*needed)->commit);
  return gone ? std::move(*gone) : std::vector<uint64_t>();
}

// Commits of rows at rest.
Result<std::vector<uint64_t>> Store::rows_below(uint64_t commit) {
  std::vector<uint64_t> found;
  const Result<std::unique_ptr<Reader>> reader = Reader::take(*this);
  if (!reader) return reader.error();
  const EpochDomain::Guard guard(epochs_, *(*reader)->slot_);
  const std::string end = time_key(commit);
  const KeyRange range{as_bytes(std::string_view(kTimesBegin)), as_bytes(end)};
  const auto rows = engine().version().scan(range, UINT64_MAX, Direction::kForward);
  for (; rows->valid() && found.size() < kRowsGoneMax; rows->next()) {
    const Result<TimeRow> row = decode_time_row(rows->edit());
    if (!row) return row.error();
    found.push_back(row->commit);
  }
  if (Status status = rows->status(); !status) return status;
  return found;
}

// ---- versions of a key

// The newest version of a key below a commit, deletions and range deletions included; kAbsent when
// nothing older is kept. Of commits at or below the horizon only the newest put counts, as of it.
Status Store::View::version_below(Bytes key, uint64_t below, Lookup& answer) const {
  answer = {};
  const uint64_t newest = std::min(below == 0 ? 0 : below - 1, commit_);
  std::string end;
  const KeyRange range = one_key(key, end);
  uint64_t put = 0;  // Commits of the newest point edit and range deletion.
  uint64_t gone = 0;
  const auto take = [&](const EditCursor& versions) {
    if (versions.valid()) put = std::max(put, versions.edit().commit);
    return versions.status();
  };
  const auto ask = [&](const Memtable& memtable) {
    gone = std::max(gone, memtable.range_deletion_over(key, newest));
    return memtable.empty() ? Status::ok() : take(*memtable.versions(range, 0, newest));
  };
  if (Status status = ask(*parts_->active); !status) return status;
  for (const auto& memtable : parts_->sealed) {
    if (Status status = ask(*memtable); !status) return status;
  }
  if (Status status = take(*engine_->versions(range, 0, newest)); !status) return status;
  for (const RangeDeletion& deletion : engine_->range_deletions(range, 0, newest)) {
    if (covers(deletion, key)) gone = std::max(gone, deletion.commit);
  }
  if (std::max(put, gone) == 0) return Status::ok();
  const uint64_t hash = hash64(key, store_.hash_seed_);
  const uint64_t last = std::max(put, gone);
  if (Status status = get_as_of(key, hash, last, true, answer); !status) return status;
  if (answer.found != Found::kPut) answer.found = Found::kDeleted;
  answer.edit.commit = std::max(put, gone);
  return Status::ok();
}

}  // namespace varve

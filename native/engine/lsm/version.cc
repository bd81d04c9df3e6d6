#include "engine/lsm/version.h"

#include <algorithm>

namespace varve {

namespace {

// Ends as bytes, but none after all others.
int compare_ends(Bytes a, Bytes b) {
  if (a.empty() || b.empty()) return static_cast<int>(a.empty()) - static_cast<int>(b.empty());
  return compare(a, b);
}

// Compaction cuts a range deletion where tables end: what meets is made one again. By (begin, end,
// commit), as a run has them.
std::vector<RangeDeletion> joined(std::vector<RangeDeletion> pieces) {
  std::sort(pieces.begin(), pieces.end(), [](const RangeDeletion& a, const RangeDeletion& b) {
    return a.commit != b.commit ? a.commit < b.commit : compare(a.begin, b.begin) < 0;
  });
  std::vector<RangeDeletion> whole;
  for (const RangeDeletion& piece : pieces) {
    RangeDeletion* const last = whole.empty() ? nullptr : &whole.back();
    const bool meets = last != nullptr && last->commit == piece.commit &&
                       (last->end.empty() || compare(piece.begin, last->end) <= 0);
    if (!meets) {
      whole.push_back(piece);
    } else if (compare_ends(last->end, piece.end) < 0) {
      last->end = piece.end;
    }
  }
  std::sort(whole.begin(), whole.end(), [](const RangeDeletion& a, const RangeDeletion& b) {
    if (const int order = compare(a.begin, b.begin); order != 0) return order < 0;
    const int order = compare_ends(a.end, b.end);
    return order != 0 ? order < 0 : a.commit < b.commit;
  });
  return whole;
}

}  // namespace

bool touches(const TableInfo& info, const KeyRange& range) {
  if (!range.end.empty() && compare(as_bytes(info.smallest), range.end) >= 0) return false;
  return info.unbounded || compare(as_bytes(info.largest), range.begin) >= 0;
}

namespace {

constexpr size_t kAskedAtOnce = 16;      // Tables.
constexpr size_t kAnnouncedAtOnce = 64;  // Blocks that are on their way from the disk.
constexpr size_t kGroupSize = 24;        // Keys whose misses overlap; a CPU has 10 to 24 under way.

// Of two keys with different heads, the one with the smaller head comes first.
uint64_t head_of(Bytes key) {
  uint8_t bytes[8] = {};
  if (!key.empty()) std::memcpy(bytes, key.data(), std::min<size_t>(key.size(), sizeof bytes));
  return load_big64(bytes);
}

}  // namespace

void LsmRun::settle() {
  std::sort(tables.begin(), tables.end(),
            [](const auto& a, const auto& b) { return a->info().smallest < b->info().smallest; });
  heads.clear();
  bytes = commit_last = superseded_last = 0;
  commit_first = UINT64_MAX;
  for (const auto& table : tables) {
    const TableInfo& info = table->info();
    heads.push_back(head_of(as_bytes(info.smallest)));
    bytes += info.file_bytes;
    commit_first = std::min(commit_first, info.commit_first);
    commit_last = std::max(commit_last, info.commit_last);
    superseded_last = std::max(superseded_last, info.superseded_last);
  }
}

LsmVersion::LsmVersion(std::vector<LsmRun> runs, ValueFiles values, uint64_t absorbed)
    : runs_(std::move(runs)), values_(std::move(values)), absorbed_(absorbed) {
  std::erase_if(runs_, [](const LsmRun& run) { return run.tables.empty(); });
  for (LsmRun& run : runs_) {
    run.settle();
    for (const auto& table : run.tables) {
      any_ranges_ = any_ranges_ || !table->range_deletions().empty();
    }
  }
  std::sort(runs_.begin(), runs_.end(), [](const LsmRun& a, const LsmRun& b) {
    return a.level != b.level ? a.level < b.level : a.age() > b.age();
  });
  const auto history =
      std::find_if(runs_.begin(), runs_.end(), [](const LsmRun& run) { return run.is_history(); });
  history_.assign(std::make_move_iterator(history), std::make_move_iterator(runs_.end()));
  runs_.erase(history, runs_.end());
}

std::vector<LsmRun> LsmVersion::all_runs() const {
  std::vector<LsmRun> all = runs_;
  all.insert(all.end(), history_.begin(), history_.end());
  return all;
}

LsmRun::Tables LsmRun::overlapping(const KeyRange& range) const {
  Tables found;
  for (const auto& table : tables) {
    if (touches(table->info(), range)) found.push_back(table);
  }
  return found;
}

Table* LsmRun::table_of(Bytes key) const {
  const uint64_t head = head_of(key);
  size_t above =
      static_cast<size_t>(std::upper_bound(heads.begin(), heads.end(), head) - heads.begin());
  // Of tables with this very head, the bytes behind it decide.
  while (above > 0 && heads[above - 1] == head &&
         compare(key, as_bytes(tables[above - 1]->info().smallest)) < 0) {
    --above;
  }
  if (above == 0) return nullptr;
  Table* const table = tables[above - 1].get();
  return compare(key, as_bytes(table->info().largest)) <= 0 ? table : nullptr;
}

template <class OnTable>
void LsmVersion::each_table(Bytes key, OnTable on_table) const {
  for (const LsmRun& run : runs_) {
    Table* const table = run.table_of(key);
    if (table != nullptr && on_table(*table)) return;
  }
}

uint64_t LsmVersion::range_deletion_over(Bytes key, uint64_t commit) const {
  uint64_t newest = 0;
  for (const LsmRun& run : runs_) {
    for (const auto& table : run.tables) {
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

void LsmVersion::hide_deleted(Bytes key, uint64_t commit, Lookup& found) const {
  if (found.found != Found::kPut) return;
  if (range_deletion_over(key, commit) > found.edit.commit) found.found = Found::kDeleted;
}

Status LsmVersion::get_past(Bytes key, uint64_t hash, uint64_t commit, bool may_block,
                            Lookup& answer) const {
  if (commit >= absorbed_) return Status::ok();
  Lookup one;
  for (const LsmRun& run : history_) {
    Table* const table = run.may_stand(commit) ? run.table_of(key) : nullptr;
    if (table == nullptr) continue;
    if (Status status = table->get(key, hash, commit, may_block, one); !status) return status;
    if (one.found == Found::kAbsent) continue;
    const bool would_block = one.found == Found::kWouldBlock;
    const bool is_newer = answer.found == Found::kAbsent || one.edit.commit > answer.edit.commit;
    if (would_block || (stands(one.edit, commit) && is_newer)) answer = one;
    if (would_block) break;
  }
  return Status::ok();
}

// The indexes of all tables in question are on their way before the first is asked.
Status LsmVersion::get(Bytes key, uint64_t hash, uint64_t commit, bool may_block,
                       Lookup& answer) const {
  answer.found = Found::kAbsent;
  Status status = get_past(key, hash, commit, may_block, answer);
  Table* tables[kAskedAtOnce];
  size_t count = 0;
  const auto ask = [&] {
    for (size_t i = 0; i < count && status && answer.found == Found::kAbsent; ++i) {
      status = tables[i]->get(key, hash, commit, may_block, answer);
    }
    count = 0;
    return !status || answer.found != Found::kAbsent;
  };
  each_table(key, [&](Table& table) {
    if (table.info().commit_first > commit) return false;
    table.prefetch_index(hash);
    tables[count++] = &table;
    return count == kAskedAtOnce && ask();
  });
  ask();
  if (any_ranges_) hide_deleted(key, commit, answer);
  const bool lies_apart =
      answer.found == Found::kPut && (answer.edit.flags & kFlagSeparateValue) != 0;
  if (lies_apart && !may_block) answer.found = Found::kWouldBlock;
  return status;
}

// ---- values that lie apart

Result<uint64_t> LsmVersion::value_bytes(const Edit& edit) const {
  if ((edit.flags & kFlagSeparateValue) == 0) return edit.value.size();
  const Result<ValueReference> reference = reference_of(edit);
  if (!reference) return reference.error();
  const Result<ValueFilePointer> file = values_.file_of(*reference);
  if (!file) return file.error();
  return reference->value_bytes;
}

Status LsmVersion::read_value(const Edit& edit, MutableBytes into) const {
  if ((edit.flags & kFlagSeparateValue) == 0) return EngineVersion::read_value(edit, into);
  const Result<ValueReference> reference = reference_of(edit);
  if (!reference) return reference.error();
  const Result<ValueFilePointer> file = values_.file_of(*reference);
  if (!file) return file.error();
  return (*file)->read(*reference, into);
}

// Each step goes over the whole group, so that what it waits for is on its way for all.
Status LsmVersion::get_group(std::span<PointQuery> group, uint64_t commit,
                             std::vector<Candidate>& candidates) const {
  candidates.clear();
  for (PointQuery& query : group) {
    if (query.answer.found != Found::kAbsent) continue;
    Status status = get_past(query.key, query.hash, commit, false, query.answer);
    if (!status) return status;
    if (query.answer.found != Found::kAbsent) continue;
    each_table(query.key, [&](Table& table) {
      if (table.info().commit_first > commit) return false;
      table.prefetch_index(query.hash);
      candidates.push_back({&query, &table, {}});
      return false;
    });
  }
  for (Candidate& one : candidates) one.trace = one.table->trace(one.query->hash);
  for (Candidate& one : candidates) Table::prefetch_block(one.trace);
  for (const Candidate& one : candidates) Table::prefetch_entry(one.trace);
  for (const auto& [query, table, trace] : candidates) {
    if (query->answer.found != Found::kAbsent) continue;
    Status status = table->get_traced(query->key, query->hash, commit, trace, query->answer);
    if (!status) return status;
  }
  if (!any_ranges_) return Status::ok();
  for (PointQuery& query : group) hide_deleted(query.key, commit, query.answer);
  return Status::ok();
}

Status LsmVersion::get_many(std::span<PointQuery> queries, uint64_t commit) const {
  std::vector<Candidate> candidates;
  candidates.reserve(kGroupSize * 4);
  for (size_t first = 0; first < queries.size(); first += kGroupSize) {
    const size_t size = std::min(kGroupSize, queries.size() - first);
    if (Status status = get_group(queries.subspan(first, size), commit, candidates); !status) {
      return status;
    }
  }
  std::vector<PointQuery*> cold;
  for (PointQuery& query : queries) {
    if (query.answer.found == Found::kWouldBlock) cold.push_back(&query);
  }
  return cold.empty() ? Status::ok() : get_cold(cold, commit);
}

// What only the disk knows, in the order of the keys, which is that of the blocks in every table;
// and the machine is told of some before the first of them is waited for.
Status LsmVersion::get_cold(std::span<PointQuery*> queries, uint64_t commit) const {
  std::sort(queries.begin(), queries.end(),
            [](const PointQuery* a, const PointQuery* b) { return compare(a->key, b->key) < 0; });
  for (size_t first = 0; first < queries.size(); first += kAnnouncedAtOnce) {
    const auto some = queries.subspan(first, std::min(kAnnouncedAtOnce, queries.size() - first));
    Status status;
    for (const PointQuery* const query : some) {
      each_table(query->key, [&](Table& table) {
        if (!status || table.info().commit_first > commit) return !status;
        const Result<bool> announced = table.announce(query->key, query->hash);
        if (!announced) status = announced.error();
        return !announced || *announced;
      });
    }
    for (size_t i = 0; i < some.size() && status; ++i) {
      status = get(some[i]->key, some[i]->hash, commit, true, some[i]->answer);
    }
    if (!status) return status;
  }
  return Status::ok();
}

namespace {

// With its share of the values that lie apart.
uint64_t size_within(Table& table, const KeyRange& range) {
  const uint64_t within = table.size_within(range);
  uint64_t apart = 0;
  for (const ValueUse& use : table.info().value_uses) apart += use.bytes;
  const double share =
      static_cast<double>(within) / static_cast<double>(std::max<uint64_t>(1, table.data_bytes()));
  return within + static_cast<uint64_t>(share * static_cast<double>(apart));
}

}  // namespace

uint64_t LsmVersion::size(const KeyRange& range) const {
  uint64_t bytes = 0;
  for (const std::vector<LsmRun>* const runs : {&runs_, &history_}) {
    for (const LsmRun& run : *runs) {
      for (const auto& table : run.tables) {
        if (touches(table->info(), range)) bytes += size_within(*table, range);
      }
    }
  }
  return bytes;
}

std::vector<RangeDeletion> LsmVersion::range_deletions(const KeyRange& range, uint64_t from,
                                                       uint64_t to) const {
  std::vector<RangeDeletion> found;
  for (const LsmRun& run : runs_) {
    for (const auto& table : run.tables) {
      for (const RangeDeletion& deletion : table->range_deletions()) {
        if (deletion.commit <= from || deletion.commit > to) continue;
        const bool after = !range.end.empty() && compare(deletion.begin, range.end) >= 0;
        const bool before = !deletion.end.empty() && compare(deletion.end, range.begin) <= 0;
        if (!after && !before) found.push_back(deletion);
      }
    }
  }
  return joined(std::move(found));
}

// ---- levels

void LevelCursor::enter(size_t table) {
  table_ = table;
  cursor_.reset();
  if (table >= tables_.size()) return;
  cursor_ = tables_[table]->cursor(use_);
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

void LevelCursor::go_on() {
  while (!cursor_->valid() && cursor_->status()) {
    enter(table_ + 1);
    if (cursor_ == nullptr) return;
    cursor_->seek_first();
  }
}

void LevelCursor::next() {
  cursor_->next();
  go_on();
}

// No key goes on in the next table of a run.
void LevelCursor::next_key() {
  cursor_->next_key();
  go_on();
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
    return !table->info().unbounded && compare(as_bytes(table->info().largest), key) < 0;
  });
  enter(static_cast<size_t>(found - tables_.begin()));
  if (cursor_ == nullptr) return;
  cursor_->seek(key, commit);
  go_on();
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

void VersionMerge::next_key() {
  if (levels_.size() > 1) {
    const Bytes key = current_->edit().key;  // Borrowed from the one that moves last.
    for (LevelCursor& level : levels_) {
      if (&level != current_ && level.valid() && equal(level.edit().key, key)) level.next_key();
    }
  }
  current_->next_key();
  if (levels_.size() > 1 || !current_->valid()) choose(true);
}

// Up to the next key of another level, so that this one stays the first.
size_t VersionMerge::take_values(Bytes end, uint64_t commit, std::span<Bytes> values) {
  for (const LevelCursor& level : levels_) {
    if (&level == current_ || !level.valid()) continue;
    const Bytes key = level.edit().key;
    if (key.empty()) return 0;  // Nothing is below it, and as an end it would be none.
    if (end.empty() || compare(key, end) < 0) end = key;
  }
  return current_->take_values(end, commit, values);
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

const Table* VersionMerge::unreadable() const {
  for (const LevelCursor& level : levels_) {
    if (!level.status()) return &level.table();
  }
  return nullptr;
}

}  // namespace varve

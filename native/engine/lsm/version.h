// engine/lsm/version.h — an immutable view of the runs, and the merged walks over them.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "engine/engine.h"
#include "engine/lsm/value_files.h"
#include "storage/table/table.h"

namespace varve {

inline constexpr size_t kLevelCount = 7;
inline constexpr size_t kHistoryLevel = kLevelCount;  // Of runs in history, in memory alone.

// Tables that do not overlap, by key. Of one key, a run holds newer versions than every run behind
// it in the order of a version; only in history there is no such order, and each version says what
// superseded it.
struct LsmRun {
  using Tables = std::vector<std::shared_ptr<Table>>;

  uint64_t number = 0;
  size_t level = 0;
  Tables tables;

  void settle();  // After `tables` changed: their order, and what is derived from them.
  Table* table_of(Bytes key) const;  // The one that may hold the key, or null.
  Tables overlapping(const KeyRange& range) const;

  bool is_history() const { return level == kHistoryLevel; }
  // Whether anything here may stand to such a view: of a run in history.
  bool may_stand(uint64_t commit) const {
    return commit_first <= commit && commit < superseded_last;
  }

  uint64_t bytes = 0;
  uint64_t commit_first = 0;
  uint64_t commit_last = 0;
  uint64_t superseded_last = 0;
  uint64_t age() const { return std::max(commit_last, superseded_last); }
  // The first eight bytes of each table's smallest key, as a number: they decide most comparisons
  // without going to the table.
  std::vector<uint64_t> heads;
};

class LsmVersion final : public EngineVersion {
 public:
  using Tables = LsmRun::Tables;

  // Runs of both places in any order; of the value files, what the runs use was counted.
  LsmVersion(std::vector<LsmRun> runs, ValueFiles values, uint64_t absorbed);

  Status get(Bytes key, uint64_t hash, uint64_t commit, bool may_block,
             Lookup& answer) const override;
  Status get_many(std::span<PointQuery> queries, uint64_t commit) const override;
  std::unique_ptr<EngineCursor> scan(const KeyRange& range, uint64_t commit,
                                     Direction direction) const override;
  std::unique_ptr<EditCursor> versions(const KeyRange& range, uint64_t from,
                                       uint64_t to) const override;
  std::unique_ptr<EditCursor> versions_once(const KeyRange& range, uint64_t from,
                                            uint64_t to) const override;
  std::vector<RangeDeletion> range_deletions(const KeyRange& range, uint64_t from,
                                             uint64_t to) const override;
  Result<uint64_t> value_bytes(const Edit& edit) const override;
  Status read_value(const Edit& edit, MutableBytes into) const override;
  uint64_t size(const KeyRange& range) const override;
  uint64_t absorbed() const override { return absorbed_; }

  const std::vector<LsmRun>& runs() const { return runs_; }  // Newest first: by level, then by age.
  const std::vector<LsmRun>& history() const { return history_; }  // Newest first.
  std::vector<LsmRun> all_runs() const;
  const ValueFiles& values() const { return values_; }

 private:
  // The newest range deletion at or below the commit over a key; 0: none.
  uint64_t range_deletion_over(Bytes key, uint64_t commit) const;
  struct Candidate {  // A table that may hold the key of a query.
    PointQuery* query;
    Table* table;
    Table::Trace trace;
  };
  Status get_group(std::span<PointQuery> group, uint64_t commit,
                   std::vector<Candidate>& candidates) const;
  Status get_cold(std::span<PointQuery*> queries, uint64_t commit) const;
  void hide_deleted(Bytes key, uint64_t commit, Lookup& found) const;
  // What a view sees of a key in history: whatever lies there and stands is newer than all that
  // current has for the view.
  Status get_past(Bytes key, uint64_t hash, uint64_t commit, bool may_block, Lookup& answer) const;
  // Calls `on_table` for each table of current that may hold the key, newest first, until it says
  // true.
  template <class OnTable>
  void each_table(Bytes key, OnTable on_table) const;

  std::vector<LsmRun> runs_;
  std::vector<LsmRun> history_;
  const ValueFiles values_;
  const uint64_t absorbed_;
  bool any_ranges_ = false;
};

bool touches(const TableInfo& info, const KeyRange& range);

// Whether a version at or below the commit of a view may be what it sees: not superseded by then.
// Of those that stand to a view, in either place, it sees the newest.
inline bool stands(const Edit& edit, uint64_t commit) {
  return edit.superseded == 0 || edit.superseded > commit;
}

// A level, or one table, as one walk over every version.
class LevelCursor {
 public:
  LevelCursor(LsmVersion::Tables tables, CacheUse use) : tables_(std::move(tables)), use_(use) {}
  bool valid() const { return cursor_ != nullptr && cursor_->valid(); }
  const Edit& edit() const { return cursor_->edit(); }
  void next();
  void next_key();  // At the newest version of the next key.
  size_t take_values(Bytes end, uint64_t commit, std::span<Bytes> values) {
    return cursor_->take_values(end, commit, values);
  }
  void previous();
  void seek(Bytes key, uint64_t commit);
  void seek_before(Bytes key, uint64_t commit);
  void seek_first();
  void seek_last();
  Status status() const { return cursor_ ? cursor_->status() : Status::ok(); }
  bool is_warm() const { return cursor_->is_warm(); }  // See TableCursor.
  // The table that it is in; not behind the last.
  const Table& table() const { return *tables_[table_]; }

 private:
  void enter(size_t table);
  void go_on();  // To the next table that has something, when this one has ended.

  const LsmVersion::Tables tables_;
  const CacheUse use_;
  size_t table_ = 0;
  std::unique_ptr<TableCursor> cursor_;
};

// Every version of several levels, by (key, commit descending).
class VersionMerge {
 public:
  explicit VersionMerge(std::vector<LevelCursor> levels) : levels_(std::move(levels)) {}
  bool valid() const { return current_ != nullptr; }
  const Edit& edit() const { return current_->edit(); }
  bool is_warm() const { return current_->is_warm(); }
  void next();
  void next_key();
  // EngineCursor::take_values() of a view at the commit.
  size_t take_values(Bytes end, uint64_t commit, std::span<Bytes> values);
  void previous();
  void seek(Bytes key, uint64_t commit);
  void seek_before(Bytes key, uint64_t commit);
  void seek_first();
  void seek_last();
  Status status() const;
  // The table that cannot be read, or null.
  const Table* unreadable() const;

 private:
  void choose(bool forward);

  std::vector<LevelCursor> levels_;  // Newest first.
  LevelCursor* current_ = nullptr;
};

}  // namespace varve

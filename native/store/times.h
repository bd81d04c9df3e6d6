// store/times.h — when commits were made: a row for the first commit of every second.
//
// Rows of what lies in memtables are kept here; a store that keeps history writes them beside its
// data when a memtable comes to rest, under the system prefix. The log has the times of what is
// not at rest, so that replaying it makes these rows again.
//
// Invariants
//   - rows are in order of commits, and their times never fall.
// Threads: note() by the sequencer; the rest from any thread. Bytes: layer/KEYSPACE.md
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"

namespace varve {

struct TimeRow {
  uint64_t commit = 0;  // The first of its second.
  uint64_t time_ms = 0;

  uint64_t second() const { return time_ms / 1000; }
};

// A row at rest.
inline constexpr char kTimesBegin[] = "\x01t";
inline constexpr char kTimesEnd[] = "\x01u";
std::string time_key(uint64_t commit);
bool is_time_key(Bytes key);
Result<TimeRow> decode_time_row(const Edit& edit);

class Times {
 public:
  // The time of the last commit at rest, from which on rows are made.
  void begin(uint64_t time_ms) { newest_ms_.store(time_ms); }
  void note(uint64_t commit, uint64_t time_ms) {
    if (time_ms / 1000 != second_) add({commit, time_ms});
  }
  uint64_t newest_ms() const { return newest_ms_.load(std::memory_order_relaxed); }

  // The last row at or before a commit, or the first at or after it.
  std::optional<TimeRow> find(uint64_t commit, Direction direction) const;
  std::vector<TimeRow> between(uint64_t commit_first, uint64_t commit_last) const;
  // Rows up to the commit are at rest or not wanted; the newest stays.
  void drop_through(uint64_t commit);

 private:
  void add(const TimeRow& row);

  uint64_t second_ = UINT64_MAX;        // Of the newest row; the sequencer's.
  std::atomic<uint64_t> newest_ms_{0};  // To the second.
  mutable std::mutex mutex_;            // Guards rows_.
  std::vector<TimeRow> rows_;
};

// The edits of a run, and rows among them: those made, and deletions of those that nobody asks for
// any more.
class WithTimes final : public EditCursor {
 public:
  // `gone`: commits of rows to delete by commit `commit_last`. All in order.
  WithTimes(std::unique_ptr<EditCursor> edits, const std::vector<uint64_t>& gone,
            const std::vector<TimeRow>& made, uint64_t commit_last);
  bool valid() const override;
  const Edit& edit() const override { return takes_row() ? rows_[next_row_].edit : edits_->edit(); }
  void next() override;
  Status status() const override { return edits_->status(); }

 private:
  struct Row {
    std::string key;
    std::string value;
    Edit edit;  // Of the two.
  };
  void add(std::string key, std::string value, uint64_t commit, EditKind kind);
  bool takes_row() const;

  const std::unique_ptr<EditCursor> edits_;
  std::vector<Row> rows_;
  size_t next_row_ = 0;
};

}  // namespace varve

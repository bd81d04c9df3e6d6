// test/native/engine/oracle.h — what an engine must say: every version and range deletion ever
// written, in a sorted map, and nothing forgotten.
//
// A test writes commits into the oracle and has it hand them to an engine, run by run. What the
// engine answers is then compared with what follows from the map by the definitions of engine.h,
// in the plainest way.
//
// Invariants
//   - an answer about commit n never changes once commit n + 1 has begun: a version pinned long
//     ago is compared with the oracle of today.
//   - a commit has one edit per key, as the store's normalisation leaves it.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "engine/engine.h"

namespace varve::test {

struct Line {  // An edit that owns its bytes.
  std::string key;
  uint64_t commit = 0;
  EditKind kind = EditKind::kPut;
  uint8_t flags = 0;
  uint64_t expires_ms = 0;
  std::string value;
  bool operator==(const Line&) const = default;
};

struct Deletion {  // A range deletion that owns its bytes.
  std::string begin;
  std::string end;  // Empty: to the end of the keyspace.
  uint64_t commit = 0;
  bool operator==(const Deletion&) const = default;
};

// Keys from `begin` on, below `end` unless that is empty.
struct Bounds {
  std::string begin;
  std::string end;
  bool has(const std::string& key) const { return key >= begin && (end.empty() || key < end); }
  KeyRange range() const { return {as_bytes(begin), as_bytes(end)}; }
};

class Oracle {
 public:
  void begin_commit() { ++commit_; }
  void put(const std::string& key, const std::string& value, uint8_t flags = 0,
           uint64_t expires_ms = 0);
  void remove(const std::string& key);
  void delete_range(const std::string& begin, const std::string& end);

  // Hands everything since the last run to the engine.
  Status absorb_into(Engine& engine, const Retention& retention = {});
  // The same as a copy is handed over: one run for each stretch of keys between two seams, all of
  // the same last commit; `between` is called after each.
  Status absorb_in_parts(Engine& engine, const std::vector<std::string>& seams,
                         const Retention& retention, const std::function<void()>& between);

  uint64_t commit() const { return commit_; }                  // The last that has begun.
  uint64_t absorbed() const { return absorbed_; }              // The last that an engine was given.
  uint64_t absorbed_bytes() const { return absorbed_bytes_; }  // Keys and values of all runs.

  const Line* live(const std::string& key, uint64_t view) const;  // Null: not there.
  std::vector<Line> scan(const Bounds& bounds, uint64_t view) const;
  std::vector<Line> versions(const Bounds& bounds, uint64_t from, uint64_t to) const;
  // Joined and clipped, as joined() does.
  std::vector<Deletion> range_deletions(const Bounds& bounds, uint64_t from, uint64_t to) const;
  bool wrote(const Line& line) const;
  std::vector<std::string> keys() const;

 private:
  Status hand_over(Engine& engine, std::vector<Line> lines, std::vector<Deletion> deletions,
                   const Retention& retention);

  std::map<std::string, std::map<uint64_t, Line, std::greater<>>> versions_;
  std::vector<Deletion> deletions_;  // By commit.
  uint64_t commit_ = 0;
  uint64_t absorbed_ = 0;
  uint64_t absorbed_bytes_ = 0;
};

// Gives lines as a run's edits. Its bytes turn to nonsense when it moves on, as those of a cursor
// may.
class LineCursor final : public EditCursor {
 public:
  explicit LineCursor(std::vector<Line> lines) : lines_(std::move(lines)) { show(); }
  // Breaks off with an error before the line of that index.
  LineCursor(std::vector<Line> lines, size_t fails_at) : LineCursor(std::move(lines)) {
    fails_at_ = fails_at;
  }
  bool valid() const override { return at_ < lines_.size() && at_ < fails_at_; }
  const Edit& edit() const override { return edit_; }
  void next() override;
  Status status() const override {
    return at_ < fails_at_ ? Status::ok() : Status::io("the run breaks off");
  }

 private:
  void show();

  const std::vector<Line> lines_;
  size_t fails_at_ = SIZE_MAX;
  size_t at_ = 0;
  std::string key_;
  std::string value_;
  Edit edit_;
};

// What a version answered, with its value wherever that lies.
Line line_of(const EngineVersion& version, const Edit& edit);
// The rest of a walk.
std::vector<Line> drain(const EngineVersion& version, EditCursor& cursor);
// Range deletions without what lies outside the bounds, those of one commit that meet made one: two
// lists that hide the same are alike afterwards.
std::vector<Deletion> joined(std::vector<Deletion> deletions, const Bounds& bounds);

}  // namespace varve::test

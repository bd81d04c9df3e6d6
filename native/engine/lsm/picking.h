// engine/lsm/picking.h — which tables are merged next, by the three styles.
//
//   leveled    level 0 takes runs as they come; every level below is one run, ten times as large as
//              the one above. Too many runs on level 0 are merged into level 1; a level that is too
//              large gives a table to the next, as it is if nothing there has keys of its range
//              and a merge would change nothing else. Least space, fewest runs to read.
//   tiered     every level gathers runs; when it has enough, all of them become one run of the next
//              level. Each byte is written once a level.
//   universal  runs by age over the whole store, without levels: neighbours of like size are merged,
//              and everything is when the old run is outgrown by what lies above it.
//
// Beside that, by any style: a table that refers to a value file whose values are half dead is
// written again, in its place, and what is left of that file moves to a new one. That waits until
// the style has nothing to merge, or half of all that value files hold is dead.
//
// And files that are small beside what one should have become one: the value files that a merge
// finds to be used by nothing else, and neighbouring tables of a run, in their place, once there are
// many of them. What is gathered comes to lie in a file half as large again at least, so that
// nothing is written for it more than a few times; and there are never many more files than the
// bytes need.
//
// History is merged with history alone: by age, as universal does, but a run that has an eighth of
// it stays as it is, so that the horizon passes whole runs, whose tables go without being read.
// What of a table only snapshots keep, behind the horizon, is written again without the rest, once
// half of those that kept it are gone.
//
// A table that a merge could not read is damaged, and no merge takes it in again. It stays where it
// is, so what is newer may not pass it: what lies beneath it goes on as before, and runs above it
// are merged with each other by their sizes, as universal does. So their number stays bounded; only
// the space of what they supersede is not won back.
//
// A store may be opened with another style than the one it was written with.
//
// Invariants
//   - what is picked is no part of a merge under way, and its outcome meets none's.
//   - sources are neighbours in age, newest first: their outcome has one place in the order. Only
//     history has no order.
// Threads: pure functions of a version and of what is under way.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/lsm/lsm.h"
#include "engine/lsm/version.h"

namespace varve {

struct CompactionInput {
  std::vector<LsmVersion::Tables> sources;  // Newest first; each one sorted walk.
  size_t target_level = 1;
  bool joins_level = false;    // The outcome belongs to the run that the level has already,
  uint64_t joins_run = 0;      // or to this one.
  bool bottom = false;         // Nothing of these keys lies beneath.
  bool is_forgotten = false;   // Nobody asks for any of it: it goes without being read.
  bool is_moved = false;       // Nothing is to be merged: it changes its level as it is.
  bool fills_cache = false;    // What becomes of it goes into the cache where there is room.
  ValueFiles::Shares emptied;  // Value files that what is merged leaves.
};

// The held views to which something in a table of history may stand.
uint64_t views_within(const Retention& retention, const TableInfo& info);

inline constexpr uint64_t kWastefulPercent = 50;   // Of a value file dead: what is left moves.
inline constexpr uint64_t kSmallValuesShare = 16;  // Of a value file's bytes: less is small.
inline constexpr uint64_t kSmallTableShare = 4;    // Of a table's bytes.
inline constexpr uint64_t kHistoryShare = 8;       // Of all history: a run of it is large.
inline constexpr size_t kSmallTablesMin = 8;       // Neighbours that become one,
inline constexpr size_t kSmallTablesMax = 64;      // at most so many at a time.

class Picker {
 public:
  Picker(const LsmOptions& options, const LsmVersion& version,
         std::vector<const CompactionInput*> under_way)
      : options_(options), version_(version), under_way_(std::move(under_way)) {}

  // `resume`: by level, the smallest key of the table that was picked last.
  std::optional<CompactionInput> pick(const std::string (&resume)[kLevelCount],
                                      const Retention& retention) const;
  CompactionInput everything() const;  // That is current,
  CompactionInput all_history() const;
  // A source that no merge may take in, or null.
  static const Table* damaged(const CompactionInput& input);
  // A table that refers to a value file of which so much is dead.
  std::optional<CompactionInput> pick_wasteful(uint64_t dead_percent) const;
  uint64_t debt_bytes() const;  // What pick() would still move.
  bool stop_writes() const;

 private:
  struct Runs {  // Neighbours in the order of the version.
    size_t begin = 0;
    size_t end = 0;
  };
  uint64_t target_bytes(size_t level) const;
  Runs all_runs() const { return {0, version_.runs().size()}; }
  Runs runs_of(size_t level) const;
  // Runs divided at those with a damaged table: neighbours that may be merged, newest first.
  std::vector<Runs> mergeable(Runs runs) const;
  size_t mergeable_count_max(Runs runs) const;
  bool has_damage(Runs runs) const { return mergeable_count_max(runs) != runs.end - runs.begin; }
  uint64_t bytes_of(Runs runs) const;
  bool is_free(const CompactionInput& input) const;
  bool is_untouched(const CompactionInput& input) const;
  bool is_bottom(const CompactionInput& input, size_t behind) const;
  std::optional<CompactionInput> whole(Runs runs, size_t target_level) const;
  std::optional<CompactionInput> pick_by_style(const std::string (&resume)[kLevelCount]) const;
  std::optional<CompactionInput> pick_small_tables() const;
  ValueFiles::Shares wasteful(uint64_t dead_percent) const;
  ValueFiles::Shares gathered(const CompactionInput& input) const;
  std::optional<CompactionInput> pick_leveled(const std::string (&resume)[kLevelCount]) const;
  std::optional<CompactionInput> pick_tiered() const;
  std::optional<CompactionInput> pick_universal() const;
  std::optional<CompactionInput> pick_level0() const;
  std::optional<CompactionInput> pick_from_level(size_t level, const std::string& resume) const;
  std::optional<CompactionInput> pick_alike(Runs runs) const;
  std::vector<const LsmRun*> mergeable_history() const;
  std::optional<CompactionInput> pick_history() const;
  std::optional<CompactionInput> pick_forgotten(const Retention& retention) const;
  std::optional<CompactionInput> pick_behind(const Retention& retention) const;
  std::optional<CompactionInput> in_place(const LsmRun& run, LsmVersion::Tables tables) const;
  uint64_t excess_bytes(size_t level) const;
  CompactionInput down(size_t level, std::vector<LsmVersion::Tables> sources) const;
  bool may_move(const CompactionInput& input, size_t from) const;

  const LsmOptions& options_;
  const LsmVersion& version_;
  const std::vector<const CompactionInput*> under_way_;
};

}  // namespace varve

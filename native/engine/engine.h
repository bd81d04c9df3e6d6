// engine/engine.h — a place where sorted runs of edits come to rest and are read back.
//
// An engine knows nothing of transactions, logs or memtables. The store seals a memtable, hands it
// over as a Run, and from then on reads it through a Version: an immutable view of everything
// absorbed so far. Dropping old versions is decided by Retention alone; nothing else disappears
// except by a commit.
//
// Two places: *current* holds the newest version of each key that the engine has seen together,
// *history* the superseded ones, deletions too, that retention still asks for, each with the commit
// that superseded it. A view at or above absorbed() reads current only; to an older one a version
// in history stands from its own commit to the one before that.
//
// Order: keys by bytes; versions of one key newest first. A range deletion of commit n hides
// versions below n. Lifetime: Bytes in answers are borrowed until the epoch guard of the calling
// thread is left, or until the cursor moves. Every read runs inside an EpochDomain::Guard. Threads:
// reads from any thread. One thread absorbs; maintain() from several at once.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "engine/retention.h"

namespace varve {

enum class EditKind : uint8_t { kPut = 1, kDelete = 2 };

// In an engine's answers: `value` is a reference to one that lies apart.
// EngineVersion::read_value() knows where, and nobody above the engine looks inside. No run that is
// absorbed has it.
inline constexpr uint8_t kFlagSeparateValue = 1;

// One version of one key.
struct Edit {
  Bytes key;
  uint64_t commit = 0;
  EditKind kind = EditKind::kPut;
  uint8_t flags = 0;
  uint64_t expires_ms = 0;  // 0: never
  Bytes value;
  // In an engine's answers, of a version in history: the commit that put an end to it. 0: none did.
  uint64_t superseded = 0;
};

// All keys in [begin, end); an empty `end` means to the end of the keyspace.
struct KeyRange {
  Bytes begin;
  Bytes end;
};

struct RangeDeletion {
  Bytes begin;
  Bytes end;
  uint64_t commit = 0;
};

class EditCursor {
 public:
  virtual ~EditCursor() = default;
  virtual bool valid() const = 0;  // False at the end and after an error: ask status() which.
  virtual const Edit& edit() const = 0;
  virtual void next() = 0;
  virtual Status status() const = 0;
};

// Point edits by (key, commit descending) and range deletions by (begin, end, commit); `segments`
// names the log segments that hold them, none for a run that was never logged (conversion, restore,
// bulk load).
//
// A copy comes in parts, so that none is too large: runs of the same last commit, each with all
// there is of one stretch of keys, in their order, and of range deletions what lies within it.
// Nobody reads what is between two of them.
struct Run {
  EditCursor* edits = nullptr;
  std::vector<RangeDeletion> range_deletions;
  std::vector<uint64_t> segments;
  uint64_t commit_first = 0;
  uint64_t commit_last = 0;  // absorbed() afterwards.
  uint64_t time_ms_last = 0;  // When that was, in milliseconds since 1970; 0: nobody knows.
  uint64_t edit_count_hint = 0;
  uint64_t size_bytes_hint = 0;
};

enum class Found : uint8_t {
  kAbsent,      // nothing here says anything of the key
  kPut,         // edit is the newest at or below the view
  kDeleted,     // a deletion or range deletion is the newest
  kWouldBlock,  // only the disk knows, and may_block was false
};

struct Lookup {
  Found found = Found::kAbsent;
  Edit edit;
};

struct PointQuery {
  Bytes key;
  uint64_t hash = 0;
  Lookup answer;
};

enum class Direction : uint8_t { kForward, kReverse };

// A cursor over live entries (one per key, deletions resolved), or over every version.
class EngineCursor : public EditCursor {
 public:
  // First entry at or after `key` (forward), or at or before it (reverse), within the cursor's
  // range.
  virtual void seek(Bytes key) = 0;
  // Many at once for whoever wants values alone: those of the entry that it is at and of such as
  // follow it, below `end` (empty: all), as long as they lie here and never expire. The cursor is
  // at the last of them then. How many; 0 says nothing: edit() does.
  virtual size_t take_values(Bytes end, std::span<Bytes> values) {
    (void)end;
    (void)values;
    return 0;
  }
};

class EngineVersion {
 public:
  virtual ~EngineVersion() = default;
  // `hash` is hash64(key) with the store's seed: computed once per get, used by every table.
  virtual Status get(Bytes key, uint64_t hash, uint64_t commit, bool may_block,
                     Lookup& answer) const = 0;
  // Looks up all keys that have no answer yet, and may block. Cache misses of different keys
  // overlap: in memory this takes a fraction of as many gets.
  virtual Status get_many(std::span<PointQuery> queries, uint64_t commit) const = 0;
  // Live puts of a view. The cursor pins this version: it must not outlive the engine.
  virtual std::unique_ptr<EngineCursor> scan(const KeyRange& range, uint64_t commit,
                                             Direction direction) const = 0;
  // Every version with from < commit <= to, deletions included, and the range deletions among them.
  virtual std::unique_ptr<EditCursor> versions(const KeyRange& range, uint64_t from,
                                               uint64_t to) const = 0;
  // The same, of so much that is read once that it must not drive out of the cache what gets need.
  virtual std::unique_ptr<EditCursor> versions_once(const KeyRange& range, uint64_t from,
                                                    uint64_t to) const {
    return versions(range, from, to);
  }
  virtual std::vector<RangeDeletion> range_deletions(const KeyRange& range, uint64_t from,
                                                     uint64_t to) const = 0;
  // How large the value of an edit is that this version answered, and the value, into exactly so
  // many bytes. One with kFlagSeparateValue is read only now, from the disk: whoever wants keys
  // alone never asks.
  virtual Result<uint64_t> value_bytes(const Edit& edit) const { return edit.value.size(); }
  virtual Status read_value(const Edit& edit, MutableBytes into) const {
    if (!into.empty()) std::memcpy(into.data(), edit.value.data(), into.size());
    return Status::ok();
  }
  virtual uint64_t size(const KeyRange& range) const = 0;  // Bytes at rest, approximate.
  virtual uint64_t absorbed() const = 0;                   // The last commit in it.
};

struct VerifyProblem {
  std::string file;
  uint64_t offset = 0;
  std::string what;
};

struct EngineStats {
  uint64_t disk_bytes = 0;  // With value files.
  uint64_t history_bytes = 0;
  uint64_t entry_count = 0;
  uint64_t debt_bytes = 0;   // What maintenance has still to move: the store paces writers by it.
  bool stop_writes = false;  // Too far behind: writers help (maintain) until it clears.
  // Until maintain() has something to do again, though nothing happens meanwhile.
  uint64_t wait_ns = UINT64_MAX;
  uint64_t absorbed_bytes = 0, written_bytes = 0,
           read_bytes = 0;        // Since open: write amplification.
  uint64_t value_file_count = 0;  // Of values that lie apart,
  uint64_t value_bytes = 0;       // what their files hold,
  uint64_t value_dead_bytes = 0;  // and what of it nothing refers to any more.
  std::vector<VerifyProblem> damaged;  // Files that maintenance could not read, and leaves alone.
  std::vector<std::pair<std::string, uint64_t>> detail;  // By name, for stats().
};

// How tables are merged: engine/lsm/picking.h.
enum class CompactionStyle : uint8_t { kLeveled = 0, kTiered = 1, kUniversal = 2 };

enum class Progress : uint8_t { kIdle, kMore };

enum class Rest : uint8_t { kIfWorthIt, kAll };

class Engine {
 public:
  virtual ~Engine() = default;
  // Takes a run in, publishes a new version and returns when it is durable, or, where data rests in
  // memory, at once: rested() tells. Runs come in order of commits.
  virtual Status absorb(Run& run, const Retention& retention) = 0;
  // The last commit that an opening finds here without the log, which holds what is above it.
  virtual uint64_t rested() const { return pin()->absorbed(); }
  // For an engine whose absorb() leaves data in memory: makes rested() catch up with absorb(), or
  // does so only if that spares an opening more than it costs now.
  virtual Status rest(Rest) { return Status::ok(); }
  // rest(Rest::kAll) in steps of about so much, for whoever has something else to look at between.
  virtual Result<Progress> rest_some(uint64_t budget_bytes) {
    (void)budget_bytes;
    Status status = rest(Rest::kAll);
    if (!status) return status;
    return Progress::kIdle;
  }
  // The newest version. Borrowed: valid inside the caller's epoch guard; pin() for longer.
  virtual const EngineVersion& version() const = 0;
  virtual std::shared_ptr<const EngineVersion> pin() const = 0;
  // Does about `budget_bytes` of background work (compaction, merge). Several threads may call it
  // at once. A file that it cannot read is no failure: it is left alone from then on
  // (EngineStats::damaged), and the rest goes on.
  virtual Result<Progress> maintain(uint64_t budget_bytes, const Retention& retention) = 0;
  // Rewrites everything to its smallest form. Returns when done; where a file is damaged it cannot
  // be, and the answer names the file.
  virtual Status compact(const KeyRange& range, const Retention& retention) = 0;
  // Streams a whole image that a new engine of this kind can be opened from.
  virtual Status checkpoint(const std::function<Status(Bytes)>& sink) = 0;
  // For an engine that writes into files which it has: those are read from now on, and never
  // written, so that a fork or backup may link them. Their paths.
  virtual Result<std::vector<std::string>> freeze() { return std::vector<std::string>(); }
  // Reads every byte that a read could come to depend on.
  virtual Status verify(std::vector<VerifyProblem>& problems) = 0;
  virtual EngineStats stats() const = 0;
  // What data takes in memory where it rests there; 0 where it goes through the cache.
  virtual uint64_t memory_bytes() const { return 0; }
  virtual void set_memory(uint64_t cache_bytes) = 0;
  virtual Status close() = 0;
};

}  // namespace varve

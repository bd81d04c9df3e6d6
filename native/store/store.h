// store/store.h — the door of the store: one log, one sequencer, one memtable, one engine; commits
// in, views out.
//
//   commit()  validate → reserve → number → log buffer → memtable → visible
//   reads     memtable → sealed memtables → engine, as of one commit number
//   behind    log writer · flush (seal → absorb → trim) · maintenance (compaction)
//
// A commit is visible when commit() returns; how durable it has become is told by through().
// Nothing becomes visible that could still be refused: room in memory and in the log is found
// before a commit takes its number.
//
// Reading goes through a Reader, one a thread, and happens inside a View: a guard that keeps what
// it reads in place. A View is short (one call, one batch of a cursor). What must stay readable for
// longer holds a commit number (hold/release), never memory.
//
// Invariants
//   - commit numbers only grow and none is used twice, whatever a crash lost.
//   - a view sees whole commits, all of them up to its number and none above.
//   - an engine never absorbs what the log has not synced.
//   - once close() has begun no commit is numbered; what it marks as the last of a clean close is
//     durable, and the log keeps no segment that the next opening would not need.
// Threads: all of Store from any thread; a Reader and its Views belong to one.
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <shared_mutex>
#include <string>
#include <vector>

#include "base/epoch.h"
#include "base/os/os.h"
#include "engine/engine.h"
#include "storage/cache/cache.h"
#include "storage/log/log.h"
#include "storage/manifest/manifest.h"
#include "store/batch.h"
#include "store/commit_ring.h"
#include "store/conditions.h"
#include "store/engines.h"
#include "store/followed_puts.h"
#include "store/full_disk.h"
#include "store/history.h"
#include "store/locks.h"
#include "store/memtable/memtable.h"
#include "store/mix.h"
#include "store/prepared.h"
#include "store/recent_writes.h"
#include "store/stalls.h"
#include "store/times.h"
#include "store/troubles.h"
#include "store/turnstile.h"

namespace varve {

enum class Durability : uint8_t { kMemory = 0, kOs = 1, kDisk = 2 };
// When the pages of a B+tree go to the disk (engine/btree/btree.h), but durable in any case by the
// log.
enum class PageWrites : uint8_t { kThrough = 0, kBack = 1, kBehind = 2 };
// What the next commits find: room; some, for who writes little at a time; none, so that they are
// held until a memtable is absorbed.
enum class Crowding : uint8_t { kNone = 0, kSome = 1, kFull = 2 };
enum class Create : uint8_t { kIfMissing = 0, kNever = 1, kAlwaysNew = 2 };

struct StoreOptions {
  std::string directory;                 // Empty: in memory alone, without a log.
  EngineKind engine = EngineKind::kAny;  // What the store was made with; kLsm for a new one.
  bool log = true;  // Without one, kMemory alone and only what flush() and close() bring to rest.
  Create create = Create::kIfMissing;
  CompactionStyle compaction = CompactionStyle::kLeveled;
  bool read_only = false;
  bool serve_damaged = false;  // With read_only: what is whole; RecoveryReport::lost says the rest.
  uint32_t compressed_levels = 0;  // A bit for each level of tables.
  uint64_t memory_bytes = uint64_t{256} << 20;
  uint32_t thread_count = 2;
  uint32_t block_bytes = 4096;
  uint32_t page_bytes = 0;  // Of a B+tree; 0: what the store has.
  Eviction eviction = Eviction::kClock;
  PageWrites page_writes = PageWrites::kThrough;
  uint64_t table_bytes = uint64_t{32} << 20;
  uint64_t large_value_bytes = uint64_t{64} << 10;  // From this size on a value lies apart.
  uint64_t segment_bytes = 0;            // Of the log; 0: a sixteenth of the memory, 1 to 16 MB.
  std::string holder;                    // What a second process is told of us.
  std::optional<HistoryPolicy> history;  // What the store has; none for a new one.
  LogKeep feed;                          // How much log stays for feeds.
};

// A commit that somebody holds.
struct HeldCommit {
  uint64_t commit = 0;
  uint64_t holder_count = 0;
  uint64_t age_ns = 0;  // Of the first of those holders.
};

struct StoreStats {
  EngineStats engine;
  LogStats log;
  uint64_t visible = 0, written = 0, durable = 0, absorbed = 0, horizon = 0;
  uint64_t memory_bytes = 0, memtable_bytes = 0, cache_bytes = 0;
  uint64_t cache_load_count = 0, cache_eviction_count = 0;
  uint64_t sealed_count = 0;
  uint64_t feed_bytes = 0;       // Kept in memory, for feeds of a store without a log.
  std::vector<HeldCommit> held;  // Ascending.
  RecentWritesStats recent;
  EngineKind engine_kind = EngineKind::kAny;
  MixStats mix;
  LockStats locks;
  uint64_t prepared_count = 0, prepared_bytes = 0;
  uint64_t flush_count = 0, stall_count = 0, stall_ns = 0, stall_ns_max = 0;
  // How often each failed since it found the disk full; 0: it does not find it so.
  uint64_t full_flush_count = 0, full_maintenance_count = 0;
};

struct RecoveryReport {
  bool created = false;
  bool clean = true;  // The last close was a clean one.
  uint64_t replayed_commits = 0;
  uint64_t cut_records = 0;  // Never synced, and dropped.
  uint64_t last_commit = 0;
  std::vector<VerifyProblem> lost;  // Where a damaged store is served.
};

class Conversion;
class Feed;

enum class ConversionPhase : uint8_t {
  kNone = 0,
  kCopying = 1,    // what was at rest when it began
  kFollowing = 2,  // what came to rest meanwhile
  kClearing = 3,   // the new engine is in use, the old one's files go
  kDone = 4,
  kFailed = 5,  // the old engine is in use, the new one's files are gone
};

// How far the newest conversion is.
struct ConversionState {
  uint64_t number = 0;  // Of those since the store was opened.
  EngineKind to = EngineKind::kAny;
  ConversionPhase phase = ConversionPhase::kNone;
  uint64_t copied_bytes = 0;  // Keys and values, in all rounds.
  uint64_t copied_edits = 0;
  uint64_t round_count = 0;  // The first is the copy.
  double copied_share = 0;   // Of the first round, about.
  Code code = Code::kOk;     // Why it failed,
  std::string message;       // in words.

  bool is_over() const {
    return phase >= ConversionPhase::kDone || phase == ConversionPhase::kNone;
  }
};

class Store {
 public:
  static Result<std::shared_ptr<Store>> open(Os& os, StoreOptions options);
  ~Store();
  // Refuses commits from then on, flushes what is worth it, syncs, marks a clean close. Waits for
  // those who flush, compact or verify. Later calls say kClosed.
  Status close();

  uint64_t hash_seed() const { return hash_seed_; }
  const StoreOptions& options() const { return options_; }
  EngineKind engine_kind() const { return engine_kind_.load(std::memory_order_relaxed); }
  const RecoveryReport& recovery() const { return recovery_; }
  // What all edits of one commit may take together.
  uint64_t commit_bytes_max() const {
    return std::min<uint64_t>(options_.memory_bytes / 4, kBodyBytesMax);
  }

  // ---- writing
  // With conditions: kConflict, and nothing has changed, if one of them does not hold, or if it is
  // too long ago to be known without the disk; conditions->conflict says which.
  Result<uint64_t> commit(Batch& batch, Conditions* conditions = nullptr);
  // Holds the newest commit, and keeps what is written after it for conditions since then.
  uint64_t begin_transaction();
  void end_transaction(uint64_t commit);
  uint64_t number_transaction() { return transaction_count_.fetch_add(1) + 1; }  // Never twice.
  // Of a commit that would write nothing: whether its conditions hold now.
  Status check_conditions(Conditions& conditions) const;
  // In place of the commit: the edits become visible when it is committed, and what was read stays
  // as it is until then, whoever opens the store meanwhile. kExists if the id is taken.
  Result<uint64_t> prepare(std::string_view id, Batch& edits, Conditions& read);
  std::vector<PreparedInfo> prepared() const;
  // Of transactions that wait for each other; listeners are called when some have waited enough.
  Locks& locks() { return locks_; }
  uint64_t visible() const { return visible_.load(std::memory_order_acquire); }
  uint64_t through(Durability durability) const;
  // Starts what brings everything committed so far to the class; true when it is there already. kOs
  // is done by the calling thread when the log writer is idle, and so is kDisk for one who names
  // his listener, which is not called for it, while syncs are quick.
  bool request(Durability durability, std::optional<uint64_t> listener = {});
  // A commit may find no room and be held for it: whoever can do something else meanwhile waits
  // for listeners to be called, and asks again; where it is not full, for some milliseconds at
  // most.
  Crowding crowding() const;
  Status wait_for(Durability durability);
  Status error() const;  // Sticky failure of the log.
  Stall last_stall() const { return stalls_.last(); }
  // What went wrong without stopping anything, one after the other.
  std::optional<Trouble> trouble_after(uint64_t number) const { return troubles_.after(number); }
  // Called on any thread after progress of durability, a failure, a trouble, a stall, or room that
  // was made where it was crowded. Must not block.
  uint64_t listen(std::function<void()> listener);
  void unlisten(uint64_t id);

  // ---- reading
  class Reader {
   public:
    explicit Reader(Store& store);  // For at most EpochDomain::kSlotCountMax at once.
    // kBusy when as many are there.
    static Result<std::unique_ptr<Reader>> take(Store& store);
    ~Reader();
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

   private:
    friend class Conversion;
    friend class Store;
    friend class View;
    Reader(Store& store, EpochDomain::Slot* slot);
    Store& store_;
    EpochDomain::Slot* const slot_;
    ReadCounts counts_;
  };

  struct Parts {  // What a read goes through, newest first.
    std::shared_ptr<Memtable> active;
    std::vector<std::shared_ptr<Memtable>> sealed;  // Newest first.
  };

  class View {
   public:
    // The newest commit, or an older one that is held.
    // At `time_ms` what expired by then is absent; 0: now.
    explicit View(Reader& reader);
    View(Reader& reader, uint64_t commit, uint64_t time_ms = 0);

    uint64_t commit() const { return commit_; }
    uint64_t time_ms() const { return time_ms_ != 0 ? time_ms_ : store_.now_ms(); }
    // The newest put at or below the view's commit; kAbsent for everything else but kWouldBlock.
    // Borrowed from the view.
    Status get(Bytes key, bool may_block, Lookup& answer) const;
    Status get(Bytes key, uint64_t hash, bool may_block, Lookup& answer) const;
    // get() of many keys at once; fills in hashes and answers, kAbsent or kPut. May block.
    Status get_many(std::span<PointQuery> queries) const;
    // Whatever expired: the newest version of a key below a commit, a deletion as kDeleted, and the
    // commit that made it; kAbsent when there is none. Borrowed from the view. May block.
    Status version_below(Bytes key, uint64_t below, Lookup& answer) const;
    // How large the value of an edit is that this view answered, and the value into exactly so
    // many bytes. One with kFlagSeparateValue is read only now.
    Result<uint64_t> value_bytes(const Edit& edit) const { return engine_->value_bytes(edit); }
    Status read_value(const Edit& edit, MutableBytes into) const {
      return engine_->read_value(edit, into);
    }
    // The value where it is, or read into `room`: borrowed from the view and from there.
    Result<Bytes> value(const Edit& edit, std::string& room) const;
    // Live entries. The cursor is borrowed from the view.
    std::unique_ptr<EngineCursor> scan(const KeyRange& range, Direction direction) const;
    // What commits above `since` up to the view's put under the prefix, in their order, as far as
    // it is kept in memory (followed_puts.h). False, and nothing is visited, where it is not.
    bool each_followed(const std::string& prefix, uint64_t since,
                       const FollowedPuts::Visit& visit) const {
      return store_.followed_.read(prefix, since, commit_, visit);
    }
    // Makes a put that has expired by the view's time kAbsent.
    void hide_expired(Lookup& answer) const {
      if (answer.found != Found::kPut || answer.edit.expires_ms == 0) return;
      if (answer.edit.expires_ms <= time_ms()) answer.found = Found::kAbsent;
    }

   private:
    Status get_as_of(Bytes key, uint64_t hash, uint64_t commit, bool may_block,
                     Lookup& answer) const;

    const EpochDomain::Guard guard_;
    const Store& store_;
    ReadCounts& counts_;  // The reader's.
    const Parts* parts_ = nullptr;
    const EngineVersion* engine_ = nullptr;
    uint64_t commit_ = 0;
    const uint64_t time_ms_;
  };

  // End a prepared transaction: kNotFound if there is none of the id, or not any more.
  Result<uint64_t> commit_prepared(Reader& reader, std::string_view id);
  Result<uint64_t> roll_back_prepared(Reader& reader, std::string_view id);
  // Records of prepared transactions are going to be written as plain values, by a salvage.
  Status expect_prepared();

  // A get on a thread without a Reader, which may block; the value is copied. The commit is held.
  Status get_apart(Bytes key, uint64_t commit, uint64_t time_ms, bool& found, std::string& value);

  // Keeps the versions of a commit readable until it is released as often as it was held. Of older
  // commits those can be held that are at or above the horizon, and those that are held already:
  // kTruncated otherwise, kInvalid beyond the newest.
  uint64_t hold();
  Status hold(uint64_t commit);
  void release(uint64_t commit);
  uint64_t horizon() const;
  // Never before a commit, whatever the clock says.
  uint64_t now_ms() const { return std::max(os_.wall_ms(), times_.newest_ms()); }
  HistoryPolicy history_policy() const { return policy_; }
  // When a commit was made, in milliseconds since 1970, to the second: no later than it was.
  Result<uint64_t> time_of(uint64_t commit);
  // The last commit of the second that a time falls in, or of an earlier one.
  Result<uint64_t> commit_at(uint64_t time_ms);

  // Values may have an expiry: whoever sweeps them is started once, and woken by each commit that
  // brings some. He is gone when the store is closed.
  bool may_expire() const { return may_expire_.load(std::memory_order_relaxed); }
  void start_sweeper(std::function<Step()> step);

  // What a higher floor keeps beside the open store: made by whoever asks first, gone before the
  // store is closed. Null when it is.
  using Resident = std::shared_ptr<void>;
  void* resident(const std::function<Resident(Os&, Store&)>& make);

  // Held while a layer gives out a name's id.
  std::mutex& names_mutex() { return names_mutex_; }

  // ---- care
  // All that is visible comes to rest in the engine; one that is all in memory is written out if
  // that spares an opening work, and always where there is no log.
  Status flush();
  Status compact();  // flush, then the engine's smallest form.
  StoreStats stats() const;
  Status verify(std::vector<VerifyProblem>& problems);

  // ---- another engine (conversion.h)
  // Begins to bring everything into another engine, behind readers and writers; listeners are told
  // of progress. The answer is its number; 0 when the store has that engine already. kBusy while
  // another is under way.
  Result<uint64_t> begin_conversion(EngineKind to);
  // Of that number, or of the newest; of older ones the last few are known. None: number 0.
  ConversionState conversion(uint64_t number = 0) const;
  void abort_conversion(uint64_t number);  // Unless it is so far that the new engine is in use.
  // True when the conversion of that number is over; waits for that a while.
  bool await_conversion(uint64_t number, uint64_t wait_ns);
  Status convert(EngineKind to);  // All of it, waited for.

  static constexpr uint64_t kFeedBytesMax = kFollowedBytesMax;

 private:
  friend class Conversion;
  friend class Feed;
  // The engine in use, and the manifest that it was made with if that is not the store's own.
  struct Seated {
    std::unique_ptr<Manifest> draft;
    std::unique_ptr<Engine> engine;
  };

  // Holds the flush mutex; the flusher, which takes it over and over, lets it go first.
  class FlushTurn {
   public:
    explicit FlushTurn(Store& store) : store_(store) {
      store.is_flush_awaited_.store(true);
      held_ = Lock(store.flush_mutex_);
      store.is_flush_awaited_.store(false);
    }
    ~FlushTurn() {
      held_.unlock();
      store_.flusher_->wake();
    }
    FlushTurn(const FlushTurn&) = delete;
    FlushTurn& operator=(const FlushTurn&) = delete;

   private:
    Store& store_;
    Lock held_;
  };

  Store(Os& os, StoreOptions options);
  Status open_files();
  Status lock_and_read_manifest();
  Status open_engine();
  Status open_memory();
  EngineGround ground();
  Seated take_engine(Seated next, EngineKind kind);
  Engine& engine() const { return *engine_.load(std::memory_order_seq_cst); }
  bool has_engine() const { return engine_.load() != nullptr; }
  void enter_engine(bool lets_go_first) const;
  MixStats reads() const;
  void end_conversion();
  Status recover(const ManifestState& state);
  Status replay(const RecordHeader& header, Bytes body);
  Status begin_incarnation(const StoreMark& mark, const LogRecovery& found,
                           const ManifestHistory& history);
  Status open_log(const StoreMark& mark, const LogRecovery& found);
  Status give_up_log(const LogRecovery& found);
  void start_workers();

  // What a commit is to a prepared transaction: it begins it, by its edits and its record, or it
  // ends the one that was prepared by commit `ends`.
  struct PreparedStep {
    std::string_view id;
    Batch* edits = nullptr;
    const PreparedRecord* record = nullptr;
    uint64_t ends = 0;
  };

  Status check_open() const;
  Result<uint64_t> commit_step(Batch& batch, Conditions* conditions, const PreparedStep* step);
  Status note(const ManifestEdit& edit, const Lock& held);
  Status check_writable(const Lock& held) const;
  Status make_room(const Batch& batch, Lock& held);
  Status seal(const Lock& held);
  static uint64_t cost_of(const Batch& batch);
  Status fits_commit(uint64_t body_bytes, uint64_t cost) const;
  uint64_t pace(uint64_t bytes, Lock& held);
  void look_for_crowd(uint64_t bytes, const Lock& held);
  Status wait_for_flush(Lock& held, size_t sealed_count_max, uint64_t wait_ns = kBusyNs);
  bool wait_held(Lock& held, uint64_t ticket, uint64_t deadline_ns, StallReason reason);
  Status fit_in_memory(const Batch& batch, uint64_t cost, Lock& held);
  Status take_room_back(Lock& held, uint64_t deadline_ns);
  Status wait_for_clearing(Lock& held, uint64_t deadline_ns);
  uint64_t data_bytes(const Lock& held) const;
  Status fit_keys(const Batch& batch, Lock& held);
  Status validate(Conditions& conditions, const Lock& held) const;
  Status settle_additions(Batch& batch, const Batch& needs_room, Lock& held);
  Result<bool> renew_additions(Batch& batch, const Lock& held) const;
  Status read_additions_again(Batch& batch);
  Lookup newest_in_memtables(Bytes key, uint64_t hash, const Lock& held) const;
  Conflict find_in_memtables(const Conditions& conditions, const Lock& held) const;
  void insert(const Batch& batch, uint64_t commit);
  Status reserve_numbers(const Lock& held);
  Status note_expiry(const Lock& held);
  Status note_prepared(const Lock& held);
  Status check_prepared(const Batch& batch, Conditions* conditions, const PreparedStep* step,
                        const Lock& held) const;
  Status check_new_prepared(const PreparedStep& step, const Lock& held) const;
  void take_step(const PreparedStep& step, uint64_t commit, const Lock& held);
  Result<uint64_t> end_prepared(Reader& reader, std::string_view id, bool commits);
  Status add_prepared(const View& view, const Edit& record, Batch& batch);
  Status load_prepared();
  Status load_prepared(const View& view, const Edit& edit);
  void wake_sweeper();
  void stop_sweeper();
  void end_resident();
  void publish_parts(std::unique_ptr<const Parts> parts);

  Step run_flush();
  Status sync_oldest();
  Status flush_oldest();
  Status bring_to_rest();
  Status rest_at_close();
  void trim_log();
  uint64_t followed();
  void tell_feeds();
  Step run_maintenance(uint32_t worker);
  Step maintain(uint32_t worker);
  void set_pace(const EngineStats& stats);
  bool may_try(FullDisk& disk, uint32_t worker);
  Step put_off(FullDisk& disk, uint32_t worker, const char* work, const Status& status);
  uint64_t free_bytes();
  void tell_damage(const EngineStats& stats);
  void notify(std::optional<uint64_t> except = {});
  Retention promised();
  Retention retention();
  Result<uint64_t> dispensable();
  uint64_t commit_before(uint64_t commit, uint64_t count) const;
  std::vector<ManifestGap> gaps_with(uint64_t last, uint64_t next) const;
  void add_hold(uint64_t commit, const Lock& held);
  Result<ManifestHistory> begin_history(const ManifestHistory& before, uint64_t last);
  Result<std::optional<TimeRow>> find_time(uint64_t commit, Direction direction);
  std::unique_ptr<EditCursor> with_times(std::unique_ptr<EditCursor> edits, uint64_t commit_first,
                                         uint64_t commit_last, uint64_t horizon);
  std::vector<uint64_t> rows_done_with(uint64_t horizon);
  Result<std::vector<uint64_t>> rows_below(uint64_t commit);
  void record_failure(const Status& status);
  uint64_t memtable_bytes_max() const { return options_.memory_bytes / 8; }
  uint64_t recent_bytes_max() const { return options_.memory_bytes / 16; }
  uint64_t followed_bytes_max() const { return options_.memory_bytes / 64; }
  uint64_t cache_bytes_min() const {
    return options_.memory_bytes / 2 - recent_bytes_max() - followed_bytes_max();
  }
  uint64_t cache_bytes_max() const;
  void note_scan(const Memtable& memtable) const {
    if (scanned_in_.load(std::memory_order_relaxed) >= memtable.id()) return;
    scanned_in_.store(memtable.id(), std::memory_order_relaxed);
  }
  void leave_calm();
  Step grow_calm();
  // Nothing but what rests in the engine outlives the process.
  bool rests_alone() const { return !options_.log && !options_.directory.empty(); }

  static constexpr uint64_t kBusyNs = 50'000'000;    // The longest a commit waits for room.
  static constexpr uint64_t kAbsorbPsGuess = 5'000;  // 200 MB a second.

  Os& os_;
  const StoreOptions options_;
  uint64_t hash_seed_ = 0;
  std::atomic<EngineKind> engine_kind_{EngineKind::kLsm};
  RecoveryReport recovery_;
  EpochDomain epochs_;
  RecentWrites recent_{recent_bytes_max()};
  mutable FollowedPuts followed_{followed_bytes_max()};
  Locks locks_{commit_bytes_max(), [this] { notify(); }};

  std::unique_ptr<DirectoryLock> directory_lock_;
  std::unique_ptr<Manifest> manifest_;
  std::unique_ptr<Cache> cache_;
  // Of the two below: changed by one who is alone behind the turnstile and holds the commit mutex.
  // Readers load the pointer inside a guard.
  Seated seated_;
  std::atomic<Engine*> engine_{nullptr};
  mutable Turnstile turnstile_;
  std::unique_ptr<Log> log_;  // Null in memory, without one and when reading only.

  const size_t memtable_page_bytes_ = Memtable::page_bytes_for(memtable_bytes_max());
  const uint64_t memtable_fixed_bytes_ = Memtable::fixed_bytes(memtable_page_bytes_);
  // Of one memtable at most, and only while one is absorbed after the other.
  const std::shared_ptr<PageStock> memtable_pages_ =
      std::make_shared<PageStock>(memtable_page_bytes_);
  std::atomic<const Parts*> parts_{nullptr};
  std::atomic<uint64_t> visible_{0};
  std::atomic<bool> closed_{false};
  std::atomic<uint64_t> transaction_count_{0};
  mutable std::atomic<uint64_t> scanned_in_{0};  // The newest memtable that a scan sorted; 0: none.

  struct Sealed {
    std::shared_ptr<Memtable> memtable;
    std::vector<uint64_t> segments;
    uint64_t commit_first = 0;
    uint64_t commit_last = 0;
    uint64_t time_ms_last = 0;
  };

  mutable std::mutex commit_mutex_;  // The sequencer. Guards the next group.
  uint64_t next_commit_ = 1;
  uint64_t last_time_ms_ = 0;
  uint64_t reserved_through_ = 0;
  uint64_t memtable_id_ = 0;
  uint64_t active_first_commit_ = 0;
  uint64_t flushed_through_ = 0;  // Later commits are in memtables.
  std::vector<Sealed> sealed_;    // Oldest first; the front one may be being flushed.
  uint64_t owed_ns_ = 0;          // By commits that were too small to wait.
  Prepared prepared_;
  bool may_prepare_ = false;  // The manifest says so.
  std::string failure_;       // Of flush or manifest: writing has stopped.
  Code failure_code_ = Code::kOk;

  // Set while opening.
  HistoryPolicy policy_;
  std::vector<ManifestGap> gaps_;  // Of numbers.

  Times times_;
  std::atomic<uint64_t> aged_at_ms_{0};  // The newest time when the horizon was last looked for.
  mutable std::mutex hold_mutex_;        // Guards holds_ and horizon_.
  struct Hold {
    uint64_t count = 0;
    uint64_t begin_ns = 0;
  };
  std::map<uint64_t, Hold> holds_;  // By commit.
  uint64_t horizon_ = 0;            // What views were promised last.
  uint64_t followed_from_ = UINT64_MAX;       // A conversion has what is at or below it,
  std::atomic<bool> is_followed_{false};      // and there is one;
  std::atomic<bool> is_memory_short_{false};  // but commits need the room that it takes.

  std::mutex names_mutex_;

  uint64_t numbers_before_ = 0;  // What earlier openings may have used. Set while opening.
  std::mutex feeds_mutex_;       // Guards feeds_.
  std::set<Feed*> feeds_;
  std::atomic<bool> feed_waits_{false};          // A feed is to be told of the next commit.
  CommitRing ring_{options_.memory_bytes / 16};  // What feeds follow where there is no log.

  mutable std::mutex readers_mutex_;  // Guards what follows.
  std::set<const Reader*> readers_;
  uint64_t past_gets_ = 0, past_scans_ = 0;                      // Of readers that are gone.
  uint64_t commit_count_ = 0, edit_count_ = 0, edit_bytes_ = 0;  // Guarded by commit_mutex_.

  std::atomic<bool> may_expire_{false};
  std::mutex sweeper_mutex_;  // Guards sweeper_.
  std::unique_ptr<Worker> sweeper_;
  std::mutex resident_mutex_;  // Guards resident_.
  Resident resident_;

  std::mutex listen_mutex_;  // Guards listeners_.
  std::map<uint64_t, std::function<void()>> listeners_;
  uint64_t next_listener_ = 1;

  std::mutex close_mutex_;            // Held while closing; taken before all others.
  std::shared_mutex care_mutex_;      // Shared by who flushes, compacts, verifies; alone to close.
  std::mutex flush_mutex_;  // One absorbs at a time. Taken before commit_mutex_. Guards the next:
  uint64_t absorbed_time_ms_ = 0;               // When the last commit absorbed was made, or later.
  std::atomic<uint64_t> log_held_{UINT64_MAX};  // A conversion needs what is above it.
  std::atomic<bool> is_flush_awaited_{false};   // A conversion wants the flush mutex.
  // As commits found it since something was absorbed.
  std::atomic<Crowding> crowding_{Crowding::kNone};
  std::atomic<uint64_t> flush_count_{0}, stall_count_{0}, stall_ns_{0}, stall_ns_max_{0};
  std::atomic<uint64_t> trimmed_{0};  // What the log was last told.
  std::atomic<uint64_t> cleared_{0};  // Absorbed when maintenance last found nothing more to do.
  // Pacing: what a byte of a commit owes in time to those who work behind it, so that writers slow
  // down to their speed before anything is full. In picoseconds.
  std::atomic<uint64_t> absorb_ps_{kAbsorbPsGuess};  // What the last runs took per byte.
  std::atomic<uint64_t> maintenance_ps_{0};          // 0 while maintenance keeps up.
  std::atomic<uint64_t> conversion_ps_{0};           // 0 while a conversion does, or there is none.
  Stalls stalls_;
  Troubles troubles_;
  bool is_calm_ = false;                        // The flusher's, and
  uint64_t flushed_ns_ = 0;                     // when there was something to absorb last.
  FullDisk flush_disk_;                         // The disk as flushes find it,
  FullDisk maintenance_disk_;                   // and maintenance.
  std::atomic<uint64_t> written_when_full_{0};  // By the engine, when maintenance found it full.
  std::unique_ptr<Gate> flushed_;
  std::unique_ptr<Worker> flusher_;
  std::vector<std::unique_ptr<Worker>> maintainers_;
  mutable std::mutex conversion_mutex_;            // Guards the pointer, and who begins one.
  std::shared_ptr<Conversion> conversion_;         // The newest,
  std::vector<ConversionState> past_conversions_;  // and some that are over.
};

}  // namespace varve

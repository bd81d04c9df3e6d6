// store/open.cc — opening and closing: directory, manifest, engine, log, what a crash left behind.
//
// Order of an opening
//   1. lock the directory, read the manifest, open the engine: what was absorbed rests there.
//   2. replay the log's good prefix above it into memtables.
//   3. after an unclean close: make that prefix durable, and sync the cut behind it to the manifest,
//      so that nothing beyond it can come back.
//   4. sync a new incarnation and the next range of numbers; only then may a commit be numbered.
//   5. know again what is prepared, before anybody can commit against it.
#include <algorithm>

#include "engine/memory/memory.h"
#include "pure/codec/hash.h"
#include "store/conversion.h"
#include "store/store.h"

namespace varve {
namespace {

constexpr uint64_t kSegmentUnitBytes = 4096;
constexpr uint64_t kSegmentBytesMin = uint64_t{1} << 20;
constexpr uint64_t kSegmentBytesMax = uint64_t{16} << 20;
constexpr uint64_t kReserveCount = uint64_t{1} << 24;
constexpr uint64_t kCloseFlushBytes = uint64_t{1}
                                      << 20;  // More than this in memory is absorbed at closing.

Status error_at(const Status& status, const std::string& directory) {
  return {status.code(), "open " + directory + ": " + status.message()};
}

StoreOptions with_sizes(StoreOptions options) {
  if (options.segment_bytes == 0) {
    options.segment_bytes = std::clamp(round_up(options.memory_bytes / 16, kSegmentUnitBytes),
                                       kSegmentBytesMin, kSegmentBytesMax);
  }
  return options;
}

// Creates the directory and those above it.
Status create_directories(Os& os, const std::string& path) {
  Status status = os.create_directory(path);
  const size_t slash = path.find_last_of("/\\");
  const bool has_above = slash != std::string::npos && slash != 0;
  if (status.code() == Code::kNotFound && has_above) {
    if (Status above = create_directories(os, path.substr(0, slash)); !above) return above;
    status = os.create_directory(path);
  }
  if (status.code() == Code::kExists) return Status::ok();
  if (!status) return status;
  return os.sync_directory(has_above ? path.substr(0, slash) : slash == 0 ? "/" : ".");
}

Status check_engine(EngineKind made_with, const StoreOptions& options) {
  if (name_of(made_with) == nullptr) {
    return {Code::kNewerFormat, "the store was made with an engine that is unknown here"};
  }
  if (options.engine != EngineKind::kAny && options.engine != made_with) {
    const char* const asked = name_of(options.engine);
    return Status::invalid(std::string("`engine` is ") + (asked != nullptr ? asked : "unknown") +
                           ", but the store has " + name_of(made_with));
  }
  if (made_with != EngineKind::kMemory && !options.log) {
    return Status::invalid("`log` is false, which is for engine 'memory' alone");
  }
  return Status::ok();
}

// The first segment that the next opening has to read.
uint64_t unabsorbed_segment(const LogRecovery& found, uint64_t absorbed) {
  for (const RecoveredSegment& segment : found.segments) {
    if (segment.last_commit > absorbed) return segment.number;
  }
  return found.next_number;
}

}  // namespace

Store::Store(Os& os, StoreOptions options)
    : os_(os), options_(with_sizes(std::move(options))), flushed_(os.gate()) {
  auto parts = std::make_unique<Parts>();
  parts->active = std::make_shared<Memtable>(++memtable_id_, memtable_pages_);
  publish_parts(std::move(parts));
}

Store::~Store() {
  const Status status = close();
  (void)status;  // close() was there to be asked.
  flusher_.reset();
  maintainers_.clear();
  conversion_.reset();
  log_.reset();
  delete parts_.exchange(nullptr);
  // What was retired goes while the cache that it may be in is still there; freeing a version
  // retires blocks.
  engine_.store(nullptr);
  seated_ = {};
  for (int round = 0; round < 3; ++round) epochs_.collect();
  cache_.reset();
}

Result<std::shared_ptr<Store>> Store::open(Os& os, StoreOptions options) {
  std::shared_ptr<Store> store(new Store(os, std::move(options)));
  Status status = store->options_.directory.empty() ? store->open_memory() : store->open_files();
  if (!status) {
    store->closed_.store(true);
    return status;
  }
  if (!store->options_.read_only) store->start_workers();
  return store;
}

Status Store::open_memory() {
  os_.random(MutableBytes(reinterpret_cast<uint8_t*>(&hash_seed_), sizeof hash_seed_));
  Result<std::unique_ptr<Engine>> engine = open_memory_engine(epochs_, {});
  if (!engine) return engine.error();
  take_engine({nullptr, std::move(*engine)}, EngineKind::kMemory);
  recovery_.created = true;
  policy_ = options_.history.value_or(HistoryPolicy{});
  return Status::ok();
}

Status Store::open_files() {
  const std::string& directory = options_.directory;
  if (Status status = lock_and_read_manifest(); !status) return error_at(status, directory);
  const ManifestState& state = manifest_->state();
  hash_seed_ = state.hash_seed;
  if (Status status = open_engine(); !status) return error_at(status, directory);
  if (Status status = recover(state); !status) return error_at(status, directory);
  if (Status status = load_prepared(); !status) return error_at(status, directory);
  return Status::ok();
}

Status Store::lock_and_read_manifest() {
  const std::string& directory = options_.directory;
  const bool may_create = options_.create != Create::kNever && !options_.read_only;
  if (may_create) {
    if (Status status = create_directories(os_, directory); !status) return status;
  }
  Result<std::unique_ptr<DirectoryLock>> lock = os_.lock_directory(directory, options_.holder);
  if (lock) directory_lock_ = std::move(*lock);
  const bool may_go_on = options_.read_only && lock.code() == Code::kPermission;
  if (lock.code() == Code::kNotFound) {
    return may_create ? Status(Code::kForeign, "not a Varve store: it is no directory")
                      : Status(Code::kNotFound, "no store is there");
  }
  if (!lock && !may_go_on) return lock.error();

  const Result<bool> is_store = Manifest::exists(os_, directory);
  if (!is_store) return is_store.error();
  if (*is_store && options_.create == Create::kAlwaysNew) {
    return {Code::kExists, "a store is there already"};
  }
  if (!*is_store) {
    const Result<std::vector<DirectoryEntry>> entries = os_.list(directory);
    if (!entries) return entries.error();
    for (const DirectoryEntry& entry : *entries) {
      if (entry.name == "LOCK" || Manifest::is_unfinished(entry.name)) continue;
      return {Code::kForeign, "not a Varve store: it holds " + entry.name};
    }
    if (!may_create) return {Code::kNotFound, "no store is there"};
    recovery_.created = true;
    ManifestState state;
    os_.random(state.identity);
    os_.random(state.lineage);
    os_.random(MutableBytes(reinterpret_cast<uint8_t*>(&state.hash_seed), sizeof state.hash_seed));
    engine_kind_ = options_.engine == EngineKind::kAny ? EngineKind::kLsm : options_.engine;
    if (Status status = check_engine(engine_kind(), options_); !status) return status;
    state.engine = static_cast<uint8_t>(engine_kind());
    const HistoryPolicy history = options_.history.value_or(HistoryPolicy{});
    state.history = {static_cast<uint8_t>(history.keep), history.amount, 0};
    Result<std::unique_ptr<Manifest>> made = Manifest::create(os_, directory, state);
    if (!made) return made.error();
    manifest_ = std::move(*made);
    return Status::ok();
  }
  Result<std::unique_ptr<Manifest>> found = Manifest::open(os_, directory);
  if (!found) return found.error();
  manifest_ = std::move(*found);
  engine_kind_ = static_cast<EngineKind>(manifest_->state().engine);
  return check_engine(engine_kind(), options_);
}

EngineGround Store::ground() {
  std::vector<VerifyProblem>* const lost = options_.serve_damaged ? &recovery_.lost : nullptr;
  return {os_, epochs_, *cache_, options_, memtable_bytes_max(), lost};
}

// What a conversion was making when it was cut short goes, or what it had no time to remove.
Status Store::open_engine() {
  const EngineKind kind = engine_kind();
  cache_ = std::make_unique<Cache>(epochs_, cache_bytes_min(), options_.eviction);
  if (!options_.read_only) {
    Status status = remove_files_but_of(kind, os_, options_.directory);
    if (!status) return status;
  }
  Result<std::unique_ptr<Engine>> engine = varve::open_engine(kind, *manifest_, ground());
  if (!engine) return engine.error();
  take_engine({nullptr, std::move(*engine)}, kind);
  return Status::ok();
}

// What was in use before is the caller's.
Store::Seated Store::take_engine(Seated next, EngineKind kind) {
  std::swap(seated_, next);
  engine_kind_.store(kind);
  engine_.store(seated_.engine.get(), std::memory_order_seq_cst);
  return next;
}

// One commit of the log goes into the memtable again, as a whole or not at all.
Status Store::replay(const RecordHeader& header, Bytes body) {
  if (Status status = check_edits(body); !status) {
    Status damage =
        Status::corrupt("log: commit " + std::to_string(header.commit) + ": " + status.message());
    if (!options_.serve_damaged) return damage;
    recovery_.lost.push_back({options_.directory, 0, damage.message()});
    return Status::ok();
  }
  Lock held(commit_mutex_);
  const Parts* parts = parts_.load(std::memory_order_relaxed);
  const bool may_absorb = !options_.read_only || engine_kind() == EngineKind::kMemory;
  if (parts->active->size_bytes() > memtable_bytes_max() && may_absorb) {
    if (Status status = seal(held); !status) return status;
    held.unlock();
    if (Status status = flush_oldest(); !status) return status;
    held.lock();
    parts = parts_.load(std::memory_order_relaxed);
  }
  if (active_first_commit_ == 0) active_first_commit_ = header.commit;
  EditReader reader(body);
  LogEdit edit;
  while (true) {
    const Result<bool> more = reader.next(edit);
    check(static_cast<bool>(more));
    if (!*more) break;
    if (edit.kind == LogEditKind::kRangeDeletion) {
      parts->active->delete_range({edit.key, edit.value, header.commit});
      continue;
    }
    const EditKind kind = edit.kind == LogEditKind::kPut ? EditKind::kPut : EditKind::kDelete;
    parts->active->put({edit.key, header.commit, kind, 0, edit.expires_ms, edit.value},
                       hash64(edit.key, hash_seed_));
  }
  next_commit_ = header.commit + 1;
  last_time_ms_ = std::max(last_time_ms_, header.time_ms);
  times_.note(header.commit, last_time_ms_);
  visible_.store(header.commit, std::memory_order_release);
  ++recovery_.replayed_commits;
  return Status::ok();
}

Status Store::recover(const ManifestState& state) {
  visible_.store(state.absorbed);
  next_commit_ = state.absorbed + 1;
  last_time_ms_ = absorbed_time_ms_ = state.time_ms;
  times_.begin(state.time_ms);
  may_expire_.store(state.may_expire);
  policy_ = policy_of(state.history);
  horizon_ = state.history.floor;
  gaps_ = state.gaps;  // Before the log is replayed: some of it may come to rest on the way.
  recovery_.clean = recovery_.created || state.clean_close != 0;
  LogSource source;
  source.directory = options_.directory;
  std::copy(state.identity.begin(), state.identity.end(), source.mark.identity);
  std::copy(state.lineage.begin(), state.lineage.end(), source.mark.lineage);
  source.floor = state.log_floor;
  source.absorbed = state.absorbed;
  source.must_reach = state.clean_close;
  source.cut = {state.cut.segment, state.cut.offset, state.cut.resume};
  const Result<LogRecovery> found = recover_log(
      os_, source, [this](const RecordHeader& header, Bytes body) { return replay(header, body); });
  if (!found) return found.error();
  if (found->corrupt) {
    if (!options_.serve_damaged) return Status::corrupt(found->what);
    recovery_.lost.push_back({options_.directory, 0, found->what});
  }
  recovery_.cut_records = found->cut_records;
  recovery_.last_commit = found->last_commit;
  const Result<ManifestHistory> history = begin_history(state.history, found->last_commit);
  if (!history) return history.error();
  if (options_.read_only) return Status::ok();
  if (!recovery_.clean) {
    if (Status status = settle_log(os_, source, *found); !status) return status;
  }
  return begin_incarnation(source.mark, *found, *history);
}

Status Store::begin_incarnation(const StoreMark& mark, const LogRecovery& found,
                                const ManifestHistory& history) {
  const ManifestState& state = manifest_->state();
  const uint64_t last = found.last_commit;
  // What a crash lost had numbers too: none of them is given out again, also not after an opening
  // in which nothing was committed.
  next_commit_ = recovery_.clean ? last + 1 : std::max(last, state.reserved_through) + 1;
  if (!gaps_.empty()) next_commit_ = std::max(next_commit_, gaps_.back().last + 1);
  numbers_before_ = next_commit_ - 1;
  ManifestEdit edit;
  edit.incarnation.emplace();
  os_.random(*edit.incarnation);
  edit.reserved_through = next_commit_ + kReserveCount;
  edit.clean_close = 0;
  if (policy_of(history) != policy_of(state.history)) edit.history = history;
  gaps_ = gaps_with(last, next_commit_);
  if (gaps_ != state.gaps) edit.gaps = gaps_;
  const uint64_t cut_segment = found.cut_segment != 0 ? found.cut_segment : found.next_number - 1;
  if (found.next_number > 1) {
    const uint64_t offset = found.cut_segment != 0 ? found.cut_offset : kSegmentHeaderBytes;
    edit.cut = ManifestCut{cut_segment, offset, found.next_number};
  }
  if (options_.feed.any()) edit.log_floor = unabsorbed_segment(found, engine().rested());
  if (Status status = manifest_->append(edit); !status) return status;
  reserved_through_ = *edit.reserved_through;
  return options_.log ? open_log(mark, found) : give_up_log(found);
}

// What an earlier opening left in a log comes to rest, so that none is needed any more.
Status Store::give_up_log(const LogRecovery& found) {
  if (found.segments.empty() && found.older.empty()) return Status::ok();
  if (Status status = bring_to_rest(); !status) return status;
  for (const RecoveredSegment& segment : found.older) {
    Status status = os_.remove(segment_path(options_.directory, segment.number));
    if (!status) return status;
  }
  for (const RecoveredSegment& segment : found.segments) {
    Status status = os_.remove(segment_path(options_.directory, segment.number));
    if (!status) return status;
  }
  return Status::ok();
}

Status Store::open_log(const StoreMark& mark, const LogRecovery& found) {
  LogOptions options;
  options.directory = options_.directory;
  options.mark = mark;
  options.segment_bytes = options_.segment_bytes;
  options.first_segment_bytes = std::min(options.first_segment_bytes, options_.segment_bytes);
  options.next_segment = found.next_number;
  options.keep = options_.feed;
  options.last_commit = found.last_commit;
  options.recycles = engine_kind() != EngineKind::kBitcask;  // Which adopts its segments.
  options.on_progress = [this] { notify(); };
  Result<std::unique_ptr<Log>> log = Log::open(os_, options);
  if (!log) return log.error();
  log_ = std::move(*log);
  for (const RecoveredSegment& segment : found.older) log_->adopt_recovered(segment);
  for (const RecoveredSegment& segment : found.segments) {
    log_->adopt_recovered(segment);
  }
  return Status::ok();
}

// Without a log everything must come to rest now; with one, what spares the next opening work may,
// and a full disk is no reason against closing.
Status Store::rest_at_close() {
  if (options_.read_only || options_.directory.empty()) return Status::ok();
  const bool much = parts_.load()->active->size_bytes() > memtable_fixed_bytes_ + kCloseFlushBytes;
  if (rests_alone()) return bring_to_rest();
  Status status = much ? bring_to_rest() : engine().rest(Rest::kIfWorthIt);
  return status.code() == Code::kNoSpace ? Status::ok() : std::move(status);
}

// Nobody commits any more once `closed_` is set, and whoever flushes or merges is waited for: what
// follows finds the log, the engine and the workers to itself.
Status Store::close() {
  const Lock closing(close_mutex_);  // Another thread may be at it.
  {
    const Lock held(commit_mutex_);
    if (closed_.exchange(true)) return Status::ok();
  }
  flushed_->open();  // Those who wait for room need not wait for it.
  end_conversion();
  const std::unique_lock<std::shared_mutex> care_held(care_mutex_);
  Status status;
  if (has_engine() && error()) status = rest_at_close();
  if (log_ && !log_->failed()) {  // What is visible is to be found again, whatever else failed.
    Status synced = log_->sync_now();
    if (status) status = std::move(synced);
  }
  stop_sweeper();
  end_resident();
  flusher_.reset();
  maintainers_.clear();
  {
    const Lock held(commit_mutex_);
    if (failure_code_ != Code::kOk && status) status = {failure_code_, failure_};
  }
  if (has_engine()) {
    Status ended = engine().close();
    if (status) status = std::move(ended);
  }
  if (log_ && !log_->failed() && status) log_->remove_idle(engine().rested());
  const bool is_whole = log_ ? !log_->failed() : rests_alone() && !options_.read_only;
  if (is_whole && status) {
    ManifestEdit edit;
    edit.clean_close = log_ ? visible() : engine().rested();
    status = manifest_->append(edit);
  }
  if (log_) log_->end();
  if (manifest_) manifest_->close();
  for (int round = 0; round < 3; ++round) epochs_.collect();  // Files that the engine let go of.
  directory_lock_.reset();
  return status;
}

}  // namespace varve

// store/maintain.cc — what happens behind the commits: sealed memtables are absorbed, the engine is
// kept in shape.
#include <algorithm>

#include "store/store.h"

namespace varve {
namespace {

constexpr uint64_t kStepBytes = uint64_t{2}
                                << 20;        // Of maintenance, before a worker looks around again.
constexpr uint64_t kCollectNs = 200'000'000;  // Until what readers hold is looked at again.
constexpr uint64_t kCollectSoonNs = 10'000'000;
constexpr uint64_t kForgetNs = 10'000'000'000;       // Until history is looked through again.
constexpr uint64_t kDebtFree = uint64_t{256} << 20;  // Twice as much debt slows nobody.
constexpr uint64_t kAbsorbPsMax = 100'000;           // 10 MB a second.
constexpr uint64_t kCalmNs = 1'000'000'000;          // Without a flush.
constexpr uint64_t kProcessBytes = uint64_t{4} << 20;
constexpr uint64_t kPaceTimesMax = 8;                // As a byte is merged about so many times.
constexpr uint64_t kLookAgainNs = 1'000'000;         // While somebody has the engine alone.

class LeaveEngine {
 public:
  explicit LeaveEngine(Turnstile& turnstile) : turnstile_(turnstile) {}
  ~LeaveEngine() { turnstile_.leave(); }
  LeaveEngine(const LeaveEngine&) = delete;
  LeaveEngine& operator=(const LeaveEngine&) = delete;

 private:
  Turnstile& turnstile_;
};

}  // namespace

void Store::start_workers() {
  flusher_ = os_.start("varve-flush", [this] { return run_flush(); });
  const uint32_t count = std::max<uint32_t>(1, options_.thread_count - 1);
  for (uint32_t i = 0; i < count; ++i) {
    maintainers_.push_back(os_.start("varve-maintain", [this, i] { return run_maintenance(i); }));
  }
}

Step Store::run_flush() {
  bool is_any = false;
  {
    const Lock held(commit_mutex_);
    if (failure_code_ != Code::kOk) return Step::idle();
    is_any = !sealed_.empty();
  }
  if (!is_any) return grow_calm();
  if (is_flush_awaited_.load()) return Step{kLookAgainNs};
  leave_calm();
  if (!may_try(flush_disk_, 0)) return Step{FullDisk::kLookNs};
  const Status status = flush_oldest();
  if (status) return Step::again();
  // A full disk may empty: the memtable stays, and is written again under another name.
  if (status.code() == Code::kNoSpace) return put_off(flush_disk_, 0, "a flush", status);
  record_failure(status);
  return Step::idle();
}

// While memtables are absorbed the cache has what three of them leave; once none was for a while,
// what one leaves but for a few megabytes, which are much where memory is small. An eighth of
// `memory` is for what flushes and merges hold. Of those three one may be a stock of pages: what
// one memtable leaves, for the next.
uint64_t Store::cache_bytes_max() const {
  const uint64_t left = 2 * memtable_bytes_max();
  return cache_bytes_min() + (left > kProcessBytes ? left - kProcessBytes : 0);
}

void Store::leave_calm() {
  if (is_calm_ && cache_) cache_->set_budget(cache_bytes_min());
  memtable_pages_->set_limit(memtable_bytes_max());
  is_calm_ = false;
  flushed_ns_ = os_.now_ns();
}

Step Store::grow_calm() {
  if (is_calm_) return Step::idle();
  const uint64_t calm_ns = os_.now_ns() - flushed_ns_;
  if (calm_ns < kCalmNs) return Step{kCalmNs - calm_ns};
  memtable_pages_->set_limit(0);
  if (cache_) cache_->set_budget(cache_bytes_max());
  is_calm_ = true;
  return Step::idle();
}

// ---- a full disk

uint64_t Store::free_bytes() {
  const Result<uint64_t> free = os_.free_bytes(options_.directory);
  return free ? *free : 0;
}

bool Store::may_try(FullDisk& disk, uint32_t worker) {
  return !disk.is_full() || disk.may_try(worker, free_bytes(), os_.now_ns());
}

Step Store::put_off(FullDisk& disk, uint32_t worker, const char* work, const Status& status) {
  if (disk.fail(worker, free_bytes(), os_.now_ns())) {
    troubles_.add(Code::kNoSpace, std::string("store: ") + work +
                                      " waits for room on the disk: " + status.message());
    notify();
  }
  return Step{FullDisk::kLookNs};
}

// The engine may publish only what the log has synced. Nothing is locked while that is waited for.
Status Store::sync_oldest() {
  if (!log_) return Status::ok();
  uint64_t last = 0;
  {
    const Lock held(commit_mutex_);
    if (!sealed_.empty()) last = sealed_.front().commit_last;
  }
  return log_->durable_through() < last ? log_->sync_now() : Status::ok();
}

// Absorbs the oldest sealed memtable.
Status Store::flush_oldest() {
  const uint64_t begun_ns = os_.now_ns();
  if (Status status = sync_oldest(); !status) return status;
  const Lock flush_held(flush_mutex_);
  Sealed sealed;
  {
    const Lock held(commit_mutex_);
    if (sealed_.empty()) return Status::ok();
    sealed = sealed_.front();
  }
  // Another thread has absorbed what was waited for: the next one is the next call's.
  if (log_ && log_->durable_through() < sealed.commit_last) return Status::ok();
  const Retention retained = retention();
  const std::unique_ptr<EditCursor> edits =
      with_times(sealed.memtable->versions({}, 0, UINT64_MAX), sealed.commit_first,
                 sealed.commit_last, retained.horizon);
  Run run;
  run.edits = edits.get();
  run.range_deletions = sealed.memtable->range_deletions();
  // What a conversion may replay by the log, nobody adopts and cuts.
  if (log_held_.load() == UINT64_MAX) run.segments = sealed.segments;
  run.commit_first = sealed.commit_first;
  run.commit_last = sealed.commit_last;
  run.time_ms_last = sealed.time_ms_last;
  run.edit_count_hint = sealed.memtable->edit_count();
  run.size_bytes_hint = sealed.memtable->size_bytes();
  if (Status status = engine().absorb(run, retained); !status) return status;
  if (sealed.time_ms_last != 0) absorbed_time_ms_ = sealed.time_ms_last;
  times_.drop_through(sealed.commit_last);
  const uint64_t ps = (os_.now_ns() - begun_ns) * 1000 / std::max<uint64_t>(1, run.size_bytes_hint);
  absorb_ps_.store((absorb_ps_.load() * 3 + std::min(ps, kAbsorbPsMax)) / 4);

  Crowding crowding = Crowding::kNone;
  {
    const Lock held(commit_mutex_);
    auto next = std::make_unique<Parts>(*parts_.load(std::memory_order_relaxed));
    check(!next->sealed.empty() && next->sealed.back() == sealed.memtable);
    next->sealed.pop_back();
    flushed_through_ = sealed.commit_last;
    sealed_.erase(sealed_.begin());
    crowding = crowding_.exchange(Crowding::kNone);
    publish_parts(std::move(next));
  }
  flush_count_.fetch_add(1, std::memory_order_relaxed);
  flush_disk_.succeed();
  trim_log();
  epochs_.collect();
  flushed_->open();
  if (crowding != Crowding::kNone) notify();
  for (const auto& worker : maintainers_) worker->wake();
  return Status::ok();
}

Step Store::run_maintenance(uint32_t worker) {
  epochs_.collect();
  Step step = error() ? maintain(worker) : Step::idle();
  if (epochs_.pending() != 0) {
    step.wait_ns = std::min(step.wait_ns, error() ? kCollectSoonNs : kCollectNs);
  }
  return step;
}

// Waits until nobody has the engine alone; for whoever may be inside for long, nor wants it.
void Store::enter_engine(bool lets_go_first) const {
  for (uint64_t ticket = flushed_->ticket(); !turnstile_.enter(lets_go_first);
       ticket = flushed_->ticket()) {
    flushed_->wait(ticket, os_.now_ns() + kLookAgainNs);
  }
}

Step Store::maintain(uint32_t worker) {
  if (!may_try(maintenance_disk_, worker)) return Step{FullDisk::kLookNs};
  if (!turnstile_.enter(true)) return Step{kLookAgainNs};
  const LeaveEngine leaving(turnstile_);
  const uint64_t absorbed = engine().pin()->absorbed();
  const Result<Progress> progress = engine().maintain(kStepBytes, retention());
  const EngineStats stats = engine().stats();
  if (!progress && progress.code() != Code::kNoSpace) {
    record_failure(progress.error());
    return Step::idle();
  }
  if (!progress) {
    written_when_full_.store(stats.written_bytes);
    maintenance_ps_.store(0);  // Nobody catches up by writing less.
    return put_off(maintenance_disk_, worker, "a merge", progress.error());
  }
  const bool is_idle = *progress == Progress::kIdle;
  if (is_idle || stats.written_bytes != written_when_full_.load()) maintenance_disk_.succeed();
  tell_damage(stats);
  trim_log();
  if (is_idle && cleared_.load() < absorbed) cleared_.store(absorbed);
  if (engine_kind() != EngineKind::kLsm) flushed_->open();  // Deletions may have made room.
  set_pace(stats);
  if (!is_idle) return Step::again();
  // The horizon moves, and snapshots are closed, though nobody writes. Data that rests in memory is
  // looked through with the next flush.
  const bool may_forget = engine_kind() != EngineKind::kMemory && stats.history_bytes > 0;
  return Step{std::min(stats.wait_ns, may_forget ? kForgetNs : Step::kUntilWoken)};
}

// Commits are slowed in proportion to what maintenance has still to do, so that there is no cliff.
void Store::set_pace(const EngineStats& stats) {
  if (maintenance_disk_.is_full()) return;
  const uint64_t behind = stats.debt_bytes / kDebtFree;
  const uint64_t times = stats.stop_writes ? kPaceTimesMax : std::min(behind / 2, kPaceTimesMax);
  maintenance_ps_.store(times * absorb_ps_.load(std::memory_order_relaxed),
                        std::memory_order_relaxed);
}

void Store::tell_damage(const EngineStats& stats) {
  bool any = false;
  for (const VerifyProblem& one : stats.damaged) {
    const bool is_new = troubles_.add_damage(
        one.file, "store: a damaged file is left out of merges from now on: " + one.what);
    any = any || is_new;
  }
  if (any) notify();
}

// Segments go when the engine would be found again without them.
void Store::trim_log() {
  if (!log_) return;
  const uint64_t rested = std::min(engine().rested(), log_held_.load());
  if (trimmed_.exchange(rested) != rested) log_->trim(rested, followed());
}

void Store::record_failure(const Status& status) {
  {
    const Lock held(commit_mutex_);
    if (failure_code_ == Code::kOk) {
      failure_code_ = status.code();
      failure_ = "store: writing stopped after a failure: " + status.message();
    }
  }
  crowding_.store(Crowding::kNone);
  flushed_->open();
  notify();
}

Status Store::bring_to_rest() {
  {
    Lock held(commit_mutex_);
    if (failure_code_ != Code::kOk) return {failure_code_, failure_};
    if (Status status = seal(held); !status) return status;
  }
  while (true) {
    {
      const Lock held(commit_mutex_);
      if (failure_code_ != Code::kOk) return {failure_code_, failure_};
      if (sealed_.empty()) break;
    }
    if (Status status = flush_oldest(); !status) return status;
  }
  enter_engine(false);
  const LeaveEngine leaving(turnstile_);
  Status status = engine().rest(log_ ? Rest::kIfWorthIt : Rest::kAll);
  trim_log();
  return status;
}

Status Store::check_open() const {
  return closed_.load() ? Status(Code::kClosed, "store: closed") : Status::ok();
}

Status Store::flush() {
  if (options_.read_only) return {Code::kReadOnly, "store: opened for reading only"};
  const std::shared_lock<std::shared_mutex> care_held(care_mutex_);
  if (Status status = check_open(); !status) return status;
  return bring_to_rest();
}

Status Store::compact() {
  if (options_.read_only) return {Code::kReadOnly, "store: opened for reading only"};
  const std::shared_lock<std::shared_mutex> care_held(care_mutex_);
  if (Status status = check_open(); !status) return status;
  if (Status status = bring_to_rest(); !status) return status;
  enter_engine(true);
  const LeaveEngine leaving(turnstile_);
  Status status = engine().compact({}, retention());
  tell_damage(engine().stats());
  trim_log();
  if (log_) {
    {
      const Lock held(commit_mutex_);
      log_->shrink();
    }
    log_->tidy();
  }
  epochs_.collect();
  return status;
}

Status Store::verify(std::vector<VerifyProblem>& problems) {
  const std::shared_lock<std::shared_mutex> care_held(care_mutex_);
  if (Status status = check_open(); !status) return status;
  enter_engine(true);
  const LeaveEngine leaving(turnstile_);
  return engine().verify(problems);
}

MixStats Store::reads() const {
  Mix mix;
  const Lock held(readers_mutex_);
  for (const Reader* const reader : readers_) mix.add(reader->counts_);
  MixStats stats = mix.stats();
  stats.get_count += past_gets_;
  stats.scan_count += past_scans_;
  return stats;
}

StoreStats Store::stats() const {
  StoreStats stats;
  stats.mix = reads();
  stats.engine_kind = engine_kind();
  {
    enter_engine(false);
    const LeaveEngine leaving(turnstile_);
    stats.engine = engine().stats();
  }
  if (log_) stats.log = log_->stats();
  stats.visible = visible();
  stats.horizon = horizon();
  stats.written = through(Durability::kOs);
  stats.durable = through(Durability::kDisk);
  stats.memory_bytes = options_.memory_bytes;
  if (cache_) {
    stats.cache_bytes = cache_->used_bytes();
    stats.cache_load_count = cache_->load_count();
    stats.cache_eviction_count = cache_->eviction_count();
  }
  stats.feed_bytes = ring_.bytes();
  stats.recent = recent_.stats();
  stats.locks = locks_.stats();
  stats.flush_count = flush_count_.load();
  stats.stall_count = stall_count_.load();
  stats.stall_ns = stall_ns_.load();
  stats.stall_ns_max = stall_ns_max_.load();
  stats.full_flush_count = flush_disk_.failure_count();
  stats.full_maintenance_count = maintenance_disk_.failure_count();
  {
    const Lock held(commit_mutex_);
    stats.memtable_bytes = parts_.load()->active->size_bytes();
    for (const Sealed& sealed : sealed_) stats.memtable_bytes += sealed.memtable->size_bytes();
    stats.sealed_count = sealed_.size();
    stats.prepared_count = prepared_.count();
    stats.prepared_bytes = prepared_.bytes();
    stats.mix.commit_count = commit_count_;
    stats.mix.edit_count = edit_count_;
    stats.mix.edit_bytes = edit_bytes_;
  }
  const Lock held(hold_mutex_);
  const uint64_t now_ns = os_.now_ns();
  for (const auto& [commit, hold] : holds_) {
    stats.held.push_back({commit, hold.count, now_ns - hold.begin_ns});
  }
  return stats;
}

}  // namespace varve

// store/commit.cc — the sequencer: from a batch to a visible commit, and how durable it has become.
#include <algorithm>

#include "store/store.h"

namespace varve {
namespace {

constexpr uint64_t kReserveCount = uint64_t{1} << 24;  // Commit numbers reserved at a time.
constexpr size_t kPrefetchDistance = 12;  // Edits between fetching a slot and using it.
constexpr size_t kSealedCountMax = 2;
constexpr uint64_t kPaceNsMin = 200'000;            // Shorter waits are gathered,
constexpr uint64_t kPaceNsMax = 20'000'000;         // and longer ones cut.
constexpr uint64_t kLittlePart = 64;                // Of a memtable: a commit of more is not little.
// Memtables that keep themselves in order after one that was scanned.
constexpr uint64_t kScanlessMax = 4;
constexpr uint64_t kLastQuarterNs = 2'000'000'000;  // Of a memtable, while nothing is absorbed.

bool puts_something(const Batch& batch) {
  const std::vector<Batch::Item>& items = batch.items();
  return std::any_of(items.begin(), items.end(), [&](const Batch::Item& item) {
    return batch.edit(item).kind == LogEditKind::kPut;
  });
}

}  // namespace

Result<uint64_t> Store::commit(Batch& batch, Conditions* conditions) {
  return commit_step(batch, conditions, nullptr);
}

Result<uint64_t> Store::commit_step(Batch& batch, Conditions* conditions,
                                    const PreparedStep* step) {
  batch.finish();
  if (conditions != nullptr) conditions->settle();
  if (options_.read_only) return Status(Code::kReadOnly, "store: opened for reading only");
  Lock held(commit_mutex_);
  if (Status status = check_writable(held); !status) return status;
  if (batch.empty()) return visible();
  if (Status status = make_room(batch, held); !status) return status;
  Batch& edits = step != nullptr && step->edits != nullptr ? *step->edits : batch;
  if (edits.has_additions()) {  // This may let others in, too.
    if (Status status = settle_additions(edits, batch, held); !status) return status;
  }
  if (conditions != nullptr) {  // Making room may have let others in: only now it counts.
    if (Status status = validate(*conditions, held); !status) return status;
  }
  if (Status status = check_prepared(batch, conditions, step, held); !status) return status;
  if (Status status = reserve_numbers(held); !status) return status;
  if (batch.has_expiry()) {
    if (Status status = note_expiry(held); !status) return status;
  }
  if (step != nullptr) {
    if (Status status = note_prepared(held); !status) return status;
  }
  if (log_) {
    if (Status status = log_->reserve(batch.body_bytes()); !status) return status;
  }

  const uint64_t commit = next_commit_++;
  last_time_ms_ = std::max(last_time_ms_, os_.wall_ms());
  if (active_first_commit_ == 0) active_first_commit_ = commit;
  if (log_)
    log_->append(commit, last_time_ms_, batch.body(), batch.body_checksum());
  else
    ring_.add(commit, last_time_ms_, batch.body());
  times_.note(commit, last_time_ms_);
  ++commit_count_;
  edit_count_ += batch.items().size();
  edit_bytes_ += batch.body_bytes();
  insert(batch, commit);
  followed_.add(batch, commit);
  if (step != nullptr) take_step(*step, commit, held);
  look_for_crowd(batch.body_bytes(), held);
  visible_.store(commit, std::memory_order_seq_cst);  // Before it is asked who wants to know.
  if (recent_.is_wanted()) {
    recent_.add(batch, commit, conditions == nullptr ? UINT64_MAX : conditions->opened_at);
  }
  held.unlock();
  if (batch.has_expiry()) wake_sweeper();
  tell_feeds();
  return commit;
}

void Store::insert(const Batch& batch, uint64_t commit) {
  Memtable& memtable = *parts_.load(std::memory_order_relaxed)->active;
  const std::vector<Batch::Item>& items = batch.items();
  for (size_t i = 0; i < std::min(items.size(), kPrefetchDistance); ++i)
    memtable.prefetch(items[i].hash);
  for (size_t i = 0; i < items.size(); ++i) {
    if (i + kPrefetchDistance < items.size()) memtable.prefetch(items[i + kPrefetchDistance].hash);
    const LogEdit edit = batch.edit(items[i]);
    if (edit.kind == LogEditKind::kRangeDeletion) {
      memtable.delete_range({edit.key, edit.value, commit});
      continue;
    }
    const EditKind kind = edit.kind == LogEditKind::kPut ? EditKind::kPut : EditKind::kDelete;
    memtable.put({edit.key, commit, kind, 0, edit.expires_ms, edit.value}, items[i].hash);
  }
}

Status Store::reserve_numbers(const Lock& held) {
  check(held.owns_lock());
  if (next_commit_ <= reserved_through_ || !manifest_) return Status::ok();
  if (next_commit_ > kCommitMax - kReserveCount) {
    return {Code::kTooLarge, "store: commit numbers are used up"};
  }
  ManifestEdit edit;
  edit.reserved_through = next_commit_ + kReserveCount;
  if (Status status = note(edit, held); !status) return status;
  reserved_through_ = *edit.reserved_through;
  return Status::ok();
}

// What must be in the manifest before a commit is numbered. Where it cannot be, writing stops.
Status Store::note(const ManifestEdit& edit, const Lock& held) {
  check(held.owns_lock());
  if (!manifest_) return Status::ok();
  Status status = manifest_->append(edit);
  if (!status) {
    failure_code_ = Code::kIo;
    failure_ = status.message();
  }
  return status;
}

Status Store::check_writable(const Lock& held) const {
  check(held.owns_lock());
  if (closed_.load()) return {Code::kClosed, "store: closed"};
  return failure_code_ == Code::kOk ? Status::ok() : Status(failure_code_, failure_);
}

// Whoever waits here lets go of the lock meanwhile, and looks again whether the store is open.
Status Store::make_room(const Batch& batch, Lock& held) {
  const uint64_t cost = cost_of(batch);
  if (Status status = fits_commit(batch.body_bytes(), cost); !status) return status;
  const uint64_t paced_ns = pace(cost, held);
  if (Status status = check_writable(held); !status) return status;
  if (Status status = fit_in_memory(batch, cost, held); !status) return status;
  while (true) {  // Another thread may seal, or fill the new memtable, while this one waits.
    const Memtable& active = *parts_.load(std::memory_order_relaxed)->active;
    if (active.empty() || active.size_bytes() + cost <= memtable_bytes_max()) return Status::ok();
    if (sealed_.size() < kSealedCountMax) return seal(held);
    Status status = wait_for_flush(held, kSealedCountMax - 1, kBusyNs - paced_ns);
    if (!status) return status;
  }
}

// In a memtable.
uint64_t Store::cost_of(const Batch& batch) {
  uint64_t cost = 0;
  for (const Batch::Item& item : batch.items())
    cost += Memtable::cost(item.key_bytes, item.value_bytes);
  return cost;
}

// What a commit may take by its bytes it is to get, whatever a memtable lays beside a large value;
// of the smallest edits, which take many times their bytes there, it may have fewer.
Status Store::fits_commit(uint64_t body_bytes, uint64_t cost) const {
  const bool is_long = body_bytes > commit_bytes_max();
  if (!is_long && cost <= options_.memory_bytes / 2) return Status::ok();
  return {Code::kTooLarge,
          "store: a commit of " + std::to_string(is_long ? body_bytes : cost) +
              (is_long ? " bytes is above a quarter" : " bytes in memory is above half") +
              " of `memory` (" + std::to_string(options_.memory_bytes) + ")"};
}

// Behind a full row of sealed memtables, the second half of the active one fills no faster than the
// oldest of them is absorbed, and slower towards its end. The last quarter is for when that takes
// longer than it did: it lasts for seconds, so that no commit finds a store full whose disk is only
// slow, least of all where a memtable is small and an absorption is mostly waiting for syncs. The
// answer is how much of its time to wait a commit has used.
uint64_t Store::pace(uint64_t bytes, Lock& held) {
  const uint64_t maintenance_ps = maintenance_ps_.load(std::memory_order_relaxed) +
                                  conversion_ps_.load(std::memory_order_relaxed);
  uint64_t ps_per_byte = maintenance_ps;
  if (sealed_.size() >= kSealedCountMax) {
    const uint64_t used = parts_.load(std::memory_order_relaxed)->active->size_bytes();
    const uint64_t half = memtable_bytes_max() / 2;
    const uint64_t absorb_ps = absorb_ps_.load(std::memory_order_relaxed);
    if (used > half) ps_per_byte += absorb_ps + 2 * absorb_ps * (used - half) / half;
    if (used > half + half / 2) ps_per_byte += kLastQuarterNs * 1000 / (half / 2);
  }
  if (ps_per_byte == 0) return 0;
  owed_ns_ += bytes * ps_per_byte / 1000;
  if (owed_ns_ < kPaceNsMin) return 0;
  const uint64_t wait_ns = std::min(owed_ns_, kPaceNsMax);
  owed_ns_ = 0;
  const uint64_t ticket = flushed_->ticket();
  const bool is_behind = maintenance_ps * 2 > ps_per_byte;
  wait_held(held, ticket, os_.now_ns() + wait_ns,
            is_behind ? StallReason::kMaintenance : StallReason::kFlush);
  return wait_ns;
}

// Behind a full row of sealed memtables, before commits are paced: at most a quarter of the active
// one is taken while nobody has to wait. In the next quarter there is room for whoever writes
// little at a time, and waits a while each time.
void Store::look_for_crowd(uint64_t bytes, const Lock& held) {
  check(held.owns_lock());
  if (sealed_.size() < kSealedCountMax) return;
  const uint64_t used = parts_.load(std::memory_order_relaxed)->active->size_bytes();
  const uint64_t max = memtable_bytes_max();
  if (used <= max / 4) return;
  const bool is_little = used <= max / 2 && bytes <= max / kLittlePart;
  const Crowding found = is_little ? Crowding::kSome : Crowding::kFull;
  if (found > crowding_.load()) crowding_.store(found);
}

// A full disk makes room when it will, if at all: nobody is to wait for that.
Crowding Store::crowding() const {
  return flush_disk_.is_full() ? Crowding::kNone : crowding_.load();
}

// What data takes, at rest in memory and on its way there.
uint64_t Store::data_bytes(const Lock& held) const {
  check(held.owns_lock());
  const Parts& parts = *parts_.load(std::memory_order_relaxed);
  uint64_t bytes = engine().memory_bytes() + parts.active->size_bytes() - memtable_fixed_bytes_;
  for (const Sealed& sealed : sealed_)
    bytes += sealed.memtable->size_bytes() - memtable_fixed_bytes_;
  return bytes;
}

// Where all data is in memory, it has to fit. What is superseded or deleted goes when it is
// absorbed and cleared, so a commit that finds no room has that done before it is refused.
// Deletions are not.
Status Store::fit_in_memory(const Batch& batch, uint64_t cost, Lock& held) {
  const auto fits = [&] { return data_bytes(held) + cost <= options_.memory_bytes; };
  if (engine_kind() == EngineKind::kBitcask) return fit_keys(batch, held);
  if (engine_kind() != EngineKind::kMemory || fits() || !puts_something(batch)) return Status::ok();
  const uint64_t deadline_ns = os_.now_ns() + kBusyNs;
  if (Status status = wait_for_flush(held, kSealedCountMax - 1); !status) return status;
  if (Status status = seal(held); !status) return status;
  if (Status status = wait_for_flush(held, 0); !status) return status;
  if (Status status = take_room_back(held, deadline_ns); !status) return status;
  if (Status status = wait_for_clearing(held, deadline_ns); !status) return status;
  if (fits()) return Status::ok();
  return {Code::kTooLarge, "store: data in memory would be above `memory` (" +
                               std::to_string(options_.memory_bytes) + ") by this commit; " +
                               std::to_string(data_bytes(held)) + " bytes are in use"};
}

// Where all keys are in memory, they have what is the cache's otherwise. Those that are still on
// their way are not counted, so that it may become more by as much as memtables hold. Deletions
// need room for themselves until they are merged, and are not refused.
Status Store::fit_keys(const Batch& batch, Lock& held) {
  const auto fits = [&] { return engine().memory_bytes() <= cache_bytes_min(); };
  if (fits() || !puts_something(batch)) return Status::ok();
  const uint64_t deadline_ns = os_.now_ns() + kBusyNs;
  if (Status status = wait_for_flush(held, 0); !status) return status;
  if (Status status = take_room_back(held, deadline_ns); !status) return status;
  if (Status status = wait_for_clearing(held, deadline_ns); !status) return status;
  if (fits()) return Status::ok();
  return {Code::kTooLarge, "store: keys take " + std::to_string(engine().memory_bytes()) +
                               " bytes, which is above what `memory` (" +
                               std::to_string(options_.memory_bytes) +
                               ") has for those of engine 'bitcask'"};
}

// A conversion keeps what was superseded since it began: where there is no room for it, it gives
// up.
Status Store::take_room_back(Lock& held, uint64_t deadline_ns) {
  for (bool in_time = true; in_time;) {
    const uint64_t ticket = flushed_->ticket();
    if (!is_followed_.load()) return Status::ok();
    is_memory_short_.store(true);
    in_time = wait_held(held, ticket, deadline_ns, StallReason::kMaintenance);
    if (Status status = check_writable(held); !status) return status;
  }
  return {Code::kBusy, "store: no room in `memory` after 50 ms; a conversion is still giving up"};
}

Status Store::wait_for_clearing(Lock& held, uint64_t deadline_ns) {
  const uint64_t absorbed = engine().pin()->absorbed();
  for (bool in_time = true; in_time;) {
    const uint64_t ticket = flushed_->ticket();
    if (cleared_.load() >= absorbed) return Status::ok();
    for (const auto& worker : maintainers_) worker->wake();
    in_time = wait_held(held, ticket, deadline_ns, StallReason::kMaintenance);
    if (Status status = check_writable(held); !status) return status;
  }
  return {Code::kBusy, "store: no room in `memory` after 50 ms; what was deleted is still going"};
}

// Waits until so few memtables are left to be absorbed.
Status Store::wait_for_flush(Lock& held, size_t sealed_count_max, uint64_t wait_ns) {
  if (sealed_.size() <= sealed_count_max) return Status::ok();
  const uint64_t begin = os_.now_ns();
  bool in_time = true;
  while (in_time && sealed_.size() > sealed_count_max && check_writable(held)) {
    const uint64_t ticket = flushed_->ticket();
    in_time = wait_held(held, ticket, begin + wait_ns, StallReason::kFlush);
  }
  const uint64_t waited = os_.now_ns() - begin;
  stall_count_.fetch_add(1, std::memory_order_relaxed);
  stall_ns_.fetch_add(waited, std::memory_order_relaxed);
  if (waited > stall_ns_max_.load(std::memory_order_relaxed)) stall_ns_max_.store(waited);
  if (Status status = check_writable(held); !status) return status;
  if (sealed_.size() <= sealed_count_max) return Status::ok();
  if (flush_disk_.is_full()) {
    return {Code::kNoSpace, "store: no room for a commit: memory is full, and so is the disk"};
  }
  return {Code::kBusy, "store: no room for a commit after 50 ms; the disk does not keep up"};
}

// Waits without the lock; false when the deadline came first. A commit is held, and somebody may
// want to know.
bool Store::wait_held(Lock& held, uint64_t ticket, uint64_t deadline_ns, StallReason reason) {
  held.unlock();
  const uint64_t begin_ns = os_.now_ns();
  const bool in_time = flushed_->wait(ticket, deadline_ns);
  const uint64_t end_ns = os_.now_ns();
  if (stalls_.add(reason, end_ns - begin_ns, end_ns)) notify();
  held.lock();
  return in_time;
}

Status Store::seal(const Lock& held) {
  check(held.owns_lock());
  const Parts& now = *parts_.load(std::memory_order_relaxed);
  if (now.active->empty()) return Status::ok();
  Sealed sealed;
  sealed.memtable = now.active;
  // An engine that adopts no segment and lets them go by commit alone has no use for a new one.
  if (log_ && engine_kind() != EngineKind::kMemory) sealed.segments = log_->seal();
  sealed.commit_first = active_first_commit_;
  sealed.commit_last = visible();  // Numbers that a crash took are above it.
  sealed.time_ms_last = last_time_ms_;
  active_first_commit_ = 0;

  auto next = std::make_unique<Parts>();
  next->active = std::make_shared<Memtable>(++memtable_id_, memtable_pages_);
  const uint64_t scanned = scanned_in_.load(std::memory_order_relaxed);
  next->active->expect_scans(scanned != 0 && memtable_id_ - scanned <= kScanlessMax);
  next->sealed = now.sealed;
  next->sealed.insert(next->sealed.begin(), now.active);
  sealed_.push_back(std::move(sealed));
  publish_parts(std::move(next));
  if (flusher_) flusher_->wake();
  return Status::ok();
}

void Store::publish_parts(std::unique_ptr<const Parts> parts) {
  const Parts* const old = parts_.exchange(parts.release(), std::memory_order_seq_cst);
  if (old != nullptr) epochs_.retire([old] { delete old; });
}

// ---- durability

uint64_t Store::through(Durability durability) const {
  if (durability == Durability::kMemory) return visible();
  if (!log_) return rests_alone() ? engine().rested() : visible();
  return durability == Durability::kOs ? log_->written_through() : log_->durable_through();
}

bool Store::request(Durability durability, std::optional<uint64_t> listener) {
  const uint64_t target = visible();
  if (through(durability) >= target) return true;
  if (!log_) return false;  // flush() alone brings it there.
  if (durability == Durability::kDisk) {
    if (listener && log_->try_sync()) {
      notify(listener);
      return true;
    }
    log_->request_sync();
    return false;
  }
  if (log_->try_write() && log_->written_through() >= target) return true;
  log_->request_write();
  return false;
}

Status Store::wait_for(Durability durability) {
  if (durability == Durability::kMemory) return Status::ok();
  if (!log_) return rests_alone() ? flush() : Status::ok();
  return durability == Durability::kDisk ? log_->sync_now() : log_->write();
}

Status Store::error() const {
  if (log_ && log_->failed()) return log_->error();
  const Lock held(commit_mutex_);
  return failure_code_ == Code::kOk ? Status::ok() : Status(failure_code_, failure_);
}

uint64_t Store::listen(std::function<void()> listener) {
  const Lock held(listen_mutex_);
  listeners_[next_listener_] = std::move(listener);
  return next_listener_++;
}

void Store::unlisten(uint64_t id) {
  const Lock held(listen_mutex_);
  listeners_.erase(id);
}

void Store::notify(std::optional<uint64_t> except) {
  const Lock held(listen_mutex_);
  for (const auto& [id, listener] : listeners_) {
    if (id != except) listener();
  }
}

}  // namespace varve

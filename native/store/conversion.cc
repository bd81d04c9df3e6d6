#include "store/conversion.h"

#include <algorithm>

#include "base/check.h"

namespace varve {
namespace {

constexpr uint64_t kLookAgainNs = 1'000'000;  // While others are at it.
constexpr uint64_t kPartBytesMin = uint64_t{64} << 10;
constexpr uint64_t kPartBytesMax = uint64_t{16} << 20;
constexpr uint64_t kMergeBytes = uint64_t{4} << 20;  // In one call.
constexpr int kMergesMax = 16;                       // After a part.
constexpr uint64_t kRestBytes = uint64_t{16} << 20;  // In one step.
constexpr size_t kPastMax = 16;           // Conversions that are over, and can be asked for.
constexpr int kTriesMax = 4;              // Of a switch that finds something new at rest.
constexpr uint64_t kPacePsMax = 200'000;  // 5 MB a second.
constexpr uint64_t kPaceTimes = 2;        // Writers are half as fast as a round, so that it ends.

}  // namespace

// Nobody merges, compacts or verifies, if it was let in.
class Conversion::Alone {
 public:
  explicit Alone(Store& store) : store_(store), is_in_(store.turnstile_.enter_alone()) {}
  ~Alone() {
    if (!is_in_) return;
    store_.turnstile_.leave_alone();
    store_.flushed_->open();
  }
  Alone(const Alone&) = delete;
  Alone& operator=(const Alone&) = delete;
  bool is_in() const { return is_in_; }

 private:
  Store& store_;
  const bool is_in_;
};

Conversion::Conversion(Store& store, uint64_t number, EngineKind to)
    : store_(store), from_(store.engine_kind()), to_(to), over_(store.os_.gate()) {
  state_.number = number;
  state_.to = to;
  state_.phase = ConversionPhase::kCopying;
}

Conversion::~Conversion() { end(); }

void Conversion::start() {
  worker_ = store_.os_.start("varve-convert", [this] { return step(); });
}

ConversionState Conversion::state() const {
  const Lock held(mutex_);
  return state_;
}

bool Conversion::await(uint64_t wait_ns) {
  const uint64_t now_ns = store_.os_.now_ns();
  const uint64_t deadline_ns = wait_ns > UINT64_MAX - now_ns ? UINT64_MAX : now_ns + wait_ns;
  for (bool in_time = true;;) {
    const uint64_t ticket = over_->ticket();
    if (state().is_over()) return true;
    if (!in_time) return false;
    in_time = over_->wait(ticket, deadline_ns);
  }
}

void Conversion::end() {
  worker_.reset();
  if (work_ == Work::kClear) {
    leave_old();
    tell(ConversionPhase::kDone);
  } else if (work_ != Work::kOver) {
    give_up({Code::kClosed, "store: closed before it was converted; it has the engine it had"});
  }
}

void Conversion::tell(ConversionPhase phase) {
  {
    const Lock held(mutex_);
    state_.phase = phase;
  }
  if (phase >= ConversionPhase::kDone) over_->open();
  store_.notify();
}

// ---- steps

Step Conversion::step() {
  if (work_ == Work::kOver) return Step::idle();
  wait_ns_ = 0;
  const bool may_end = work_ != Work::kClear;
  Status status;
  if (may_end && is_aborted_.load()) {
    status = {Code::kAborted, "store: the conversion was aborted; nothing has changed"};
  } else if (may_end && store_.is_memory_short_.load()) {
    status = {Code::kTooLarge,
              "store: the conversion gave up the room that commits need in `memory`"};
  } else if (may_end) {
    status = store_.error();
  }
  if (status) status = work();
  if (!status) give_up(status);
  return work_ == Work::kOver ? Step::idle() : Step{wait_ns_};
}

Status Conversion::work() {
  switch (work_) {
    case Work::kPrepare:
      return prepare();
    case Work::kBegin:
      return begin();
    case Work::kCopy:
      return copy();
    case Work::kFollow:
      return follow();
    case Work::kRest:
      return rest();
    case Work::kSwitch:
      return change();
    case Work::kClear:
      return clear();
    case Work::kOver:
      break;
  }
  return Status::ok();
}

Status Conversion::prepare() {
  Status status = remove_files_of(to_, store_.os_, store_.options_.directory);
  if (!status) return status;
  made_.draft = store_.manifest_->draft(static_cast<uint8_t>(to_));
  Result<std::unique_ptr<Engine>> engine = open_engine(to_, *made_.draft, store_.ground());
  if (!engine) return engine.error();
  made_.engine = std::move(*engine);
  Result<std::unique_ptr<Store::Reader>> reader = Store::Reader::take(store_);
  if (!reader) return reader.error();
  reader_ = std::move(*reader);
  work_ = Work::kBegin;
  return Status::ok();
}

// Whoever merges or flushes now may have asked for retention before: it must not be at it when the
// old engine is to keep everything from a commit on.
Status Conversion::begin() {
  const Alone alone(store_);
  if (!alone.is_in()) {
    wait_ns_ = kLookAgainNs;
    return Status::ok();
  }
  const Store::FlushTurn turn(store_);
  std::shared_ptr<const EngineVersion> version = old_engine().pin();
  keep_from(version->absorbed());
  if (version->absorbed() == 0) {
    work_ = Work::kFollow;
    return Status::ok();
  }
  {
    const EpochDomain::Guard guard(store_.epochs_, *reader_->slot_);
    first_bytes_ = version->size({});
  }
  begin_round(std::move(version), store_.absorbed_time_ms_);
  return Status::ok();
}

Status Conversion::copy() {
  if (Status status = take_part(); !status) return status;
  if (Status status = check_room(); !status) return status;
  if (Status status = keep_in_shape(); !status) return status;
  if (copying_->is_whole()) {
    end_round();
    work_ = Work::kFollow;
  }
  tell(state().round_count == 0 ? ConversionPhase::kCopying : ConversionPhase::kFollowing);
  return Status::ok();
}

// What is above `log_held_` the log has, from here to the switch.
Status Conversion::follow() {
  const Store::FlushTurn turn(store_);
  std::shared_ptr<const EngineVersion> version = old_engine().pin();
  if (log_held_ == UINT64_MAX) {
    log_held_ = version->absorbed();
    store_.log_held_.store(log_held_);
  }
  if (version->absorbed() != taken()) {
    begin_round(std::move(version), store_.absorbed_time_ms_);
    return Status::ok();
  }
  const bool must_rest = must_rest_ || made_.engine->rested() < log_held_;
  work_ = must_rest ? Work::kRest : Work::kSwitch;
  return Status::ok();
}

Status Conversion::rest() {
  const Result<Progress> progress = made_.engine->rest_some(kRestBytes);
  if (!progress) return progress.error();
  if (*progress == Progress::kMore) return Status::ok();
  must_rest_ = false;
  work_ = Work::kFollow;
  return Status::ok();
}

// With the engine to itself, and no flush. What came to rest since the last round is little; where
// there is something each time, the last bit of it is taken here.
Status Conversion::change() {
  const Alone alone(store_);
  if (!alone.is_in()) {
    wait_ns_ = kLookAgainNs;
    return Status::ok();
  }
  const Store::FlushTurn turn(store_);
  const bool is_behind = old_engine().pin()->absorbed() != taken();
  if (is_behind && ++try_count_ < kTriesMax) {
    work_ = Work::kFollow;
    return Status::ok();
  }
  if (is_behind) {
    if (Status status = catch_up(); !status) return status;
  }
  return seat();
}

Status Conversion::clear() {
  store_.epochs_.collect();
  if (!left_->load()) {
    wait_ns_ = kLookAgainNs;
    return Status::ok();
  }
  leave_old();
  old_ = {};
  for (int round = 0; round < 3; ++round) store_.epochs_.collect();
  tell(ConversionPhase::kDone);
  return Status::ok();
}

// ---- rounds

uint64_t Conversion::taken() const { return made_.engine->pin()->absorbed(); }

uint64_t Conversion::part_bytes() const {
  return std::clamp(store_.options_.memory_bytes / 16, kPartBytesMin, kPartBytesMax);
}

void Conversion::keep_from(uint64_t commit) {
  {
    const Lock held(store_.hold_mutex_);
    store_.followed_from_ = commit;
  }
  store_.is_followed_.store(commit != UINT64_MAX);
  if (commit != UINT64_MAX) return;
  store_.is_memory_short_.store(false);
  store_.cleared_.store(0);  // More may go now.
  store_.flushed_->open();
}

void Conversion::begin_round(std::shared_ptr<const EngineVersion> from, uint64_t time_ms) {
  copying_.emplace(std::move(from), taken(), part_bytes(), store_.options_.memory_bytes / 4);
  round_time_ms_ = time_ms;
  round_begun_ns_ = store_.os_.now_ns();
  round_bytes_ = 0;
  work_ = Work::kCopy;
}

Status Conversion::take_part() {
  uint64_t left = 0;
  {
    const EpochDomain::Guard guard(store_.epochs_, *reader_->slot_);
    if (Status status = copying_->read(); !status) return status;
    if (copying_->after() == 0) left = copying_->bytes_left();
  }
  PartCursor edits(*copying_);
  Run run = copying_->run(edits);
  run.time_ms_last = round_time_ms_;
  const bool is_further = run.commit_last == taken();
  if (Status status = made_.engine->absorb(run, store_.promised()); !status) return status;
  // What rests of that commit may be the parts before alone.
  if (is_further && made_.engine->rested() == run.commit_last) must_rest_ = true;
  round_bytes_ += copying_->part_bytes();
  charge();
  const Lock held(mutex_);
  state_.copied_bytes += copying_->part_bytes();
  state_.copied_edits += copying_->part_edits();
  if (copying_->after() == 0 && first_bytes_ != 0) {
    const double share = static_cast<double>(left) / static_cast<double>(first_bytes_);
    state_.copied_share = std::clamp(1 - share, state_.copied_share, 1.0);
  }
  return Status::ok();
}

// So much is merged as there is need of, before there is more.
Status Conversion::keep_in_shape() {
  for (int i = 0; i < kMergesMax; ++i) {
    const EngineStats stats = made_.engine->stats();
    if (stats.debt_bytes == 0 && !stats.stop_writes) break;
    const Result<Progress> progress = made_.engine->maintain(kMergeBytes, store_.promised());
    if (!progress) return progress.error();
    if (*progress == Progress::kIdle) break;
  }
  return Status::ok();
}

// What an engine holds in memory must leave room for memtables.
Status Conversion::check_room() {
  const uint64_t bytes = made_.engine->memory_bytes();
  const uint64_t max = to_ == EngineKind::kBitcask
                           ? store_.cache_bytes_min()
                           : store_.options_.memory_bytes - 2 * store_.memtable_bytes_max();
  if (bytes <= max) return Status::ok();
  const char* const what = to_ == EngineKind::kBitcask ? "keys" : "data";
  return {Code::kTooLarge, std::string("store: ") + what + " would take more than " +
                               std::to_string(max) + " bytes of `memory` (" +
                               std::to_string(store_.options_.memory_bytes) + ") in engine " +
                               name_of(to_) + "; nothing has changed"};
}

// Data in memory takes the room of what is cached.
void Conversion::charge() {
  uint64_t bytes = 0;
  if (from_ == EngineKind::kMemory) bytes += old_engine().memory_bytes();
  if (to_ == EngineKind::kMemory) bytes += made_.engine->memory_bytes();
  store_.cache_->charge(static_cast<int64_t>(bytes) - static_cast<int64_t>(charged_bytes_));
  charged_bytes_ = bytes;
}

// From the second round on writers are slowed while more came to rest in one than fits a memtable.
void Conversion::end_round() {
  keep_from(copying_->absorbed());
  const uint64_t took_ns = store_.os_.now_ns() - round_begun_ns_;
  const bool is_much = copying_->after() != 0 && round_bytes_ > store_.memtable_bytes_max();
  const uint64_t ps = is_much ? kPaceTimes * took_ns * 1000 / round_bytes_ : 0;
  store_.conversion_ps_.store(std::min(ps, kPacePsMax));
  copying_.reset();
  const Lock held(mutex_);
  ++state_.round_count;
  state_.copied_share = 1;
}

Status Conversion::catch_up() {
  begin_round(old_engine().pin(), store_.absorbed_time_ms_);
  while (true) {
    if (Status status = take_part(); !status) return status;
    if (Status status = check_room(); !status) return status;
    if (copying_->is_whole()) break;
  }
  end_round();
  return must_rest_ ? made_.engine->rest(Rest::kAll) : Status::ok();
}

// ---- the switch

// Alone, and holding the flush mutex.
Status Conversion::seat() {
  Log* const log = store_.log_.get();
  if (to_ == EngineKind::kBitcask) log->set_recycles(false);
  bool is_certain = true;
  if (Status status = store_.manifest_->adopt(*made_.draft, is_certain); !status) {
    is_uncertain_ = !is_certain;
    if (from_ != EngineKind::kBitcask) log->set_recycles(true);
    return status;
  }
  {
    const Lock held(store_.commit_mutex_);
    if (from_ == EngineKind::kMemory) {  // Which lets segments hold edits of two memtables.
      check(static_cast<bool>(store_.seal(held)));
      log->seal();
    }
    old_ = store_.take_engine(std::move(made_), to_);
    store_.cleared_.store(0);
    store_.maintenance_ps_.store(0);
    store_.conversion_ps_.store(0);
  }
  if (to_ != EngineKind::kBitcask) log->set_recycles(true);
  keep_from(UINT64_MAX);
  store_.log_held_.store(UINT64_MAX);
  left_ = std::make_shared<std::atomic<bool>>(false);
  store_.epochs_.retire([left = left_] { left->store(true); });
  reader_.reset();
  work_ = Work::kClear;
  tell(ConversionPhase::kClearing);
  store_.flusher_->wake();
  for (const auto& worker : store_.maintainers_) worker->wake();
  return Status::ok();
}

// Where the store is being closed, somebody may still be reading it: it stays until nobody can be.
void Conversion::leave_old() {
  const Status closed = old_.engine->close();
  (void)closed;  // Nothing of it counts any more.
  const Status removed = remove_files_of(from_, store_.os_, store_.options_.directory);
  (void)removed;  // What stays, the next opening removes.
  store_.cache_->charge(-static_cast<int64_t>(std::exchange(charged_bytes_, 0)));
  work_ = Work::kOver;
}

// Where the manifest may name the new engine after a crash, that one's files stay, and the log; and
// writing stops, so that the next opening finds either as it was.
void Conversion::give_up(const Status& status) {
  work_ = Work::kOver;
  store_.turnstile_.leave_alone();
  copying_.reset();
  reader_.reset();
  keep_from(UINT64_MAX);
  store_.conversion_ps_.store(0);
  if (!is_uncertain_) store_.log_held_.store(UINT64_MAX);
  if (made_.engine) {
    const Status closed = made_.engine->close();
    (void)closed;  // Nothing of it counts.
  }
  made_.engine.reset();
  made_.draft.reset();
  for (int round = 0; round < 3; ++round) store_.epochs_.collect();
  if (is_uncertain_) {
    store_.record_failure(status);
  } else {
    const Status removed = remove_files_of(to_, store_.os_, store_.options_.directory);
    (void)removed;  // What stays, the next conversion or opening removes.
  }
  if (store_.cache_) store_.cache_->charge(-static_cast<int64_t>(std::exchange(charged_bytes_, 0)));
  {
    const Lock held(mutex_);
    state_.code = status.code();
    state_.message = status.message();
  }
  tell(ConversionPhase::kFailed);
}

// ---- the store's side

Result<uint64_t> Store::begin_conversion(EngineKind to) {
  if (options_.read_only) return Status(Code::kReadOnly, "store: opened for reading only");
  if (name_of(to) == nullptr) return Status::invalid("store: convert: an unknown engine");
  const Lock converting(conversion_mutex_);
  if (Status status = check_open(); !status) return status;
  if (Status status = error(); !status) return status;
  if (conversion_ && !conversion_->state().is_over()) {
    return Status(Code::kBusy, std::string("store: a conversion to ") +
                                   name_of(conversion_->state().to) + " is under way");
  }
  if (to == engine_kind()) return 0;
  if (options_.directory.empty()) {
    return Status::invalid("store: a store without a directory has engine 'memory' alone");
  }
  if (!options_.log) {
    return Status::invalid("store: `log` is false, which is for engine 'memory' alone");
  }
  uint64_t number = 1;
  if (conversion_) {
    past_conversions_.push_back(conversion_->state());
    if (past_conversions_.size() > kPastMax) past_conversions_.erase(past_conversions_.begin());
    number = past_conversions_.back().number + 1;
  }
  conversion_ = std::make_shared<Conversion>(*this, number, to);
  conversion_->start();
  return number;
}

ConversionState Store::conversion(uint64_t number) const {
  const Lock converting(conversion_mutex_);
  if (!conversion_) return {};
  const ConversionState newest = conversion_->state();
  if (number == 0 || newest.number == number) return newest;
  for (const ConversionState& past : past_conversions_) {
    if (past.number == number) return past;
  }
  return {};
}

void Store::abort_conversion(uint64_t number) {
  const Lock converting(conversion_mutex_);
  if (conversion_ && conversion_->state().number == number) conversion_->abort();
}

bool Store::await_conversion(uint64_t number, uint64_t wait_ns) {
  std::shared_ptr<Conversion> awaited;
  {
    const Lock converting(conversion_mutex_);
    if (!conversion_ || conversion_->state().number != number) return true;
    awaited = conversion_;
  }
  return awaited->await(wait_ns);
}

Status Store::convert(EngineKind to) {
  const Result<uint64_t> number = begin_conversion(to);
  if (!number) return number.error();
  if (*number == 0) return Status::ok();
  await_conversion(*number, UINT64_MAX);
  const ConversionState state = conversion(*number);
  if (state.phase == ConversionPhase::kDone) return Status::ok();
  return {state.code, state.message};
}

// Nobody begins another: the store says that it is closed.
void Store::end_conversion() {
  std::shared_ptr<Conversion> last;
  {
    const Lock converting(conversion_mutex_);
    last = conversion_;
  }
  if (last) last->end();
}

}  // namespace varve

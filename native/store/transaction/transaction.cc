#include "store/transaction/transaction.h"

#include "pure/codec/hash.h"
#include "pure/codec/number.h"
#include "store/additions.h"

namespace varve {

Transaction::Transaction(Store& store)
    : store_(store), edits_(store.hash_seed(), store.commit_bytes_max()) {}

Transaction::~Transaction() {
  if (is_open_) end();
}

void Transaction::begin(Isolation isolation) {
  check(!is_open_);
  isolation_ = isolation;
  since_ = store_.begin_transaction();
  begun_ms_ = store_.now_ms();
  conflict_ = {};
  is_open_ = true;
  serial_ = store_.number_transaction();
}

void Transaction::begin_locking(uint64_t age, std::shared_ptr<LockNews> news,
                                uint32_t news_number) {
  begin(Isolation::kSerializable);
  owner_ = store_.locks().enter(age, std::move(news), news_number);
}

// Whoever gets a lock sees what was committed under it: so it is let go of last.
void Transaction::end() {
  check(is_open_);
  is_open_ = false;
  edits_.clear();
  conditions_.clear();
  savepoints_.clear();
  trial_.reset();
  store_.end_transaction(since_);
  if (owner_ != 0) store_.locks().leave(owner_);
  owner_ = 0;
}

bool Transaction::reads_newest() const {
  return isolation_ == Isolation::kReadCommitted || is_locking();
}

uint64_t Transaction::view_commit() const { return reads_newest() ? UINT64_MAX : since_; }

uint64_t Transaction::view_time_ms() const { return reads_newest() ? 0 : begun_ms_; }

Status Transaction::check_size() const {
  if (conditions_.size_bytes() <= store_.commit_bytes_max()) return Status::ok();
  return {Code::kTooLarge, "transaction: the keys that it has read must take at most " +
                               std::to_string(store_.commit_bytes_max()) + " bytes together"};
}

Status Transaction::remember(Bytes key, uint64_t hash, uint64_t commit) {
  if (isolation_ != Isolation::kSerializable) return Status::ok();
  conditions_.add_key(key, hash, commit);
  return check_size();
}

Status Transaction::read_range(Bytes begin, Bytes end, uint64_t commit) {
  if (isolation_ != Isolation::kSerializable) return Status::ok();
  conditions_.add_range(begin, end, commit);
  return check_size();
}

Status Transaction::guard(Bytes key, uint64_t since) {
  conditions_.add_key(key, hash64(key, store_.hash_seed()), since);
  return check_size();
}

Status Transaction::guard_range(Bytes begin, Bytes end, uint64_t since) {
  conditions_.add_range(begin, end, since);
  return check_size();
}

Status Transaction::get(const Store::View& view, Bytes key, bool may_block, Lookup& answer) {
  const uint64_t hash = hash64(key, store_.hash_seed());
  if (!edits_.empty()) {
    answer = edits_.find(key, hash);
    if (edits_.addition_of(key, hash) != nullptr) return remember(key, hash, view.commit());
    if (answer.found != Found::kAbsent) {
      view.hide_expired(answer);
      if (answer.found == Found::kDeleted) answer.found = Found::kAbsent;
      return Status::ok();
    }
  }
  if (Status status = remember(key, hash, view.commit()); !status) return status;
  return view.get(key, hash, may_block, answer);
}

Status Transaction::get_many(const Store::View& view, std::span<PointQuery> queries,
                             size_t edit_count) {
  if (Status status = view.get_many(queries); !status) return status;
  for (PointQuery& query : queries) {
    const Lookup own = edits_.find(query.key, query.hash, edit_count);
    if (own.found != Found::kAbsent) {
      query.answer = own;
      view.hide_expired(query.answer);
      if (own.found == Found::kDeleted) query.answer.found = Found::kAbsent;
      if (edits_.addition_of(query.key, query.hash) == nullptr) continue;
    }
    Status status = remember(query.key, query.hash, view.commit());
    if (!status) return status;
  }
  return Status::ok();
}

Status Transaction::increment(const Store::View& view, Bytes key, Bytes by) {
  const uint64_t hash = hash64(key, store_.hash_seed());
  if (edits_.find(key, hash).found != Found::kAbsent) return add_to_own(view, key, hash, by);
  Sum sum;
  if (Status status = read_sum(view, key, by, sum); !status) return status;
  if (Status status = edits_.fits(key.size() + sum.value.size()); !status) return status;
  edits_.add_to(key, by, as_bytes(sum.value), view.commit(), sum.expires_ms);
  return Status::ok();
}

// What was written here is known; what was only added to, not yet, nor whether it has expired by
// the commit.
Status Transaction::add_to_own(const Store::View& view, Bytes key, uint64_t hash, Bytes by) {
  Lookup own = edits_.find(key, hash);
  const Batch::Addition* const before = edits_.addition_of(key, hash);
  if (before == nullptr) view.hide_expired(own);
  const Bytes there = own.found == Found::kPut ? own.edit.value : Bytes();
  std::string sum;
  if (Status status = add_numbers(there, by, sum); !status) return status;
  if (Status status = edits_.fits(key.size() + sum.size()); !status) return status;
  if (before == nullptr) {
    edits_.put(key, {as_bytes(sum)}, own.found == Found::kPut ? own.edit.expires_ms : 0);
    return Status::ok();
  }
  std::string total;
  if (Status status = add_numbers(as_bytes(before->by), by, total); !status) return status;
  const uint64_t since = before->since;
  edits_.add_to(key, as_bytes(total), as_bytes(sum), since, own.edit.expires_ms);
  return Status::ok();
}

// ---- trying

void Transaction::begin_trial() {
  check(is_open_ && is_locking() && trial_ == nullptr);
  trial_ = std::make_unique<Trial>();
  trial_->mark = edits_.mark();
  std::swap(trial_->before, conditions_);
}

Result<bool> Transaction::lock_trial() {
  check(trial_ != nullptr);
  conditions_.settle();
  const size_t edit_count = edits_.mark().item_count - trial_->mark.item_count;
  const size_t count = edit_count + conditions_.keys().size() + conditions_.ranges().size();
  for (; trial_->locked_count < count; ++trial_->locked_count) {
    Result<bool> has = lock_nth(trial_->locked_count);
    if (!has || !*has) return has;
  }
  return true;
}

// First what was written, so that who reads and writes a key asks for it once; and of that the last
// first, since what follows from a write, as entries of indexes, stands before it: two who write the
// same then meet in the same key, and not in a circle.
Result<bool> Transaction::lock_nth(size_t index) {
  Locks& locks = store_.locks();
  const size_t edit_count = edits_.mark().item_count - trial_->mark.item_count;
  if (index < edit_count) {
    const LogEdit edit = edits_.edit(trial_->mark.item_count + edit_count - 1 - index);
    if (edit.kind != LogEditKind::kRangeDeletion) {
      return locks.lock_key(owner_, edit.key, Locks::Mode::kExclusive);
    }
    return locks.lock_range(owner_, edit.key, edit.value, Locks::Mode::kExclusive);
  }
  index -= edit_count;
  if (index < conditions_.keys().size()) {
    const Bytes key = conditions_.bytes_of(conditions_.keys()[index]);
    return locks.lock_key(owner_, key, Locks::Mode::kShared);
  }
  const KeyRange range = conditions_.ranges().range(index - conditions_.keys().size());
  return locks.lock_range(owner_, range.begin, range.end, Locks::Mode::kShared);
}

Result<bool> Transaction::keep_trial() {
  check(trial_ != nullptr);
  if (Status status = store_.check_conditions(conditions_); !status) {
    const bool is_stale = status.code() == Code::kConflict;
    drop_trial();
    if (is_stale) return false;
    return status;
  }
  trial_->before.add(conditions_);
  std::swap(trial_->before, conditions_);
  trial_.reset();
  if (Status status = check_size(); !status) return status;
  return true;
}

void Transaction::drop_trial() {
  check(trial_ != nullptr);
  edits_.rewind(trial_->mark);
  std::swap(trial_->before, conditions_);
  trial_.reset();
}

uint32_t Transaction::save() {
  savepoints_.push_back(edits_.mark());
  return static_cast<uint32_t>(savepoints_.size() - 1);
}

Status Transaction::rewind(uint32_t savepoint) {
  if (savepoint >= savepoints_.size()) return Status::invalid("transaction: no such savepoint");
  edits_.rewind(savepoints_[savepoint]);
  savepoints_.resize(savepoint);
  return Status::ok();
}

Status Transaction::forget(uint32_t savepoint) {
  if (savepoint >= savepoints_.size()) return Status::invalid("transaction: no such savepoint");
  savepoints_.resize(savepoint);
  return Status::ok();
}

std::unique_ptr<EngineCursor> Transaction::scan(const Store::View& view, const KeyRange& range,
                                                Direction direction, size_t edit_count) {
  const uint64_t expired_ms = edits_.has_expiry() ? view.time_ms() : 0;
  return edits_.over(view.scan(range, direction), range, direction, edit_count, expired_ms);
}

Result<uint64_t> Transaction::commit() {
  if (Status status = check_locks(); !status) {
    end();
    return status;
  }
  if (edits_.empty()) return commit_reads();
  add_last_conditions();
  Result<uint64_t> commit = store_.commit(edits_.finished(), &conditions_);
  conflict_ = std::move(conditions_.conflict);
  end();
  return commit;
}

Result<uint64_t> Transaction::prepare(std::string_view id) {
  if (Status status = check_locks(); !status) {
    end();
    return status;
  }
  add_last_conditions();
  Result<uint64_t> commit = store_.prepare(id, edits_.finished(), conditions_);
  conflict_ = std::move(conditions_.conflict);
  end();
  return commit;
}

Status Transaction::check_locks() const {
  check(is_open_);
  if (!is_locking() || store_.locks().state(owner_) != Locks::State::kLost) return Status::ok();
  return {Code::kDeadlock, "transaction: it has lost its locks to end a deadlock"};
}

void Transaction::add_last_conditions() {
  if (isolation_ == Isolation::kSnapshot) conditions_.add_writes(edits_.finished(), since_);
  conditions_.opened_at = since_;
}

Result<uint64_t> Transaction::commit_reads() {
  const uint64_t seen = reads_newest() ? store_.visible() : since_;
  Status status;
  if (is_locking()) status = store_.check_conditions(conditions_);
  conflict_ = std::move(conditions_.conflict);
  end();
  if (!status) return status;
  return seen;
}

// Ten thousand that were forgotten may end so: what they had grown to is not kept for the next.
void Transaction::rollback() {
  if (!is_open_) return;
  end();
  edits_.give_back_room();
  conditions_ = Conditions();
}

}  // namespace varve

#include "binding/transaction.h"

#include "layer/catalog/expiry.h"

namespace varve {
namespace {

constexpr uint32_t kFirstTransaction = 2;  // Of the numbers of read_as().

Status closed_error() { return {Code::kClosed, "the store is closed"}; }

Status open_transaction(const Call& call, uint32_t number, Transaction*& transaction) {
  Handle& handle = call.handle();
  if (handle.closed) return closed_error();
  if (number < handle.transactions.size() && handle.transactions[number]->is_open()) {
    transaction = handle.transactions[number].get();
    return Status::ok();
  }
  return {Code::kClosed, "the transaction has ended"};
}

// One that takes locks, by the number at `index`.
Status open_locking(const Call& call, size_t index, Transaction*& transaction) {
  Status status = open_transaction(call, read_uint32(call, index), transaction);
  if (!status || transaction->is_locking()) return status;
  return Status::invalid("the transaction takes no locks");
}

// begin(isolation, age) → its number. With an age of 0 or more it takes locks: 0 is its own, which
// is left in kCommit for its next try.
napi_value transaction_begin(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Handle& handle = call.handle();
  if (handle.closed) return make_answer(env, handle.environment.fail(closed_error()));
  const uint32_t isolation = read_uint32(call, 0);
  if (isolation > static_cast<uint32_t>(Isolation::kReadCommitted)) {
    return make_answer(env, handle.environment.fail(Status::invalid("begin: no isolation")));
  }
  if (handle.free_transactions.empty()) {
    handle.free_transactions.push_back(static_cast<uint32_t>(handle.transactions.size()));
    handle.transactions.push_back(std::make_unique<Transaction>(call.store()));
  }
  const uint32_t number = handle.free_transactions.back();
  handle.free_transactions.pop_back();
  Transaction& transaction = *handle.transactions[number];
  const double age = read_double(call, 1);
  if (!(age >= 0)) {
    transaction.begin(static_cast<Isolation>(isolation));
  } else {
    transaction.begin_locking(static_cast<uint64_t>(age), handle.lock_news, number);
    handle.environment.set64(Register64::kCommit, static_cast<double>(transaction.owner()));
  }
  return make_int(env, static_cast<int32_t>(number));
}

// Ends the transaction whose number is the first argument, by what answers a commit.
template <class End>
napi_value end_transaction(const Call& call, const End& end) {
  Environment& environment = call.environment();
  const uint32_t number = read_uint32(call, 0);
  Transaction* transaction = nullptr;
  if (Status status = open_transaction(call, number, transaction); !status) {
    return make_answer(call.env, environment.fail(status));
  }
  const Result<uint64_t> commit = end(*transaction);
  call.handle().free_transactions.push_back(number);
  if (!commit) {
    const Answer answer = environment.fail(commit.error());
    environment.conflict = transaction->conflict();
    const bool is_conflict = commit.code() == Code::kConflict;
    return make_answer(call.env, is_conflict ? Answer::kConflict : answer);
  }
  environment.set64(Register64::kCommit, static_cast<double>(*commit));
  return make_answer(call.env, Answer::kOk);
}

// commitTransaction(number) → kOk and kCommit, or kConflict, or kFailed. It has ended then.
napi_value transaction_commit(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  return end_transaction(call, [](Transaction& transaction) { return transaction.commit(); });
}

// prepareTransaction(number, id), likewise: what is committed is that it is prepared.
napi_value transaction_prepare(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  const std::string id = read_utf8(env, call.arguments[1]);
  if (id.empty() || id.size() > kPreparedIdBytesMax) {
    return make_answer(env, call.environment().fail(Status::invalid("prepare: no id")));
  }
  return end_transaction(call, [&](Transaction& transaction) { return transaction.prepare(id); });
}

// endPrepared(id, commits) → kOk and kCommit, or kFailed
napi_value end_prepared(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Handle& handle = call.handle();
  if (handle.closed) return make_answer(env, handle.environment.fail(closed_error()));
  const std::string id = read_utf8(env, call.arguments[0]);
  Store& store = call.store();
  const Result<uint64_t> commit = read_uint32(call, 1) != 0
                                      ? store.commit_prepared(*handle.reader, id)
                                      : store.roll_back_prepared(*handle.reader, id);
  if (!commit) return make_answer(env, handle.environment.fail(commit.error()));
  handle.environment.set64(Register64::kCommit, static_cast<double>(*commit));
  return make_answer(env, Answer::kOk);
}

// prepared() → [id, milliseconds since 1970, …]
napi_value list_prepared(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Handle& handle = call.handle();
  if (handle.closed) return make_answer(env, handle.environment.fail(closed_error()));
  napi_value list;
  napi_create_array(env, &list);
  uint32_t index = 0;
  for (const PreparedInfo& info_of : call.store().prepared()) {
    napi_set_element(env, list, index++, make_text(env, info_of.id));
    napi_set_element(env, list, index++, make_double(env, static_cast<double>(info_of.time_ms)));
  }
  return list;
}

// rollback(number): harmless when it has ended.
napi_value transaction_rollback(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  const uint32_t number = read_uint32(call, 0);
  Transaction* transaction = nullptr;
  if (open_transaction(call, number, transaction)) {
    transaction->rollback();
    call.handle().free_transactions.push_back(number);
  }
  return make_answer(env, Answer::kOk);
}

// savepoint(number) → a savepoint's number for rewind(); those above it are gone after a rewind.
napi_value transaction_savepoint(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Transaction* transaction = nullptr;
  if (Status status = open_transaction(call, read_uint32(call, 0), transaction); !status) {
    return make_answer(env, call.environment().fail(status));
  }
  return make_int(env, static_cast<int32_t>(transaction->save()));
}

// rewind(number, savepoint, keeps): with `keeps` edits stay, and only the savepoint goes.
napi_value transaction_rewind(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Transaction* transaction = nullptr;
  if (Status status = open_transaction(call, read_uint32(call, 0), transaction); !status) {
    return make_answer(env, call.environment().fail(status));
  }
  const uint32_t savepoint = read_uint32(call, 1);
  const bool keeps = read_uint32(call, 2) != 0;
  const Status status = keeps ? transaction->forget(savepoint) : transaction->rewind(savepoint);
  return make_answer(env, status ? Answer::kOk : call.environment().fail(status));
}

// nextLock() → the number of a transaction that may wait no more, or kAbsent
napi_value transaction_next_lock(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  if (call.handle().closed) return make_answer(env, Answer::kAbsent);
  const std::optional<uint32_t> number = call.handle().lock_news->take();
  return number ? make_int(env, static_cast<int32_t>(*number)) : make_answer(env, Answer::kAbsent);
}

// lockState(number) → kOk when it waits for no lock, kWouldBlock while it does, kFailed when it is
// lost to a deadlock
napi_value transaction_lock_state(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Transaction* transaction = nullptr;
  if (Status status = open_locking(call, 0, transaction); !status) {
    return make_answer(env, call.environment().fail(status));
  }
  switch (call.store().locks().state(transaction->owner())) {
    case Locks::State::kFree: return make_answer(env, Answer::kOk);
    case Locks::State::kWaits: return make_answer(env, Answer::kWouldBlock);
    case Locks::State::kLost: break;
  }
  return make_answer(env, call.environment().fail(Locks::lost()));
}

// cancelLock(number) → 1 when it waited, and waits no more; 0 when it did not
napi_value transaction_cancel_lock(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Transaction* transaction = nullptr;
  if (Status status = open_locking(call, 0, transaction); !status) {
    return make_answer(env, call.environment().fail(status));
  }
  return make_int(env, call.store().locks().cancel(transaction->owner()) ? 1 : 0);
}

Locks::Mode read_mode(const Call& call, size_t index) {
  return read_uint32(call, index) != 0 ? Locks::Mode::kExclusive : Locks::Mode::kShared;
}

napi_value answer_lock(napi_env env, const Call& call, const Result<bool>& has) {
  if (!has) return make_answer(env, call.environment().fail(has.error()));
  return make_answer(env, *has ? Answer::kOk : Answer::kWouldBlock);
}

// transactionLock(key, exclusive, number) → kOk when it has the lock, kWouldBlock when it waits
napi_value transaction_lock(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Transaction* transaction = nullptr;
  KeyArgument key;
  Status status = open_locking(call, 2, transaction);
  if (status) status = key.read(call, 0);
  if (!status) return make_answer(env, call.environment().fail(status));
  Locks& locks = call.store().locks();
  return answer_lock(env, call,
                     locks.lock_key(transaction->owner(), key.bytes(), read_mode(call, 1)));
}

// beginTrial(number) → kOk
napi_value transaction_begin_trial(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Transaction* transaction = nullptr;
  Status status = open_locking(call, 0, transaction);
  if (status && transaction->is_trying()) status = Status::invalid("it tries something already");
  if (!status) return make_answer(env, call.environment().fail(status));
  transaction->begin_trial();
  return make_answer(env, Answer::kOk);
}

Status open_trial(const Call& call, Transaction*& transaction) {
  Status status = open_locking(call, 0, transaction);
  if (status && !transaction->is_trying()) status = Status::invalid("it tries nothing");
  return status;
}

// lockTrial(number) → kOk when it has all locks of it, kWouldBlock when it waits for one
napi_value transaction_lock_trial(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Transaction* transaction = nullptr;
  if (Status status = open_trial(call, transaction); !status) {
    return make_answer(env, call.environment().fail(status));
  }
  return answer_lock(env, call, transaction->lock_trial());
}

// endTrial(number, keeps) → 1 when it stays, 0 when it was taken back
napi_value transaction_end_trial(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Transaction* transaction = nullptr;
  if (Status status = open_trial(call, transaction); !status) {
    return make_answer(env, call.environment().fail(status));
  }
  if (read_uint32(call, 1) == 0) {
    transaction->drop_trial();
    return make_int(env, 0);
  }
  const Result<bool> kept = transaction->keep_trial();
  if (!kept) return make_answer(env, call.environment().fail(kept.error()));
  return make_int(env, *kept ? 1 : 0);
}

// transactionLockRange(begin_size, end_size, exclusive, number), likewise
napi_value transaction_lock_range(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Transaction* transaction = nullptr;
  StoredRange range;
  Status status = open_locking(call, 3, transaction);
  if (status && !read_range(call, 0, range)) status = Status::invalid("lockRange: no range");
  if (!status) return make_answer(env, call.environment().fail(status));
  return answer_lock(env, call,
                     call.store().locks().lock_range(transaction->owner(), as_bytes(range.begin),
                                                     as_bytes(range.end), read_mode(call, 2)));
}

// transactionPut(key, value, head_size, number, expires: see read_expiry())
napi_value transaction_put(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Environment& environment = call.environment();
  Transaction* transaction = nullptr;
  KeyArgument key;
  ValueArgument value;
  Status status = open_transaction(call, read_uint32(call, 3), transaction);
  if (status) status = key.read(call, 0);
  if (status && !value.read(call, 1, 2)) status = Status::invalid("value is no value");
  const uint64_t expires_ms = status ? read_expiry(call, 4) : 0;
  const uint64_t entry_bytes = expires_ms == 0 ? 0 : expiry_entry_bytes(key.bytes());
  if (status) status = transaction->fits(key.bytes().size() + value.size() + entry_bytes);
  if (!status) return make_answer(env, environment.fail(status));
  const Bytes lead(value.lead, value.lead_bytes);
  transaction->put(key.bytes(), {lead, value.head, value.text}, expires_ms);
  if (expires_ms != 0) transaction->put(as_bytes(expiry_entry(key.bytes(), expires_ms)), {});
  return make_answer(env, Answer::kOk);
}

// transactionDelete(key, number)
napi_value transaction_delete(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Transaction* transaction = nullptr;
  KeyArgument key;
  Status status = open_transaction(call, read_uint32(call, 1), transaction);
  if (status) status = key.read(call, 0);
  if (status) status = transaction->fits(key.bytes().size());
  if (!status) return make_answer(env, call.environment().fail(status));
  transaction->erase(key.bytes());
  return make_answer(env, Answer::kOk);
}

// transactionDeleteRange(begin_size, end_size, number)
napi_value transaction_delete_range(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Transaction* transaction = nullptr;
  StoredRange range;
  Status status = open_transaction(call, read_uint32(call, 2), transaction);
  if (status && !read_range(call, 0, range)) status = Status::invalid("deleteRange: no range");
  if (status) status = transaction->fits(range.begin.size() + range.end.size());
  if (!status) return make_answer(env, call.environment().fail(status));
  if (range.end.empty() || range.begin < range.end)
    transaction->erase_range(as_bytes(range.begin), as_bytes(range.end));
  return make_answer(env, Answer::kOk);
}

// transactionIncrement(key, head_size: of a number in the scratch, number)
napi_value transaction_increment(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Transaction* transaction = nullptr;
  KeyArgument key;
  NumberArgument by;
  Status status = open_transaction(call, read_uint32(call, 2), transaction);
  if (status) status = key.read(call, 0);
  if (status) status = by.read(call, 1);
  if (!status) return make_answer(env, call.environment().fail(status));
  const Store::View view(*call.handle().reader, transaction->view_commit(),
                         transaction->view_time_ms());
  status = transaction->increment(view, key.bytes(), by.bytes());
  return make_answer(env, status ? Answer::kOk : call.environment().fail(status));
}

// transactionGuard(key, number): whatever its isolation, it is refused if the key is written after
// the commit in register kSeen, which get() has left there.
napi_value transaction_guard(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Transaction* transaction = nullptr;
  KeyArgument key;
  Status status = open_transaction(call, read_uint32(call, 1), transaction);
  if (status) status = key.read(call, 0);
  const auto since = static_cast<uint64_t>(call.environment().get64(Register64::kSeen));
  if (status) status = transaction->guard(key.bytes(), since);
  return make_answer(env, status ? Answer::kOk : call.environment().fail(status));
}

}  // namespace

Status read_as(const Call& call, size_t index, ReadAs& as) {
  const uint32_t given = call.count > index ? read_uint32(call, index) : 0;
  if (call.handle().closed) return closed_error();
  if (given == 0) return Status::ok();
  if (given == 1) {
    as.commit = static_cast<uint64_t>(call.environment().get64(Register64::kView));
    as.time_ms = static_cast<uint64_t>(call.environment().get64(Register64::kViewTime));
    return Status::ok();
  }
  Status status = open_transaction(call, given - kFirstTransaction, as.transaction);
  if (status) {
    as.commit = as.transaction->view_commit();
    as.time_ms = as.transaction->view_time_ms();
  }
  return status;
}

const std::vector<Method>& transaction_methods() {
  static const std::vector<Method>* const all = new std::vector<Method>{
      {"begin", transaction_begin},
      {"commitTransaction", transaction_commit},
      {"prepareTransaction", transaction_prepare},
      {"endPrepared", end_prepared},
      {"prepared", list_prepared},
      {"rollback", transaction_rollback},
      {"savepoint", transaction_savepoint},
      {"rewind", transaction_rewind},
      {"nextLock", transaction_next_lock},
      {"lockState", transaction_lock_state},
      {"cancelLock", transaction_cancel_lock},
      {"beginTrial", transaction_begin_trial},
      {"lockTrial", transaction_lock_trial},
      {"endTrial", transaction_end_trial},
  };
  return *all;
}

const std::vector<Method>& transaction_level_methods() {
  static const std::vector<Method>* const all = new std::vector<Method>{
      {"transactionPut", transaction_put},
      {"transactionDelete", transaction_delete},
      {"transactionDeleteRange", transaction_delete_range},
      {"transactionIncrement", transaction_increment},
      {"transactionGuard", transaction_guard},
      {"transactionLock", transaction_lock},
      {"transactionLockRange", transaction_lock_range},
  };
  return *all;
}

}  // namespace varve

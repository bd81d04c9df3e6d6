// binding/range.cc — many entries by one crossing: cursors, counts, many keys at once.
//
// Batches of entries come back as entries.h tells.
#include <algorithm>

#include "binding/care.h"
#include "binding/entries.h"
#include "binding/transaction.h"
#include "pure/codec/key.h"

namespace varve {

namespace {

constexpr size_t kManyUnitsMax = size_t{512} << 10;  // Of all keys of getMany().

Answer closed(const Call& call) {
  return call.environment().fail({Code::kClosed, "the store is closed"});
}

Status failed(const char* call, const Status& status) {
  return {status.code(), std::string(call) + ": " + status.message()};
}

void end_cursor(Handle& handle, Cursor& cursor) {
  if (cursor.holds) handle.hold.store().release(cursor.commit);
  cursor.holds = false;
  cursor.done = true;
}

std::unique_ptr<EngineCursor> open_walk(const Store::View& view, const Cursor& cursor) {
  const KeyRange range{as_bytes(cursor.rest.begin), as_bytes(cursor.rest.end)};
  if (cursor.transaction == nullptr) return view.scan(range, cursor.direction);
  return cursor.transaction->scan(view, range, cursor.direction, cursor.edit_count);
}

// A transaction that has ended has neither its edits nor conditions; begun again, it is another
// one.
bool is_of_its_transaction(const Cursor& cursor) {
  return cursor.transaction->is_open() && cursor.serial == cursor.transaction->serial();
}

// Tells the transaction what was read: up to and with the last key handed over, or all there is.
Status guard_read(Cursor& cursor, const std::string& last, bool more) {
  StoredRange& rest = cursor.unguarded;
  StoredRange read = rest;
  if (more && cursor.direction == Direction::kForward)
    rest.begin = read.end = last + '\0';
  else if (more)
    rest.end = read.begin = last;
  return cursor.transaction->read_range(as_bytes(read.begin), as_bytes(read.end), cursor.commit);
}

// Reads entries into the batch and leaves in cursor.rest what is behind them.
Result<bool> fill(Handle& handle, Cursor& cursor, EntryBatch& batch, size_t prefix_bytes) {
  const bool has_transaction = cursor.transaction != nullptr;
  if (has_transaction && !is_of_its_transaction(cursor)) {
    return Status(Code::kClosed, "range: its transaction has ended");
  }
  const Store::View view(*handle.reader, cursor.commit, cursor.time_ms);
  const std::unique_ptr<EngineCursor> entries = open_walk(view, cursor);
  std::string last;
  for (; entries->valid(); entries->next()) {
    const Edit& edit = entries->edit();
    const auto added = batch.add(edit.key.subspan(prefix_bytes), edit, view, cursor.want_values);
    if (added == EntryBatch::Added::kYes && has_transaction) last = as_text(edit.key);
    // What was read before a failure is handed over; the next crossing begins with it.
    if (added == EntryBatch::Added::kFailed && batch.count() == 0) {
      return failed("range", batch.status());
    }
    if (added == EntryBatch::Added::kYes) continue;
    const std::string here(as_text(edit.key));
    if (cursor.direction == Direction::kForward) {
      cursor.rest.begin = here;
    } else {
      cursor.rest.end = here + '\0';
    }
    if (!has_transaction || batch.count() == 0) return true;
    if (Status status = guard_read(cursor, last, true); !status) return status;
    return true;
  }
  if (Status status = entries->status(); !status) return status;
  if (!has_transaction) return false;
  const bool is_cut = batch.count() == cursor.count_all;
  if (Status status = guard_read(cursor, last, is_cut); !status) return status;
  return false;
}

// Holds the commit that a walk is as of.
Status hold_commit(const Call& call, const ReadAs& as, Cursor& cursor) {
  if (as.transaction != nullptr) {
    cursor.transaction = as.transaction;
    cursor.serial = as.transaction->serial();
    cursor.edit_count = as.transaction->edit_count();
    cursor.unguarded = cursor.rest;
  }
  if (as.commit != UINT64_MAX) {
    cursor.commit = as.commit;
    cursor.time_ms = as.time_ms;
    if (Status status = call.store().hold(cursor.commit); !status) return status;
  } else {
    cursor.commit = call.store().hold();
    cursor.time_ms = call.store().now_ms();
  }
  cursor.holds = true;
  return Status::ok();
}

uint32_t keep_cursor(Handle& handle, std::unique_ptr<Cursor> cursor) {
  size_t id = 0;
  while (id < handle.cursors.size() && handle.cursors[id]) ++id;
  if (id == handle.cursors.size()) handle.cursors.emplace_back();
  handle.cursors[id] = std::move(cursor);
  return static_cast<uint32_t>(id);
}

// rangeOpen(begin_size, end_size, reverse, values, as_of, count_max, is_all) → text of the first
// entries, or an Answer. Where more is wanted (is_all says that count_max is all that is), kMore is
// 1 and kCursor names the cursor to go on with.
napi_value range_open(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Handle& handle = call.handle();
  if (handle.closed) return make_answer(env, closed(call));
  auto cursor = std::make_unique<Cursor>();
  if (!read_range(call, 0, cursor->rest)) {
    return make_answer(env, handle.environment.fail(Status::invalid("range: no range")));
  }
  cursor->direction = read_uint32(call, 2) != 0 ? Direction::kReverse : Direction::kForward;
  cursor->want_values = read_uint32(call, 3) != 0;
  const size_t count_max = std::max<size_t>(1, read_uint32(call, 5));
  const bool is_all = read_uint32(call, 6) != 0;
  if (is_all) cursor->count_all = count_max;
  ReadAs as;
  Status status = read_as(call, 4, as);
  if (status) status = hold_commit(call, as, *cursor);
  if (!status) return make_answer(env, handle.environment.fail(status));
  EntryBatch batch(handle.environment, count_max);
  Result<bool> more = fill(handle, *cursor, batch, call.level().prefix_bytes);
  if (!more || (batch.count() == 0 && *more)) {
    end_cursor(handle, *cursor);
    if (!more) return make_answer(env, handle.environment.fail(more.error()));
    handle.environment.set32(Register32::kNeededBytes, batch.needed_bytes());
    return make_answer(env, Answer::kGrow);
  }
  if (is_all && batch.count() == count_max) *more = false;
  if (*more)
    handle.environment.set32(Register32::kCursor, keep_cursor(handle, std::move(cursor)));
  else
    end_cursor(handle, *cursor);
  return batch.finish(env, *more);
}

// rangeNext(id, count_max) → text of the entries, or an Answer
napi_value range_next(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Handle& handle = call.handle();
  if (handle.closed) return make_answer(env, closed(call));
  const size_t id = read_uint32(call, 0);
  if (id >= handle.cursors.size() || !handle.cursors[id] || handle.cursors[id]->done) {
    return make_answer(env,
                       handle.environment.fail({Code::kClosed, "range: the cursor has ended"}));
  }
  Cursor& cursor = *handle.cursors[id];
  EntryBatch batch(handle.environment, std::max<size_t>(1, read_uint32(call, 1)));
  const Result<bool> more = fill(handle, cursor, batch, call.level().prefix_bytes);
  if (!more) return make_answer(env, handle.environment.fail(more.error()));
  if (batch.count() == 0 && *more) {
    handle.environment.set32(Register32::kNeededBytes, batch.needed_bytes());
    return make_answer(env, Answer::kGrow);
  }
  if (!*more) end_cursor(handle, cursor);
  return batch.finish(env, *more);
}

napi_value range_close(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Handle& handle = call.handle();
  const size_t id = read_uint32(call, 0);
  if (id < handle.cursors.size() && handle.cursors[id]) {
    if (!handle.closed) end_cursor(handle, *handle.cursors[id]);
    handle.cursors[id].reset();
  }
  return make_answer(env, Answer::kOk);
}

// count(begin_size, end_size, as_of, count_max) → the number of entries, of which no more are
// looked at than are asked for
napi_value range_count(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Handle& handle = call.handle();
  if (handle.closed) return make_answer(env, closed(call));
  StoredRange stored;
  if (!read_range(call, 0, stored)) {
    return make_answer(env, handle.environment.fail(Status::invalid("count: no range")));
  }
  ReadAs as;
  Status status = read_as(call, 2, as);
  if (!status) return make_answer(env, handle.environment.fail(status));
  Cursor cursor;
  cursor.rest = cursor.unguarded = stored;
  cursor.transaction = as.transaction;
  if (as.transaction != nullptr) cursor.edit_count = as.transaction->edit_count();
  const Store::View view(*handle.reader, as.commit, as.time_ms);
  cursor.commit = view.commit();
  const double count_max = read_double(call, 3);
  double count = 0;
  if (count_max > 0) {
    const std::unique_ptr<EngineCursor> entries = open_walk(view, cursor);
    while (entries->valid() && ++count < count_max) entries->next();
    status = entries->status();
    if (status && as.transaction != nullptr) {
      const bool more = entries->valid();
      status = guard_read(cursor, more ? std::string(as_text(entries->edit().key)) : "", more);
    }
    if (!status) return make_answer(env, handle.environment.fail(status));
  }
  napi_value made = nullptr;
  napi_create_double(env, count, &made);
  return made;
}

// Keys that come over in one string, cut out of it by the lengths in the data area and stored in
// the environment's room for them. Nothing is made room for before the lengths were found to be
// within their limits.
class ManyKeys {
 public:
  explicit ManyKeys(const Call& call) : call_(call) {}

  Status read(size_t count) {
    Environment& environment = call_.environment();
    if (count > EntryBatch::kCountMax) return Status::invalid("getMany: too many keys");
    static_assert(EntryBatch::kCountMax * sizeof(uint32_t) <= kDataBytesMin);
    size_t length = 0;
    napi_get_value_string_utf16(call_.env, call_.arguments[0], nullptr, 0, &length);
    if (Status status = check_lengths(count, length); !status) return status;
    environment.wide.resize(length + 1);
    napi_get_value_string_utf16(call_.env, call_.arguments[0], environment.wide.data(), length + 1,
                                &length);
    const size_t room = count * (call_.level().prefix_bytes + 1) + length * 3;
    if (environment.batch_keys.size() < room) environment.batch_keys.resize(room);
    if (environment.batch_queries.size() < count) environment.batch_queries.resize(count);
    count_ = count;
    size_t unit = 0;
    size_t at = 0;
    for (size_t i = 0; i < count; ++i) {
      const Bytes key = encode(environment.wide.data() + unit, units_of(i), at);
      if (key.size() > kKeyBytesMax + call_.level().prefix_bytes) return key_too_large();
      PointQuery& query = environment.batch_queries[i];
      query.key = key;
      query.answer.found = Found::kAbsent;
      unit += units_of(i);
      at += key.size();
    }
    return Status::ok();
  }

  std::span<PointQuery> queries() { return {call_.environment().batch_queries.data(), count_}; }

 private:
  // Left by JavaScript, which changes them no more before the call returns.
  size_t units_of(size_t index) const {
    return load<uint32_t>(call_.environment().scratch + kDataAt + index * 4);
  }

  Status check_lengths(size_t count, size_t length) const {
    uint64_t sum = 0;
    for (size_t i = 0; i < count; ++i) {
      if (units_of(i) >= kKeyBytesMax) return key_too_large();
      sum += units_of(i);
    }
    if (sum == length && sum <= kManyUnitsMax) return Status::ok();
    return Status::invalid("getMany: keys that are not as long as was said");
  }

  Bytes encode(const char16_t* units, size_t count, size_t at) {
    uint8_t* const to = reinterpret_cast<uint8_t*>(call_.environment().batch_keys.data()) + at;
    const Bytes prefix = call_.level().bytes();
    std::memcpy(to, prefix.data(), prefix.size());
    return Bytes(to, prefix.size() + encode_text_key(units, count, to + prefix.size()));
  }

  const Call& call_;
  size_t count_ = 0;
};

// getMany(joined keys, count, as_of) → text of the values; absent ones have kind 0. At most
// EntryBatch::kCountMax keys.
napi_value range_get_many(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Handle& handle = call.handle();
  Environment& environment = handle.environment;
  if (handle.closed) return make_answer(env, closed(call));
  ManyKeys keys(call);
  if (Status status = keys.read(read_uint32(call, 1)); !status) {
    return make_answer(env, environment.fail(status));
  }
  ReadAs as;
  Status status = read_as(call, 2, as);
  if (!status) return make_answer(env, environment.fail(status));
  const Store::View view(*handle.reader, as.commit, as.time_ms);
  status = as.transaction == nullptr ? view.get_many(keys.queries())
                                     : as.transaction->get_many(view, keys.queries());
  if (!status) return make_answer(env, environment.fail(status));
  EntryBatch batch(environment, keys.queries().size());
  for (const PointQuery& query : keys.queries()) {
    if (query.answer.found != Found::kPut) {
      batch.add_absent();
      continue;
    }
    const auto added = batch.add_value(query.answer.edit, view);
    if (added == EntryBatch::Added::kFailed) {
      return make_answer(env, environment.fail(failed("getMany", batch.status())));
    }
    if (added == EntryBatch::Added::kYes) continue;
    if (batch.count() > 0) return batch.finish(env, true);
    environment.set32(Register32::kNeededBytes, batch.needed_bytes());
    return make_answer(env, Answer::kGrow);
  }
  return batch.finish(env, false);
}

}  // namespace

const std::vector<Method>& range_methods() {
  static const std::vector<Method>* const all = new std::vector<Method>{
      {"rangeOpen", range_open}, {"rangeNext", range_next},   {"rangeClose", range_close},
      {"count", range_count},    {"getMany", range_get_many},
  };
  return *all;
}

void end_cursors(Handle& handle) {
  for (const auto& cursor : handle.cursors) {
    if (cursor) end_cursor(handle, *cursor);
  }
  handle.cursors.clear();
}

}  // namespace varve

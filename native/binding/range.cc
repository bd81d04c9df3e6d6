// binding/range.cc — many entries by one crossing: cursors, counts, many keys at once.
//
// A batch of entries comes back as: descriptors in the data area, four 4-byte cells each {key cell,
// value kind, head bytes, text units}; then the raw parts (encoded keys that are no strings, heads)
// one after the other; and one string, returned, that holds key texts and value texts in order. A
// key cell is the number of units of a text key, or the size of an encoded key with the top bit
// set.
#include <algorithm>

#include "binding/care.h"
#include "binding/kv.h"
#include "binding/values.h"
#include "pure/codec/key.h"

namespace varve {

namespace {

constexpr size_t kDescriptorBytes = 16;
constexpr size_t kEntryCountMax = 1024;
constexpr size_t kBatchTextMax = size_t{256} << 10;
constexpr size_t kManyUnitsMax = size_t{512} << 10;  // Of all keys of getMany().
constexpr uint32_t kEncodedKey = 0x80000000u;

// Gathers the entries of one crossing.
class EntryBatch {
 public:
  EntryBatch(Environment& environment, size_t count_max)
      : environment_(environment),
        count_max_(std::min(count_max, kEntryCountMax)),
        raw_at_(kDataAt + count_max_ * kDescriptorBytes),
        raw_(raw_at_) {}

  enum class Added : uint8_t { kYes, kFull, kFailed };  // Failed: status() says why.

  size_t count() const { return count_; }
  Status status() const { return status_.copy(); }
  uint32_t needed_bytes() const { return needed_bytes_; }

  Added add(Bytes key, const Edit& edit, const Store::View& view, bool want_value) {
    if (count_ == count_max_ || (count_ > 0 && text_units() > kBatchTextMax)) return Added::kFull;
    ValueParts parts;
    if (want_value) {
      if (!has_room(key, edit, view)) return status_ ? Added::kFull : Added::kFailed;
      const Result<Bytes> value = view.value(edit, large_);
      if (!value) {
        status_ = value.error();
        return Added::kFailed;
      }
      const std::optional<ValueParts> split = split_value(*value);
      if (!split) {
        status_ = Status::corrupt("bytes that are no value");
        return Added::kFailed;
      }
      parts = *split;
    }
    const bool text_key = is_text_key(key);
    const size_t raw_bytes = (text_key ? 0 : key.size()) + parts.head.size();
    if (raw_ + raw_bytes > environment_.scratch_bytes) {
      needed_bytes_ = static_cast<uint32_t>(raw_bytes + raw_at_ - kDataAt);
      return Added::kFull;
    }
    uint32_t key_cell = kEncodedKey | static_cast<uint32_t>(key.size());
    if (text_key) {
      key_cell = static_cast<uint32_t>(add_key_text(key));
    } else {
      add_raw(key);
    }
    add_raw(parts.head);
    const size_t units = parts.has_text ? add_text(parts.text, parts.wide) : 0;
    uint8_t* const descriptor = environment_.scratch + kDataAt + count_ * kDescriptorBytes;
    store<uint32_t>(descriptor, key_cell);
    store<uint32_t>(descriptor + 4, parts.kind);
    store<uint32_t>(descriptor + 8, static_cast<uint32_t>(parts.head.size()));
    store<uint32_t>(descriptor + 12, static_cast<uint32_t>(units));
    ++count_;
    return Added::kYes;
  }

  // Marks a key that is absent.
  bool add_absent() {
    if (count_ == count_max_) return false;
    std::memset(environment_.scratch + kDataAt + count_ * kDescriptorBytes, 0, kDescriptorBytes);
    ++count_;
    return true;
  }

  napi_value finish(napi_env env, bool more) {
    environment_.set32(Register32::kCount, static_cast<uint32_t>(count_));
    environment_.set32(Register32::kMore, more ? 1 : 0);
    environment_.set32(Register32::kNeededBytes, static_cast<uint32_t>(raw_at_));
    napi_value made = nullptr;
    if (is_wide_) {
      napi_create_string_utf16(env, wide_.data(), wide_.size(), &made);
    } else {
      napi_create_string_latin1(env, narrow_.data(), narrow_.size(), &made);
    }
    return made;
  }

 private:
  size_t text_units() const { return is_wide_ ? wide_.size() : narrow_.size(); }

  // A value that lies apart is read only when there is room for all of it, so that it is read once.
  bool has_room(Bytes key, const Edit& edit, const Store::View& view) {
    if ((edit.flags & kFlagSeparateValue) == 0) return true;
    const Result<uint64_t> size = view.value_bytes(edit);
    if (!size) {
      status_ = size.error();
      return false;
    }
    if (raw_ + key.size() + *size <= environment_.scratch_bytes) return true;
    needed_bytes_ = static_cast<uint32_t>(*size + key.size() + raw_at_ - kDataAt);
    return false;
  }

  void add_raw(Bytes bytes) {
    if (!bytes.empty()) std::memcpy(environment_.scratch + raw_, bytes.data(), bytes.size());
    raw_ += bytes.size();
  }

  size_t add_key_text(Bytes key) {
    if (is_ascii(key.subspan(1))) return add_text(key.subspan(1), false);
    units_.clear();
    decode_text_key(key, units_);
    const Bytes bytes(reinterpret_cast<const uint8_t*>(units_.data()), units_.size() * 2);
    return add_text(bytes, true);
  }

  size_t add_text(Bytes text, bool wide) {
    if (wide && !is_wide_) widen();
    const size_t units = wide ? text.size() / 2 : text.size();
    if (!is_wide_) {
      narrow_.append(reinterpret_cast<const char*>(text.data()), text.size());
    } else if (wide) {
      const size_t at = wide_.size();
      wide_.resize(at + units);
      std::memcpy(wide_.data() + at, text.data(), text.size());
    } else {
      for (const uint8_t byte : text) wide_.push_back(byte);
    }
    return units;
  }

  void widen() {
    wide_.assign(narrow_.size(), 0);
    std::transform(narrow_.begin(), narrow_.end(), wide_.begin(),
                   [](char c) { return static_cast<char16_t>(static_cast<uint8_t>(c)); });
    is_wide_ = true;
  }

  Environment& environment_;
  const size_t count_max_;
  const size_t raw_at_;
  size_t raw_;
  size_t count_ = 0;
  uint32_t needed_bytes_ = 0;
  bool is_wide_ = false;
  std::string narrow_;
  std::u16string wide_;
  std::u16string units_;
  std::string large_;  // A value that lies apart, before it is taken to its parts.
  Status status_;
};

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

// Reads entries into the batch and leaves in cursor.rest what is behind them.
Result<bool> fill(Handle& handle, Cursor& cursor, EntryBatch& batch, size_t prefix_bytes) {
  const Store::View view(*handle.reader, cursor.commit);
  const KeyRange range{as_bytes(cursor.rest.begin), as_bytes(cursor.rest.end)};
  const std::unique_ptr<EngineCursor> entries = view.scan(range, cursor.direction);
  std::string last;
  for (; entries->valid(); entries->next()) {
    const Edit& edit = entries->edit();
    const auto added = batch.add(edit.key.subspan(prefix_bytes), edit, view, cursor.want_values);
    // What was read before a failure is handed over; the next crossing begins with it.
    if (added == EntryBatch::Added::kFailed && batch.count() == 0) {
      return failed("range", batch.status());
    }
    if (added != EntryBatch::Added::kYes) break;
    last.assign(as_text(edit.key));
  }
  if (Status status = entries->status(); !status) return status;
  const bool more = entries->valid();
  if (!last.empty() && cursor.direction == Direction::kForward) cursor.rest.begin = last + '\0';
  if (!last.empty() && cursor.direction == Direction::kReverse) cursor.rest.end = last;
  return more;
}

// Holds the commit that a walk is as of.
Status hold_commit(const Call& call, bool as_of, Cursor& cursor) {
  if (as_of) {
    cursor.commit = static_cast<uint64_t>(call.environment().get64(Register64::kView));
    if (Status status = call.store().hold(cursor.commit); !status) return status;
  } else {
    cursor.commit = call.store().hold();
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
  if (Status status = hold_commit(call, read_uint32(call, 4) != 0, *cursor); !status) {
    return make_answer(env, handle.environment.fail(status));
  }
  EntryBatch batch(handle.environment, count_max);
  Result<bool> more = fill(handle, *cursor, batch, call.level->prefix_bytes);
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
  const Result<bool> more = fill(handle, cursor, batch, call.level->prefix_bytes);
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
  const bool as_of = read_uint32(call, 2) != 0;
  const uint64_t commit =
      as_of ? static_cast<uint64_t>(handle.environment.get64(Register64::kView)) : UINT64_MAX;
  const Store::View view(*handle.reader, commit);
  const KeyRange range{as_bytes(stored.begin), as_bytes(stored.end)};
  const double count_max = read_double(call, 3);
  double count = 0;
  if (count_max > 0) {
    const std::unique_ptr<EngineCursor> entries = view.scan(range, Direction::kForward);
    while (entries->valid() && ++count < count_max) entries->next();
    if (Status status = entries->status(); !status) {
      return make_answer(env, handle.environment.fail(status));
    }
  }
  napi_value made = nullptr;
  napi_create_double(env, count, &made);
  return made;
}

// Keys that come over in one string, cut out of it by the lengths in the data area and stored in
// `bytes_`. Nothing is made room for before the lengths were found to be within their limits.
class ManyKeys {
 public:
  explicit ManyKeys(const Call& call) : call_(call) {}

  Status read(size_t count) {
    Environment& environment = call_.environment();
    if (count > kEntryCountMax) return Status::invalid("getMany: too many keys");
    static_assert(kEntryCountMax * kDescriptorBytes <= kDataBytesMin);
    size_t length = 0;
    napi_get_value_string_utf16(call_.env, call_.arguments[0], nullptr, 0, &length);
    if (Status status = check_lengths(count, length); !status) return status;
    environment.wide.resize(length + 1);
    napi_get_value_string_utf16(call_.env, call_.arguments[0], environment.wide.data(), length + 1,
                                &length);
    bytes_.resize(count * (call_.level->prefix_bytes + 1) + length * 3);
    queries_.resize(count);
    size_t unit = 0;
    size_t at = 0;
    for (size_t i = 0; i < count; ++i) {
      const size_t size = encode(environment.wide.data() + unit, units_of(i), at);
      if (size > kKeyBytesMax) return key_too_large();
      unit += units_of(i);
      at += size + call_.level->prefix_bytes;
    }
    return Status::ok();
  }

  std::vector<PointQuery>& queries() { return queries_; }

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

  // Answers the size of the key without the prefix.
  size_t encode(const char16_t* units, size_t count, size_t at) {
    uint8_t* const to = reinterpret_cast<uint8_t*>(bytes_.data()) + at;
    const Bytes prefix = call_.level->bytes();
    std::memcpy(to, prefix.data(), prefix.size());
    const size_t size = encode_text_key(units, count, to + prefix.size());
    queries_[used_++].key = Bytes(to, prefix.size() + size);
    return size;
  }

  const Call& call_;
  std::string bytes_;
  std::vector<PointQuery> queries_;
  size_t used_ = 0;
};

// getMany(joined keys, count, as_of) → text of the values; absent ones have kind 0. At most
// kEntryCountMax keys.
napi_value range_get_many(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Handle& handle = call.handle();
  Environment& environment = handle.environment;
  if (handle.closed) return make_answer(env, closed(call));
  ManyKeys keys(call);
  if (Status status = keys.read(read_uint32(call, 1)); !status) {
    return make_answer(env, environment.fail(status));
  }
  const bool as_of = read_uint32(call, 2) != 0;
  const uint64_t commit =
      as_of ? static_cast<uint64_t>(environment.get64(Register64::kView)) : UINT64_MAX;
  const Store::View view(*handle.reader, commit);
  if (Status status = view.get_many(keys.queries()); !status) {
    return make_answer(env, environment.fail(status));
  }
  EntryBatch batch(environment, keys.queries().size());
  const uint8_t no_key[] = {kTextKeyTag};
  for (const PointQuery& query : keys.queries()) {
    if (query.answer.found != Found::kPut) {
      batch.add_absent();
      continue;
    }
    const auto added = batch.add(Bytes(no_key, 1), query.answer.edit, view, true);
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

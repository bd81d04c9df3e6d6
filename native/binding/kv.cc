// binding/kv.cc — get, put, delete and batches of one keyspace.
#include "binding/kv.h"

#include "binding/arguments.h"
#include "binding/transaction.h"
#include "binding/values.h"
#include "layer/catalog/expiry.h"
#include "store/additions.h"

namespace varve {
namespace {

const Status& closed_error() {
  static const Status* const one = new Status(Code::kClosed, "the store is closed");
  return *one;
}

// ---- reading

// A value that lies apart is read to where it is handed over: before the data area lies its kind,
// so that its head needs no move.
napi_value hand_large_value(const Call& call, const Store::View& view, const Edit& edit) {
  Environment& environment = call.environment();
  const Result<uint64_t> size = view.value_bytes(edit);
  if (!size) return make_answer(call.env, environment.fail(size.error()));
  constexpr size_t kLargeAt = kDataAt - 1;
  if (*size > environment.scratch_bytes - kLargeAt) {
    environment.set32(Register32::kNeededBytes, static_cast<uint32_t>(*size));
    return make_answer(call.env, Answer::kGrow);
  }
  const MutableBytes into(environment.scratch + kLargeAt, *size);
  if (Status status = view.read_value(edit, into); !status) {
    return make_answer(call.env, environment.fail(status));
  }
  bool has_room = true;
  return hand_value(call, into, has_room);
}

// By a transaction, or from the view alone.
Status look_up(const Store::View& view, const ReadAs& as, Bytes key, bool may_block,
               Lookup& answer) {
  if (as.transaction == nullptr) return view.get(key, may_block, answer);
  return as.transaction->get(view, key, may_block, answer);
}

void leave_version(Environment& environment, const Edit& edit) {
  environment.set64(Register64::kCommit, static_cast<double>(edit.commit));
  environment.set64(Register64::kExpires, static_cast<double>(edit.expires_ms));
}

// get(key, as_of: see read_as(), may_block: 0 | 1) → text, size of head, or an Answer; register
// kSeen is the commit that was read.
napi_value kv_get(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Handle& handle = call.handle();
  ReadAs as;
  KeyArgument key;
  Status status = read_as(call, 1, as);
  if (status) status = key.read(call, 0);
  if (!status) return make_answer(env, handle.environment.fail(status));
  const Store::View view(*handle.reader, as.commit, as.time_ms);
  handle.environment.set64(Register64::kSeen, static_cast<double>(view.commit()));
  const bool may_block = call.count <= 2 || read_uint32(call, 2) != 0;
  Lookup found;
  status = look_up(view, as, key.bytes(), may_block, found);
  if (!status) return make_answer(env, handle.environment.fail(status));
  if (found.found == Found::kWouldBlock) return make_answer(env, Answer::kWouldBlock);
  if (found.found != Found::kPut) return make_answer(env, Answer::kAbsent);
  leave_version(handle.environment, found.edit);
  return hand_edit(call, view, found.edit);
}

// has(key, as_of) → 1, kAbsent or kFailed; the version is left in kCommit, 0 for one of the
// transaction's own, its expiry in kExpires; kSeen as by get().
napi_value kv_has(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Handle& handle = call.handle();
  ReadAs as;
  KeyArgument key;
  Status status = read_as(call, 1, as);
  if (status) status = key.read(call, 0);
  if (!status) return make_answer(env, handle.environment.fail(status));
  const Store::View view(*handle.reader, as.commit, as.time_ms);
  handle.environment.set64(Register64::kSeen, static_cast<double>(view.commit()));
  Lookup found;
  status = look_up(view, as, key.bytes(), true, found);
  if (!status) return make_answer(env, handle.environment.fail(status));
  if (found.found != Found::kPut) return make_answer(env, Answer::kAbsent);
  leave_version(handle.environment, found.edit);
  return make_int(env, 1);
}

// ---- writing

Answer fail(const Call& call, const Status& status, Conditions& conditions) {
  const Answer answer = call.environment().fail(status);
  call.environment().conflict = std::move(conditions.conflict);
  return answer;
}

Answer commit(const Call& call, Batch& batch, Conditions& conditions) {
  const Result<uint64_t> commit = call.store().commit(batch, &conditions);
  batch.clear();
  if (!commit) return fail(call, commit.error(), conditions);
  call.environment().set64(Register64::kCommit, static_cast<double>(*commit));
  return Answer::kOk;
}

// Without conditions it conflicts with nothing but what is prepared.
Answer commit(const Call& call, Batch& batch) {
  Conditions none;
  return commit(call, batch, none);
}

// The arguments of a put: key, value, head_size, and its expiry at `expiry_index`.
Answer add_put(const Call& call, Batch& batch, size_t expiry_index = 3) {
  if (call.handle().closed) return call.environment().fail(closed_error());
  KeyArgument key;
  ValueArgument value;
  if (Status status = key.read(call, 0); !status) return call.environment().fail(status);
  if (!value.read(call, 1, 2)) {
    return call.environment().fail(Status::invalid("value is no value"));
  }
  const uint64_t expires_ms = read_expiry(call, expiry_index);
  const uint64_t entry_bytes = expires_ms == 0 ? 0 : expiry_entry_bytes(key.bytes());
  if (Status status = batch.fits(key.bytes().size() + value.size() + entry_bytes); !status) {
    return call.environment().fail(status);
  }
  batch.put(key.bytes(), {Bytes(value.lead, value.lead_bytes), value.head, value.text}, expires_ms);
  if (expires_ms != 0) batch.put(as_bytes(expiry_entry(key.bytes(), expires_ms)), Bytes());
  return Answer::kOk;
}

Answer add_delete(const Call& call, Batch& batch) {
  if (call.handle().closed) return call.environment().fail(closed_error());
  KeyArgument key;
  if (Status status = key.read(call, 0); !status) return call.environment().fail(status);
  if (Status status = batch.fits(key.bytes().size()); !status) {
    return call.environment().fail(status);
  }
  batch.erase(key.bytes());
  return Answer::kOk;
}

Answer add_delete_range(const Call& call, Batch& batch) {
  Environment& environment = call.environment();
  if (call.handle().closed) return environment.fail(closed_error());
  StoredRange range;
  if (!read_range(call, 0, range))
    return environment.fail(Status::invalid("deleteRange: no range"));
  if (range.end.empty() || range.begin < range.end)
    batch.erase_range(as_bytes(range.begin), as_bytes(range.end));
  return Answer::kOk;
}

// put(key, value, head_size, expires) → kOk or kFailed
napi_value kv_put(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Batch& batch = *call.handle().single;
  Answer answer = add_put(call, batch);
  if (answer == Answer::kOk) answer = commit(call, batch);
  return make_answer(env, answer);
}

napi_value kv_delete(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Batch& batch = *call.handle().single;
  Answer answer = add_delete(call, batch);
  if (answer == Answer::kOk) answer = commit(call, batch);
  return make_answer(env, answer);
}

Answer commit_if(const Call& call, Batch& batch, uint64_t since) {
  Conditions conditions;
  conditions.add_writes(batch, since);
  return commit(call, batch, conditions);
}

// putIf(key, value, head_size, since, expires): as put(), but kFailed with CONFLICT if the key was
// written after the commit `since`, which get() leaves in kSeen.
napi_value kv_put_if(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Batch& batch = *call.handle().single;
  Answer answer = add_put(call, batch, 4);
  const auto since = static_cast<uint64_t>(read_double(call, 3));
  if (answer == Answer::kOk) answer = commit_if(call, batch, since);
  return make_answer(env, answer);
}

// deleteIf(key, since)
napi_value kv_delete_if(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Batch& batch = *call.handle().single;
  Answer answer = add_delete(call, batch);
  const auto since = static_cast<uint64_t>(read_double(call, 1));
  if (answer == Answer::kOk) answer = commit_if(call, batch, since);
  return make_answer(env, answer);
}

// persist(key) → 1 when it had an expiry, 0 when not; kFailed
napi_value kv_persist(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Handle& handle = call.handle();
  if (handle.closed) return make_answer(env, handle.environment.fail(closed_error()));
  KeyArgument key;
  if (Status status = key.read(call, 0); !status) {
    return make_answer(env, handle.environment.fail(status));
  }
  const Result<bool> changed = persist(call.store(), *handle.reader, key.bytes());
  if (!changed) return make_answer(env, handle.environment.fail(changed.error()));
  handle.environment.set64(Register64::kCommit, static_cast<double>(call.store().visible()));
  return make_int(env, *changed ? 1 : 0);
}

Status read_addition(const Call& call, Batch& batch) {
  if (call.handle().closed) return closed_error().copy();
  KeyArgument key;
  NumberArgument by;
  if (Status status = key.read(call, 0); !status) return status;
  if (Status status = by.read(call, 1); !status) return status;
  const Store::View view(*call.handle().reader);
  return add_to(view, batch, key.bytes(), by.bytes());
}

// increment(key, head_size: of a number in the scratch) → as get(), of the sum
napi_value kv_increment(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Environment& environment = call.environment();
  Batch& batch = *call.handle().single;
  if (Status status = read_addition(call, batch); !status) {
    return make_answer(env, environment.fail(status));
  }
  Conditions none;
  const Result<uint64_t> commit = call.store().commit(batch, &none);
  const Bytes sum = commit ? batch.edit(batch.items().front()).value : Bytes();
  bool has_room = true;  // A sum is small: kCountBytesMax.
  environment.set64(Register64::kCommit, commit ? static_cast<double>(*commit) : 0);
  const napi_value answer =
      commit ? hand_value(call, sum, has_room) : make_answer(env, fail(call, commit.error(), none));
  batch.clear();
  return answer;
}

napi_value kv_delete_range(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Batch& batch = *call.handle().single;
  Answer answer = add_delete_range(call, batch);
  if (answer == Answer::kOk) answer = commit(call, batch);
  return make_answer(env, answer);
}

napi_value kv_batch_put(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  return make_answer(env, add_put(call, *call.handle().batch));
}

napi_value kv_batch_delete(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  return make_answer(env, add_delete(call, *call.handle().batch));
}

napi_value kv_batch_delete_range(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  return make_answer(env, add_delete_range(call, *call.handle().batch));
}

napi_value kv_batch_commit(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  if (call.handle().closed) return make_answer(env, call.environment().fail(closed_error()));
  return make_answer(env, commit(call, *call.handle().batch));
}

napi_value kv_batch_clear(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  call.handle().batch->clear();
  return make_answer(env, Answer::kOk);
}

// A part of the slab, or nothing: it is used up, there is none, or its memory went elsewhere.
MutableBytes take_from_slab(napi_env env, Environment& environment, size_t size) {
  if (size > kSlabValueBytesMax || environment.slab_reference == nullptr) return {};
  napi_value slab = nullptr;
  void* data = nullptr;
  size_t slab_bytes = 0;
  napi_get_reference_value(env, environment.slab_reference, &slab);
  napi_get_arraybuffer_info(env, slab, &data, &slab_bytes);
  if (data == nullptr || environment.slab_used + size > slab_bytes) return {};
  uint8_t* const at = static_cast<uint8_t*>(data) + environment.slab_used;
  environment.set32(Register32::kPlace, kInSlab | static_cast<uint32_t>(environment.slab_used));
  environment.slab_used += size;
  return MutableBytes(at, size);
}

}  // namespace

uint64_t read_expiry(const Call& call, size_t index) {
  const double given = call.count > index ? read_double(call, index) : 0;
  if (given >= 0) return static_cast<uint64_t>(given);
  return call.store().now_ms() + static_cast<uint64_t>(-given);
}

napi_value hand_edit(const Call& call, const Store::View& view, const Edit& edit) {
  if ((edit.flags & kFlagSeparateValue) != 0) return hand_large_value(call, view, edit);
  bool has_room = true;
  return hand_value(call, edit.value, has_room);
}

napi_value hand_value(const Call& call, Bytes value, bool& has_room) {
  has_room = true;
  Environment& environment = call.environment();
  ValueParts parts;
  if (!split_value(value, parts)) {
    return make_answer(call.env, environment.fail(Status::corrupt("get: bytes that are no value")));
  }
  if (kDataAt + parts.head.size() > environment.scratch_bytes) {
    has_room = false;
    environment.set32(Register32::kNeededBytes, static_cast<uint32_t>(parts.head.size()));
    return make_answer(call.env, Answer::kGrow);
  }
  environment.set32(Register32::kKind, parts.kind);
  environment.set32(Register32::kHeadBytes, static_cast<uint32_t>(parts.head.size()));
  if (parts.kind == kValueBytes) {
    const MutableBytes own = take_from_slab(call.env, environment, parts.head.size());
    if (!own.empty()) {
      std::memcpy(own.data(), parts.head.data(), own.size());
      return make_size(call.env, own.size());
    }
  }
  environment.set32(Register32::kPlace, kDataAt);
  uint8_t* const to = environment.scratch + kDataAt;
  if (!parts.head.empty() && parts.head.data() != to) {
    std::memmove(to, parts.head.data(), parts.head.size());
  }
  if (!parts.has_text) return make_size(call.env, parts.head.size());
  napi_value text = nullptr;
  if (!parts.wide) {
    napi_create_string_latin1(call.env, reinterpret_cast<const char*>(parts.text.data()),
                              parts.text.size(), &text);
    return text;
  }
  std::vector<char16_t>& units = environment.wide;
  units.resize(parts.text.size() / 2);
  std::memcpy(units.data(), parts.text.data(), parts.text.size());
  napi_create_string_utf16(call.env, units.data(), units.size(), &text);
  return text;
}

bool read_range(const Call& call, size_t index, StoredRange& range) {
  static_assert(kKeyBytesMax + 1 <= kDataAt - kKeyAt && kKeyBytesMax <= kDataBytesMin);
  const Environment& environment = call.environment();
  const size_t begin_size = read_uint32(call, index);
  const size_t end_size = read_uint32(call, index + 1);
  // The bound of "above this key" is a byte longer than a key.
  if (begin_size > kKeyBytesMax + 1 || end_size > kKeyBytesMax + 1) return false;
  const std::string prefix(as_text(call.level().bytes()));
  range.begin = prefix + std::string(as_text(Bytes(environment.scratch + kKeyAt, begin_size)));
  range.end = prefix + std::string(as_text(Bytes(environment.scratch + kDataAt, end_size)));
  if (end_size == 0) range.end = prefix_end(prefix);
  return true;
}

// The first key behind all that begin with `prefix`; empty when there is none.
std::string prefix_end(std::string prefix) {
  while (!prefix.empty() && static_cast<uint8_t>(prefix.back()) == 0xff) prefix.pop_back();
  if (!prefix.empty()) prefix.back() = static_cast<char>(static_cast<uint8_t>(prefix.back()) + 1);
  return prefix;
}

const std::vector<Method>& kv_methods() {
  static const std::vector<Method>* const all = new std::vector<Method>{
      {"get", kv_get},
      {"has", kv_has},
      {"put", kv_put},
      {"delete", kv_delete},
      {"putIf", kv_put_if},
      {"deleteIf", kv_delete_if},
      {"persist", kv_persist},
      {"increment", kv_increment},
      {"deleteRange", kv_delete_range},
      {"batchPut", kv_batch_put},
      {"batchDelete", kv_batch_delete},
      {"batchDeleteRange", kv_batch_delete_range},
      {"batchCommit", kv_batch_commit},
      {"batchClear", kv_batch_clear},
  };
  return *all;
}

}  // namespace varve

// binding/collection.cc — what is defined, and documents written.
#include "binding/collection.h"

#include <algorithm>

#include "binding/care.h"
#include "binding/entries.h"
#include "pure/codec/key.h"

namespace varve {
namespace {

constexpr uint64_t kBuildSliceNs = 20'000'000;  // Of a build, before its progress is told.

Status closed_error() { return {Code::kClosed, "the store is closed"}; }

napi_value fail(const Call& call, const Status& status) {
  return make_answer(call.env, call.environment().fail(status));
}

// A name, encoded in the key area, whose size is the argument.
Result<Bytes> read_name(const Call& call, size_t index) {
  if (call.handle().closed) return closed_error();
  const size_t size = read_uint32(call, index);
  if (size == 0 || size > kKeyBytesMax) return Status::invalid("collection: no name");
  return Bytes(call.environment().scratch + kKeyAt, size);
}

// collectionId(name_size, as_of) → its id, 0 when there is none
napi_value collection_id(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  const Result<Bytes> name = read_name(call, 0);
  if (!name) return fail(call, name.error());
  ReadAs as;
  if (Status status = read_as(call, 1, as); !status) return fail(call, status);
  const Store::View view(*call.handle().reader, as.commit, as.time_ms);
  const Result<uint32_t> id = room_of(call).collections.id_of(collection::Reads(view), *name);
  if (!id) return fail(call, id.error());
  return make_size(env, *id);
}

// collectionDefinition(id, as_of) → its bytes, kAbsent; the commit that put it is left in kCommit
napi_value collection_definition(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  ReadAs as;
  if (Status status = read_as(call, 1, as); !status) return fail(call, status);
  const Store::View view(*call.handle().reader, as.commit, as.time_ms);
  const Result<collection::DefinitionRef> found =
      room_of(call).collections.definition(collection::Reads(view), read_uint32(call, 0));
  if (!found) return fail(call, found.error());
  if (!*found) return make_answer(env, Answer::kAbsent);
  call.environment().set64(Register64::kCommit, static_cast<double>((*found)->commit));
  const std::string bytes = (*found)->write();
  napi_value copy = nullptr;
  napi_create_buffer_copy(env, bytes.size(), bytes.data(), nullptr, &copy);
  return copy;
}

// collectionDefine(name_size, draft: Uint8Array, since, only_if_empty) → the id; kConflict when
// another definition has been put after the commit `since`, or when there are documents though
// there must be none. The commit of this one is left in kCommit.
napi_value collection_define(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  const Result<Bytes> name = read_name(call, 0);
  if (!name) return fail(call, name.error());
  const std::span<uint8_t> bytes = read_elements<uint8_t>(call, 1);
  const auto draft = collection::Definition::read(Bytes(bytes.data(), bytes.size()), 0);
  if (!draft) return fail(call, draft.error());
  const std::string own_name(as_text(*name));  // A draft may lie where it was.
  const auto since = static_cast<uint64_t>(read_double(call, 2));
  const auto expects =
      read_uint32(call, 3) == 0 ? collection::Expects::kDocuments : collection::Expects::kNone;
  const Result<collection::DefinitionRef> defined = room_of(call).collections.define(
      *call.handle().reader, as_bytes(own_name), **draft, since, expects);
  if (!defined && defined.code() == Code::kConflict) return make_answer(env, Answer::kConflict);
  if (!defined) return fail(call, defined.error());
  call.environment().set64(Register64::kCommit, static_cast<double>((*defined)->commit));
  return make_size(env, (*defined)->id);
}

// collectionDrop(name_size) → 1 when it was there
napi_value collection_drop(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  const Result<Bytes> name = read_name(call, 0);
  if (!name) return fail(call, name.error());
  const Result<bool> dropped = room_of(call).collections.drop(*call.handle().reader, *name);
  if (!dropped) return fail(call, dropped.error());
  call.environment().set64(Register64::kCommit, static_cast<double>(call.store().visible()));
  return make_int(env, *dropped ? 1 : 0);
}

Status build_slice(Store& store, uint32_t id, uint64_t& document_count, bool& is_done) {
  const Result<std::unique_ptr<Store::Reader>> reader = Store::Reader::take(store);
  if (!reader) return reader.error();
  collection::Collections collections(store);
  if (collection::Upkeep* const upkeep = collection::Upkeep::of(store)) {
    upkeep->builder().give_way(id);
  }
  const uint64_t deadline_ns = native_os().now_ns() + kBuildSliceNs;
  while (!is_done && native_os().now_ns() < deadline_ns) {
    const Result<collection::BuildReport> report = collections.build(**reader, id);
    if (!report) return report.error();
    document_count += report->document_count;
    is_done = report->is_done;
  }
  return Status::ok();
}

// collectionBuild(id) → promise of how many documents were met in a slice of building its indexes,
// below 0 when nothing is left to be built
napi_value collection_build(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  if (call.handle().closed) return fail(call, closed_error());
  struct Built {
    uint64_t document_count = 0;
    bool is_done = false;
  };
  const auto built = std::make_shared<Built>();
  Store* const store = &call.store();
  const uint32_t id = read_uint32(call, 0);
  return start_work(
      env, &call.handle(),
      [=] { return build_slice(*store, id, built->document_count, built->is_done); },
      [=](napi_env at) {
        return make_double(at, built->is_done ? -1 : static_cast<double>(built->document_count));
      });
}

// sequence(id) → the next number
napi_value collection_sequence(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  if (call.handle().closed) return fail(call, closed_error());
  const Result<uint64_t> number =
      room_of(call).collections.next_in_sequence(*call.handle().reader, read_uint32(call, 0));
  if (!number) return fail(call, number.error());
  return make_double(env, static_cast<double>(*number));
}

// ---- documents

uint32_t collection_of(const Call& call) {
  const uint8_t* const id = call.level().prefix + 1;
  return static_cast<uint32_t>(id[0]) << 24 | static_cast<uint32_t>(id[1]) << 16 |
         static_cast<uint32_t>(id[2]) << 8 | id[3];
}

Status read_document(const Call& call, KeyArgument& key, collection::DocumentWrite& write) {
  if (Status status = key.read(call, 0); !status) return status;
  ValueArgument value;
  if (!value.read(call, 1, 2)) return Status::invalid("value is no value");
  std::string& record = room_of(call).record;
  record.clear();
  append(record, Bytes(value.lead, value.lead_bytes));
  append(record, value.head);
  append(record, value.text);
  write.collection = collection_of(call);
  write.key = key.bytes().subspan(call.level().prefix_bytes);
  write.record = as_bytes(record);
  write.mode = static_cast<collection::WriteMode>(read_uint32(call, 3));
  if (write.mode > collection::WriteMode::kUpdate) return Status::invalid("put: no mode");
  const double since = read_double(call, 5);
  if (since >= 0) write.since = static_cast<uint64_t>(since);
  return Status::ok();
}

napi_value answer_commit(const Call& call, const Result<uint64_t>& commit, int32_t answer) {
  Environment& environment = call.environment();
  if (commit) {
    environment.set64(Register64::kCommit, static_cast<double>(*commit));
    return make_int(call.env, answer);
  }
  const Answer failed = environment.fail(commit.error());
  if (commit.code() == Code::kConflict) environment.conflict = room_of(call).collections.conflict();
  return make_answer(call.env, failed);
}

// documentPut(key, text, head_size, mode, as_of: 0 or a transaction's, since) → kOk, kFailed. With
// `since` at 0 or above, the document must not have been written after that commit.
napi_value document_put(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  ReadAs as;
  KeyArgument key;
  collection::DocumentWrite write;
  Status status = read_as(call, 4, as);
  if (status) status = read_document(call, key, write);
  if (!status) return fail(call, status);
  collection::Collections& collections = room_of(call).collections;
  Store::Reader& reader = *call.handle().reader;
  if (as.transaction == nullptr) {
    return answer_commit(call, collections.commit_put(reader, write), 0);
  }
  status = collections.put(reader, *as.transaction, write);
  return status ? make_answer(env, Answer::kOk) : fail(call, status);
}

// documentDelete(key, as_of) → 1 when it was there
napi_value document_delete(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  ReadAs as;
  KeyArgument key;
  Status status = read_as(call, 1, as);
  if (status) status = key.read(call, 0);
  if (!status) return fail(call, status);
  collection::Collections& collections = room_of(call).collections;
  Store::Reader& reader = *call.handle().reader;
  const Bytes own = key.bytes().subspan(call.level().prefix_bytes);
  if (as.transaction == nullptr) {
    bool was_there = false;
    const Result<uint64_t> commit =
        collections.commit_remove(reader, collection_of(call), own, was_there);
    return answer_commit(call, commit, was_there ? 1 : 0);
  }
  const Result<bool> removed =
      collections.remove(reader, *as.transaction, collection_of(call), own);
  return removed ? make_int(env, *removed ? 1 : 0) : fail(call, removed.error());
}

// documentsBehind(as_of: a transaction's, count_max) → text of the next documents that are to be
// written anew, in this transaction; kMore is 1 while there are others behind them
napi_value documents_behind(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  ReadAs as;
  if (Status status = read_as(call, 0, as); !status) return fail(call, status);
  if (as.transaction == nullptr) return fail(call, Status::invalid("rewriting: no transaction"));
  Environment& environment = call.environment();
  const uint32_t count_max = std::max(1u, read_uint32(call, 1));
  EntryBatch batch(environment, count_max);
  const Store::View view(*call.handle().reader, as.commit, as.time_ms);
  auto last = EntryBatch::Added::kYes;
  const auto report =
      room_of(call).collections.rewrite(*call.handle().reader, *as.transaction, collection_of(call),
                                        count_max, [&](const Edit& edit) {
                                          last = batch.add_value(edit, view);
                                          return last == EntryBatch::Added::kYes;
                                        });
  if (!report) return fail(call, report.error());
  if (batch.count() == 0 && last == EntryBatch::Added::kFailed) return fail(call, batch.status());
  if (batch.count() == 0 && last == EntryBatch::Added::kFull) {
    environment.set32(Register32::kNeededBytes, batch.needed_bytes());
    return make_answer(env, Answer::kGrow);
  }
  return batch.finish(env, !report->is_done);
}

// documentRefusal() → what refused the last write: [index, its fields, path, rule]
napi_value document_refusal(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  const collection::Refusal none;
  const bool is_closed = call.handle().closed;
  const collection::Refusal& refusal = is_closed ? none : room_of(call).collections.refusal();
  napi_value list = nullptr;
  napi_create_array_with_length(env, 4, &list);
  uint32_t at = 0;
  for (const std::string* text : {&refusal.index, &refusal.fields, &refusal.path, &refusal.rule}) {
    napi_set_element(env, list, at++, make_text(env, *text));
  }
  return list;
}

}  // namespace

CollectionRoom& room_of(const Call& call) {
  Handle& handle = call.handle();
  if (!handle.collections) handle.collections = std::make_shared<CollectionRoom>(call.store());
  return *handle.collections;
}

const std::vector<Method>& catalog_methods() {
  static const std::vector<Method>* const all = new std::vector<Method>{
      {"collectionId", collection_id},         {"collectionDefinition", collection_definition},
      {"collectionDefine", collection_define}, {"collectionDrop", collection_drop},
      {"collectionBuild", collection_build},   {"collectionSequence", collection_sequence},
  };
  return *all;
}

const std::vector<Method>& collection_methods() {
  static const std::vector<Method>* const all = new std::vector<Method>{
      {"documentPut", document_put},
      {"documentDelete", document_delete},
      {"documentsBehind", documents_behind},
      {"documentRefusal", document_refusal},
  };
  return *all;
}

}  // namespace varve

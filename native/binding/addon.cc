// binding/addon.cc — the module: attach a scratch, open stores, make keyspaces. All state is per
// environment.
//
//   attach(arrayBuffer)             the scratch from now on
//   attachSlab(arrayBuffer)         the slab from now on
//   open(options, onProgress)       → promise of a store's functions
//   openSync(options, onProgress)   → a store's functions, or an Answer
//   lastError()                     → of the last call that answered kFailed or kConflict: [code,
//                                     message, reason of a conflict, the stored key it is about]
#include <node_api.h>

#include "binding/arguments.h"
#include "binding/bit_string.h"
#include "binding/bitmap.h"
#include "binding/care.h"
#include "binding/collection.h"
#include "binding/geo.h"
#include "binding/kv.h"
#include "binding/repair.h"
#include "binding/text.h"
#include "binding/transaction.h"
#include "binding/varint.h"
#include "layer/catalog/expiry.h"
#include "layer/collection/collection.h"

namespace varve {

Handle::Handle(Environment& owner) : environment(owner) {}

Handle::~Handle() { end(); }

void Handle::end() {
  if (!closed && hold.held()) {
    if (cold) cold->end();
    end_cursors(*this);
    end_queries(*this);
    transactions.clear();
    for (const auto& slot : feeds) {
      if (slot) end_feed(*slot);
    }
    hold.store().unlisten(listener);
    reader.reset();
  }
  closed = true;
  if (progress != nullptr) napi_release_threadsafe_function(progress, napi_tsfn_abort);
  progress = nullptr;
}

namespace {

void delete_environment(napi_env, void* data, void*) { delete static_cast<Environment*>(data); }

// The environment goes: its stores are closed, which also hands to the system what is in the log's
// buffer. Handles stay until the last finalizer has run.
void tear_down(void* data) {
  for (const auto& handle : static_cast<Environment*>(data)->handles) {
    handle->end();
    const Status status = handle->hold.release();
    (void)status;  // Nobody is left to tell.
  }
}

// The environment ends the function before the handle at teardown: nobody may call it from then on.
void progress_ended(napi_env, void* data, void*) {
  Handle* const handle = static_cast<Handle*>(data);
  if (handle->progress == nullptr) return;
  if (handle->hold.held() && !handle->closed) handle->hold.store().unlisten(handle->listener);
  handle->progress = nullptr;
}

void call_progress(napi_env env, napi_value callback, void*, void* data) {
  Handle* const handle = static_cast<Handle*>(data);
  handle->progress_pending.store(false);
  if (env == nullptr || handle->closed) return;
  napi_value receiver = nullptr;
  napi_get_undefined(env, &receiver);
  napi_call_function(env, receiver, callback, 0, nullptr, nullptr);
}

std::string option_text(napi_env env, napi_value options, const char* name) {
  napi_value value = nullptr;
  napi_get_named_property(env, options, name, &value);
  return read_utf8(env, value);
}

double option_number(napi_env env, napi_value options, const char* name) {
  napi_value value = nullptr;
  napi_get_named_property(env, options, name, &value);
  double number = 0;
  napi_get_value_double(env, value, &number);
  return number;
}

// Words were checked and turned into numbers by lib/options.ts.
StoreOptions read_options(napi_env env, napi_value from) {
  StoreOptions options;
  options.directory = option_text(env, from, "directory");
  options.holder = option_text(env, from, "holder");
  options.engine = static_cast<EngineKind>(option_number(env, from, "engine"));
  options.log = option_number(env, from, "log") != 0;
  options.create = static_cast<Create>(option_number(env, from, "create"));
  options.compaction = static_cast<CompactionStyle>(option_number(env, from, "compaction"));
  options.read_only = option_number(env, from, "readOnly") != 0;
  options.serve_damaged = option_number(env, from, "serveDamaged") != 0;
  options.compressed_levels = static_cast<uint32_t>(option_number(env, from, "compressedLevels"));
  options.memory_bytes = static_cast<uint64_t>(option_number(env, from, "memory"));
  options.thread_count = static_cast<uint32_t>(option_number(env, from, "threads"));
  options.block_bytes = static_cast<uint32_t>(option_number(env, from, "blockBytes"));
  options.page_bytes = static_cast<uint32_t>(option_number(env, from, "pageBytes"));
  options.eviction = static_cast<Eviction>(option_number(env, from, "eviction"));
  options.page_writes = static_cast<PageWrites>(option_number(env, from, "pageWrites"));
  options.large_value_bytes = static_cast<uint64_t>(option_number(env, from, "largeValueBytes"));
  options.feed.bytes = static_cast<uint64_t>(option_number(env, from, "feedBytes"));
  options.feed.age_ms = static_cast<uint64_t>(option_number(env, from, "feedAgeMs"));
  const double keep = option_number(env, from, "historyKeep");
  if (keep >= 0) {
    options.history = HistoryPolicy{
        static_cast<Keep>(keep), static_cast<uint64_t>(option_number(env, from, "historyAmount"))};
  }
  return options;
}

void bind_methods(napi_env env, napi_value object, const std::vector<Method>& methods,
                  void* bound) {
  for (const Method& method : methods) {
    napi_value function = nullptr;
    napi_create_function(env, method.name, NAPI_AUTO_LENGTH, method.function, bound, &function);
    napi_set_named_property(env, object, method.name, function);
  }
}

napi_value make_level(napi_env env, Handle& handle, Bytes prefix);

// Documents of a collection: layer/KEYSPACE.md.
constexpr uint8_t kCollectionByte = 0x14;
constexpr size_t kCollectionPrefixBytes = 5;

// level(size) → the functions of the keyspace whose prefix lies in the key area
napi_value open_level(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  const size_t size = read_uint32(call, 0);
  if (size == 0 || size > sizeof Level::prefix) {
    return make_answer(env, call.environment().fail(Status::invalid("level: no prefix")));
  }
  return make_level(env, call.handle(), Bytes(call.environment().scratch + kKeyAt, size));
}

napi_value make_level(napi_env env, Handle& handle, Bytes prefix) {
  handle.levels.push_back(std::make_unique<Level>(Level{handle, {}, prefix.size()}));
  Level* const level = handle.levels.back().get();
  std::memcpy(level->prefix, prefix.data(), prefix.size());
  napi_value object = nullptr;
  napi_create_object(env, &object);
  bind_methods(env, object, kv_methods(), level);
  bind_methods(env, object, cold_methods(), level);
  bind_methods(env, object, version_methods(), level);
  bind_methods(env, object, feed_methods(), level);
  bind_methods(env, object, range_methods(), level);
  bind_methods(env, object, transaction_level_methods(), level);
  if (prefix[0] == kCollectionByte && prefix.size() == kCollectionPrefixBytes) {
    bind_methods(env, object, collection_methods(), level);
    bind_methods(env, object, query_methods(), level);
  }
  return object;
}

void add_number(napi_env env, napi_value object, const char* name, double number) {
  napi_value value = nullptr;
  napi_create_double(env, number, &value);
  napi_set_named_property(env, object, name, value);
}

// The functions of a store: care, and level() for its keyspaces.
napi_value make_store(napi_env env, Handle& handle) {
  Store& store = handle.hold.store();
  handle.cold = std::make_shared<ColdGets>(store);
  store.start_sweeper([&store] { return sweep(store); });
  handle.single = std::make_unique<Batch>(store.hash_seed(), store.commit_bytes_max());
  handle.batch = std::make_unique<Batch>(store.hash_seed(), store.commit_bytes_max());
  Handle* const raw = &handle;
  handle.listener = store.listen([raw] {
    if (raw->progress_pending.exchange(true)) return;
    napi_call_threadsafe_function(raw->progress, raw, napi_tsfn_nonblocking);
  });
  handle.levels.push_back(std::make_unique<Level>(Level{handle, {}, 0}));
  napi_value object = nullptr;
  napi_create_object(env, &object);
  bind_methods(env, object, care_methods(), handle.levels.back().get());
  bind_methods(env, object, past_methods(), handle.levels.back().get());
  bind_methods(env, object, transaction_methods(), handle.levels.back().get());
  bind_methods(env, object, catalog_methods(), handle.levels.back().get());
  bind_methods(env, object, {{"level", open_level}}, handle.levels.back().get());
  const RecoveryReport& recovery = store.recovery();
  add_number(env, object, "created", recovery.created ? 1 : 0);
  add_number(env, object, "clean", recovery.clean ? 1 : 0);
  add_number(env, object, "replayedCommits", static_cast<double>(recovery.replayed_commits));
  add_number(env, object, "cutRecords", static_cast<double>(recovery.cut_records));
  add_number(env, object, "lastCommit", static_cast<double>(recovery.last_commit));
  napi_set_named_property(env, object, "lost", make_text(env, json_of(recovery.lost)));
  return object;
}

Handle& new_handle(napi_env env, Environment& environment, napi_value on_progress) {
  environment.handles.push_back(std::make_unique<Handle>(environment));
  Handle& handle = *environment.handles.back();
  napi_create_threadsafe_function(env, on_progress, nullptr, make_text(env, "varve"), 0, 1, &handle,
                                  progress_ended, nullptr, call_progress, &handle.progress);
  napi_unref_threadsafe_function(env, handle.progress);
  return handle;
}

// The hold is let go, and with it maybe the store, when no more can read it.
Status take_store(Handle& handle, StoreHold hold) {
  Result<std::unique_ptr<Store::Reader>> reader = Store::Reader::take(hold.store());
  if (!reader) return reader.error();
  handle.reader = std::move(*reader);
  handle.hold = std::move(hold);
  collection::Upkeep::go_on(handle.hold.store(), *handle.reader);
  return Status::ok();
}

napi_value open_store(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  size_t count = 2;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  Environment& environment = environment_of(env);
  Handle* const handle = &new_handle(env, environment, arguments[1]);
  const StoreOptions options = read_options(env, arguments[0]);
  const auto run = [handle, options] {
    Result<StoreHold> hold = hold_store(native_os(), options);
    if (!hold) return hold.error();  // The handle stays closed, without a store.
    return take_store(*handle, std::move(*hold));
  };
  return start_work(env, nullptr, run, [handle](napi_env at) { return make_store(at, *handle); });
}

napi_value open_store_sync(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  size_t count = 2;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  Environment& environment = environment_of(env);
  Handle& handle = new_handle(env, environment, arguments[1]);
  Result<StoreHold> hold = hold_store(native_os(), read_options(env, arguments[0]));
  if (!hold) {
    handle.end();
    return make_answer(env, environment.fail(hold.error()));
  }
  if (Status status = take_store(handle, std::move(*hold)); !status) {
    handle.end();
    return make_answer(env, environment.fail(status));
  }
  return make_store(env, handle);
}

void hold_instead(napi_env env, napi_value value, napi_ref& reference) {
  if (reference != nullptr) napi_delete_reference(env, reference);
  napi_create_reference(env, value, 1, &reference);
}

napi_value attach(napi_env env, napi_callback_info info) {
  napi_value argument = nullptr;
  size_t count = 1;
  napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr);
  Environment& environment = environment_of(env);
  void* data = nullptr;
  size_t size = 0;
  if (napi_get_arraybuffer_info(env, argument, &data, &size) != napi_ok ||
      size < kDataAt + kDataBytesMin) {
    return make_int(env, -1);
  }
  hold_instead(env, argument, environment.scratch_reference);
  environment.scratch = static_cast<uint8_t*>(data);
  environment.scratch_bytes = size;
  return make_int(env, 0);
}

napi_value attach_slab(napi_env env, napi_callback_info info) {
  napi_value argument = nullptr;
  size_t count = 1;
  napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr);
  Environment& environment = environment_of(env);
  bool is_buffer = false;
  napi_is_arraybuffer(env, argument, &is_buffer);
  if (!is_buffer) return make_int(env, -1);
  hold_instead(env, argument, environment.slab_reference);
  environment.slab_used = 0;
  return make_int(env, 0);
}

napi_value last_error(napi_env env, napi_callback_info) {
  const Environment& environment = environment_of(env);
  napi_value pair = nullptr;
  napi_create_array_with_length(env, 4, &pair);
  napi_set_element(env, pair, 0, make_int(env, static_cast<int32_t>(environment.error_code)));
  napi_set_element(env, pair, 1, make_text(env, environment.error_message));
  const Conflict& conflict = environment.conflict;
  napi_set_element(env, pair, 2, make_int(env, static_cast<int32_t>(conflict.reason)));
  napi_value key = nullptr;
  napi_create_buffer_copy(env, conflict.key.size(), conflict.key.data(), nullptr, &key);
  napi_set_element(env, pair, 3, key);
  return pair;
}

}  // namespace

Environment& environment_of(napi_env env) {
  void* data = nullptr;
  napi_get_instance_data(env, &data);
  return *static_cast<Environment*>(data);
}

}  // namespace varve

NAPI_MODULE_INIT() {
  using namespace varve;
  auto* const environment = new Environment;
  napi_set_instance_data(env, environment, delete_environment, nullptr);
  napi_add_env_cleanup_hook(env, tear_down, environment);
  bind_methods(env, exports,
               {{"attach", attach},
                {"attachSlab", attach_slab},
                {"open", open_store},
                {"openSync", open_store_sync},
                {"lastError", last_error}},
               nullptr);
  bind_methods(env, exports, repair_methods(), nullptr);
  bind_methods(env, exports, bit_string_methods(), nullptr);
  bind_methods(env, exports, varint_methods(), nullptr);
  environment->bitmaps = make_bitmap_room(*environment);
  bind_methods(env, exports, bitmap_methods(), environment->bitmaps.get());
  bind_methods(env, exports, geo_methods(), nullptr);
  bind_methods(env, exports, text_methods(), nullptr);
  return exports;
}

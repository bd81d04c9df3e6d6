// binding/care.cc — durability, held commits, and the slow calls (flush, compact, close, verify),
// which run on a thread of Node's pool and answer by a promise.
#include "binding/care.h"

#include <algorithm>
#include <functional>

#include "binding/kv.h"
#include "binding/repair.h"
#include "layer/catalog/catalog.h"
#include "layer/collection/collection.h"

namespace varve {
namespace {

constexpr uint64_t kConvertWaitNs = 50'000'000;  // For progress to be told of.
constexpr size_t kSnapshotsTold = 100;  // Of all that are held the oldest.

Durability durability_of(uint32_t word) {
  return word == 0 ? Durability::kMemory : word == 1 ? Durability::kOs : Durability::kDisk;
}

void leave_progress(const Call& call) {
  const Store& store = call.store();
  Environment& environment = call.environment();
  environment.set64(Register64::kWritten, static_cast<double>(store.through(Durability::kOs)));
  environment.set64(Register64::kDurable, static_cast<double>(store.through(Durability::kDisk)));
  environment.set32(Register32::kCrowding, static_cast<uint32_t>(store.crowding()));
}

// request(durability, maySyncHere) → 1 when everything committed is there and there is room for
// more, which progress does not tell then, 0 when it will tell; registers of progress()
napi_value care_request(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  if (call.handle().closed) return make_int(env, 1);
  const Durability durability = durability_of(read_uint32(call, 0));
  std::optional<uint64_t> listener;
  if (read_uint32(call, 1) != 0) listener = call.handle().listener;
  const bool there = call.store().request(durability, listener);
  const bool has_room = call.store().crowding() == Crowding::kNone;
  leave_progress(call);
  return make_int(env, there && has_room ? 1 : 0);
}

// progress() → 1 when all is well, kFailed when the log failed; registers kWritten, kDurable
// and kCrowding
napi_value care_progress(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  if (call.handle().closed) return make_int(env, 1);
  leave_progress(call);
  const Status status = call.store().error();
  if (!status) return make_answer(env, call.environment().fail(status));
  return make_int(env, 1);
}

// stall(number) → 0 when the last stall is that one, else one more than its reason; registers
// kHeldMs, kLongestMs and kWaitCount, and the number of the stall in kCommit
napi_value care_stall(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  if (call.handle().closed) return make_int(env, 0);
  const Stall stall = call.store().last_stall();
  if (static_cast<double>(stall.number) == read_double(call, 0)) return make_int(env, 0);
  constexpr double kNsOfMs = 1e6;
  Environment& environment = call.environment();
  environment.set64(Register64::kCommit, static_cast<double>(stall.number));
  environment.set64(Register64::kHeldMs, static_cast<double>(stall.held_ns) / kNsOfMs);
  environment.set64(Register64::kLongestMs, static_cast<double>(stall.longest_ns) / kNsOfMs);
  environment.set64(Register64::kWaitCount, static_cast<double>(stall.wait_count));
  return make_int(env, 1 + static_cast<int32_t>(stall.reason));
}

// trouble(number) → 1 when none came after that one, else the failure that it is, with its number
// in kCommit
napi_value care_trouble(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  if (call.handle().closed) return make_int(env, 1);
  const uint64_t last = static_cast<uint64_t>(read_double(call, 0));
  const std::optional<Trouble> trouble = call.store().trouble_after(last);
  if (!trouble) return make_int(env, 1);
  Environment& environment = call.environment();
  environment.set64(Register64::kCommit, static_cast<double>(trouble->number));
  return make_answer(env, environment.fail({trouble->code, trouble->message}));
}

napi_value care_wait_for(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  if (call.handle().closed) return make_answer(env, Answer::kOk);
  const Status status = call.store().wait_for(durability_of(read_uint32(call, 0)));
  return make_answer(env, status ? Answer::kOk : call.environment().fail(status));
}

// keepAlive(1 | 0): while writes wait for durability, the process must not end.
napi_value care_keep_alive(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Handle& handle = call.handle();
  if (handle.progress != nullptr) {
    if (read_uint32(call, 0) != 0)
      napi_ref_threadsafe_function(env, handle.progress);
    else
      napi_unref_threadsafe_function(env, handle.progress);
  }
  return make_answer(env, Answer::kOk);
}

napi_value care_visible(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  napi_value made = nullptr;
  napi_create_double(env, call.handle().closed ? 0 : static_cast<double>(call.store().visible()),
                     &made);
  return made;
}

// sublevelId(size) → the id of the path in the key area; 0 when there is none, and none can be made
napi_value care_sublevel_id(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Environment& environment = call.environment();
  if (call.handle().closed) {
    return make_answer(env, environment.fail({Code::kClosed, "the store is closed"}));
  }
  const size_t size = read_uint32(call, 0);
  if (size > kDataAt - kKeyAt)
    return make_answer(env, environment.fail(Status::invalid("sublevel: name")));
  const Bytes path(environment.scratch + kKeyAt, size);
  const Result<uint32_t> id = sublevel_id(call.store(), *call.handle().reader, path);
  if (!id) return make_answer(env, environment.fail(id.error()));
  return make_int(env, static_cast<int32_t>(*id));
}

void add_field(std::string& json, const char* name, uint64_t value) {
  if (json.size() > 1 && json.back() != '{') json += ',';
  json += '"' + std::string(name) + "\":" + std::to_string(value);
}

void add_mix(std::string& json, const MixStats& mix) {
  add_field(json, "gets", mix.get_count);
  add_field(json, "scans", mix.scan_count);
  add_field(json, "commits", mix.commit_count);
  add_field(json, "edits", mix.edit_count);
  add_field(json, "editBytes", mix.edit_bytes);
  add_field(json, "samples", mix.sample_count);
  add_field(json, "distinctSamples", mix.distinct_count);
}

// As options name it.
std::string word_of(EngineKind kind) {
  const std::string quoted = name_of(kind);
  return quoted.substr(1, quoted.size() - 2);
}

std::string building_of(Store& store) {
  collection::Upkeep* const upkeep = collection::Upkeep::of(store);
  if (upkeep == nullptr) return "[]";
  std::string json = "[";
  for (const collection::Building& one : upkeep->builder().all()) {
    json += json.size() > 1 ? ",{" : "{";
    json += "\"collection\":";
    json += json_of(one.name);
    if (!one.index.empty()) json.append(",\"index\":").append(json_of(one.index));
    add_field(json, "documents", one.document_count);
    if (!one.failure.empty()) json.append(",\"error\":").append(json_of(one.failure));
    json += '}';
  }
  return json + ']';
}

napi_value care_stats(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  if (call.handle().closed) {
    return make_answer(env, call.environment().fail({Code::kClosed, "the store is closed"}));
  }
  const StoreStats stats = call.store().stats();
  std::string json = "{";
  add_field(json, "commit", stats.visible);
  add_field(json, "written", stats.written);
  add_field(json, "durable", stats.durable);
  add_field(json, "horizon", stats.horizon);
  add_field(json, "memoryBytes", stats.memory_bytes);
  add_field(json, "memtableBytes", stats.memtable_bytes);
  add_field(json, "cacheBytes", stats.cache_bytes);
  add_field(json, "cacheLoadCount", stats.cache_load_count);
  add_field(json, "cacheEvictionCount", stats.cache_eviction_count);
  add_field(json, "sealedCount", stats.sealed_count);
  add_field(json, "feedBytes", stats.feed_bytes);
  add_field(json, "snapshotCount", stats.held.size());
  add_field(json, "flushCount", stats.flush_count);
  add_field(json, "stallCount", stats.stall_count);
  add_field(json, "stallNs", stats.stall_ns);
  add_field(json, "stallNsMax", stats.stall_ns_max);
  json += ",\"fullDisk\":{";
  add_field(json, "flush", stats.full_flush_count);
  add_field(json, "maintenance", stats.full_maintenance_count);
  json += "},\"mix\":{";
  add_mix(json, stats.mix);
  json += "},\"transactions\":{";
  add_field(json, "openCount", stats.recent.open_count);
  add_field(json, "recentBytes", stats.recent.size_bytes);
  add_field(json, "droppedCount", stats.recent.dropped_count);
  add_field(json, "lockCount", stats.locks.lock_count);
  add_field(json, "waitingCount", stats.locks.waiting_count);
  add_field(json, "deadlockCount", stats.locks.deadlock_count);
  add_field(json, "preparedCount", stats.prepared_count);
  add_field(json, "preparedBytes", stats.prepared_bytes);
  json += "},\"snapshots\":[";
  for (size_t i = 0; i < std::min(stats.held.size(), kSnapshotsTold); ++i) {
    const HeldCommit& held = stats.held[i];
    json += i == 0 ? "{" : ",{";
    add_field(json, "commit", held.commit);
    add_field(json, "holders", held.holder_count);
    add_field(json, "ageMs", held.age_ns / 1'000'000);
    add_field(json, "commitsBehind", stats.visible - held.commit);
    json += '}';
  }
  json += "],\"log\":{";
  add_field(json, "writtenBytes", stats.log.written_bytes);
  add_field(json, "syncCount", stats.log.sync_count);
  add_field(json, "segmentCount", stats.log.segment_count);
  add_field(json, "diskBytes", stats.log.disk_bytes);
  json += "},\"values\":{";
  add_field(json, "files", stats.engine.value_file_count);
  add_field(json, "bytes", stats.engine.value_bytes);
  add_field(json, "dead", stats.engine.value_dead_bytes);
  json += "},\"engine\":{\"name\":\"" + word_of(stats.engine_kind) + '"';
  add_field(json, "diskBytes", stats.engine.disk_bytes);
  add_field(json, "historyBytes", stats.engine.history_bytes);
  add_field(json, "entryCount", stats.engine.entry_count);
  add_field(json, "debtBytes", stats.engine.debt_bytes);
  add_field(json, "absorbedBytes", stats.engine.absorbed_bytes);
  add_field(json, "writtenBytes", stats.engine.written_bytes);
  add_field(json, "readBytes", stats.engine.read_bytes);
  json += ",\"damaged\":" + json_of(stats.engine.damaged);
  for (const auto& [name, value] : stats.engine.detail) add_field(json, name.c_str(), value);
  json += "},\"building\":" + building_of(call.store()) + '}';
  return make_text(env, json);
}

// ---- slow calls

napi_value slow_flush(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Store* const store = &call.store();
  return start_work(env, &call.handle(), [store] { return store->flush(); });
}

napi_value slow_sync(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Store* const store = &call.store();
  return start_work(env, &call.handle(), [store] { return store->wait_for(Durability::kDisk); });
}

napi_value slow_compact(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Store* const store = &call.store();
  return start_work(env, &call.handle(), [store] { return store->compact(); });
}

// convertBegin(engine) → the number of the conversion, 0 when the store has that engine
napi_value convert_begin(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  if (call.handle().closed) {
    return make_answer(env, call.environment().fail({Code::kClosed, "the store is closed"}));
  }
  const Result<uint64_t> number =
      call.store().begin_conversion(static_cast<EngineKind>(read_uint32(call, 0)));
  if (!number) return make_answer(env, call.environment().fail(number.error()));
  return make_int(env, static_cast<int32_t>(*number));
}

// convertState(number) → what is known of it, as JSON: its phase, and how far it is; 0 for none
napi_value convert_state(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  if (call.handle().closed) return make_int(env, 0);
  const ConversionState state =
      call.store().conversion(static_cast<uint64_t>(read_double(call, 0)));
  if (state.number == 0) return make_int(env, 0);
  constexpr double kMillion = 1e6;
  std::string json = "{";
  add_field(json, "phase", static_cast<uint64_t>(state.phase));
  add_field(json, "copiedBytes", state.copied_bytes);
  add_field(json, "copiedEdits", state.copied_edits);
  add_field(json, "rounds", state.round_count);
  add_field(json, "millionths", static_cast<uint64_t>(state.copied_share * kMillion));
  return make_text(env, json + '}');
}

// convertFailure(number) → kFailed, with why it failed as the error; kOk when it did not
napi_value convert_failure(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  if (call.handle().closed) {
    return make_answer(env, call.environment().fail({Code::kClosed, "the store is closed"}));
  }
  const ConversionState state =
      call.store().conversion(static_cast<uint64_t>(read_double(call, 0)));
  if (state.code == Code::kOk) return make_answer(env, Answer::kOk);
  return make_answer(env, call.environment().fail({state.code, state.message}));
}

napi_value convert_abort(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  if (call.handle().closed) return make_answer(env, Answer::kOk);
  call.store().abort_conversion(static_cast<uint64_t>(read_double(call, 0)));
  return make_answer(env, Answer::kOk);
}

// convertWait(number): until that one is over, or a while.
napi_value slow_convert_wait(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Store* const store = &call.store();
  const uint64_t number = static_cast<uint64_t>(read_double(call, 0));
  return start_work(env, &call.handle(), [store, number] {
    store->await_conversion(number, kConvertWaitNs);
    return Status::ok();
  });
}

napi_value slow_close(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Handle& handle = call.handle();
  handle.end();
  auto hold = std::make_shared<StoreHold>(std::move(handle.hold));
  return start_work(env, nullptr, [hold] { return hold->release(); });
}

napi_value close_sync(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Handle& handle = call.handle();
  handle.end();
  const Status status = handle.hold.release();
  return make_answer(env, status ? Answer::kOk : handle.environment.fail(status));
}

napi_value flush_sync(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  if (call.handle().closed) {
    return make_answer(env, call.environment().fail({Code::kClosed, "the store is closed"}));
  }
  const Status status = call.store().flush();
  return make_answer(env, status ? Answer::kOk : call.environment().fail(status));
}

}  // namespace

const std::vector<Method>& care_methods() {
  static const std::vector<Method>* const all = new std::vector<Method>{
      {"request", care_request},       {"progress", care_progress},
      {"stall", care_stall},           {"trouble", care_trouble},
      {"waitFor", care_wait_for},      {"keepAlive", care_keep_alive},
      {"visible", care_visible},       {"stats", care_stats},
      {"flush", slow_flush},           {"sync", slow_sync},
      {"compact", slow_compact},       {"convertBegin", convert_begin},
      {"convertState", convert_state}, {"convertFailure", convert_failure},
      {"convertAbort", convert_abort}, {"convertWait", slow_convert_wait},
      {"close", slow_close},           {"closeSync", close_sync},
      {"flushSync", flush_sync},       {"sublevelId", care_sublevel_id},
  };
  return *all;
}

}  // namespace varve

// binding/past.cc — views of the past: commits that are held, and the versions of a key.
#include <algorithm>

#include "binding/kv.h"

namespace varve {
namespace {

Status closed_error() { return {Code::kClosed, "the store is closed"}; }

napi_value held(const Call& call, uint64_t commit, uint64_t time_ms) {
  call.environment().set64(Register64::kCommit, static_cast<double>(commit));
  call.environment().set64(Register64::kTime, static_cast<double>(time_ms));
  return make_answer(call.env, Answer::kOk);
}

napi_value hold_at(const Call& call, uint64_t commit) {
  Environment& environment = call.environment();
  if (Status status = call.store().hold(commit); !status) {
    return make_answer(call.env, environment.fail(status));
  }
  const Result<uint64_t> time_ms = call.store().time_of(commit);
  if (time_ms) return held(call, commit, *time_ms);
  call.store().release(commit);
  return make_answer(call.env, environment.fail(time_ms.error()));
}

// hold() → kOk: the newest commit is in kCommit, and now in kTime
napi_value past_hold(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  if (call.handle().closed) return make_answer(env, call.environment().fail(closed_error()));
  const uint64_t commit = call.store().hold();
  return held(call, commit, call.store().now_ms());
}

// now() → kOk: now is in kTime
napi_value past_now(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  if (call.handle().closed) return make_answer(env, call.environment().fail(closed_error()));
  return held(call, call.store().visible(), call.store().now_ms());
}

// holdAt(commit) → kOk: the commit is in kCommit, and its time in kTime; or kFailed
napi_value past_hold_at(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  if (call.handle().closed) return make_answer(env, call.environment().fail(closed_error()));
  return hold_at(call, static_cast<uint64_t>(read_double(call, 0)));
}

// holdAtTime(milliseconds) → as holdAt()
napi_value past_hold_at_time(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  if (call.handle().closed) return make_answer(env, call.environment().fail(closed_error()));
  const auto time_ms = static_cast<uint64_t>(std::max(0.0, read_double(call, 0)));
  const Result<uint64_t> commit = call.store().commit_at(time_ms);
  if (!commit) return make_answer(env, call.environment().fail(commit.error()));
  return hold_at(call, *commit);
}

// horizon() → the oldest commit that everybody can read
napi_value past_horizon(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  napi_value made = nullptr;
  napi_create_double(env, call.handle().closed ? 0 : static_cast<double>(call.store().horizon()),
                     &made);
  return made;
}

// release(commit) → kOk
napi_value past_release(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  if (!call.handle().closed) call.store().release(static_cast<uint64_t>(read_double(call, 0)));
  return make_answer(env, Answer::kOk);
}

// version(key, below) → as get(); kCommit and kTime tell of it. kAbsent: it is a deletion, or there
// is none, and kCommit is 0.
napi_value past_version(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Handle& handle = call.handle();
  Environment& environment = handle.environment;
  if (handle.closed) return make_answer(env, environment.fail(closed_error()));
  KeyArgument key;
  if (Status status = key.read(call, 0); !status) {
    return make_answer(env, environment.fail(status));
  }
  const auto below = static_cast<uint64_t>(read_double(call, 1));
  const Store::View view(*handle.reader);
  Lookup found;
  if (Status status = view.version_below(key.bytes(), below, found); !status) {
    return make_answer(env, environment.fail(status));
  }
  held(call, found.edit.commit, 0);
  if (found.found == Found::kAbsent) return make_answer(env, Answer::kAbsent);
  const Result<uint64_t> time_ms = call.store().time_of(found.edit.commit);
  if (!time_ms) return make_answer(env, environment.fail(time_ms.error()));
  held(call, found.edit.commit, *time_ms);
  environment.set64(Register64::kExpires, static_cast<double>(found.edit.expires_ms));
  if (found.found != Found::kPut) return make_answer(env, Answer::kAbsent);
  return hand_edit(call, view, found.edit);
}

}  // namespace

const std::vector<Method>& past_methods() {
  static const std::vector<Method>* const all = new std::vector<Method>{
      {"hold", past_hold},       {"holdAt", past_hold_at},  {"holdAtTime", past_hold_at_time},
      {"release", past_release}, {"horizon", past_horizon}, {"now", past_now},
  };
  return *all;
}

const std::vector<Method>& version_methods() {
  static const std::vector<Method>* const all = new std::vector<Method>{{"version", past_version}};
  return *all;
}

}  // namespace varve

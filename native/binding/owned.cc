#include "binding/owned.h"

#include <algorithm>

namespace varve {
namespace {

constexpr size_t kScopeThings = 1024;  // Handles that a scope holds at a time.

int64_t external_bytes(napi_env env) {
  int64_t bytes = 0;
  napi_adjust_external_memory(env, 0, &bytes);
  return bytes;
}

}  // namespace

napi_value OwnedThings::own(napi_env env, std::unique_ptr<Owned> thing) {
  look_if_due(env);
  Owned* const owned = thing.release();
  owned->all_ = shared_from_this();
  owned->place_ = things_.size();
  things_.push_back(owned);
  napi_value external = nullptr;
  napi_create_external(env, owned, nullptr, nullptr, &external);
  napi_add_finalizer(env, external, owned, finalise, nullptr, &owned->external_);
  return external;
}

void OwnedThings::finalise(napi_env env, void* data, void*) {
  const std::unique_ptr<Owned> thing(static_cast<Owned*>(data));
  OwnedThings& all = *thing->all_;
  end(env, *thing);
  napi_delete_reference(env, thing->external_);
  all.things_[thing->place_] = all.things_.back();
  all.things_[thing->place_]->place_ = thing->place_;
  all.things_.pop_back();
}

void OwnedThings::end(napi_env env, Owned& thing) {
  if (thing.is_gone_) return;
  thing.is_gone_ = true;
  thing.let_go(env);
}

void OwnedThings::look_if_due(napi_env env) {
  const int64_t bytes = external_bytes(env);
  bytes_at_look_ = std::min(bytes_at_look_, bytes);
  if (bytes - bytes_at_look_ < std::max(kLookBytes, bytes_at_look_ / kLookShare)) return;
  look(env);
  bytes_at_look_ = external_bytes(env);
}

void OwnedThings::look(napi_env env) {
  for (size_t begin = 0; begin < things_.size(); begin += kScopeThings) {
    napi_handle_scope scope = nullptr;
    napi_open_handle_scope(env, &scope);
    for (size_t i = begin; i < std::min(begin + kScopeThings, things_.size()); ++i) {
      napi_value external = nullptr;
      napi_get_reference_value(env, things_[i]->external_, &external);
      if (external == nullptr) end(env, *things_[i]);
    }
    napi_close_handle_scope(env, scope);
  }
}

}  // namespace varve

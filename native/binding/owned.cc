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
  thing->all_->end(env, *thing);
  napi_delete_reference(env, thing->external_);
}

void OwnedThings::end(napi_env env, Owned& thing) {
  if (thing.is_gone_) return;
  thing.is_gone_ = true;
  things_[thing.place_] = things_.back();
  things_[thing.place_]->place_ = thing.place_;
  things_.pop_back();
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
  for (size_t end_of_scope = things_.size(); end_of_scope > 0;) {
    const size_t begin = end_of_scope - std::min(end_of_scope, kScopeThings);
    napi_handle_scope scope = nullptr;
    napi_open_handle_scope(env, &scope);
    // Backwards: what takes the place of one that is gone was looked at.
    for (size_t i = end_of_scope; i-- > begin;) {
      napi_value external = nullptr;
      napi_get_reference_value(env, things_[i]->external_, &external);
      if (external == nullptr) end(env, *things_[i]);
    }
    napi_close_handle_scope(env, scope);
    end_of_scope = begin;
  }
}

}  // namespace varve

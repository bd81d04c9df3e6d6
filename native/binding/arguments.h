// binding/arguments.h — reading what JavaScript passed, and making what it gets back.
#pragma once

#include <node_api.h>

#include "binding/environment.h"
#include "pure/codec/varint.h"

namespace varve {

inline constexpr size_t kArgumentCountMax = 8;

struct Call {
  napi_env env;
  Level* level = nullptr;
  napi_value arguments[kArgumentCountMax];
  size_t count = kArgumentCountMax;

  Call(napi_env env, napi_callback_info info);
  Handle& handle() const { return level->handle; }
  Environment& environment() const { return level->handle.environment; }
  Store& store() const { return level->handle.hold.store(); }
};

// A stored key: a string is encoded here; any other key was encoded by JavaScript into the key
// area, and its length is the argument. Lives on the stack for keys of ordinary size.
class KeyArgument {
 public:
  // The level's prefix goes before it. Refuses what is neither a string nor a length in the key
  // area, and what is above the limit, before any room is made for it.
  Status read(const Call& call, size_t index);
  Bytes bytes() const { return bytes_; }

 private:
  Status read_text(const Call& call, size_t index);
  Status read_encoded(const Call& call, size_t index);

  Bytes bytes_;
  uint8_t small_[512];
  std::string large_;
};

// A value: text, bytes, or a head in the scratch area with or without text.
struct ValueArgument {
  uint8_t lead[1 + kVarint32BytesMax];  // The kind and, for split values, the size of the head.
  size_t lead_bytes = 0;
  Bytes head;
  Bytes text;  // Borrowed from the environment until the next value is read.
  bool read(const Call& call, size_t value_index, size_t head_index);
  size_t size() const { return lead_bytes + head.size() + text.size(); }
};

Status key_too_large();

uint32_t read_uint32(const Call& call, size_t index);
double read_double(const Call& call, size_t index);
bool read_bool(const Call& call, size_t index);
std::string read_utf8(napi_env env, napi_value value);

napi_value make_int(napi_env env, int32_t value);
napi_value make_size(napi_env env, size_t bytes);  // At most 4 GiB, as all that passes.
inline napi_value make_answer(napi_env env, Answer answer) {
  return make_int(env, static_cast<int32_t>(answer));
}
napi_value make_text(napi_env env, const std::string& utf8);

}  // namespace varve

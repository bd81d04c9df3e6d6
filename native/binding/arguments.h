// binding/arguments.h — reading what JavaScript passed, and making what it gets back.
#pragma once

#include <node_api.h>

#include <span>

#include "binding/environment.h"
#include "pure/codec/varint.h"

namespace varve {

inline constexpr size_t kArgumentCountMax = 8;

// One call from JavaScript. What stands behind level() is there for functions of a keyspace alone.
struct Call {
  napi_env env;
  void* bound = nullptr;  // What the function was bound to.
  napi_value arguments[kArgumentCountMax];
  size_t count = kArgumentCountMax;

  Call(napi_env env, napi_callback_info info);
  Level& level() const { return *static_cast<Level*>(bound); }
  Handle& handle() const { return level().handle; }
  Environment& environment() const { return level().handle.environment; }
  Store& store() const { return level().handle.hold.store(); }
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

// Tells the collector of bytes that it does not see; `accounted` is what it was told before.
void account(napi_env env, int64_t& accounted, int64_t bytes_now);

// A number as a value: its head lies in the scratch, its size is the argument.
class NumberArgument {
 public:
  Status read(const Call& call, size_t head_index);
  Bytes bytes() const { return as_bytes(bytes_); }

 private:
  std::string bytes_;
};

uint32_t read_uint32(const Call& call, size_t index);
double read_double(const Call& call, size_t index);
bool read_bool(const Call& call, size_t index);
std::string read_utf8(napi_env env, napi_value value);
// The same without a copy, borrowed from `room` until it is used again: mostly one step, for the
// length is not known before.
std::string_view read_utf8_in(napi_env env, napi_value value, std::string& room);

// The elements of a typed array, of the type that the facade has seen to.
template <class Element>
std::span<Element> elements_of(napi_env env, napi_value array) {
  void* data = nullptr;
  size_t count = 0;
  napi_get_typedarray_info(env, array, nullptr, &count, &data, nullptr, nullptr);
  return {static_cast<Element*>(data), count};
}
template <class Element>
std::span<Element> read_elements(const Call& call, size_t index) {
  return elements_of<Element>(call.env, call.arguments[index]);
}
napi_typedarray_type read_element_type(const Call& call, size_t index);

// What an External stands for.
template <class Thing>
Thing& read_external(const Call& call, size_t index) {
  void* data = nullptr;
  napi_get_value_external(call.env, call.arguments[index], &data);
  return static_cast<Thing&>(*static_cast<Owned*>(data));
}

napi_value make_int(napi_env env, int32_t value);
napi_value make_double(napi_env env, double value);
napi_value make_size(napi_env env, size_t bytes);  // At most 4 GiB, as all that passes.
inline napi_value make_answer(napi_env env, Answer answer) {
  return make_int(env, static_cast<int32_t>(answer));
}
// kFailed, and why is kept for lastError().
napi_value make_failure(napi_env env, const Status& status);
napi_value make_text(napi_env env, const std::string& utf8);

}  // namespace varve

#include "binding/arguments.h"

#include <cmath>

#include "pure/codec/key.h"

namespace varve {
namespace {

constexpr size_t kStackUnits = 256;

// True when every unit fits a byte; `to` then has them.
bool narrow(const char16_t* units, size_t count, uint8_t* to) {
  uint16_t all = 0;
  for (size_t i = 0; i < count; ++i) {
    all |= units[i];
    to[i] = static_cast<uint8_t>(units[i]);
  }
  return all < 256;
}

}  // namespace

Call::Call(napi_env env_in, napi_callback_info info) : env(env_in) {
  napi_get_cb_info(env, info, &count, arguments, nullptr, &bound);
}

Status key_too_large() {
  return {Code::kTooLarge, "key must encode to at most " + std::to_string(kKeyBytesMax) + " bytes"};
}

Status KeyArgument::read(const Call& call, size_t index) {
  char16_t units[kStackUnits];
  size_t length = 0;
  const Bytes prefix = call.level().bytes();
  const napi_status status =
      napi_get_value_string_utf16(call.env, call.arguments[index], units, kStackUnits, &length);
  if (status != napi_ok) return read_encoded(call, index);
  // A unit takes at most three bytes, and the tag one.
  static_assert(sizeof(small_) >= 8 + 1 && kStackUnits * 2 <= sizeof(small_));
  if (length >= kStackUnits - 1 || length * 3 + 1 + prefix.size() > sizeof small_) {
    return read_text(call, index);
  }
  std::memcpy(small_, prefix.data(), prefix.size());
  const size_t size = encode_text_key(units, length, small_ + prefix.size());
  bytes_ = Bytes(small_, prefix.size() + size);
  return Status::ok();
}

Status KeyArgument::read_encoded(const Call& call, size_t index) {
  uint32_t size = 0;
  const napi_status status = napi_get_value_uint32(call.env, call.arguments[index], &size);
  if (status != napi_ok || size == 0) return Status::invalid("key is no key");
  if (size > kKeyBytesMax) return key_too_large();
  const Bytes prefix = call.level().bytes();
  const Bytes encoded(call.environment().scratch + kKeyAt, size);
  uint8_t* to = small_;
  if (prefix.size() + size > sizeof small_) {
    large_.resize(prefix.size() + size);
    to = reinterpret_cast<uint8_t*>(large_.data());
  }
  std::memcpy(to, prefix.data(), prefix.size());
  std::memcpy(to + prefix.size(), encoded.data(), size);
  bytes_ = Bytes(to, prefix.size() + size);
  return Status::ok();
}

// A unit takes a byte or more, so that the length alone refuses most that is too long.
Status KeyArgument::read_text(const Call& call, size_t index) {
  size_t length = 0;
  napi_get_value_string_utf16(call.env, call.arguments[index], nullptr, 0, &length);
  if (length >= kKeyBytesMax) return key_too_large();
  std::vector<char16_t>& units = call.environment().wide;
  units.resize(length + 1);
  napi_get_value_string_utf16(call.env, call.arguments[index], units.data(), length + 1, &length);
  const Bytes prefix = call.level().bytes();
  large_.assign(reinterpret_cast<const char*>(prefix.data()), prefix.size());
  large_.resize(prefix.size() + 1 + length * 3);
  const size_t size = encode_text_key(units.data(), length,
                                      reinterpret_cast<uint8_t*>(large_.data()) + prefix.size());
  if (size > kKeyBytesMax) return key_too_large();
  large_.resize(prefix.size() + size);
  bytes_ = as_bytes(large_);
  return Status::ok();
}

bool ValueArgument::read(const Call& call, size_t value_index, size_t head_index) {
  Environment& environment = call.environment();
  int32_t head_size = -1;
  napi_get_value_int32(call.env, call.arguments[head_index], &head_size);
  const bool has_head = head_size >= 0;
  if (has_head) {
    if (kDataAt + static_cast<size_t>(head_size) > environment.scratch_bytes) return false;
    head = Bytes(environment.scratch + kDataAt, static_cast<size_t>(head_size));
  }
  char16_t units[kStackUnits];
  char16_t* from = units;
  size_t length = 0;
  const napi_value value = call.arguments[value_index];
  napi_status status = napi_get_value_string_utf16(call.env, value, units, kStackUnits, &length);
  if (status == napi_ok) {
    if (length >= kStackUnits - 1) {
      napi_get_value_string_utf16(call.env, value, nullptr, 0, &length);
      environment.wide.resize(length + 1);
      from = environment.wide.data();
      napi_get_value_string_utf16(call.env, value, from, length + 1, &length);
    }
    environment.text.resize(length * 2);
    uint8_t* const to = reinterpret_cast<uint8_t*>(environment.text.data());
    const bool is_narrow = narrow(from, length, to);
    if (!is_narrow) std::memcpy(to, from, length * 2);
    text = Bytes(to, is_narrow ? length : length * 2);
    lead[0] = has_head ? (is_narrow ? 0x11 : 0x12) : (is_narrow ? 0x01 : 0x02);
    lead_bytes = 1;
    if (has_head) {
      const uint8_t* const end = put_varint(lead + 1, static_cast<uint32_t>(head_size));
      lead_bytes = static_cast<size_t>(end - lead);
    }
    return true;
  }
  lead_bytes = 1;
  if (has_head) {  // Without text: the kind says what the head is.
    lead[0] = 0x10;
    return true;
  }
  void* data = nullptr;
  size_t size = 0;
  status = napi_get_typedarray_info(call.env, value, nullptr, &size, &data, nullptr, nullptr);
  if (status != napi_ok) return false;
  lead[0] = head_size == -2 ? 0x20 : 0x03;
  text = Bytes(static_cast<const uint8_t*>(data), size);
  return true;
}

Status NumberArgument::read(const Call& call, size_t head_index) {
  const Environment& environment = call.environment();
  const size_t head_size = read_uint32(call, head_index);
  if (head_size == 0 || head_size > environment.scratch_bytes - kDataAt) {
    return Status::invalid("increment: no number");
  }
  bytes_.assign(1, static_cast<char>(0x10));
  append(bytes_, Bytes(environment.scratch + kDataAt, head_size));
  return Status::ok();
}

uint32_t read_uint32(const Call& call, size_t index) {
  uint32_t value = 0;
  napi_get_value_uint32(call.env, call.arguments[index], &value);
  return value;
}

double read_double(const Call& call, size_t index) {
  double value = 0;
  napi_get_value_double(call.env, call.arguments[index], &value);
  return value;
}

bool read_bool(const Call& call, size_t index) {
  bool value = false;
  napi_get_value_bool(call.env, call.arguments[index], &value);
  return value;
}

std::string read_utf8(napi_env env, napi_value value) {
  size_t size = 0;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &size) != napi_ok) return {};
  std::string text(size + 1, '\0');
  napi_get_value_string_utf8(env, value, text.data(), text.size(), &size);
  text.resize(size);
  return text;
}

std::string_view read_utf8_in(napi_env env, napi_value value, std::string& room) {
  size_t size = 0;
  if (room.size() < 4096) room.resize(4096);
  napi_get_value_string_utf8(env, value, room.data(), room.size(), &size);
  if (size + 4 < room.size()) return {room.data(), size};  // Else it may have been cut.
  napi_get_value_string_utf8(env, value, nullptr, 0, &size);
  room.resize(size + 5);
  napi_get_value_string_utf8(env, value, room.data(), room.size(), &size);
  return {room.data(), size};
}

napi_typedarray_type read_element_type(const Call& call, size_t index) {
  napi_typedarray_type type = napi_uint8_array;
  napi_get_typedarray_info(call.env, call.arguments[index], &type, nullptr, nullptr, nullptr,
                           nullptr);
  return type;
}

void account(napi_env env, int64_t& accounted, int64_t bytes_now) {
  if (bytes_now == accounted) return;
  int64_t ignored = 0;
  napi_adjust_external_memory(env, bytes_now - accounted, &ignored);
  accounted = bytes_now;
}

napi_value make_size(napi_env env, size_t bytes) {
  napi_value made = nullptr;
  napi_create_uint32(env, static_cast<uint32_t>(bytes), &made);
  return made;
}

napi_value make_int(napi_env env, int32_t value) {
  napi_value made = nullptr;
  napi_create_int32(env, value, &made);
  return made;
}

napi_value make_double(napi_env env, double value) {
  napi_value made = nullptr;
  napi_create_double(env, value, &made);
  return made;
}

napi_value make_failure(napi_env env, const Status& status) {
  return make_answer(env, environment_of(env).fail(status));
}

napi_value make_text(napi_env env, const std::string& utf8) {
  napi_value made = nullptr;
  napi_create_string_utf8(env, utf8.data(), utf8.size(), &made);
  return made;
}

}  // namespace varve

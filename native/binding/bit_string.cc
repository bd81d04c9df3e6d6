// binding/bit_string.cc — bits of bytes that JavaScript owns. Ends of ranges and values of fields
// go over in the registers, as 64 bits each.
#include "binding/bit_string.h"

#include "pure/bitmap/bit_string.h"

namespace varve {
namespace {

struct BitCall {
  napi_env env;
  napi_value arguments[3];
  size_t count = 3;
  Environment& environment;

  BitCall(napi_env env_in, napi_callback_info info)
      : env(env_in), environment(environment_of(env_in)) {
    napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  }
  uint32_t number(size_t index) const {
    uint32_t value = 0;
    napi_get_value_uint32(env, arguments[index], &value);
    return value;
  }
  MutableBytes bytes(napi_value array) const {
    void* data = nullptr;
    size_t size = 0;
    napi_get_typedarray_info(env, array, nullptr, &size, &data, nullptr, nullptr);
    return {static_cast<uint8_t*>(data), size};
  }
  int64_t get(Register32 cell) const {
    return load<int64_t>(environment.scratch + static_cast<uint32_t>(cell) * 4);
  }
  void set(Register32 cell, int64_t value) const {
    store<int64_t>(environment.scratch + static_cast<uint32_t>(cell) * 4, value);
  }
  // kFirst to kLast; flags: 1 the end was named, 2 they are bits, 4 the bit that is sought.
  BitRange range() const {
    const uint32_t flags = number(1);
    return {get(Register32::kFirst), get(Register32::kLast), (flags & 1) != 0,
            (flags & 2) != 0 ? BitUnit::kBit : BitUnit::kByte};
  }
  napi_value answer(double value) const {
    napi_value made = nullptr;
    napi_create_double(env, value, &made);
    return made;
  }
};

// bitCount(bytes, flags) → how many
napi_value bit_count(napi_env env, napi_callback_info info) {
  const BitCall call(env, info);
  return call.answer(static_cast<double>(count_bits(call.bytes(call.arguments[0]), call.range())));
}

// bitPosition(bytes, flags) → where, or -1
napi_value bit_position(napi_env env, napi_callback_info info) {
  const BitCall call(env, info);
  const bool bit = (call.number(1) & 4) != 0;
  return call.answer(
      static_cast<double>(find_bit(call.bytes(call.arguments[0]), bit, call.range())));
}

// bitJoin(operation, to, sources): an operation of SetOp, or 4 to invert the only source
napi_value bit_join(napi_env env, napi_callback_info info) {
  const BitCall call(env, info);
  const uint32_t operation = call.number(0);
  const MutableBytes to = call.bytes(call.arguments[1]);
  uint32_t count = 0;
  napi_get_array_length(env, call.arguments[2], &count);
  std::vector<Bytes> sources;
  for (uint32_t index = 0; index < count; ++index) {
    napi_value array = nullptr;
    napi_get_element(env, call.arguments[2], index, &array);
    sources.push_back(call.bytes(array));
    check(sources.back().size() <= to.size());
  }
  if (operation < kSetOpCount) {
    join_bits(static_cast<SetOp>(operation), sources, to);
  } else if (count == 1) {
    invert_bits(sources[0], to);
  }
  return make_answer(env, Answer::kOk);
}

enum class Act : uint32_t { kGet = 0, kSet = 1, kIncrement = 2 };

// bitField(bytes, offset, code): the value in kFirst, where the answer is left; kAbsent where it
// failed. The code: act, then from bit 2 the overflow, at bit 4 the sign, from bit 5 the width.
napi_value bit_field(napi_env env, napi_callback_info info) {
  const BitCall call(env, info);
  const MutableBytes bytes = call.bytes(call.arguments[0]);
  const uint32_t code = call.number(2);
  const BitField field{code >> 5, (code >> 4 & 1) != 0, call.number(1)};
  const Act act = static_cast<Act>(code & 3);
  const Overflow overflow = static_cast<Overflow>(code >> 2 & 3);
  check(field.width >= 1 && field.width <= (field.has_sign ? 64 : 63));
  check(act == Act::kGet || field.end_byte() <= bytes.size());
  const int64_t value = call.get(Register32::kFirst);
  const std::optional<int64_t> answer = act == Act::kGet ? read_field(bytes, field)
                                        : act == Act::kSet
                                            ? set_field(bytes, field, value, overflow)
                                            : increment_field(bytes, field, value, overflow);
  if (!answer) return make_answer(env, Answer::kAbsent);
  call.set(Register32::kFirst, *answer);
  return make_answer(env, Answer::kOk);
}

}  // namespace

const std::vector<Method>& bit_string_methods() {
  static const std::vector<Method> methods = {{"bitCount", bit_count},
                                              {"bitPosition", bit_position},
                                              {"bitJoin", bit_join},
                                              {"bitField", bit_field}};
  return methods;
}

}  // namespace varve

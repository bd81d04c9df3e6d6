// binding/bit_string.cc — bits of bytes that JavaScript owns. Ends of ranges and values of fields
// go over in the registers, as 64 bits each.
#include "binding/bit_string.h"

#include "binding/arguments.h"
#include "pure/bitmap/bit_string.h"

namespace varve {
namespace {

int64_t get(const Environment& environment, Register32 cell) {
  return load<int64_t>(environment.scratch + static_cast<uint32_t>(cell) * 4);
}

// kFirst to kLast; flags: 1 the end was named, 2 they are bits, 4 the bit that is sought.
BitRange range_of(const Call& call) {
  const Environment& environment = environment_of(call.env);
  const uint32_t flags = read_uint32(call, 1);
  return {get(environment, Register32::kFirst), get(environment, Register32::kLast),
          (flags & 1) != 0, (flags & 2) != 0 ? BitUnit::kBit : BitUnit::kByte};
}

// bitCount(bytes, flags) → how many
napi_value bit_count(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  return make_double(
      env, static_cast<double>(count_bits(read_elements<uint8_t>(call, 0), range_of(call))));
}

// bitPosition(bytes, flags) → where, or -1
napi_value bit_position(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  const bool bit = (read_uint32(call, 1) & 4) != 0;
  return make_double(
      env, static_cast<double>(find_bit(read_elements<uint8_t>(call, 0), bit, range_of(call))));
}

// bitJoin(operation, to, sources): an operation of SetOp, or 4 to invert the only source
napi_value bit_join(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  const uint32_t operation = read_uint32(call, 0);
  const MutableBytes to = read_elements<uint8_t>(call, 1);
  uint32_t count = 0;
  napi_get_array_length(env, call.arguments[2], &count);
  std::vector<Bytes> sources;
  for (uint32_t index = 0; index < count; ++index) {
    napi_value array = nullptr;
    napi_get_element(env, call.arguments[2], index, &array);
    sources.push_back(elements_of<uint8_t>(env, array));
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
  const Call call(env, info);
  const MutableBytes bytes = read_elements<uint8_t>(call, 0);
  const uint32_t code = read_uint32(call, 2);
  const BitField field{code >> 5, (code >> 4 & 1) != 0, read_uint32(call, 1)};
  const Act act = static_cast<Act>(code & 3);
  const Overflow overflow = static_cast<Overflow>(code >> 2 & 3);
  check(field.width >= 1 && field.width <= (field.has_sign ? 64 : 63));
  check(act == Act::kGet || field.end_byte() <= bytes.size());
  Environment& environment = environment_of(env);
  const int64_t value = get(environment, Register32::kFirst);
  const std::optional<int64_t> answer = act == Act::kGet ? read_field(bytes, field)
                                        : act == Act::kSet
                                            ? set_field(bytes, field, value, overflow)
                                            : increment_field(bytes, field, value, overflow);
  if (!answer) return make_answer(env, Answer::kAbsent);
  store<int64_t>(environment.scratch + static_cast<uint32_t>(Register32::kFirst) * 4, *answer);
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

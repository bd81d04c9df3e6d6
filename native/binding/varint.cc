// binding/varint.cc — numbers of typed arrays to bytes and back. Sizes are asked for first, so that
// JavaScript makes every array itself; answers are counts, or -1 where bytes are not what they
// should be.
#include "binding/varint.h"

#include <type_traits>

#include "pure/codec/packed.h"
#include "pure/codec/varint.h"

namespace varve {
namespace {

struct NumberCall {
  napi_env env;
  napi_value arguments[4];
  size_t count = 4;

  NumberCall(napi_env env_in, napi_callback_info info) : env(env_in) {
    napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  }
  uint32_t number(size_t index) const {
    uint32_t value = 0;
    napi_get_value_uint32(env, arguments[index], &value);
    return value;
  }
  // Whether its elements have 64 bits, and what they are.
  template <class Element>
  std::span<Element> elements(size_t index, bool* is_wide = nullptr) const {
    napi_typedarray_type type = napi_uint8_array;
    void* data = nullptr;
    size_t size = 0;
    napi_get_typedarray_info(env, arguments[index], &type, &size, &data, nullptr, nullptr);
    if (is_wide != nullptr) *is_wide = type == napi_biguint64_array;
    return {static_cast<Element*>(data), size};
  }
  bool is_wide(size_t index) const {
    bool is_wide = false;
    elements<uint8_t>(index, &is_wide);
    return is_wide;
  }
  napi_value answer(double value) const {
    napi_value made = nullptr;
    napi_create_double(env, value, &made);
    return made;
  }
};

template <class Number>
size_t sum_sizes(std::span<const Number> numbers) {
  size_t sum = 0;
  for (const Number number : numbers) sum += varint_size(number);
  return sum;
}

// varintSize(numbers) → bytes
napi_value size(napi_env env, napi_callback_info info) {
  const NumberCall call(env, info);
  const size_t sum = call.is_wide(0) ? sum_sizes(call.elements<const uint64_t>(0))
                                     : sum_sizes(call.elements<const uint32_t>(0));
  return call.answer(static_cast<double>(sum));
}

template <class Number>
void put_all(std::span<const Number> numbers, MutableBytes to) {
  check(to.size() == sum_sizes(numbers));
  uint8_t* at = to.data();
  for (const Number number : numbers) at = put_varint(at, number);
}

// varintEncode(numbers, to)
napi_value encode(napi_env env, napi_callback_info info) {
  const NumberCall call(env, info);
  const MutableBytes to = call.elements<uint8_t>(1);
  if (call.is_wide(0)) {
    put_all(call.elements<const uint64_t>(0), to);
  } else {
    put_all(call.elements<const uint32_t>(0), to);
  }
  return call.answer(0);
}

// varintCount(bytes) → how many numbers end in them
napi_value count(napi_env env, napi_callback_info info) {
  const NumberCall call(env, info);
  double count = 0;
  for (const uint8_t byte : call.elements<const uint8_t>(0)) count += byte < 0x80 ? 1 : 0;
  return call.answer(count);
}

template <class Number>
double take_all(Bytes bytes, std::span<Number> to) {
  const size_t size = bytes.size();
  for (Number& number : to) {
    if (!take_varint(bytes, number)) return static_cast<double>(size - bytes.size());
  }
  return bytes.empty() ? -1 : static_cast<double>(size - bytes.size());
}

// varintDecode(bytes, to) → -1, or the place of the first byte that is none of so many numbers
napi_value decode(napi_env env, napi_callback_info info) {
  const NumberCall call(env, info);
  const Bytes bytes = call.elements<const uint8_t>(0);
  return call.answer(call.is_wide(1) ? take_all(bytes, call.elements<uint64_t>(1))
                                     : take_all(bytes, call.elements<uint32_t>(1)));
}

template <class Unsigned>
void turn(std::span<const Unsigned> from, std::span<Unsigned> to, bool back) {
  using Signed = std::make_signed_t<Unsigned>;
  check(to.size() == from.size());
  for (size_t index = 0; index < from.size(); ++index) {
    const int64_t number = static_cast<Signed>(from[index]);
    to[index] =
        static_cast<Unsigned>(back ? static_cast<uint64_t>(unzigzag(from[index])) : zigzag(number));
  }
}

// varintZigzag(from, to, back, wide): of 32 or 64 bits each, with a sign or without
napi_value zigzag_all(napi_env env, napi_callback_info info) {
  const NumberCall call(env, info);
  const bool back = call.number(2) != 0;
  if (call.number(3) != 0) {
    turn(call.elements<const uint64_t>(0), call.elements<uint64_t>(1), back);
  } else {
    turn(call.elements<const uint32_t>(0), call.elements<uint32_t>(1), back);
  }
  return call.answer(0);
}

bool rises(std::span<const uint32_t> numbers, uint32_t base) {
  for (const uint32_t number : numbers) {
    if (number < base) return false;
    base = number;
  }
  return true;
}

// streamSize(numbers, rising, base) → bytes, or -1 where numbers that should rise descend
napi_value stream_bytes(napi_env env, napi_callback_info info) {
  const NumberCall call(env, info);
  const auto numbers = call.elements<const uint32_t>(0);
  if (call.number(1) != 0 && !rises(numbers, call.number(2))) return call.answer(-1);
  const size_t size =
      call.number(1) == 0 ? stream_size(numbers) : rising_stream_size(numbers, call.number(2));
  return call.answer(static_cast<double>(size));
}

// streamEncode(numbers, to, rising, base)
napi_value stream_encode(napi_env env, napi_callback_info info) {
  const NumberCall call(env, info);
  const auto numbers = call.elements<const uint32_t>(0);
  const MutableBytes to = call.elements<uint8_t>(1);
  const bool is_rising = call.number(2) != 0;
  const uint32_t base = call.number(3);
  check(to.size() == (is_rising ? rising_stream_size(numbers, base) : stream_size(numbers)));
  if (is_rising) {
    encode_rising_stream(numbers, base, to.data());
  } else {
    encode_stream(numbers, to.data());
  }
  return call.answer(0);
}

// streamDecode(bytes, to, rising, base) → 0, or -1 where they are no stream of so many numbers
napi_value stream_decode(napi_env env, napi_callback_info info) {
  const NumberCall call(env, info);
  const Bytes bytes = call.elements<const uint8_t>(0);
  const std::span<uint32_t> to = call.elements<uint32_t>(1);
  const bool is_good = call.number(2) == 0 ? decode_stream(bytes, to)
                                           : decode_rising_stream(bytes, call.number(3), to);
  return call.answer(is_good ? 0 : -1);
}

// packedForm(128 numbers, form: Uint32Array of {width, base}, rising) → 0; where they should rise
// the base is given, and -1 says that they descend
napi_value form_of(napi_env env, napi_callback_info info) {
  const NumberCall call(env, info);
  const auto numbers = call.elements<const uint32_t>(0);
  const std::span<uint32_t> to = call.elements<uint32_t>(1);
  check(numbers.size() == kPackedCount && to.size() == 2);
  const PackedNumbers block(numbers.data(), kPackedCount);
  if (call.number(2) != 0 && !rises(block, to[1])) return call.answer(-1);
  const PackedForm form = call.number(2) == 0 ? packed_form(block) : rising_form(block, to[1]);
  to[0] = form.width;
  to[1] = form.base;
  return call.answer(0);
}

// packedEncode(128 numbers, to, form, rising)
napi_value pack_block(napi_env env, napi_callback_info info) {
  const NumberCall call(env, info);
  const auto numbers = call.elements<const uint32_t>(0);
  const MutableBytes to = call.elements<uint8_t>(1);
  const std::span<const uint32_t> form = call.elements<const uint32_t>(2);
  check(numbers.size() == kPackedCount && form.size() == 2 && form[0] <= kPackedWidthMax);
  check(to.size() == packed_bytes(form[0]));
  const PackedNumbers block(numbers.data(), kPackedCount);
  if (call.number(3) == 0) {
    pack(block, {form[0], form[1]}, to.data());
  } else {
    pack_rising(block, {form[0], form[1]}, to.data());
  }
  return call.answer(0);
}

// packedDecode(bytes, to, form, rising) → 0 or -1
napi_value unpack_block(napi_env env, napi_callback_info info) {
  const NumberCall call(env, info);
  const Bytes bytes = call.elements<const uint8_t>(0);
  const std::span<uint32_t> to = call.elements<uint32_t>(1);
  const std::span<const uint32_t> given = call.elements<const uint32_t>(2);
  check(to.size() == kPackedCount && given.size() == 2);
  const UnpackedNumbers numbers(to.data(), kPackedCount);
  const PackedForm form{given[0], given[1]};
  const bool is_good =
      call.number(3) == 0 ? unpack(bytes, form, numbers) : unpack_rising(bytes, form, numbers);
  return call.answer(is_good ? 0 : -1);
}

}  // namespace

const std::vector<Method>& varint_methods() {
  static const std::vector<Method> methods = {
      {"varintSize", size},
      {"varintEncode", encode},
      {"varintCount", count},
      {"varintDecode", decode},
      {"varintZigzag", zigzag_all},
      {"streamSize", stream_bytes},
      {"streamEncode", stream_encode},
      {"streamDecode", stream_decode},
      {"packedForm", form_of},
      {"packedEncode", pack_block},
      {"packedDecode", unpack_block},
  };
  return methods;
}

}  // namespace varve

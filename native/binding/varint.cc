// binding/varint.cc — numbers of typed arrays to bytes and back. Sizes are asked for first, so that
// JavaScript makes every array itself; answers are counts, or -1 where bytes are not what they
// should be.
#include "binding/varint.h"

#include <type_traits>

#include "binding/arguments.h"
#include "pure/codec/packed.h"
#include "pure/codec/varint.h"

namespace varve {
namespace {

bool is_wide(const Call& call, size_t index) {
  return read_element_type(call, index) == napi_biguint64_array;
}

template <class Number>
size_t sum_sizes(std::span<const Number> numbers) {
  size_t sum = 0;
  for (const Number number : numbers) sum += varint_size(number);
  return sum;
}

// varintSize(numbers) → bytes
napi_value size(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  const size_t sum = is_wide(call, 0) ? sum_sizes(read_elements<const uint64_t>(call, 0))
                                      : sum_sizes(read_elements<const uint32_t>(call, 0));
  return make_double(env, static_cast<double>(sum));
}

template <class Number>
void put_all(std::span<const Number> numbers, MutableBytes to) {
  check(to.size() == sum_sizes(numbers));
  uint8_t* at = to.data();
  for (const Number number : numbers) at = put_varint(at, number);
}

// varintEncode(numbers, to)
napi_value encode(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  const MutableBytes to = read_elements<uint8_t>(call, 1);
  if (is_wide(call, 0)) {
    put_all(read_elements<const uint64_t>(call, 0), to);
  } else {
    put_all(read_elements<const uint32_t>(call, 0), to);
  }
  return make_double(env, 0);
}

// varintCount(bytes) → how many numbers end in them
napi_value count(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  double count = 0;
  for (const uint8_t byte : read_elements<const uint8_t>(call, 0)) count += byte < 0x80 ? 1 : 0;
  return make_double(env, count);
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
  const Call call(env, info);
  const Bytes bytes = read_elements<const uint8_t>(call, 0);
  return make_double(env, is_wide(call, 1) ? take_all(bytes, read_elements<uint64_t>(call, 1))
                                           : take_all(bytes, read_elements<uint32_t>(call, 1)));
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
  const Call call(env, info);
  const bool back = read_uint32(call, 2) != 0;
  if (read_uint32(call, 3) != 0) {
    turn(read_elements<const uint64_t>(call, 0), read_elements<uint64_t>(call, 1), back);
  } else {
    turn(read_elements<const uint32_t>(call, 0), read_elements<uint32_t>(call, 1), back);
  }
  return make_double(env, 0);
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
  const Call call(env, info);
  const auto numbers = read_elements<const uint32_t>(call, 0);
  if (read_uint32(call, 1) != 0 && !rises(numbers, read_uint32(call, 2)))
    return make_double(env, -1);
  const size_t size = read_uint32(call, 1) == 0 ? stream_size(numbers)
                                                : rising_stream_size(numbers, read_uint32(call, 2));
  return make_double(env, static_cast<double>(size));
}

// streamEncode(numbers, to, rising, base)
napi_value stream_encode(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  const auto numbers = read_elements<const uint32_t>(call, 0);
  const MutableBytes to = read_elements<uint8_t>(call, 1);
  const bool is_rising = read_uint32(call, 2) != 0;
  const uint32_t base = read_uint32(call, 3);
  check(to.size() == (is_rising ? rising_stream_size(numbers, base) : stream_size(numbers)));
  if (is_rising) {
    encode_rising_stream(numbers, base, to.data());
  } else {
    encode_stream(numbers, to.data());
  }
  return make_double(env, 0);
}

// streamDecode(bytes, to, rising, base) → 0, or -1 where they are no stream of so many numbers
napi_value stream_decode(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  const Bytes bytes = read_elements<const uint8_t>(call, 0);
  const std::span<uint32_t> to = read_elements<uint32_t>(call, 1);
  const bool is_good = read_uint32(call, 2) == 0
                           ? decode_stream(bytes, to)
                           : decode_rising_stream(bytes, read_uint32(call, 3), to);
  return make_double(env, is_good ? 0 : -1);
}

// packedForm(128 numbers, form: Uint32Array of {width, base}, rising) → 0; where they should rise
// the base is given, and -1 says that they descend
napi_value form_of(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  const auto numbers = read_elements<const uint32_t>(call, 0);
  const std::span<uint32_t> to = read_elements<uint32_t>(call, 1);
  check(numbers.size() == kPackedCount && to.size() == 2);
  const PackedNumbers block(numbers.data(), kPackedCount);
  if (read_uint32(call, 2) != 0 && !rises(block, to[1])) return make_double(env, -1);
  const PackedForm form =
      read_uint32(call, 2) == 0 ? packed_form(block) : rising_form(block, to[1]);
  to[0] = form.width;
  to[1] = form.base;
  return make_double(env, 0);
}

// packedEncode(128 numbers, to, form, rising)
napi_value pack_block(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  const auto numbers = read_elements<const uint32_t>(call, 0);
  const MutableBytes to = read_elements<uint8_t>(call, 1);
  const std::span<const uint32_t> form = read_elements<const uint32_t>(call, 2);
  check(numbers.size() == kPackedCount && form.size() == 2 && form[0] <= kPackedWidthMax);
  check(to.size() == packed_bytes(form[0]));
  const PackedNumbers block(numbers.data(), kPackedCount);
  if (read_uint32(call, 3) == 0) {
    pack(block, {form[0], form[1]}, to.data());
  } else {
    pack_rising(block, {form[0], form[1]}, to.data());
  }
  return make_double(env, 0);
}

// packedDecode(bytes, to, form, rising) → 0 or -1
napi_value unpack_block(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  const Bytes bytes = read_elements<const uint8_t>(call, 0);
  const std::span<uint32_t> to = read_elements<uint32_t>(call, 1);
  const std::span<const uint32_t> given = read_elements<const uint32_t>(call, 2);
  check(to.size() == kPackedCount && given.size() == 2);
  const UnpackedNumbers numbers(to.data(), kPackedCount);
  const PackedForm form{given[0], given[1]};
  const bool is_good = read_uint32(call, 3) == 0 ? unpack(bytes, form, numbers)
                                                 : unpack_rising(bytes, form, numbers);
  return make_double(env, is_good ? 0 : -1);
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

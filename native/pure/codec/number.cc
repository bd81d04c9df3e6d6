#include "pure/codec/number.h"

#include <algorithm>
#include <cfloat>
#include <cmath>

#include "pure/codec/varint.h"

namespace varve {
namespace {

constexpr uint8_t kNarrowText = 0x01, kWideText = 0x02, kRawBytes = 0x03;
constexpr uint8_t kHead = 0x10, kSplitNarrow = 0x11, kSplitWide = 0x12;

constexpr int kSmallMin = -16, kSmallMax = 111;
constexpr uint8_t kSmallLast = 0x7f;
constexpr uint8_t kUndefined = 0x80, kNull = 0x81, kTrue = 0x82, kFalse = 0x83;
constexpr uint8_t kInt8 = 0x84, kInt16 = 0x85, kInt32 = 0x86, kDouble = 0x87;
constexpr uint8_t kBigint = 0x88, kNegativeBigint = 0x89, kFloat = 0x92;

struct Number {
  bool is_bigint = false;
  double number = 0;
  bool is_negative = false;  // Of a bigint,
  std::string magnitude;     // and its bytes, lowest first, without zeros at the end.
};

template <class T>
bool take_as(Bytes content, double& number) {
  if (content.size() != sizeof(T)) return false;
  number = static_cast<double>(load<T>(content.data()));
  return true;
}

bool take_bigint(Bytes content, Number& to) {
  uint32_t size = 0;
  if (!take_varint(content, size) || size != content.size()) return false;
  while (!content.empty() && content.back() == 0) content = content.first(content.size() - 1);
  to.is_bigint = true;
  to.magnitude.assign(as_text(content));
  if (to.magnitude.empty()) to.is_negative = false;
  return true;
}

bool decode(Bytes value, Number& to) {
  if (value.size() < 2 || value[0] != kHead) return false;
  const uint8_t tag = value[1];
  const Bytes content = value.subspan(2);
  switch (tag) {
    case kInt8: return take_as<int8_t>(content, to.number);
    case kInt16: return take_as<int16_t>(content, to.number);
    case kInt32: return take_as<int32_t>(content, to.number);
    case kDouble: return take_as<double>(content, to.number);
    case kFloat: return take_as<float>(content, to.number);
    case kBigint:
    case kNegativeBigint: to.is_negative = tag == kNegativeBigint; return take_bigint(content, to);
    default: break;
  }
  to.number = static_cast<double>(tag) + kSmallMin;
  return tag <= kSmallLast && content.empty();
}

template <class T>
void append_as(std::string& to, uint8_t tag, double number) {
  uint8_t bytes[1 + sizeof(T)] = {tag};
  store<T>(bytes + 1, static_cast<T>(number));
  append(to, Bytes(bytes, sizeof bytes));
}

bool is_int32(double number) {
  return number >= INT32_MIN && number <= INT32_MAX && std::trunc(number) == number &&
         !(number == 0 && std::signbit(number));
}

bool is_float(double number) {
  if (std::isinf(number)) return true;
  return std::abs(number) <= FLT_MAX && static_cast<double>(static_cast<float>(number)) == number;
}

void append_number(std::string& to, double number) {
  if (!is_int32(number)) {
    if (is_float(number)) return append_as<float>(to, kFloat, number);
    return append_as<double>(to, kDouble, number);
  }
  if (number >= kSmallMin && number <= kSmallMax) {
    to.push_back(static_cast<char>(static_cast<int>(number) - kSmallMin));
  } else if (number >= INT8_MIN && number <= INT8_MAX) {
    append_as<int8_t>(to, kInt8, number);
  } else if (number >= INT16_MIN && number <= INT16_MAX) {
    append_as<int16_t>(to, kInt16, number);
  } else {
    append_as<int32_t>(to, kInt32, number);
  }
}

int byte_of(const std::string& magnitude, size_t index) {
  return index < magnitude.size() ? static_cast<uint8_t>(magnitude[index]) : 0;
}

bool is_smaller(const std::string& a, const std::string& b) {
  if (a.size() != b.size()) return a.size() < b.size();
  for (size_t i = a.size(); i-- > 0;) {
    if (byte_of(a, i) != byte_of(b, i)) return byte_of(a, i) < byte_of(b, i);
  }
  return false;
}

// a and b, or with a sign of -1 their difference: then b is not above a.
std::string combine(const std::string& a, const std::string& b, int sign) {
  std::string result;
  int carry = 0;
  for (size_t i = 0; i < std::max(a.size(), b.size()) || carry != 0; ++i) {
    const int digit = byte_of(a, i) + sign * byte_of(b, i) + carry;
    result.push_back(static_cast<char>(digit & 0xff));
    carry = digit < 0 ? -1 : digit >> 8;
  }
  while (!result.empty() && result.back() == 0) result.pop_back();
  return result;
}

Number add_bigints(const Number& a, const Number& b) {
  Number sum;
  sum.is_bigint = true;
  if (a.is_negative == b.is_negative) {
    sum.magnitude = combine(a.magnitude, b.magnitude, 1);
    sum.is_negative = a.is_negative;
    return sum;
  }
  const bool is_less = is_smaller(a.magnitude, b.magnitude);
  const Number& larger = is_less ? b : a;
  sum.magnitude = combine(larger.magnitude, (is_less ? a : b).magnitude, -1);
  sum.is_negative = larger.is_negative && !sum.magnitude.empty();
  return sum;
}

const char* name_of(Bytes value) {
  const uint8_t kind = value[0];
  if (kind == kNarrowText || kind == kWideText) return "a string";
  if (kind == kRawBytes) return "bytes";
  if (kind == kSplitNarrow || kind == kSplitWide) return "an object";
  if (kind != kHead) return "of an encoding of its own";
  switch (value.size() < 2 ? 0xff : value[1]) {
    case kUndefined: return "undefined";
    case kNull: return "null";
    case kTrue: return "true";
    case kFalse: return "false";
    case kBigint:
    case kNegativeBigint: return "a bigint";
    default: break;
  }
  Number number;
  return decode(value, number) ? "a number" : "an object";
}

}  // namespace

bool is_bigint(Bytes number) {
  Number decoded;
  return decode(number, decoded) && decoded.is_bigint;
}

Status add_numbers(Bytes there, Bytes by, std::string& sum) {
  Number a;
  Number b;
  if (!decode(by, b)) return Status::invalid("increment: a number or a bigint can be added");
  if (there.empty()) a.is_bigint = b.is_bigint;
  if (!there.empty() && (!decode(there, a) || a.is_bigint != b.is_bigint)) {
    const char* const wanted = b.is_bigint ? "a bigint" : "a number";
    return Status::invalid(std::string("increment: what is there must be ") + wanted + ", not " +
                           name_of(there));
  }
  if (!a.is_bigint) {
    sum.assign(1, static_cast<char>(kHead));
    append_number(sum, a.number + b.number);
    return Status::ok();
  }
  const Number total = add_bigints(a, b);
  if (std::max(a.magnitude.size(), total.magnitude.size()) > kCountBytesMax) {
    return {Code::kTooLarge, "increment: a bigint that is added to must have at most " +
                                 std::to_string(kCountBytesMax) + " bytes"};
  }
  sum.assign(1, static_cast<char>(kHead));
  sum.push_back(static_cast<char>(total.is_negative ? kNegativeBigint : kBigint));
  append_varint(sum, total.magnitude.size());
  sum += total.magnitude;
  return Status::ok();
}

}  // namespace varve

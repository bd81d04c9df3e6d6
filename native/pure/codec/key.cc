// pure/codec/key.cc — the walk over a key's bytes, and the two directions of text.
#include "pure/codec/key.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>

namespace varve {
namespace {

constexpr size_t kShownBytesMax = 96;
constexpr char kHexDigits[] = "0123456789abcdef";
constexpr double kDateMax = 8.64e15;
constexpr uint64_t kSignBit = uint64_t{1} << 63;
constexpr uint64_t kAsciiMask = 0x8080808080808080u;
constexpr uint64_t kNotAsciiUnits = 0xFF80FF80FF80FF80u;

double double_of_sortable(uint64_t sortable) {
  return std::bit_cast<double>((sortable & kSignBit) != 0 ? sortable ^ kSignBit : ~sortable);
}

// One code point of WTF-8; size 0 says that the bytes are ill-formed.
struct Point {
  uint32_t code = 0;
  size_t size = 0;
};

Point read_point(Bytes bytes) {
  const uint8_t lead = bytes[0];
  if (lead < 0x80) return {lead, 1};
  const size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || bytes.size() < size) return {};
  uint32_t code = lead & (0x7Fu >> size);
  for (size_t index = 1; index < size; index++) {
    if ((bytes[index] & 0xC0) != 0x80) return {};
    code = code << 6 | (bytes[index] & 0x3F);
  }
  const uint32_t lowest = size == 4 ? 0x10000 : size == 3 ? 0x800 : 0x80;
  if (code < lowest || code > 0x10FFFF) return {};
  return {code, size};
}

// Walks one key from left to right; every reader returns false at the first byte that cannot be.
class Walker {
 public:
  explicit Walker(Bytes key) : rest_(key) {}

  bool key(size_t depth);
  bool at_end() const { return rest_.empty(); }
  std::string shown;

 private:
  bool number();
  bool date();
  bool remainder(double base);
  bool remainder_size(uint8_t flip, size_t& size);
  bool text(bool nested);
  bool content(bool nested, std::string& to);
  bool array(size_t depth);
  bool take(uint8_t& byte);
  bool take_double(double& value);
  void show(std::string_view text);

  Bytes rest_;
};

void Walker::show(std::string_view text) {
  if (shown.size() < kShownBytesMax) shown.append(text.substr(0, kShownBytesMax - shown.size()));
}

bool Walker::take(uint8_t& byte) {
  if (rest_.empty()) return false;
  byte = rest_[0];
  rest_ = rest_.subspan(1);
  return true;
}

bool Walker::take_double(double& value) {
  if (rest_.size() < 8) return false;
  value = double_of_sortable(load_big64(rest_.data()));
  rest_ = rest_.subspan(8);
  return !std::isnan(value) && !(value == 0 && std::signbit(value));
}

std::string number_text(double value) {
  char digits[40];
  const auto end = std::to_chars(digits, digits + sizeof digits, value);
  return {digits, end.ptr};
}

bool Walker::number() {
  double value = 0;
  if (!take_double(value)) return false;
  show(number_text(value));
  if (rest_.empty() || rest_[0] != kBigintMarker) return true;
  rest_ = rest_.subspan(1);
  return remainder(value);
}

// The most bits that a bigint can have above its double without reaching the next one. Nothing
// bounds it at the two ends of the doubles.
size_t remainder_bits_max(double base) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (std::isinf(base) || base == std::numeric_limits<double>::max()) return SIZE_MAX;
  const double gap = std::nextafter(base, kInfinity) - base;  // Exact: a power of two.
  return gap <= 1 ? 0 : static_cast<size_t>(std::ilogb(gap));
}

// What a bigint has above its double: 0x00, or a length and a big-endian magnitude. Below every
// finite double (base -Infinity) it is what is missing, and every byte is complemented.
bool Walker::remainder(double base) {
  const uint8_t flip = base < 0 && std::isinf(base) ? 0xFF : 0x00;
  if (std::isinf(base) && flip == 0) return false;
  if (std::isfinite(base) && base != std::trunc(base)) return false;
  size_t size = 0;
  if (!remainder_size(flip, size)) return false;
  show(size == 0 ? "n" : "n+");
  if (size == 0) return flip == 0;
  const uint8_t first = rest_.empty() ? 0 : rest_[0] ^ flip;
  if (rest_.size() < size || first == 0) return false;
  if (size * 8 - static_cast<size_t>(std::countl_zero(first)) > remainder_bits_max(base)) {
    return false;
  }
  rest_ = rest_.subspan(size);
  return true;
}

// A size has its shortest form: no leading zero, and a size of its own only from 0xF8 on.
bool Walker::remainder_size(uint8_t flip, size_t& size) {
  uint8_t first = 0;
  if (!take(first)) return false;
  size = first ^ flip;
  if (size < 0xF8) return true;
  const size_t width = size - 0xF8 + 1;
  if (width > 4) return false;
  size = 0;
  for (size_t index = 0; index < width; index++) {
    uint8_t digit = 0;
    if (!take(digit)) return false;
    size = size << 8 | (digit ^ flip);
    if (size == 0) return false;
  }
  return size >= 0xF8;
}

bool Walker::date() {
  double ms = 0;
  if (!take_double(ms)) return false;
  show("date " + number_text(ms));
  return std::fabs(ms) <= kDateMax && ms == std::trunc(ms);
}

// At the top level content runs to the end; in an array it is escaped and closed by 0x00.
bool Walker::content(bool nested, std::string& to) {
  if (!nested) {
    to.assign(as_text(rest_));
    rest_ = {};
    return true;
  }
  uint8_t byte = 0;
  while (take(byte)) {
    if (byte == 0 && (rest_.empty() || rest_[0] != 0xFF)) return true;
    if (byte == 0) rest_ = rest_.subspan(1);
    to.push_back(static_cast<char>(byte));
  }
  return false;
}

bool Walker::text(bool nested) {
  std::string content_bytes;
  if (!content(nested, content_bytes)) return false;
  show("\"");
  show(content_bytes);
  show("\"");
  Bytes left = as_bytes(content_bytes);
  bool after_high = false;
  while (!left.empty()) {
    const Point point = read_point(left);
    if (point.size == 0) return false;
    const bool low = point.code >= 0xDC00 && point.code <= 0xDFFF;
    if (after_high && low) return false;  // a pair has one form: four bytes
    after_high = point.code >= 0xD800 && point.code <= 0xDBFF;
    left = left.subspan(point.size);
  }
  return true;
}

bool Walker::array(size_t depth) {
  if (depth >= kKeyNestingMax) return false;
  show("[");
  for (bool first = true; !rest_.empty(); first = false) {
    if (rest_[0] == kKeyArrayEnd) {
      rest_ = rest_.subspan(1);
      show("]");
      return true;
    }
    if (!first) show(", ");
    if (!key(depth + 1)) return false;
  }
  return false;
}

bool Walker::key(size_t depth) {
  uint8_t tag = 0;
  if (!take(tag)) return false;
  const bool nested = depth > 0;
  switch (tag) {
    case kNullKeyTag: show("null"); return true;
    case kFalseKeyTag: show("false"); return true;
    case kTrueKeyTag: show("true"); return true;
    case kNumberKeyTag: return number();
    case kDateKeyTag: return date();
    case kTextKeyTag: return text(nested);
    case kArrayKeyTag: return array(depth);
    case kBytesKeyTag: {
      std::string raw;
      if (!content(nested, raw)) return false;
      std::string hex = "bytes ";
      for (const uint8_t byte : as_bytes(raw).first(std::min<size_t>(raw.size(), kShownBytesMax))) {
        hex += {kHexDigits[byte >> 4], kHexDigits[byte & 15]};
      }
      show(hex);
      return true;
    }
    default: return false;
  }
}

size_t put_point(uint32_t code, uint8_t* to) {
  if (code < 0x80) {
    to[0] = static_cast<uint8_t>(code);
    return 1;
  }
  const size_t size = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  for (size_t index = size - 1; index > 0; index--) {
    to[index] = static_cast<uint8_t>(0x80 | (code & 0x3F));
    code >>= 6;
  }
  to[0] = static_cast<uint8_t>((0xF00 >> size) | code);
  return size;
}

// Four units of ASCII at once; false, with nothing written, where one is none.
bool narrow4(const char16_t* units, uint8_t* to) {
  uint64_t four = load<uint64_t>(reinterpret_cast<const uint8_t*>(units));
  if ((four & kNotAsciiUnits) != 0) return false;
  four |= four >> 8;
  store<uint16_t>(to, static_cast<uint16_t>(four));
  store<uint16_t>(to + 2, static_cast<uint16_t>(four >> 32));
  return true;
}

}  // namespace

size_t encode_text_key(const char16_t* units, size_t count, uint8_t* to) {
  to[0] = kTextKeyTag;
  size_t index = 0;
  for (; index + 4 <= count && narrow4(units + index, to + 1 + index); index += 4) {
  }
  for (; index < count && units[index] < 0x80; index++) {
    to[1 + index] = static_cast<uint8_t>(units[index]);
  }
  size_t size = 1 + index;
  for (; index < count; index++) {
    uint32_t code = units[index];
    const bool high = (code & 0xFC00) == 0xD800;
    if (high && index + 1 < count && (units[index + 1] & 0xFC00) == 0xDC00) {
      code = 0x10000 + ((code - 0xD800) << 10) + (units[++index] - 0xDC00u);
    }
    size += put_point(code, to + size);
  }
  return size;
}

bool is_ascii(Bytes bytes) {
  uint64_t seen = 0;
  size_t index = 0;
  for (; index + 8 <= bytes.size(); index += 8) seen |= load<uint64_t>(bytes.data() + index);
  for (; index < bytes.size(); index++) seen |= bytes[index];
  return (seen & kAsciiMask) == 0;
}

void decode_text_key(Bytes key, std::u16string& to) {
  check(is_text_key(key));
  Bytes rest = key.subspan(1);
  to.reserve(to.size() + rest.size());
  while (!rest.empty()) {
    const Point point = read_point(rest);
    if (point.size == 0) {
      to.push_back(u'\uFFFD');
      rest = rest.subspan(1);
      continue;
    }
    if (point.code >= 0x10000) {
      to.push_back(static_cast<char16_t>(0xD800 + ((point.code - 0x10000) >> 10)));
      to.push_back(static_cast<char16_t>(0xDC00 + (point.code & 0x3FF)));
    } else {
      to.push_back(static_cast<char16_t>(point.code));
    }
    rest = rest.subspan(point.size);
  }
}

std::string key_to_text(Bytes key) {
  Walker walker(key);
  const bool fine = walker.key(0) && walker.at_end();
  if (walker.shown.size() >= kShownBytesMax) walker.shown += "...";
  if (!fine) walker.shown += " (ill-formed, " + std::to_string(key.size()) + " bytes)";
  return walker.shown;
}

Status validate_key(Bytes key) {
  Walker walker(key);
  if (walker.key(0) && walker.at_end()) return {};
  return Status::corrupt("key: ill-formed key of " + std::to_string(key.size()) + " bytes");
}

}  // namespace varve

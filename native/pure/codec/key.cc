#include "pure/codec/key.h"

#include <bit>

namespace varve {
namespace {

uint8_t* put_code_point(uint32_t point, uint8_t* to) {
  if (point < 0x80) {
    *to++ = static_cast<uint8_t>(point);
  } else if (point < 0x800) {
    *to++ = static_cast<uint8_t>(0xc0 | point >> 6);
    *to++ = static_cast<uint8_t>(0x80 | (point & 0x3f));
  } else if (point < 0x10000) {
    *to++ = static_cast<uint8_t>(0xe0 | point >> 12);
    *to++ = static_cast<uint8_t>(0x80 | (point >> 6 & 0x3f));
    *to++ = static_cast<uint8_t>(0x80 | (point & 0x3f));
  } else {
    *to++ = static_cast<uint8_t>(0xf0 | point >> 18);
    *to++ = static_cast<uint8_t>(0x80 | (point >> 12 & 0x3f));
    *to++ = static_cast<uint8_t>(0x80 | (point >> 6 & 0x3f));
    *to++ = static_cast<uint8_t>(0x80 | (point & 0x3f));
  }
  return to;
}

bool is_continuation(uint8_t byte) { return (byte & 0xc0) == 0x80; }

// The code point at `at`, and how many bytes it takes; 0 bytes when there is none.
size_t code_point_at(Bytes bytes, size_t at, uint32_t& point) {
  const uint8_t lead = bytes[at];
  const size_t size = lead < 0x80 ? 1 : lead < 0xc0 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf8 ? 4 : 0;
  if (size == 0 || at + size > bytes.size()) return 0;
  point = size == 1 ? lead : lead & (0x7fu >> size);
  for (size_t i = 1; i < size; ++i) {
    if (!is_continuation(bytes[at + i])) return 0;
    point = point << 6 | (bytes[at + i] & 0x3f);
  }
  return point > 0x10ffff ? 0 : size;
}

}  // namespace

size_t encode_text_key(const char16_t* units, size_t count, uint8_t* to) {
  uint8_t* const begin = to;
  *to++ = kTextKeyTag;
  size_t i = 0;
  // Four units a step while they are ASCII.
  for (; i + 4 <= count; i += 4, to += 4) {
    const uint64_t four = load<uint64_t>(reinterpret_cast<const uint8_t*>(units + i));
    if ((four & 0xff80ff80ff80ff80ULL) != 0) break;
    const uint64_t pairs = four | four >> 8;
    to[0] = static_cast<uint8_t>(pairs);
    to[1] = static_cast<uint8_t>(pairs >> 8);
    to[2] = static_cast<uint8_t>(pairs >> 32);
    to[3] = static_cast<uint8_t>(pairs >> 40);
  }
  for (; i < count; ++i) {
    uint32_t point = units[i];
    const bool leads = point >= 0xd800 && point < 0xdc00 && i + 1 < count;
    if (leads && units[i + 1] >= 0xdc00 && units[i + 1] < 0xe000) {
      point = 0x10000 + ((point - 0xd800) << 10) + (units[++i] - 0xdc00u);
    }
    to = put_code_point(point, to);
  }
  return static_cast<size_t>(to - begin);
}

bool is_ascii(Bytes bytes) {
  uint8_t all = 0;
  for (const uint8_t byte : bytes) all |= byte;
  return all < 0x80;
}

void decode_text_key(Bytes key, std::u16string& to) {
  for (size_t at = 1; at < key.size();) {
    uint32_t point = 0;
    const size_t size = code_point_at(key, at, point);
    if (size == 0) {
      to.push_back(0xfffd);
      ++at;
      continue;
    }
    at += size;
    if (point < 0x10000) {
      to.push_back(static_cast<char16_t>(point));
    } else {
      to.push_back(static_cast<char16_t>(0xd800 + ((point - 0x10000) >> 10)));
      to.push_back(static_cast<char16_t>(0xdc00 + ((point - 0x10000) & 0x3ff)));
    }
  }
}

void encode_number_key(double number, uint8_t to[9]) {
  const uint64_t bits = std::bit_cast<uint64_t>(number == 0 ? 0.0 : number);
  const uint64_t sortable = (bits >> 63) != 0 ? ~bits : bits | (uint64_t{1} << 63);
  to[0] = static_cast<uint8_t>(KeyTag::kNumber);
  store_big64(to + 1, sortable);
}

std::string key_to_text(Bytes key) {
  if (is_text_key(key)) return "'" + std::string(as_text(key.subspan(1))) + "'";
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text = "0x";
  for (const uint8_t byte : key) {
    text.push_back(kDigits[byte >> 4]);
    text.push_back(kDigits[byte & 15]);
  }
  return text;
}

}  // namespace varve

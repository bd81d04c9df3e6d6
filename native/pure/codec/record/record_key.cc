// pure/codec/record/record_key.cc — values as ordered keys.
#include "pure/codec/record/record_key.h"

#include <bit>
#include <cmath>

namespace varve {
namespace {

constexpr uint64_t kSignBit = uint64_t{1} << 63;
constexpr double kTwo63 = 9223372036854775808.0;

void append_byte(std::string& to, uint8_t byte) { to.push_back(static_cast<char>(byte)); }

void append_sortable(double number, std::string& to) {
  const uint64_t bits = std::bit_cast<uint64_t>(number + 0.0);  // Turns -0 into 0.
  uint8_t big[8];
  store_big64(big, (bits & kSignBit) != 0 ? ~bits : bits | kSignBit);
  append(to, Bytes(big));
}

// A zero in an element is not its end.
void append_escaped(uint8_t byte, KeyPlace place, std::string& to) {
  append_byte(to, byte);
  if (byte == 0 && place == KeyPlace::kElement) append_byte(to, 0xFF);
}

void append_point(uint32_t code, KeyPlace place, std::string& to) {
  if (code < 0x80) return append_escaped(static_cast<uint8_t>(code), place, to);
  if (code < 0x800) {
    append_byte(to, static_cast<uint8_t>(0xC0 | code >> 6));
  } else {
    if (code < 0x10000) {
      append_byte(to, static_cast<uint8_t>(0xE0 | code >> 12));
    } else {
      append_byte(to, static_cast<uint8_t>(0xF0 | code >> 18));
      append_byte(to, static_cast<uint8_t>(0x80 | (code >> 12 & 0x3F)));
    }
    append_byte(to, static_cast<uint8_t>(0x80 | (code >> 6 & 0x3F)));
  }
  append_byte(to, static_cast<uint8_t>(0x80 | (code & 0x3F)));
}

void close(KeyPlace place, std::string& to) {
  if (place == KeyPlace::kElement) append_byte(to, kKeyArrayEnd);
}

uint32_t unit_at(Text text, size_t index) { return load<uint16_t>(text.bytes.data() + 2 * index); }

void append_wide(Text text, KeyPlace place, std::string& to) {
  const size_t units = text.units();
  for (size_t index = 0; index < units; ++index) {
    uint32_t code = unit_at(text, index);
    const bool is_high = code >= 0xD800 && code <= 0xDBFF && index + 1 < units;
    const uint32_t low = is_high ? unit_at(text, index + 1) : 0;
    if (low >= 0xDC00 && low <= 0xDFFF) {
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
      ++index;
    }
    append_point(code, place, to);
  }
}

// A key that stands alone, as an element: what has no length of its own is closed.
void append_nested(Bytes key, std::string& to) {
  const bool is_run = key[0] == kTextKeyTag || key[0] == kBytesKeyTag;
  if (!is_run) return append(to, key);
  append_byte(to, key[0]);
  for (const uint8_t byte : key.subspan(1)) append_escaped(byte, KeyPlace::kElement, to);
  close(KeyPlace::kElement, to);
}

}  // namespace

bool has_key(const Type& type) {
  switch (type.tag) {
    case TypeTag::kBoolean:
    case TypeTag::kInt32:
    case TypeTag::kInt64:
    case TypeTag::kFloat64:
    case TypeTag::kString:
    case TypeTag::kBytes:
    case TypeTag::kDate:
    case TypeTag::kUuid:
    case TypeTag::kEnum:
    case TypeTag::kKey:
      return true;
    default:
      return false;
  }
}

std::string typed_key_to_text(const Type& type, Bytes key) {
  const std::string text = key_to_text(key);
  constexpr size_t kUuidBytes = 16;
  if (type.tag != TypeTag::kUuid || key.size() != 1 + kUuidBytes) return text;
  std::string uuid = text.substr(text.size() - 2 * kUuidBytes);
  for (const size_t at : {20, 16, 12, 8}) uuid.insert(at, 1, '-');
  return uuid;
}

void append_number_key(double number, std::string& to) {
  append_byte(to, kNumberKeyTag);
  append_sortable(number, to);
}

// The largest double that is not above it, and what is left over.
void append_integer_key(int64_t number, std::string& to) {
  double base = static_cast<double>(number);
  if (base >= kTwo63 || static_cast<int64_t>(base) > number) base = std::nextafter(base, -kTwo63);
  append_number_key(base, to);
  append_byte(to, kBigintMarker);
  const uint64_t rest =
      static_cast<uint64_t>(number) - static_cast<uint64_t>(static_cast<int64_t>(base));
  const uint8_t size = static_cast<uint8_t>((std::bit_width(rest) + 7) / 8);
  append_byte(to, size);
  for (uint8_t left = size; left > 0; --left) {
    append_byte(to, static_cast<uint8_t>(rest >> (8 * (left - 1))));
  }
}

void append_text_key(Text text, KeyPlace place, std::string& to) {
  append_byte(to, kTextKeyTag);
  if (text.is_wide) {
    append_wide(text, place, to);
  } else if (place == KeyPlace::kAlone && is_ascii(text.bytes)) {
    append(to, text.bytes);
  } else {
    for (const uint8_t unit : text.bytes) append_point(unit, place, to);
  }
  close(place, to);
}

void append_bytes_key(Bytes bytes, KeyPlace place, std::string& to) {
  append_byte(to, kBytesKeyTag);
  if (place == KeyPlace::kAlone) return append(to, bytes);
  for (const uint8_t byte : bytes) append_escaped(byte, place, to);
  close(place, to);
}

bool append_key(const Item& item, KeyPlace place, std::string& to) {
  if (!has_key(item.type())) return false;
  if (!item.is_present()) {
    append_byte(to, kNullKeyTag);
    return true;
  }
  const Type& type = item.type();
  switch (type.tag) {
    case TypeTag::kBoolean:
      append_byte(to, item.truth() ? kTrueKeyTag : kFalseKeyTag);
      return true;
    case TypeTag::kInt32:
    case TypeTag::kFloat64:
      append_number_key(item.number(), to);
      return true;
    case TypeTag::kInt64:
      append_integer_key(item.integer(), to);
      return true;
    case TypeTag::kDate:
      append_byte(to, kDateKeyTag);
      append_sortable(item.number(), to);
      return true;
    case TypeTag::kString:
      append_text_key(item.text(), place, to);
      return true;
    case TypeTag::kEnum:
      if (item.choice() >= type.values.size()) return false;
      append_utf8_key(as_bytes(type.values[item.choice()]), place, to);
      return true;
    case TypeTag::kKey:
      if (item.bytes().empty()) return false;
      if (place == KeyPlace::kElement)
        append_nested(item.bytes(), to);
      else
        append(to, item.bytes());
      return true;
    default:
      append_bytes_key(item.bytes(), place, to);
      return true;
  }
}

void append_utf8_key(Bytes text, KeyPlace place, std::string& to) {
  append_byte(to, kTextKeyTag);
  for (const uint8_t byte : text) append_escaped(byte, place, to);
  close(place, to);
}

Result<std::string> key_of(const RecordView& view) {
  const KeyDescription& key = view.schema().description().key;
  const bool is_array = key.kind == KeyKind::kFields;
  std::string made;
  if (is_array) append_byte(made, kArrayKeyTag);
  for (const std::string& path : key.paths) {
    const uint32_t column = view.schema().find(path);
    const KeyPlace place = is_array ? KeyPlace::kElement : KeyPlace::kAlone;
    if (column == kNoColumn || !append_key(view.item(column), place, made)) {
      return Status::invalid("record: no key can be made of " + path);
    }
  }
  if (is_array) append_byte(made, kKeyArrayEnd);
  return made;
}

}  // namespace varve

// binding/values.h — a stored value on its way to JavaScript: its kind, its head, its text.
//
// Layout of a stored value: lib/value/FORMAT.md. Nothing here looks inside a head.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "pure/codec/varint.h"

namespace varve {

inline constexpr uint8_t kValueNarrowText = 0x01;
inline constexpr uint8_t kValueWideText = 0x02;
inline constexpr uint8_t kValueBytes = 0x03;
inline constexpr uint8_t kValueSplitNarrow = 0x11;
inline constexpr uint8_t kValueSplitWide = 0x12;

struct ValueParts {
  uint8_t kind = 0;
  Bytes head;          // What JavaScript finds in the scratch: a head, or raw bytes.
  Bytes text;          // One byte a unit, or two.
  bool wide = false;
  bool has_text = false;
};

// False when the bytes are no value: they were written by something else, or damaged.
inline bool split_value(Bytes value, ValueParts& parts) {
  if (value.empty()) return false;
  parts.kind = value[0];
  const Bytes rest = value.subspan(1);
  if (parts.kind == kValueNarrowText || parts.kind == kValueWideText) {
    parts.text = rest;
  } else if (parts.kind == kValueSplitNarrow || parts.kind == kValueSplitWide) {
    Bytes behind_size = rest;
    uint32_t head_size = 0;
    if (!take_varint(behind_size, head_size) || head_size > behind_size.size()) return false;
    parts.head = behind_size.subspan(0, head_size);
    parts.text = behind_size.subspan(head_size);
  } else {
    parts.head = rest;
    return true;
  }
  parts.has_text = true;
  parts.wide = parts.kind == kValueWideText || parts.kind == kValueSplitWide;
  return !parts.wide || parts.text.size() % 2 == 0;
}

}  // namespace varve

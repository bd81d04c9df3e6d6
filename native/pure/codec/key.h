// pure/codec/key.h — ordered keys: comparing the bytes compares the values.
//
// null < false < true < numbers and bigints in one order < dates < strings < bytes < arrays.
// lib/key.ts writes the same bytes for every kind; C++ writes the hot one (text) and can check and
// show all of them.
//
// Invariants
//   - One value has exactly one encoding; validate_key() accepts nothing else.
//   - No function here reads outside the bytes it is given, however hostile they are.
// Bytes: FORMAT.md
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/status.h"

namespace varve {

inline constexpr uint8_t kKeyArrayEnd = 0x00;
inline constexpr uint8_t kNullKeyTag = 0x10;
inline constexpr uint8_t kFalseKeyTag = 0x18;
inline constexpr uint8_t kTrueKeyTag = 0x19;
inline constexpr uint8_t kNumberKeyTag = 0x20;
inline constexpr uint8_t kDateKeyTag = 0x30;
inline constexpr uint8_t kTextKeyTag = 0x40;
inline constexpr uint8_t kBytesKeyTag = 0x50;
inline constexpr uint8_t kArrayKeyTag = 0x60;
inline constexpr uint8_t kBigintMarker = 0xFF;
inline constexpr size_t kKeyNestingMax = 16;

// Writes the tag and the text as WTF-8, and returns the bytes written; `to` has room for 1 + 3 *
// count.
size_t encode_text_key(const char16_t* units, size_t count, uint8_t* to);

inline bool is_text_key(Bytes key) { return !key.empty() && key[0] == kTextKeyTag; }

bool is_ascii(Bytes bytes);

// Appends the UTF-16 units of a text key (tag included). Ill-formed bytes become U+FFFD.
void decode_text_key(Bytes key, std::u16string& to);

// A short rendering for messages: "text", 12, bytes 00ff, [1, "a"]; never more than about a hundred bytes.
std::string key_to_text(Bytes key);

// Fine exactly when these bytes are the encoding of one key.
Status validate_key(Bytes key);

}  // namespace varve

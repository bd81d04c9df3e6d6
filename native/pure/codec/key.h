// pure/codec/key.h — ordered keys: bytes whose order is the order of the values they stand for.
//
//   null < false < true < numbers < dates < strings < bytes < arrays
//
// A string is its tag and its code points as UTF-8, a lone surrogate as the three bytes that its number would take, so
// that every JavaScript string comes back as it was. lib/key.ts writes the same bytes for every type; this side knows
// what the hot paths need: strings out of and into UTF-16.
// Bytes: FORMAT.md
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/status.h"

namespace varve {

enum class KeyTag : uint8_t {
  kEnd = 0x00,  // Of an array, and of a string or bytes within one.
  kNull = 0x10,
  kFalse = 0x18,
  kTrue = 0x19,
  kNumber = 0x20,
  kDate = 0x30,
  kText = 0x40,
  kBytes = 0x50,
  kArray = 0x60,
};

inline constexpr uint8_t kTextKeyTag = static_cast<uint8_t>(KeyTag::kText);

// Writes tag and text; `to` has room for 1 + 3 * count bytes. Returns how many were written.
size_t encode_text_key(const char16_t* units, size_t count, uint8_t* to);
inline bool is_text_key(Bytes key) { return !key.empty() && key[0] == kTextKeyTag; }
bool is_ascii(Bytes bytes);
// Appends the UTF-16 units of a text key. Bytes that are no such key become U+FFFD.
void decode_text_key(Bytes key, std::u16string& to);
// A number's tag and its eight bytes.
void encode_number_key(double number, uint8_t to[9]);
// For messages: the text of a text key, or the bytes in hex.
std::string key_to_text(Bytes key);

}  // namespace varve

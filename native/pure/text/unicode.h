// pure/text/unicode.h — what the tokeniser knows of characters: their part in words, and how they
// fold.
//
// The tables are made by native/tools/unicode.cjs and spread at the first use into pages of 256
// characters, of which most are one and the same.
//
// Invariants
//   - decode() reads within its bytes, whatever they are, and takes at least one: what is no UTF-8
//     is a character of its own byte by byte, of class kNone.
// Threads: any.
#pragma once

#include <cstdint>
#include <string_view>

namespace varve {

// Stands in unicode.inc by number.
enum class WordClass : uint8_t {
  kNone = 0,
  kJoiner = 1,  // Belongs to the character before it: marks, and what is not seen.
  kKana = 2,    // From here to kUnspaced, written without spaces.
  kIdeograph = 3,
  kHangul = 4,
  kUnspaced = 5,  // Thai, Lao, Khmer, Myanmar and their like.
  kHebrew = 6,
  kDigit = 7,
  kLetter = 8,
  kConnector = 9,  // As the underscore.
  kSingleQuote = 10,
  kDoubleQuote = 11,
  kMidBoth = 12,  // Joins letters with letters and digits with digits, as the full stop.
  kMidLetter = 13,
  kMidDigit = 14,
};

struct Character {
  uint32_t code;
  uint32_t size;  // In bytes.
};

inline constexpr uint32_t kNoCharacter = 0xfffd;

// `text` is not empty.
Character decode_character(std::string_view text);
// Writes at most four bytes and returns their end.
char* encode_character(uint32_t code, char* to);
// Code units in UTF-16: what JavaScript counts.
inline uint32_t utf16_size(Character character) { return character.code >= 0x10000 ? 2 : 1; }

WordClass word_class(uint32_t code);

inline constexpr uint32_t kFoldedMax = 18;  // Characters that one becomes.
// Writes what the character folds to, and returns how many: none, one or more.
uint32_t fold_character(uint32_t code, uint32_t (&to)[kFoldedMax]);

}  // namespace varve

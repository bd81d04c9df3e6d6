// pure/text/tokens.h — a text as terms with their places: what is indexed and what is asked for.
//
// Words are those of UAX #29, without what holds no letter and no digit. Scripts written without
// spaces (Han, kana, Hangul, Thai and their like) become overlapping pairs of characters, the last
// of a run alone, so that every character begins a term and a word of them is a phrase. Characters
// are folded (unicode.h); stems and stop words are the matter of language.h.
//
//   Can't ÉTÉ 東京都!  →  can't 0, ete 1, 東京 2, 京都 3, 都 4
//
// Texts are looked at by pieces in which SIMD has marked the letters and digits of ASCII; a word
// that is made of them alone, as most are, is not looked at byte by byte.
//
// Offsets are bytes of UTF-8; Utf16Offsets turns rising ones into what JavaScript counts.
//
// Invariants
//   - a token's bytes are not empty and lie within the text; tokens begin in rising order.
//   - a term has 1 to kTermBytesMax bytes of UTF-8; what is longer is cut between characters.
// Threads: a reader belongs to one.
#pragma once

#include <cstdint>
#include <string_view>

#include "pure/simd/simd.h"
#include "pure/text/unicode.h"

namespace varve {

inline constexpr uint32_t kTermBytesMax = 120;

enum class TokenKind : uint8_t { kWord, kPair, kLone };

inline constexpr size_t kTermPadding = 16;  // As WordTable::hash_padded() reads.

struct Token {
  // Until the next call of next(). So many bytes behind it may be read.
  std::string_view term;
  uint32_t position = 0;  // The how manieth token of the text.
  uint32_t begin = 0;
  uint32_t end = 0;
  TokenKind kind = TokenKind::kWord;
};

class TokenReader {
 public:
  explicit TokenReader(std::string_view text) : text_(text) {}
  bool next(Token& token);

 private:
  struct Peeked {
    WordClass word_class = WordClass::kNone;
    uint32_t code = 0;
    uint32_t begin = 0;
    uint32_t end = 0;  // Behind the character and the joiners that belong to it.
  };
  Peeked peek(uint32_t at) const;
  void take(uint32_t begin, uint32_t end);
  void put(uint32_t code);
  bool joins(WordClass before, const Peeked& next) const;
  void scan();
  bool skip_to_word();
  bool read_ascii_word(Token& token);
  bool read_word(Peeked at);
  TokenKind read_pair(Peeked at);

  std::string_view text_;
  uint32_t at_ = 0;
  uint32_t position_ = 0;
  uint32_t size_ = 0;
  bool is_full_ = false;
  char term_[kTermBytesMax + kTermPadding];
  // What is marked of the text, by the piece.
  uint32_t scanned_at_ = 0;
  uint32_t scanned_end_ = 0;
  TextMarks marks_ = {0, 0};
  uint8_t small_[kScannedBytes + kTermPadding];
};

class Utf16Offsets {
 public:
  explicit Utf16Offsets(std::string_view text) : text_(text) {}
  // Offsets of bytes that never descend.
  uint32_t at(uint32_t byte_offset);

 private:
  std::string_view text_;
  uint32_t bytes_ = 0;
  uint32_t units_ = 0;
};

}  // namespace varve

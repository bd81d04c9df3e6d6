#include "pure/text/tokens.h"

#include <algorithm>
#include <array>

namespace varve {
namespace {

// What a byte of ASCII becomes in a term: letters and digits alone.
constexpr std::array<char, 256> kWordBytes = [] {
  std::array<char, 256> table{};
  for (int byte = '0'; byte <= '9'; ++byte) table[byte] = static_cast<char>(byte);
  for (int byte = 'a'; byte <= 'z'; ++byte) {
    table[byte] = static_cast<char>(byte);
    table[byte - 32] = static_cast<char>(byte);
  }
  return table;
}();

char word_byte(char byte) { return kWordBytes[static_cast<uint8_t>(byte)]; }

bool is_ascii(char byte) { return static_cast<uint8_t>(byte) < 0x80; }

// What may go on a word that has begun with letters and digits of ASCII.
bool may_join(char byte) {
  return !is_ascii(byte) || byte == '_' || byte == '\'' || byte == '.' || byte == ',' ||
         byte == ';';
}

bool is_letter(WordClass word_class) {
  return word_class == WordClass::kLetter || word_class == WordClass::kHebrew;
}

bool is_unspaced(WordClass word_class) {
  return word_class >= WordClass::kKana && word_class <= WordClass::kUnspaced;
}

// Kana and ideographs make words together.
bool is_same_script(WordClass a, WordClass b) {
  const auto script = [](WordClass one) {
    return one == WordClass::kKana ? WordClass::kIdeograph : one;
  };
  return script(a) == script(b);
}

bool is_plain_join(WordClass before, WordClass next) {
  const bool is_word = is_letter(before) || before == WordClass::kDigit;
  const bool goes_on = is_letter(next) || next == WordClass::kDigit;
  if (before == WordClass::kConnector) return goes_on || next == WordClass::kConnector;
  return is_word && (goes_on || next == WordClass::kConnector);
}

}  // namespace

TokenReader::Peeked TokenReader::peek(uint32_t at) const {
  if (at >= text_.size()) return {WordClass::kNone, 0, at, at};
  const Character first = decode_character(text_.substr(at));
  Peeked found{word_class(first.code), first.code, at, at + first.size};
  while (found.end < text_.size() && !is_ascii(text_[found.end])) {
    const Character next = decode_character(text_.substr(found.end));
    if (word_class(next.code) != WordClass::kJoiner) break;
    found.end += next.size;
  }
  return found;
}

void TokenReader::put(uint32_t code) {
  char bytes[4];
  const uint32_t size = static_cast<uint32_t>(encode_character(code, bytes) - bytes);
  is_full_ = is_full_ || size_ + size > kTermBytesMax;
  if (is_full_) return;
  std::copy_n(bytes, size, term_ + size_);
  size_ += size;
}

void TokenReader::take(uint32_t begin, uint32_t end) {
  uint32_t folded[kFoldedMax];
  while (begin < end) {
    const Character next = decode_character(text_.substr(begin));
    const uint32_t count = fold_character(next.code, folded);
    for (uint32_t index = 0; index < count; ++index) put(folded[index]);
    begin += next.size;
  }
}

// Whether a word goes on over `next`, which may need what follows it.
bool TokenReader::joins(WordClass before, const Peeked& next) const {
  if (is_plain_join(before, next.word_class)) return true;
  const bool is_quote = next.word_class == WordClass::kSingleQuote;
  const bool is_both = is_quote || next.word_class == WordClass::kMidBoth;
  const WordClass after = peek(next.end).word_class;
  if (is_letter(before) && (is_both || next.word_class == WordClass::kMidLetter)) {
    return is_letter(after) || (is_quote && before == WordClass::kHebrew);
  }
  if (before == WordClass::kHebrew && next.word_class == WordClass::kDoubleQuote) {
    return after == WordClass::kHebrew;
  }
  const bool is_mid_digit = is_both || next.word_class == WordClass::kMidDigit;
  return before == WordClass::kDigit && is_mid_digit && after == WordClass::kDigit;
}

// The word at `at`; false when it holds neither letter nor digit.
bool TokenReader::read_word(Peeked at) {
  bool is_word = at.word_class != WordClass::kConnector;
  WordClass before = at.word_class;
  take(at.begin, at.end);
  for (at_ = at.end; at_ < text_.size(); at_ = at.end) {
    at = peek(at_);
    if (!joins(before, at)) break;
    is_word = is_word || at.word_class != WordClass::kConnector;
    take(at.begin, at.end);
    const WordClass now = at.word_class;
    if (is_letter(now) || now == WordClass::kDigit || now == WordClass::kConnector) {
      before = now;
    } else {  // What joins was seen to be followed by a character that goes on.
      at = peek(at.end);
      if (!is_letter(at.word_class) && at.word_class != WordClass::kDigit) {
        at_ = at.begin;
        break;
      }
      take(at.begin, at.end);
      before = at.word_class;
    }
  }
  return is_word && size_ > 0;
}

// Letters and digits of ASCII up to something that ends a word for certain; else nothing is read.
bool TokenReader::read_ascii_word() {
  uint32_t at = at_;
  uint32_t size = 0;
  for (; at < text_.size(); ++at, ++size) {
    const char byte = word_byte(text_[at]);
    if (byte == 0) break;
    if (size == kTermBytesMax) return false;
    term_[size] = byte;
  }
  if (size == 0) return false;
  if (at < text_.size() && may_join(text_[at])) {
    const bool is_mid = is_ascii(text_[at]) && text_[at] != '_';
    const bool ends = is_mid && (at + 1 == text_.size() ||
                                 (is_ascii(text_[at + 1]) && word_byte(text_[at + 1]) == 0));
    if (!ends) return false;
  }
  size_ = size;
  at_ = at;
  return true;
}

TokenKind TokenReader::read_pair(Peeked at) {
  take(at.begin, at.end);
  at_ = at.end;
  const Peeked next = peek(at.end);
  if (!is_unspaced(next.word_class) || !is_same_script(at.word_class, next.word_class)) {
    return TokenKind::kLone;
  }
  take(next.begin, next.end);
  return TokenKind::kPair;
}

bool TokenReader::next(Token& token) {
  while (at_ < text_.size()) {
    if (is_ascii(text_[at_]) && word_byte(text_[at_]) == 0 && text_[at_] != '_') {
      ++at_;
      continue;
    }
    size_ = 0;
    is_full_ = false;
    token.begin = at_;
    token.kind = TokenKind::kWord;
    bool is_found = read_ascii_word();
    if (!is_found) {
      const Peeked at = peek(at_);
      at_ = at.end;
      if (is_unspaced(at.word_class)) {
        token.kind = read_pair(at);
        if (token.kind == TokenKind::kPair) token.end = peek(at_).end;
        is_found = size_ > 0;
      } else if (is_plain_join(at.word_class, WordClass::kLetter)) {
        is_found = read_word(at);
      }
    }
    if (!is_found) continue;
    if (token.kind != TokenKind::kPair) token.end = at_;
    token.term = {term_, size_};
    token.position = position_++;
    return true;
  }
  return false;
}

uint32_t Utf16Offsets::at(uint32_t byte_offset) {
  while (bytes_ < byte_offset && bytes_ < text_.size()) {
    const Character next = decode_character(text_.substr(bytes_));
    bytes_ += next.size;
    units_ += utf16_size(next);
  }
  return units_;
}

}  // namespace varve

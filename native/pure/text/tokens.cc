#include "pure/text/tokens.h"

#include <algorithm>
#include <bit>

#include "base/bytes.h"

namespace varve {
namespace {

bool is_ascii(char byte) { return static_cast<uint8_t>(byte) < 0x80; }

// What may go on behind a dot or its like within a word.
bool may_follow(char byte) {
  const char small = static_cast<char>(byte | 0x20);
  return !is_ascii(byte) || (byte >= '0' && byte <= '9') || (small >= 'a' && small <= 'z');
}

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

void TokenReader::scan() {
  const std::string_view piece = text_.substr(at_, kScannedBytes);
  const Bytes bytes = as_bytes(piece);
  marks_ = kernels().scan_text(bytes.data(), bytes.size(), small_);
  scanned_at_ = at_;
  scanned_end_ = at_ + static_cast<uint32_t>(piece.size());
}

// To what may begin a word; false at the end of the text.
bool TokenReader::skip_to_word() {
  while (at_ < text_.size()) {
    if (at_ >= scanned_end_) scan();
    const uint64_t begins = (marks_.words | marks_.others) >> (at_ - scanned_at_);
    if (begins != 0) {
      at_ += static_cast<uint32_t>(std::countr_zero(begins));
      return true;
    }
    at_ = scanned_end_;
  }
  return false;
}

// Letters and digits of ASCII up to something that ends a word for certain; else nothing is read.
bool TokenReader::read_ascii_word(Token& token) {
  const auto size_at = [&] {
    return static_cast<uint32_t>(std::countr_one(marks_.words >> (at_ - scanned_at_)));
  };
  uint32_t size = size_at();
  if (at_ + size >= scanned_end_ && scanned_at_ < at_) {  // It may go on behind the piece.
    scan();
    size = size_at();
  }
  if (size == 0 || size == kScannedBytes) return false;
  const uint32_t end = at_ + size;
  if (end < text_.size() && may_join(text_[end])) {
    const bool is_mid = is_ascii(text_[end]) && text_[end] != '_';
    if (!is_mid || (end + 1 < text_.size() && may_follow(text_[end + 1]))) return false;
  }
  token.term = as_text(Bytes(small_ + (at_ - scanned_at_), size));
  at_ = end;
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
  while (skip_to_word()) {
    token.begin = at_;
    token.kind = TokenKind::kWord;
    bool is_found = read_ascii_word(token);
    if (!is_found) {
      size_ = 0;
      is_full_ = false;
      const Peeked at = peek(at_);
      at_ = at.end;
      if (is_unspaced(at.word_class)) {
        token.kind = read_pair(at);
        if (token.kind == TokenKind::kPair) token.end = peek(at_).end;
        is_found = size_ > 0;
      } else if (is_plain_join(at.word_class, WordClass::kLetter)) {
        is_found = read_word(at);
      }
      token.term = {term_, size_};
    }
    if (!is_found) continue;
    if (token.kind != TokenKind::kPair) token.end = at_;
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

#include "pure/text/unicode.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "base/check.h"

namespace varve {
namespace {

struct ClassRange {
  uint32_t first;
  uint32_t last;
  uint8_t word_class;
};
struct FoldRange {
  uint32_t first;
  uint32_t last;
  uint8_t step;
  int32_t delta;
};
#include "pure/text/unicode.inc"

constexpr uint32_t kCodes = 0x110000;
constexpr uint32_t kPageCodes = 256;

// A cell: the class in four bits, how many characters it folds to in five, and in the rest the one
// that it folds to, or where the list of them begins.
constexpr uint32_t kClassShift = 28;
constexpr uint32_t kCountShift = 23;
constexpr uint32_t kCountMask = 31;
constexpr uint32_t kValueMask = (1u << kCountShift) - 1;
constexpr uint32_t kItself = 31;

class Tables {
 public:
  Tables() {
    std::vector<uint32_t> cells(kCodes, kItself << kCountShift);
    fill_ascii(cells);
    for (const ClassRange& range : kClassRanges) {
      for (uint32_t code = range.first; code <= range.last; ++code) {
        cells[code] |= uint32_t{range.word_class} << kClassShift;
      }
    }
    for (const FoldRange& range : kFoldRanges) {
      for (uint32_t code = range.first; code <= range.last; code += range.step) {
        set_fold(cells[code], 1, code + static_cast<uint32_t>(range.delta));
      }
    }
    for (uint32_t at = 0; at < std::size(kFoldLists); at += 2 + kFoldLists[at + 1]) {
      check(kFoldLists[at + 1] <= kFoldedMax);
      set_fold(cells[kFoldLists[at]], kFoldLists[at + 1], at + 2);
    }
    compress(cells);
  }
  uint32_t cell(uint32_t code) const {
    if (code >= kCodes) return kItself << kCountShift;
    return pages_[size_t{index_[code / kPageCodes]} * kPageCodes + code % kPageCodes];
  }

 private:
  static void set_fold(uint32_t& cell, uint32_t count, uint32_t value) {
    cell = (cell >> kClassShift << kClassShift) | count << kCountShift | value;
  }
  static void set_class(uint32_t& cell, WordClass word_class) {
    cell |= static_cast<uint32_t>(word_class) << kClassShift;
  }
  static void fill_ascii(std::vector<uint32_t>& cells) {
    for (uint32_t code = '0'; code <= '9'; ++code) set_class(cells[code], WordClass::kDigit);
    for (uint32_t code = 'a'; code <= 'z'; ++code) {
      set_class(cells[code], WordClass::kLetter);
      set_class(cells[code - 32], WordClass::kLetter);
      set_fold(cells[code - 32], 1, code);
    }
    set_class(cells['_'], WordClass::kConnector);
    set_class(cells['\''], WordClass::kSingleQuote);
    set_class(cells['"'], WordClass::kDoubleQuote);
    set_class(cells['.'], WordClass::kMidBoth);
    set_class(cells[','], WordClass::kMidDigit);
    set_class(cells[';'], WordClass::kMidDigit);
  }
  // Equal neighbours are one page, and so are all that say nothing.
  void compress(const std::vector<uint32_t>& cells) {
    const size_t page_bytes = kPageCodes * sizeof(uint32_t);
    pages_.assign(kPageCodes, kItself << kCountShift);
    for (uint32_t code = 0; code < kCodes; code += kPageCodes) {
      const size_t last = pages_.size() - kPageCodes;
      size_t at = last;
      if (std::memcmp(&pages_[0], &cells[code], page_bytes) == 0) {
        at = 0;
      } else if (std::memcmp(&pages_[last], &cells[code], page_bytes) != 0) {
        at = pages_.size();
        pages_.insert(pages_.end(), cells.begin() + code, cells.begin() + code + kPageCodes);
      }
      index_[code / kPageCodes] = static_cast<uint16_t>(at / kPageCodes);
    }
  }

  uint16_t index_[kCodes / kPageCodes];
  std::vector<uint32_t> pages_;
};

const Tables& tables() {
  static const Tables one;
  return one;
}

bool is_continuation(char byte) { return (static_cast<uint8_t>(byte) & 0xc0) == 0x80; }
uint32_t six_bits(char byte) { return static_cast<uint8_t>(byte) & 0x3fu; }

}  // namespace

Character decode_character(std::string_view text) {
  const uint8_t lead = static_cast<uint8_t>(text[0]);
  if (lead < 0x80) return {lead, 1};
  const uint32_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < size) return {kNoCharacter, 1};
  uint32_t code = lead & (0x7fu >> size);
  for (uint32_t index = 1; index < size; ++index) {
    if (!is_continuation(text[index])) return {kNoCharacter, 1};
    code = code << 6 | six_bits(text[index]);
  }
  const bool is_longer_than_need = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
  if (is_longer_than_need || (code >= 0xd800 && code < 0xe000) || code >= kCodes) {
    return {kNoCharacter, 1};
  }
  return {code, size};
}

char* encode_character(uint32_t code, char* to) {
  if (code < 0x80) {
    *to++ = static_cast<char>(code);
    return to;
  }
  const uint32_t more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  const uint32_t lead = more == 1 ? 0xc0u : more == 2 ? 0xe0u : 0xf0u;
  *to++ = static_cast<char>(lead | code >> (6 * more));
  for (uint32_t left = more; left-- > 0;) {
    *to++ = static_cast<char>(0x80u | (code >> (6 * left) & 0x3fu));
  }
  return to;
}

WordClass word_class(uint32_t code) {
  return static_cast<WordClass>(tables().cell(code) >> kClassShift);
}

uint32_t fold_character(uint32_t code, uint32_t (&to)[kFoldedMax]) {
  const uint32_t cell = tables().cell(code);
  const uint32_t count = cell >> kCountShift & kCountMask;
  const uint32_t value = cell & kValueMask;
  to[0] = count == kItself ? code : value;
  if (count == kItself || count == 1) return 1;
  for (uint32_t index = 0; index < count; ++index) to[index] = kFoldLists[value + index];
  return count;
}

}  // namespace varve

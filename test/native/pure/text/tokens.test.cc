// test/native/pure/text/tokens.test.cc — words as UAX #29 has them, folded, with their places.
#include "pure/text/tokens.h"

#include <string>

#include "base/random.h"
#include "test.h"

namespace varve {
namespace {

using test::expect;

std::string terms(std::string_view text) {
  std::string all;
  TokenReader reader(text);
  Token token;
  while (reader.next(token)) {
    if (!all.empty()) all.push_back('|');
    all += token.term;
  }
  return all;
}

void expect_terms(std::string_view text, std::string_view expected) {
  const std::string found = terms(text);
  if (found != expected) {
    std::fprintf(stderr, "  %s became %s\n", std::string(text).c_str(), found.c_str());
  }
  expect(found == expected);
}

const test::Case words("words end where UAX #29 says", [] {
  expect_terms("The quick (\"brown\") fox can't jump 32.3 feet, right?",
               "the|quick|brown|fox|can't|jump|32.3|feet|right");
  expect_terms("foo_bar _x __ 1,000;2 a.b c. .d e..f 1.a", "foo_bar|_x|1,000;2|a.b|c|d|e|f|1|a");
  expect_terms("'tis rock'n'roll dogs' don\u2019t", "tis|rock'n'roll|dogs|don't");
  expect_terms("a:b a/b a-b x86 3D", "a|b|a|b|a|b|x86|3d");
  expect_terms("\u05e6\u05d4\"\u05dc \u05d2'", "\u05e6\u05d4\"\u05dc|\u05d2'");
  expect_terms("a\u00adb o\u0308l \u0915\u094d\u0937\u093f", "ab|ol|\u0915\u094d\u0937\u093f");
  expect_terms("", "");
  expect_terms("\u0301 \u200d ... !?", "");
});

const test::Case folded("case and diacritics fold, letters of their own stay", [] {
  expect_terms("ÉTÉ Ångström ŁÓDŹ Straße ÆON ﬁn Ⅷ", "ete|angstrom|lodz|strasse|aeon|fin|viii");
  expect_terms("МОЙ Ёлка Їжак İstanbul ΟΔΟΣ Ὀδυσσεύς", "мой|елка|їжак|istanbul|οδοσ|οδυσσευσ");
  expect_terms("ｆｕｌｌ １２", "full|12");
});

const test::Case pairs("scripts without spaces become pairs, the last of a run alone", [] {
  expect_terms("東京都", "東京|京都|都");
  expect_terms("日", "日");
  expect_terms("ガラスの靴", "ガラ|ラス|スの|の靴|靴");
  expect_terms("iPhone用3個", "iphone|用|3|個");
  expect_terms("한국어 말", "한국|국어|어|말");
  expect_terms("ไทยดี", "ไท|ทย|ยดี|ดี");
});

const test::Case places("tokens know their bytes and their UTF-16 units", [] {
  const std::string_view text = "a \U0001F600é東京";
  TokenReader reader(text);
  Utf16Offsets units(text);
  Token token;
  expect(reader.next(token) && token.begin == 0 && token.end == 1 && token.position == 0);
  expect(reader.next(token) && token.begin == 6 && token.end == 8 && token.position == 1);
  expect(units.at(token.begin) == 4 && units.at(token.end) == 5);
  expect(reader.next(token) && token.begin == 8 && token.end == 14 && token.position == 2);
  expect(token.kind == TokenKind::kPair && units.at(token.begin) == 5);
  expect(reader.next(token) && token.begin == 11 && token.end == 14 && units.at(14) == 7);
  expect(token.kind == TokenKind::kLone && !reader.next(token));
});

const test::Case long_words("a word that is too long is cut between characters", [] {
  expect(terms(std::string(500, 'A')) == std::string(kTermBytesMax, 'a'));
  std::string word = "b";
  for (int count = 0; count < 200; ++count) word += "ж";
  expect(terms(word).size() == kTermBytesMax - 1);
});

const test::Case hostile("any bytes become tokens that lie in them, in order", [] {
  Random random(test::seed());
  const std::string_view alphabet =
      "aB'.,_\"9 \u0301\u200dжé東한ก\u05d0\xff\xc3\xe3\xf0\x80\xed\xa0";
  for (int round = 0; round < 5000; ++round) {
    std::string text;
    for (uint64_t left = random.below(40); left > 0; --left) {
      const size_t at = random.below(alphabet.size());
      text += alphabet.substr(at, 1 + random.below(3));
    }
    TokenReader reader(text);
    Token token;
    uint32_t before = 0;
    for (uint32_t count = 0; reader.next(token); ++count) {
      expect(token.position == count && (count == 0 || token.begin > before));
      expect(token.begin < token.end && token.end <= text.size() && !token.term.empty());
      expect(token.term.size() <= kTermBytesMax);
      before = token.begin;
    }
  }
});

const test::Case characters("every character survives encoding, and folding twice is folding once",
                            [] {
                              for (uint32_t code = 1; code < 0x110000; ++code) {
                                if (code >= 0xd800 && code < 0xe000) continue;
                                char bytes[4];
                                const char* const end = encode_character(code, bytes);
                                const Character found =
                                    decode_character({bytes, static_cast<size_t>(end - bytes)});
                                expect(found.code == code && bytes + found.size == end);
                                uint32_t once[kFoldedMax];
                                uint32_t twice[kFoldedMax];
                                const uint32_t count = fold_character(code, once);
                                for (uint32_t index = 0; index < count; ++index) {
                                  const bool is_same = fold_character(once[index], twice) == 1 &&
                                                       twice[0] == once[index];
                                  if (!is_same) std::fprintf(stderr, "  U+%04X folds on\n", code);
                                  expect(is_same);
                                }
                              }
                            });

}  // namespace
}  // namespace varve

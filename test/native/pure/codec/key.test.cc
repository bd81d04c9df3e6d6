// test/native/pure/codec/key.test.cc — ordered keys, held against the fixture that lib/key.ts
// wrote.
#include "pure/codec/key.h"

#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "test.h"

namespace varve {
namespace {

using test::expect;

std::string text_key(std::u16string_view text) {
  std::string bytes(1 + 3 * text.size(), '\0');
  bytes.resize(encode_text_key(text.data(), text.size(), reinterpret_cast<uint8_t*>(bytes.data())));
  return bytes;
}

std::u16string round(std::u16string_view text) {
  std::u16string back;
  decode_text_key(as_bytes(text_key(text)), back);
  return back;
}

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (size_t index = 0; index + 1 < hex.size(); index += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(index, 2)), nullptr, 16)));
  }
  return bytes;
}

const std::u16string kHigh(1, char16_t{0xD83D});
const std::u16string kLow(1, char16_t{0xDE00});

const test::Case ascii("an ASCII text key is its tag and its letters", [] {
  expect(text_key(u"abc") ==
         "\x40"
         "abc");
  expect(text_key(u"") == "\x40");
});

const test::Case round_trips("text of every width and lone surrogates come back", [] {
  const std::u16string texts[] = {u"",   u"a", u"é",         u"水",   kHigh + kLow,
                                  kHigh, kLow, kLow + kHigh, u"aé水z"};
  for (const std::u16string& text : texts) {
    expect(round(text) == text);
    expect(bool(validate_key(as_bytes(text_key(text)))));
  }
});

const test::Case order("text sorts by code point, astral characters last", [] {
  expect(compare(as_bytes(text_key(u"\uFFFF")), as_bytes(text_key(kHigh + kLow))) < 0);
  expect(compare(as_bytes(text_key(u"a")), as_bytes(text_key(u"ab"))) < 0);
});

// One of each form that no writer uses; lib/key.ts is held to the same lines.
const test::Case ill_formed("bytes that no key is written as are refused", [] {
  std::ifstream file("test/format/refused-keys.txt");
  std::string line;
  size_t count = 0;
  for (; std::getline(file, line); count++) {
    const std::string key = from_hex(line.substr(0, line.find('\t')));
    if (!validate_key(as_bytes(key))) continue;
    std::printf("  accepted: %s\n", line.c_str());
    expect(false);
  }
  expect(count > 50);
});

const test::Case far_bigint("a bigint that another double is nearer to is refused", [] {
  for (const char* hex : {"20bff0000000000000ff0105", "20c340000000000000ff0102",
                          "204007ffffffffffffff0101", "208000000000000000ff0101"}) {
    expect(!validate_key(as_bytes(from_hex(hex))));
  }
  expect(bool(validate_key(as_bytes(from_hex("20c340000000000000ff0101")))));
});

const test::Case deep("arrays nest sixteen deep and no deeper", [] {
  for (const size_t depth : {16u, 17u}) {
    const std::string key = std::string(depth, '\x60') + std::string(depth, '\0');
    expect(bool(validate_key(as_bytes(key))) == (depth == 16));
  }
});

const test::Case shown("a key is shown short, for messages", [] {
  expect(key_to_text(as_bytes(text_key(u"ab"))) == "\"ab\"");
  expect(key_to_text(as_bytes(from_hex("6020bff0000000000000406100"
                                       "00"))) == "[1, \"a\"]");
  expect(key_to_text(as_bytes(text_key(std::u16string(5000, u'x')))).size() < 110);
});

// The lines are hex, a tab and a description, in key order.
const test::Case fixture("every key that TypeScript wrote is a key, in the same order", [] {
  std::ifstream file("test/format/keys.txt");  // Native tests run from the root of the repository.
  std::string line;
  std::string last;
  size_t count = 0;
  while (std::getline(file, line)) {
    const std::string key = from_hex(line.substr(0, line.find('\t')));
    expect(bool(validate_key(as_bytes(key))));
    expect(count == 0 || compare(as_bytes(last), as_bytes(key)) < 0);
    last = key;
    count++;
  }
  expect(count > 30);
});

}  // namespace
}  // namespace varve

// Hostile keys: they are refused or are the one encoding of a key, and can be shown either way.
//
// What is accepted must come back the same from text and from within an array, and no array may
// begin another key: that is what makes comparing bytes compare values.
#include <algorithm>

#include "fuzz.h"
#include "pure/codec/key.h"

namespace varve {
namespace {

constexpr size_t kShownBytesMax = 160;  // "about a hundred", and what is said of ill-formed ones.
constexpr size_t kPrefixesMax = 256;    // Each costs a walk over the key.

// Text is what the facade reads back as a string, well-formed or not.
void read_text(Bytes key, bool is_fine) {
  std::u16string units;
  decode_text_key(key, units);
  check(units.size() <= key.size());
  std::string again(1 + 3 * units.size(), '\0');
  uint8_t* const to = reinterpret_cast<uint8_t*>(again.data());
  again.resize(encode_text_key(units.data(), units.size(), to));
  check(static_cast<bool>(validate_key(as_bytes(again))));
  if (is_fine) check(equal(as_bytes(again), key));
  const bool only_ascii =
      std::all_of(key.begin(), key.end(), [](uint8_t byte) { return byte < 0x80; });
  check(is_ascii(key) == only_ascii);
}

// The key as the only element of an array: text and bytes are escaped there, and closed.
std::string wrapped(Bytes key) {
  std::string array(1, static_cast<char>(kArrayKeyTag));
  const bool is_escaped = key[0] == kTextKeyTag || key[0] == kBytesKeyTag;
  for (const uint8_t byte : key) {
    array.push_back(static_cast<char>(byte));
    if (is_escaped && byte == 0) array.push_back('\xFF');
  }
  if (is_escaped) array.push_back('\0');
  array.push_back(static_cast<char>(kKeyArrayEnd));
  return array;
}

void run(Bytes input) {
  check(key_to_text(input).size() <= kShownBytesMax);
  const bool is_fine = static_cast<bool>(validate_key(input));
  if (is_text_key(input)) read_text(input, is_fine);
  if (!is_fine) return;
  const std::string array = wrapped(input);
  const bool holds = static_cast<bool>(validate_key(as_bytes(array)));
  check(holds || input[0] == kArrayKeyTag);  // An array may be as deep as they go already.
  if (!holds) return;
  for (size_t size = 0; size < std::min(array.size(), kPrefixesMax); ++size) {
    check(!validate_key(as_bytes(array).first(size)));
  }
}

const fuzz::Target target("key", run);

}  // namespace
}  // namespace varve

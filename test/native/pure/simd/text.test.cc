// test/native/pure/simd/text.test.cc — every filling of what is done to keys and texts, held to the
// scalar one, and that one to plain words.
#include <algorithm>
#include <string>
#include <vector>

#include "base/random.h"
#include "pure/simd/simd.h"
#include "test.h"

namespace varve {
namespace {

using test::expect;

std::vector<const Kernels*> fillings() {
  const Kernels* all[kTablesMax] = {};
  const size_t count = all_kernels(all);
  return {all, all + count};
}

const uint8_t* bytes_of(const std::string& text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

// In a buffer of its own size, so that a sanitizer sees what is read beyond it.
std::string some_bytes(Random& random, size_t size) {
  std::string bytes(size, '\0');
  const bool is_text = random.one_in(2);
  constexpr char kText[] = "aZz09 _.'@[`{/:\x7f\xc3\xa9";
  for (char& byte : bytes)
    byte = is_text ? kText[random.below(sizeof kText - 1)] : static_cast<char>(random.next());
  return bytes;
}

const test::Case prefixes("every filling finds how much two keys share, wherever they differ", [] {
  Random random(test::seed());
  for (int round = 0; round < 3000; ++round) {
    const size_t size = random.below(round % 10 == 0 ? 1000 : 80);
    const std::string a = some_bytes(random, size);
    std::string b = a;
    size_t shared = size;
    if (size > 0 && !random.one_in(4)) {
      shared = random.below(size);
      b[shared] = static_cast<char>(b[shared] ^ (1 << random.below(8)));
      if (random.one_in(2)) b[size - 1] = static_cast<char>(b[size - 1] ^ 1);
      if (a[shared] == b[shared]) shared = size;  // Turned twice.
    }
    for (const Kernels* filling : fillings())
      expect(filling->shared_prefix(bytes_of(a), bytes_of(b), size) == shared);
  }
});

const test::Case scans("every filling marks words in a text and makes their letters small", [] {
  Random random(test::seed() + 1);
  for (int round = 0; round < 3000; ++round) {
    const size_t size = random.one_in(3) ? kScannedBytes : random.below(kScannedBytes + 40);
    const std::string text = some_bytes(random, size);
    std::string wanted(kScannedBytes, '\0');
    TextMarks marks = {0, 0};
    for (size_t at = 0; at < std::min(size, kScannedBytes); ++at) {
      const char byte = text[at];
      const bool is_large = byte >= 'A' && byte <= 'Z';
      const bool is_digit = byte >= '0' && byte <= '9';
      const bool is_small = byte >= 'a' && byte <= 'z';
      wanted[at] = is_large ? static_cast<char>(byte - 'A' + 'a') : byte;
      marks.words |= uint64_t{is_large || is_digit || is_small} << at;
      marks.others |= uint64_t{byte == '_' || static_cast<uint8_t>(byte) >= 0x80} << at;
    }
    for (const Kernels* filling : fillings()) {
      std::string made(kScannedBytes, 'x');
      const TextMarks found =
          filling->scan_text(bytes_of(text), size, reinterpret_cast<uint8_t*>(made.data()));
      expect(found.words == marks.words && found.others == marks.others && made == wanted);
    }
  }
});

}  // namespace
}  // namespace varve

// The block codec: everything comes back, hostile bytes do no harm.
#include "pure/codec/compress.h"

#include <string>
#include <vector>

#include "base/random.h"
#include "test.h"

namespace varve::test {
namespace {

std::string decompressed(const std::string& packed, size_t size, bool& good) {
  std::string back(size, '\xee');
  good = decompress(as_bytes(packed),
                    MutableBytes(reinterpret_cast<uint8_t*>(back.data()), back.size()));
  return back;
}

void comes_back(const std::string& text) {
  std::string packed = "before";
  expect(compress(as_bytes(text), SIZE_MAX, packed));
  expect(packed.starts_with("before"));
  packed.erase(0, 6);
  bool good = false;
  expect(decompressed(packed, text.size(), good) == text && good);
  decompressed(packed, text.size() + 1, good);
  expect(!good);
  if (!text.empty()) {
    decompressed(packed, text.size() - 1, good);
    expect(!good);
  }
}

// Text with repetitions near and far, of which `variety` says how many.
std::string some_text(Random& random, size_t size, uint64_t variety) {
  std::string text;
  while (text.size() < size) {
    if (random.below(variety) == 0)
      text.push_back(static_cast<char>(random.next()));
    else if (text.empty() || random.one_in(3))
      text += "word" + std::to_string(random.below(50));
    else
      text += text.substr(random.below(text.size()), 1 + random.below(80));
  }
  text.resize(size);
  return text;
}

const Case sizes("blocks of every size come back", [] {
  Random random(seed());
  for (size_t size = 0; size <= 400; ++size) {
    comes_back(std::string(size, 'a'));
    comes_back(some_text(random, size, 3));
    comes_back(some_text(random, size, 1));
  }
  for (const size_t size : {4096, 65535, 65536, 65537, 300000}) {
    comes_back(std::string(size, 'x'));
    comes_back(some_text(random, size, 2));
    comes_back(some_text(random, size, 20));
    comes_back(some_text(random, size, 1));
  }
});

const Case shrinks("repetition shrinks, and what does not is refused", [] {
  Random random(seed());
  std::string packed;
  expect(compress(as_bytes(std::string(4096, 'a')), 64, packed) && packed.size() < 64);
  packed.clear();
  const std::string noise = some_text(random, 4096, 1);
  expect(!compress(as_bytes(noise), noise.size(), packed) && packed.empty());
});

const Case hostile("truncated and mutated blocks are refused or decoded, never more", [] {
  Random random(seed());
  const std::string text = some_text(random, 3000, 10);
  std::string packed;
  expect(compress(as_bytes(text), SIZE_MAX, packed));
  bool good = false;
  for (size_t size = 0; size < packed.size(); ++size) {
    decompressed(packed.substr(0, size), text.size(), good);
    expect(!good);
  }
  for (size_t at = 0; at < packed.size(); ++at) {
    std::string mutated = packed;
    mutated[at] = static_cast<char>(mutated[at] ^ (1 << random.below(8)));
    decompressed(mutated, text.size(), good);
  }
  for (int i = 0; i < 20000; ++i) {
    std::string noise(random.below(60), '\0');
    for (char& c : noise) c = static_cast<char>(random.next() & (random.one_in(2) ? 0xff : 0x13));
    decompressed(noise, random.below(200), good);
  }
});

const Case expansion("no block becomes more than 255 times as long, the emptiest nearly so", [] {
  const std::string nothing(1 << 20, '\0');
  std::string packed;
  expect(compress(as_bytes(nothing), SIZE_MAX, packed));
  expect(packed.size() * kExpansionMax >= nothing.size());
  expect(packed.size() * 250 < nothing.size());
});

}  // namespace
}  // namespace varve::test

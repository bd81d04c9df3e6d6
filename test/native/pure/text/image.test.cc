// test/native/pure/text/image.test.cc — the bytes that FORMAT.md shows, and bytes that lie.
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "base/random.h"
#include "pure/simd/simd.h"
#include "pure/text/text.h"
#include "test.h"

namespace varve {
namespace {

using test::expect;

std::string hex(std::string_view digits) {
  std::string bytes;
  for (size_t at = 0; at + 1 < digits.size(); at += 2) {
    if (digits[at] == ' ') at += 1;
    bytes.push_back(static_cast<char>(std::stoi(std::string(digits.substr(at, 2)), nullptr, 16)));
  }
  return bytes;
}

std::string small_image() {
  MemoryBlocks blocks;
  TextIndex index(blocks, {0, "the", 1.2, 0.75});
  test::expect_ok(index.add(9, "The ab ba"));
  test::expect_ok(index.add(4, "ab"));
  std::string image;
  index.serialise(image);
  return image;
}

// Aligned, as every image that is opened.
class Aligned {
 public:
  explicit Aligned(const std::string& from) : words_(from.size() / 8 + 1), size_(from.size()) {
    std::memcpy(words_.data(), from.data(), size_);
  }
  Bytes bytes() const { return {reinterpret_cast<const uint8_t*>(words_.data()), size_}; }

 private:
  std::vector<uint64_t> words_;
  size_t size_;
};

void mend_checksum(std::string& image) {
  uint8_t* const bytes = reinterpret_cast<uint8_t*>(image.data());
  store(bytes + 12, kernels().crc32c(bytes + 16, image.size() - 16, 0));
}

const test::Case example("the bytes of FORMAT.md stand in an image", [] {
  const std::string image = small_image();
  expect(image.starts_with("varvetxt"));
  expect(image.find(hex("02000e00 00026162 00 00026261 01")) % 8 == 0);
  const std::string record = "02000000 00000000 02000000 0600 02 00 010101 010100";
  expect(image.find(hex(record)) % 8 == 0);
});

const test::Case damaged("a changed byte is refused with its place", [] {
  const std::string image = small_image();
  for (size_t at = 0; at < image.size(); at += 5) {
    std::string changed = image;
    changed[at] ^= 0x10;
    const Result<std::unique_ptr<TextIndex>> opened = TextIndex::open(Aligned(changed).bytes());
    expect(!opened && opened.code() != Code::kOk);
    if (!opened && opened.code() == Code::kCorrupt) {
      expect(opened.error().message().find(" at offset ") != std::string::npos);
    }
  }
  for (size_t size = 0; size < image.size(); size += 7) {
    expect(!TextIndex::open(Aligned(image.substr(0, size)).bytes()));
  }
});

const test::Case lying("bytes that lie under a right checksum are refused or can be searched", [] {
  Random random(test::seed());
  MemoryBlocks blocks;
  TextIndex index(blocks, {3, "", 1.2, 0.75});
  for (uint32_t id = 0; id < 700; ++id) {
    std::string text = "often ";
    for (uint64_t left = random.below(6); left > 0; --left) {
      text += std::string(1 + random.below(3), static_cast<char>('a' + random.below(4))) + " ";
    }
    test::expect_ok(index.add(id, text));
  }
  std::string image;
  index.serialise(image);
  int refused = 0;
  for (int round = 0; round < 1500; ++round) {
    std::string changed = image;
    for (uint64_t left = 1 + random.below(3); left > 0; --left) {
      changed[16 + random.below(changed.size() - 16)] = static_cast<char>(random.next());
    }
    mend_checksum(changed);
    const Aligned aligned(changed);
    Result<std::unique_ptr<TextIndex>> opened = TextIndex::open(aligned.bytes());
    refused += opened ? 0 : 1;
    if (!opened) continue;
    std::vector<TextHit> hits;
    for (const std::string_view query : {"often", "a* bb~1", "\"often a\" -c", "often AND a"}) {
      TextRequest request;
      request.query = query;
      test::expect_ok((*opened)->search(request, hits));
      expect(hits.size() <= 10);
    }
  }
  expect(refused > 500);
});

const test::Case options("options that nobody could have given are refused with their place", [] {
  const auto opened = [](double k1, double b) {
    std::string image = small_image();
    std::memcpy(image.data() + 32, &k1, sizeof k1);
    std::memcpy(image.data() + 40, &b, sizeof b);
    mend_checksum(image);
    return TextIndex::open(Aligned(image).bytes());
  };
  test::expect_ok(opened(1000, 1).error());
  test::expect_ok(opened(0, 0).error());
  const double nan = std::nan("");
  for (const auto& [k1, b] : {std::pair{1000.5, 0.5},
                              {1e253, 0.5},
                              {-1.0, 0.5},
                              {nan, 0.5},
                              {1.2, 1.5},
                              {1.2, -0.5},
                              {1.2, nan}}) {
    const Result<std::unique_ptr<TextIndex>> refused = opened(k1, b);
    expect(refused.code() == Code::kCorrupt);
    expect(refused.error().message().find(" at offset 32") != std::string::npos);
  }
});

const test::Case empty("an index of nothing is written and read", [] {
  MemoryBlocks blocks;
  TextIndex index(blocks, {});
  std::string image;
  index.serialise(image);
  const Aligned aligned(image);
  Result<std::unique_ptr<TextIndex>> opened = TextIndex::open(aligned.bytes());
  expect(static_cast<bool>(opened) && (*opened)->stats().document_count == 0);
  std::vector<TextHit> hits;
  TextRequest request;
  request.query = "a b* c~";
  test::expect_ok((*opened)->search(request, hits));
  expect(hits.empty());
});

}  // namespace
}  // namespace varve

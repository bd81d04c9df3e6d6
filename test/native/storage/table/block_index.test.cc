#include "storage/table/block_index.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "base/random.h"
#include "storage/table/layout.h"
#include "test.h"

namespace varve::test {
namespace {

constexpr size_t kSlackBytes = 8;  // The trailer, behind a part.

// A part, and the eight bytes behind it, in memory of just that size.
class Exact {
 public:
  explicit Exact(const std::string& part)
      : size_(part.size()), bytes_(new uint8_t[part.size() + kSlackBytes]()) {
    std::memcpy(bytes_.get(), part.data(), part.size());
  }
  Bytes bytes() const { return Bytes(bytes_.get(), size_); }

 private:
  const size_t size_;
  const std::unique_ptr<uint8_t[]> bytes_;
};

const Case example("the worked example of a part of the block index decodes", [] {
  const std::vector<IndexEntry> entries = {
      {{0, 100, 100}, "apple"},
      {{108, 40, 40}, shortest_separator(as_bytes("avalanche"), as_bytes("aviary"))}};
  const uint8_t bytes[] = {2, 0, 0, 0, 1, 0, 0,   0,    0,    0, 0, 0,   0,   0,   0,   0,   1,  0,
                           1, 0, 0, 0, 0, 0, 'a', 0x6c, 0x9c, 4, 6, 'p', 'p', 'l', 'e', 'v', 'i'};
  expect(encode_index_part(entries) == std::string(as_text(bytes)));
  const Exact exact{std::string(as_text(bytes))};
  IndexPart part;
  require(IndexPart::parse(exact.bytes(), part));
  expect(part.count() == 2 && part.end() == 156);
  expect(part.place(0).offset == 0 && part.place(0).size == 100 && part.place(0).raw_size == 100);
  expect(part.place(1).offset == 108 && part.place(1).size == 40);
  expect(part.separator(0) == "apple" && part.separator(1) == "avi");
  expect(part.find(as_bytes("avalanche")) == 0 && part.find(as_bytes("aviary")) == 1);
  expect(part.find(as_bytes("a")) == 0 && part.find(as_bytes("z")) == 1);
});

std::string some_key(Random& random) {
  std::string key(random.below(4), 'k');
  for (uint64_t i = random.below(6); i > 0; --i) key.push_back(static_cast<char>(random.below(3)));
  return key;
}

// Blocks one behind the other, of all sizes, some of them compressed.
std::vector<IndexEntry> some_entries(Random& random) {
  std::vector<std::string> keys;
  for (uint64_t i = 1 + random.below(200); i > 0; --i) keys.push_back(some_key(random));
  std::sort(keys.begin(), keys.end());
  const bool any_compressed = random.one_in(2);
  uint64_t offset = random.one_in(2) ? 0 : random.below(uint64_t{1} << 60);
  std::vector<IndexEntry> entries;
  for (const std::string& key : keys) {
    const uint32_t size =
        static_cast<uint32_t>(1 + random.below(random.one_in(50) ? 1 << 28 : 5000));
    const bool is_compressed = any_compressed && random.one_in(2);
    entries.push_back({{offset, size, is_compressed ? size * 2 : size}, key});
    offset += size + kBlockTrailerBytes;
  }
  return entries;
}

const Case model("a part tells of every block as it was told", [] {
  for (uint64_t round = 0; round < 300; ++round) {
    Random random(seed() * 1000 + round);
    const std::vector<IndexEntry> entries = some_entries(random);
    const Exact exact(encode_index_part(entries));
    IndexPart part;
    require(IndexPart::parse(exact.bytes(), part) && part.count() == entries.size());
    for (uint32_t i = 0; i < part.count(); ++i) {
      const BlockPlace place = part.place(i);
      expect(place.offset == entries[i].place.offset && place.size == entries[i].place.size);
      expect(place.raw_size == entries[i].place.raw_size);
      expect(part.separator(i) == entries[i].separator);
    }
    for (int i = 0; i < 50; ++i) {
      const std::string key = some_key(random);
      uint32_t last = 0;
      while (last + 1 < entries.size() && entries[last + 1].separator <= key) ++last;
      expect(part.find(as_bytes(key)) == last);
      uint32_t below = 0;
      while (below + 1 < entries.size() && entries[below + 1].separator < key) ++below;
      expect(part.find_below(as_bytes(key)) == below);
    }
  }
});

const Case separators("a separator is above the last key, not above the first, and short", [] {
  Random random(seed());
  for (int i = 0; i < 2000; ++i) {
    std::string last = some_key(random);
    std::string first = some_key(random);
    if (first < last) std::swap(last, first);
    const std::string separator = shortest_separator(as_bytes(last), as_bytes(first));
    expect(separator <= first && (last == first ? separator == first : separator > last));
    expect(separator.size() <= last.size() + 1);
  }
});

const Case hostile("a part of hostile bytes is refused or stays within itself", [] {
  Random random(seed());
  for (int round = 0; round < 3000; ++round) {
    std::string bytes = encode_index_part(some_entries(random));
    for (uint64_t change = random.below(4); change > 0; --change) {
      const size_t within = random.one_in(2) ? 32 : bytes.size();
      bytes[random.below(std::min(within, bytes.size()))] = static_cast<char>(random.next());
    }
    if (random.one_in(4)) bytes.resize(random.below(bytes.size() + 1));
    const Exact exact(bytes);
    IndexPart part;
    if (!IndexPart::parse(exact.bytes(), part)) continue;
    uint64_t end = 0;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < part.count(); ++i) {
      const BlockPlace place = part.place(i);
      expect(place.offset >= end && place.size > 0 && place.raw_size >= place.size);
      end = place.offset + place.size + kBlockTrailerBytes;
      for (const uint8_t byte : part.suffix(i)) sum += byte;
    }
    expect(part.end() == end && sum < UINT64_MAX);
    expect(part.find(as_bytes("kk1")) < part.count());
  }
});

const Case bits("a part takes some kilobytes in memory, however long its keys are", [] {
  for (const size_t key_size : {1, 8, 40, 100, 300, 60'000}) {
    const std::vector<IndexEntry> entries(1000, {{}, std::string(key_size, 'k')});
    const uint32_t bits = index_part_bits(entries);
    expect(bits >= 4 && bits <= kIndexPartBitsMax);
    const size_t bytes = (key_size + 26) << bits;
    expect(bits == 4 || bytes <= 6144);
    expect(bits == kIndexPartBitsMax || bytes * 2 > 6144);
  }
});

}  // namespace
}  // namespace varve::test

// Indexes of places as bytes: they come back whole, and what is not whole is refused by its offset.
#include "pure/geo/serial.h"

#include <memory>
#include <string>

#include "pure/codec/crc32c.h"
#include "world.h"

namespace varve::geo::test {
namespace {

using varve::test::Case;

// Bytes at a multiple of 8.
class Aligned {
 public:
  explicit Aligned(const std::string& bytes) : words_((bytes.size() + 7) / 8), size_(bytes.size()) {
    if (size_ > 0) std::memcpy(words_.data(), bytes.data(), size_);
  }
  Bytes bytes() const { return {reinterpret_cast<const uint8_t*>(words_.data()), size_}; }

 private:
  std::vector<uint64_t> words_;
  size_t size_;
};

std::string saved(Holds holds, uint64_t count, uint64_t salt = 0) {
  Random random(varve::test::seed() + salt);
  MemoryBlocks blocks;
  Tree tree(blocks, holds);
  for (uint64_t id = 0; id < count; ++id) {
    tree.insert({id, holds == Holds::kPoints ? box_of(point_in(World::kUniform, random))
                                             : unrolled(box_in(World::kAntimeridian, random))});
  }
  return bytes_of(tree);
}

void sum_anew(std::string& bytes) {
  const uint32_t sum = crc32c(as_bytes(bytes).first(60));
  std::memcpy(bytes.data() + 60, &sum, 4);
}

std::string message_of(const std::string& bytes) {
  const Aligned held(bytes);
  const Result<Opened> opened = open_tree(held.bytes());
  return opened ? "" : opened.error().message();
}

const Case round_trip("an index that was written is read where it lies, and answers the same", [] {
  for (const Holds holds : {Holds::kPoints, Holds::kBoxes}) {
    for (const uint64_t count : {0, 1, 84, 85, 5000}) {
      Random random(varve::test::seed());
      MemoryBlocks blocks;
      Tree tree(blocks, holds);
      for (uint64_t id = 0; id < count; ++id) {
        tree.insert({id, holds == Holds::kPoints ? box_of(point_in(World::kCity, random))
                                                 : unrolled(box_in(World::kAntimeridian, random))});
      }
      const Aligned held(bytes_of(tree));
      const Result<Opened> opened = open_tree(held.bytes());
      require(static_cast<bool>(opened));
      MappedBlocks mapped(held.bytes());
      const Tree read(mapped, opened->holds, opened->state);
      expect(read.state().count == count && bytes_of(read) == bytes_of(tree));
      for (int i = 0; i < 20; ++i) {
        const Point from = point_in(World::kUniform, random);
        Query query;
        query.limit = 7;
        std::vector<Match> a, b;
        tree.near(from, INFINITY, query, a);
        read.near(from, INFINITY, query, b);
        expect(a == b && a.size() == std::min<uint64_t>(7, count));
      }
    }
  }
});

const Case example("the example of FORMAT.md is what is written", [] {
  MemoryBlocks blocks;
  Tree tree(blocks, Holds::kPoints);
  tree.insert({7, box_of({52.5, 13.5})});
  const std::string bytes = bytes_of(tree);
  require(bytes.size() == 64 + kNodeBytes);
  const auto hex = [&bytes](size_t at, size_t size) {
    std::string text;
    for (size_t i = at; i < at + size; ++i) {
      constexpr char kDigits[] = "0123456789abcdef";
      text += kDigits[static_cast<uint8_t>(bytes[i]) >> 4];
      text += kDigits[static_cast<uint8_t>(bytes[i]) & 15];
    }
    return text;
  };
  expect(hex(0, 32) ==
         "564152564547454f01000000010000000100000000000000"
         "0800000001000000");
  expect(hex(64, 8) == "0000010000000000");
  expect(hex(72, 8) == "0700000000000000");
  expect(hex(744, 8) == "0000000000404a40" && hex(1416, 8) == "0000000000002b40");
});

const Case damaged("damage is refused with the offset", [] {
  const std::string points = saved(Holds::kPoints, 300);
  expect(message_of(points).empty() && message_of(saved(Holds::kBoxes, 300)).empty());
  expect(message_of("") == "geo: no index at offset 0");
  expect(message_of(points.substr(0, 63)) == "geo: no index at offset 0");
  expect(message_of(points + std::string(8, '\0')) ==
         "geo: bytes after the end at offset " + std::to_string(points.size()));
  expect(message_of(points.substr(0, points.size() - 8)).find("out of its place") !=
         std::string::npos);

  std::string bad = points;
  bad[20] ^= 1;
  expect(message_of(bad) == "geo: checksum at offset 60");
  sum_anew(bad);
  expect(message_of(bad) == "geo: a wrong count at offset 16");

  bad = points;
  const double nan = NAN;
  std::memcpy(bad.data() + 64 + 8 + 84 * 8, &nan, 8);  // The first latitude.
  expect(message_of(bad) == "geo: no entry in the leaf at offset 64");

  bad = points;
  bad[64 + 2] = 100;  // More than a leaf has room for.
  expect(message_of(bad) == "geo: no leaf at offset 64");

  bad = points;
  const float wrong = -90;
  const size_t root = points.size() - kNodeBytes;
  std::memcpy(bad.data() + root + 8 + 56 * 16, &wrong, 4);
  expect(message_of(bad) == "geo: a wrong box in the node at offset " + std::to_string(root));

  bad = points;
  bad[8] = 2;
  sum_anew(bad);
  const Aligned newer(bad);
  expect(open_tree(newer.bytes()).code() == Code::kNewerFormat);
});

// A tree of four leaves and a root: whatever says of a key what is not so is refused.
const Case misplaced(
    "keys that do not lie between those of their node and the next are refused", [] {
      const std::string points = saved(Holds::kPoints, 300);
      const size_t root = points.size() - kNodeBytes;
      InnerNode node;
      std::memcpy(&node, points.data() + root, sizeof node);
      require(node.head.count == 4);
      const auto with_root = [&](const InnerNode& other) {
        std::string bytes = points;
        std::memcpy(bytes.data() + root, &other, sizeof other);
        return message_of(bytes);
      };
      const std::string at_root =
          "geo: keys out of order in the node at offset " + std::to_string(root);
      InnerNode bad = node;
      bad.low_cells[2] = bad.low_cells[1];
      bad.low_ids[2] = bad.low_ids[1];
      expect(with_root(bad) == at_root);
      bad = node;
      ++bad.low_cells[1];  // Above the first entry of its leaf.
      expect(with_root(bad) == "geo: an entry of another place in the leaf at offset " +
                                   std::to_string(64 + kNodeBytes));
      bad = node;
      bad.low_cells[1] = node.low_cells[0] + 1;  // Below the last entry of the leaf before.
      expect(with_root(bad) == "geo: an entry of another place in the leaf at offset 64");
      bad = node;
      bad.low_cells[0] = 0;  // The leftmost may be anywhere below.
      expect(with_root(bad).empty());

      std::string twice = points;
      PointLeaf leaf;
      std::memcpy(&leaf, points.data() + 64, sizeof leaf);
      leaf.set(5, leaf.entry(3));
      std::memcpy(twice.data() + 64, &leaf, sizeof leaf);
      expect(message_of(twice) == "geo: an entry twice in the leaf at offset 64");
    });

}  // namespace
}  // namespace varve::geo::test

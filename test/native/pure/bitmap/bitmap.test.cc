// test/native/pure/bitmap/bitmap.test.cc — members one by one, by ranges and by the thousand, and
// their order, against std::set, over both fillings of the blocks.
#include "pure/bitmap/bitmap.h"

#include <algorithm>

#include "program.h"

namespace varve {
namespace {

using test::bitmap_of;
using test::expect;
using test::holds;
using test::Model;
using test::bitmaps::kUniverse;
using test::bitmaps::live;

const test::Case lives("a bitmap does what a set does, over memory", [] {
  MemoryBlocks blocks;
  for (uint64_t seed = 0; seed < test::bitmap_count(); ++seed) live(test::seed() + seed, blocks);
  expect(blocks.used_bytes() == 0);
});

const test::Case moves("a bitmap does what a set does, over blocks that move at every write", [] {
  test::MovingBlocks blocks;
  for (uint64_t seed = 0; seed < test::bitmap_count(); ++seed) live(test::seed() + seed, blocks);
});

const test::Case borders("containers change their form at 4,096 members, both ways", [] {
  MemoryBlocks blocks;
  Bitmap bitmap(blocks);
  for (uint64_t member = 0; member < 4096; ++member) bitmap.add(member * 3);
  expect(bitmap.statistics().array_count == 1);
  expect(bitmap.add(1) && bitmap.statistics().bits_count == 1);
  expect(bitmap.remove(1) && bitmap.statistics().array_count == 1);
  for (uint64_t member = 0; member < 65536; ++member) bitmap.add(member);
  expect(bitmap.total() == 65536 && bitmap.statistics().bits_count == 1);
  bitmap.optimise();
  expect(bitmap.statistics().run_count == 1 && bitmap.statistics().payload_bytes == 4);
  expect(bitmap.remove(70) && bitmap.total() == 65535 && !bitmap.has(70));
  expect(bitmap.add(70) && bitmap.statistics().payload_bytes == 4);
});

const test::Case small("a member takes 2.5 bytes at most, and two bits where half are there", [] {
  constexpr uint64_t kPossible = 5'000'000;
  Random random(test::seed());
  const std::pair<uint64_t, double> bytes_most[] = {{1000, 2.5}, {100, 2.1}, {10, 1.3}, {2, 0.27}};
  for (const auto& [share, most] : bytes_most) {
    MemoryBlocks blocks;
    Bitmap bitmap(blocks);
    for (uint64_t member = 0; member < kPossible; ++member) {
      if (random.one_in(share)) bitmap.add(member);
    }
    bitmap.optimise();
    const Bitmap::Statistics now = bitmap.statistics();
    const double taken = static_cast<double>(now.payload_bytes + now.directory_bytes);
    expect(taken <= most * static_cast<double>(bitmap.total()));
    // Blocks are powers of two.
    expect(blocks.used_bytes() <= 2 * now.payload_bytes + 64 * (kPossible >> 16));
  }
});

const test::Case shredded("runs that are shredded one by one turn into bits in time", [] {
  test::MovingBlocks blocks;
  Bitmap bitmap(blocks);
  bitmap.add_range(0, 65535);
  for (uint64_t member = 1; member < 65536; member += 2) expect(bitmap.remove(member));
  expect(bitmap.total() == 32768 && bitmap.statistics().bits_count == 1);
  for (uint64_t member = 0; member < 65536; member += 2) expect(bitmap.remove(member));
  expect(bitmap.total() == 0 && bitmap.statistics().directory_bytes < 100);
});

const test::Case whole("all of 2^32 members are a bitmap like any other", [] {
  MemoryBlocks blocks;
  Bitmap bitmap(blocks);
  bitmap.add_range(0, UINT32_MAX);
  expect(bitmap.total() == uint64_t{1} << 32);
  expect(bitmap.rank(UINT32_MAX) == uint64_t{1} << 32);
  expect(bitmap.select((uint64_t{1} << 32) - 1) == UINT32_MAX);
  expect(bitmap.statistics().payload_bytes == 4 * 65536);
  bitmap.flip_range(1, UINT32_MAX - 1);
  expect(bitmap.total() == 2 && bitmap.has(0) && bitmap.has(UINT32_MAX));
});

const test::Case far("members of 64 bits lie as far apart as they like", [] {
  MemoryBlocks blocks;
  Bitmap bitmap(blocks);
  const uint64_t members[] = {0,         1, uint64_t{1} << 32, uint64_t{1} << 48, UINT64_MAX - 1,
                              UINT64_MAX};
  for (const uint64_t member : members) expect(bitmap.add(member));
  std::vector<uint64_t> listed(10);
  listed.resize(bitmap.list_up(0, listed.data(), 10));
  expect(std::equal(listed.begin(), listed.end(), std::begin(members), std::end(members)));
  expect(bitmap.previous(UINT64_MAX) == UINT64_MAX && bitmap.rank(UINT64_MAX - 1) == 5);
  bitmap.remove_range(2, UINT64_MAX - 1);
  expect(bitmap.total() == 3 && bitmap.next(2) == UINT64_MAX);
  bitmap.flip_range(UINT64_MAX - 70000, UINT64_MAX);
  expect(bitmap.total() == 70002 && !bitmap.has(UINT64_MAX));
});

const test::Case recycled("a bitmap that ends gives all of its blocks back", [] {
  MemoryBlocks blocks;
  {
    Bitmap bitmap(blocks);
    for (uint64_t key = 0; key < 200; ++key) {
      for (uint64_t low = 0; low < 5000; ++low) bitmap.add(key << 16 | low * 13);
    }
  }
  expect(blocks.used_bytes() == 0);
});

}  // namespace
}  // namespace varve

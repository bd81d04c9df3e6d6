// test/native/pure/bitmap/bitmap.test.cc — members one by one, by ranges and by the thousand, and
// their order, against std::set, over both fillings of the blocks.
#include "pure/bitmap/bitmap.h"

#include <algorithm>

#include "model.h"

namespace varve {
namespace {

using test::bitmap_of;
using test::expect;
using test::holds;
using test::Model;

constexpr uint64_t kUniverse = 400000;

std::vector<uint64_t> random_members(Random& random) {
  std::vector<uint64_t> members(random.below(random.one_in(4) ? 9000 : 200));
  const uint64_t base = random.below(kUniverse);
  for (uint64_t& member : members) member = std::min(base + random.below(90000), kUniverse - 1);
  if (random.one_in(2)) std::sort(members.begin(), members.end());
  return members;
}

void change_one(Random& random, Bitmap& bitmap, Model& model) {
  const bool near = !model.empty() && random.one_in(2);
  const uint64_t near_to = near ? *model.lower_bound(random.below(*model.rbegin() + 1)) : 0;
  const uint64_t member = near ? near_to + random.below(3) : random.below(kUniverse);
  if (random.one_in(2)) {
    expect(bitmap.add(member) == model.insert(member).second);
  } else {
    expect(bitmap.remove(member) == (model.erase(member) == 1));
  }
}

void change_range(Random& random, Bitmap& bitmap, Model& model) {
  const uint64_t first = random.below(kUniverse);
  const uint64_t last =
      std::min(first + random.below(random.one_in(3) ? 150000 : 3000), kUniverse - 1);
  const uint64_t kind = random.below(3);
  if (kind == 0) bitmap.add_range(first, last);
  if (kind == 1) bitmap.remove_range(first, last);
  if (kind == 2) bitmap.flip_range(first, last);
  for (uint64_t member = first; member <= last; ++member) {
    const bool was = model.contains(member);
    if (kind == 0 || (kind == 2 && !was)) model.insert(member);
    if (kind == 1 || (kind == 2 && was)) model.erase(member);
  }
}

void change_many(Random& random, Bitmap& bitmap, Model& model) {
  const std::vector<uint64_t> members = random_members(random);
  const size_t before = model.size();
  if (random.one_in(3)) {
    for (const uint64_t member : members) model.erase(member);
    expect(bitmap.remove_many(std::span<const uint64_t>(members)) == before - model.size());
  } else if (random.one_in(2)) {
    model.insert(members.begin(), members.end());
    expect(bitmap.add_many(std::span<const uint64_t>(members)) == model.size() - before);
  } else {
    const std::vector<uint32_t> narrow(members.begin(), members.end());
    model.insert(members.begin(), members.end());
    expect(bitmap.add_many(std::span<const uint32_t>(narrow)) == model.size() - before);
  }
}

void ask(Random& random, const Bitmap& bitmap, const Model& model) {
  const std::vector<uint64_t> sorted(model.begin(), model.end());
  for (int round = 0; round < 20; ++round) {
    const uint64_t probe = random.below(kUniverse + 10);
    const auto above = model.lower_bound(probe);
    const auto beyond = model.upper_bound(probe);
    expect(bitmap.has(probe) == model.contains(probe));
    expect(bitmap.next(probe) ==
           (above == model.end() ? std::nullopt : std::optional<uint64_t>(*above)));
    expect(bitmap.previous(probe) ==
           (beyond == model.begin() ? std::nullopt : std::optional<uint64_t>(*std::prev(beyond))));
    const uint64_t rank = static_cast<uint64_t>(
        std::upper_bound(sorted.begin(), sorted.end(), probe) - sorted.begin());
    expect(bitmap.rank(probe) == rank);
    const uint64_t index = random.below(sorted.size() + 2);
    expect(bitmap.select(index) ==
           (index < sorted.size() ? std::optional<uint64_t>(sorted[index]) : std::nullopt));
  }
  const size_t from = random.below(sorted.size() + 1);
  const uint64_t start = from < sorted.size() ? sorted[from] : kUniverse;
  std::vector<uint64_t> listed(1000);
  listed.resize(bitmap.list_up(start, listed.data(), listed.size()));
  expect(listed.size() == std::min<size_t>(1000, sorted.size() - from));
  expect(std::equal(listed.begin(), listed.end(), sorted.begin() + static_cast<ptrdiff_t>(from)));
  listed.resize(1000);
  listed.resize(bitmap.list_down(start, listed.data(), listed.size()));
  const size_t below = from < sorted.size() ? from + 1 : from;
  expect(listed.size() == std::min<size_t>(1000, below));
  expect(std::equal(listed.begin(), listed.end(),
                    sorted.rbegin() + static_cast<ptrdiff_t>(sorted.size() - below)));
}

void live(uint64_t seed, Blocks& blocks) {
  Random random(seed);
  Model model = test::random_model(random, kUniverse);
  Bitmap bitmap = bitmap_of(model, blocks);
  for (int step = 0; step < 25; ++step) {
    const uint64_t kind = random.below(8);
    if (kind < 3) {
      for (int round = 0; round < 200; ++round) change_one(random, bitmap, model);
    } else if (kind < 5) {
      change_range(random, bitmap, model);
    } else if (kind < 7) {
      change_many(random, bitmap, model);
    } else {
      bitmap.optimise();
    }
    ask(random, bitmap, model);
  }
  expect(holds(bitmap, model));
}

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

// test/native/pure/blocks/blocks.test.cc — blocks hold what was written, whatever else comes and
// goes.
#include "pure/blocks/blocks.h"

#include <algorithm>
#include <map>
#include <vector>

#include "base/random.h"
#include "test.h"

namespace varve {
namespace {

using test::expect;
using Model = std::map<BlockId, std::vector<uint8_t>>;

std::vector<uint8_t> random_bytes(Random& random) {
  std::vector<uint8_t> bytes(1 + random.below(random.below(2) == 0 ? 200 : kBlockBytesMax));
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random.next());
  return bytes;
}

void write(Blocks& blocks, Model& model, BlockId id, std::vector<uint8_t> bytes) {
  const MutableBytes room = blocks.write(id, bytes.size());
  expect(room.size() >= bytes.size() && reinterpret_cast<uintptr_t>(room.data()) % 8 == 0);
  std::copy(bytes.begin(), bytes.end(), room.data());
  expect(model.emplace(id, std::move(bytes)).second);  // Nobody else has that number.
}

const test::Case model("blocks in memory hold what was written while others come and go", [] {
  Random random(test::seed());
  MemoryBlocks blocks;
  Model model;
  for (int step = 0; step < 3000; ++step) {
    const uint64_t action = random.below(8);
    if (action < 4 || model.empty()) {
      write(blocks, model, kNoBlock, random_bytes(random));
      continue;
    }
    const auto chosen =
        std::next(model.begin(), static_cast<ptrdiff_t>(random.below(model.size())));
    const BlockId id = chosen->first;
    std::vector<uint8_t> held = std::move(chosen->second);
    const uint8_t* found = blocks.read(id, held.size());
    expect(std::equal(held.begin(), held.end(), found));
    model.erase(chosen);
    if (action < 6) {
      blocks.free(id);
    } else {  // Grown, it begins with what it held.
      const size_t grown = std::min(kBlockBytesMax, held.size() + random.below(500));
      BlockId moved = id;
      const MutableBytes room = blocks.write(moved, grown);
      expect(room.size() >= grown && std::equal(held.begin(), held.end(), room.data()));
      held.resize(grown, 7);
      std::copy(held.begin(), held.end(), room.data());
      expect(model.emplace(moved, std::move(held)).second);
    }
  }
  for (const auto& [id, bytes] : model) {
    expect(std::equal(bytes.begin(), bytes.end(), blocks.read(id, bytes.size())));
    blocks.free(id);
  }
  expect(blocks.used_bytes() == 0);
});

const test::Case given_back("emptied slabs beyond what is kept go back to the machine", [] {
  MemoryBlocks blocks;
  std::vector<BlockId> ids(16000, kNoBlock);  // 32 blocks of 8 KiB fill a slab.
  for (BlockId& id : ids) blocks.write(id, kBlockBytesMax);
  const size_t held = blocks.slab_bytes();
  expect(held >= blocks.used_bytes() && blocks.used_bytes() == ids.size() * kBlockBytesMax);
  for (const BlockId id : ids) blocks.free(id);
  expect(blocks.used_bytes() == 0 && blocks.slab_bytes() <= (size_t{65} << 20));
  for (BlockId& id : ids) id = kNoBlock;
  for (size_t index = 0; index < 2000; ++index) blocks.write(ids[index], 100);
  expect(blocks.slab_bytes() <= (size_t{65} << 20));  // What was kept serves other sizes, too.
});

const test::Case shared_pages("a huge page of slabs goes back when none of them is in use", [] {
  MemoryBlocks blocks;
  std::vector<BlockId> ids(16384, kNoBlock);  // 128 MiB, of 512 slabs.
  for (BlockId& id : ids) store<uint32_t>(blocks.write(id, kBlockBytesMax).data(), 7);
  const size_t held = blocks.slab_bytes();
  expect(held == blocks.used_bytes());
  for (size_t index = 0; index < ids.size(); ++index) {
    if (index % 2048 != 0) blocks.free(ids[index]);  // A block of every 64th slab stays.
  }
  const size_t left = blocks.slab_bytes();
  expect(left < held && left <= (size_t{64 + 8 * 2} << 20));
  for (size_t index = 0; index < ids.size(); index += 2048) {
    expect(load<uint32_t>(blocks.read(ids[index], 4)) == 7);
    blocks.free(ids[index]);
  }
  expect(blocks.used_bytes() == 0 && blocks.slab_bytes() <= (size_t{65} << 20));
});

const test::Case mapped("mapped blocks lie where their number says", [] {
  alignas(8) uint8_t bytes[64];
  for (uint8_t index = 0; index < 64; ++index) bytes[index] = index;
  const MappedBlocks blocks({bytes, sizeof(bytes)});
  expect(blocks.read(0, 64) == bytes && blocks.read(3, 40) == bytes + 24);
});

}  // namespace
}  // namespace varve

#include "storage/table/block.h"

#include "base/random.h"
#include "test.h"

using namespace varve;
using namespace varve::test;

namespace {

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

const Case example("the worked example of FORMAT.md decodes", [] {
  const std::string bytes = from_hex("0100000002000000030000000000000007000000000000006162000078");
  Block block;
  require(Block::parse(as_bytes(bytes), block));
  Edit edit;
  block.read(0, edit);
  expect(block.count() == 1 && edit.commit == 7 && edit.kind == EditKind::kPut);
  expect(as_text(edit.value) == "x" && block.key_equals(0, as_bytes("ab")));
  BlockBuilder builder;
  builder.add({as_bytes("ab"), 7, EditKind::kPut, 0, 0, as_bytes("x")});
  expect(builder.finish() == bytes);
});

const Case past("a superseded version says by which commit, with an expiry and without", [] {
  for (const uint64_t expires_ms : {uint64_t{0}, uint64_t{1} << 40}) {
    for (const uint64_t superseded : {uint64_t{8}, uint64_t{70'000}, uint64_t{1} << 52}) {
      BlockBuilder builder;
      builder.add({as_bytes("a"), 9, EditKind::kPut, 0, expires_ms, as_bytes("new")});
      builder.add({as_bytes("a"), 7, EditKind::kPut, 0, expires_ms, as_bytes("old"), superseded});
      builder.add({as_bytes("b"), 3, EditKind::kDelete, 0, 0, {}, 4});
      const std::string bytes = builder.finish();
      Block block;
      require(Block::parse(as_bytes(bytes), block));
      Edit edit;
      block.read(1, edit);
      expect(edit.commit == 7 && edit.superseded == superseded && edit.expires_ms == expires_ms);
      expect(as_text(edit.value) == "old" && block.key_equals(1, as_bytes("a")));
      block.read(2, edit);
      expect(edit.commit == 3 && edit.superseded == 4 && edit.kind == EditKind::kDelete);
      block.read(0, edit);
      expect(edit.commit == 9 && edit.superseded == 0 && as_text(edit.value) == "new");
    }
  }
});

const Case mutated("a block of hostile bytes is refused or stays within itself", [] {
  Random random(seed());
  for (int round = 0; round < 3000; ++round) {
    BlockBuilder builder;
    const size_t count = 1 + random.below(20);
    for (size_t i = 0; i < count; ++i) {
      const std::string key = "key" + std::to_string(1000 + i);
      const std::string value(random.below(30), 'v');
      builder.add({as_bytes(key), 1 + random.below(1000), EditKind::kPut, 0, random.below(2),
                   as_bytes(value), random.below(2) * (1001 + random.below(1000))});
    }
    std::string bytes = builder.finish();
    for (uint64_t change = random.below(4); change > 0; --change) {
      bytes[random.below(bytes.size())] = static_cast<char>(random.next());
    }
    if (random.one_in(4)) bytes.resize(random.below(bytes.size() + 1));
    const std::unique_ptr<uint8_t[]> exact(new uint8_t[bytes.size() + 1]);
    std::memcpy(exact.get(), bytes.data(), bytes.size());
    Block block;
    if (!Block::parse(Bytes(exact.get(), bytes.size()), block)) continue;
    uint64_t sum = 0;
    for (uint32_t slot = 0; slot < block.count(); ++slot) {
      Edit edit;
      block.read(slot, edit);
      for (const uint8_t byte : edit.value) sum += byte;
      for (const uint8_t byte : block.suffix(slot)) sum += byte;
    }
    expect(block.lower_bound(as_bytes("key1005"), 5) <= block.count() && sum < UINT64_MAX);
  }
});

}  // namespace

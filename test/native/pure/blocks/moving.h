// test/native/pure/blocks/moving.h — a filling of Blocks that forgives nothing.
#pragma once

#include <cstring>
#include <map>
#include <memory>

#include "pure/blocks/blocks.h"
#include "test.h"

namespace varve::test {

// Every block has exactly the size that was asked for, and every write moves it, so that a
// sanitizer sees whoever keeps an old pointer or writes beyond what it asked for.
class MovingBlocks final : public Blocks {
 public:
  ~MovingBlocks() override { expect(blocks_.empty()); }
  const uint8_t* find(BlockId id, size_t size) const override {
    const Block& block = blocks_.at(id);
    require(size <= block.size);
    return bytes(block);
  }
  MutableBytes write(BlockId& id, size_t size) override {
    require(size <= kBlockBytesMax);
    Block made{std::make_unique<uint64_t[]>((size + 7) / 8), size};
    if (id != kNoBlock) {
      const Block& old = blocks_.at(id);
      if (old.size > size) {
        made = Block{std::make_unique<uint64_t[]>((old.size + 7) / 8), old.size};
      }
      std::memcpy(bytes(made), bytes(old), old.size);
      blocks_.erase(id);
    }
    id = next_id_++;
    const MutableBytes room(bytes(made), made.size);
    blocks_.emplace(id, std::move(made));
    return room;
  }
  void free(BlockId id) override { require(blocks_.erase(id) == 1); }

 private:
  struct Block {
    std::unique_ptr<uint64_t[]> words;
    size_t size;
  };
  static uint8_t* bytes(const Block& block) {
    return reinterpret_cast<uint8_t*>(block.words.get());
  }
  std::map<BlockId, Block> blocks_;
  BlockId next_id_ = 7;
};

}  // namespace varve::test

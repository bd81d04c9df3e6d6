// pure/blocks/blocks.h — where the pieces of an index live: blocks of at most 8 KiB, reached by
// number.
//
// Bitmaps, R-trees and postings know their blocks through this interface alone, so each algorithm
// is written once. MemoryBlocks fills it with slabs of equal blocks, for any number of indexes of
// one thread; MappedBlocks with bytes that somebody else holds (an index read where it lies); a
// store fills it with values under keys.
//
// Invariants
//   - what read() returns holds until the same block is written or freed; what write() returns,
//     until the next call. Both are aligned to 8 bytes.
//   - where slabs hold the blocks, read() finds one without a call.
//   - a filling never fails in the middle: a block that cannot be had is answered by zeros, and
//     status() says so ever after. No algorithm trusts what it reads with its memory.
// Threads: one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/bits.h"
#include "base/bytes.h"
#include "base/status.h"

namespace varve {

inline constexpr size_t kBlockBytesMax = 8192;

using BlockId = uint32_t;
inline constexpr BlockId kNoBlock = UINT32_MAX;

class Blocks {
 public:
  virtual ~Blocks() = default;
  // At least `size` bytes, at most what was written.
  const uint8_t* read(BlockId id, size_t size) const {
    return bases_ == nullptr ? find(id, size) : bases_[id >> kGrainsShift] + offset_in_slab(id);
  }
  // The block, grown to at least `size` with what it held; kNoBlock becomes a new one. The span is
  // all that may be written.
  virtual MutableBytes write(BlockId& id, size_t size) = 0;
  virtual void free(BlockId id) = 0;
  virtual Status status() const { return Status::ok(); }
  // Asks the machine for bytes of a block that will be read soon, where that takes no call: who asks
  // for several at once waits for one.
  void prefetch(BlockId id, size_t begin, size_t end) const {
    if (bases_ == nullptr) return;
    const uint8_t* const block = bases_[id >> kGrainsShift] + offset_in_slab(id);
    for (size_t at = begin; at < end; at += kLineBytes) varve::prefetch(block + at);
  }

 protected:
  static constexpr size_t kLineBytes = 64;
  static constexpr uint32_t kGrainShift = 6;  // The smallest block.
  static constexpr uint32_t kGrainsShift = 12;

  static size_t offset_in_slab(BlockId id) {
    return size_t{id & ((1u << kGrainsShift) - 1)} << kGrainShift;
  }
  virtual const uint8_t* find(BlockId id, size_t size) const = 0;

  // Where slabs lie, of a filling that has any: an id is a slab and a grain of it.
  const uint8_t* const* bases_ = nullptr;
};

// Slabs of 256 KiB, each cut into blocks of one power of two from 64 bytes up. The first 8 MiB of them
// come from the machine one by one, more by huge pages of eight: a query that goes to any of many
// blocks then takes a fifth less (measured on a million places). Empty slabs of up to 64 MiB stay for
// what comes next, since pages are dear to get anew: that is about what V8 lets gather before it looks
// for sets that nobody has any more, and with less a third of a loop that joins sets went into clearing
// pages. Of more those go back that share no huge page with one in use.
class MemoryBlocks final : public Blocks {
 public:
  MemoryBlocks() = default;
  ~MemoryBlocks() override;
  MemoryBlocks(const MemoryBlocks&) = delete;
  MemoryBlocks& operator=(const MemoryBlocks&) = delete;

  MutableBytes write(BlockId& id, size_t size) override;
  void free(BlockId id) override;

  // What is held from the machine, empty slabs included, and what of it blocks take.
  size_t slab_bytes() const { return slab_bytes_; }
  size_t used_bytes() const { return used_bytes_; }

 private:
  static constexpr size_t kSlabBytes = size_t{256} << 10;
  static constexpr size_t kSizeCount = 8;  // 64 << 0 … 64 << 7.
  static constexpr size_t kSpareCountMax = 256;
  static constexpr size_t kSingleBytesMax = size_t{8} << 20;

  // What came from the machine at once: a slab, or a huge page of them.
  struct Piece {
    uint8_t* data = nullptr;
    uint32_t slab_count = 0;
    uint32_t used_count = 0;
  };
  struct Empty {
    uint8_t* data;
    uint32_t piece;
  };
  struct Slab {
    uint8_t* data = nullptr;
    uint32_t piece = 0;
    uint32_t size_index = 0;
    uint32_t used_count = 0;
    uint32_t fresh = 0;         // Blocks from here on were never handed out.
    BlockId free = kNoBlock;    // Chained through the first bytes of the free blocks.
    bool is_partial = false;    // Stands in the list of its size.
  };

  const uint8_t* find(BlockId id, size_t size) const override;
  uint8_t* at(BlockId id) const;
  BlockId take(uint32_t size_index);
  uint32_t new_slab(uint32_t size_index);
  void release_slab(uint32_t index);
  void take_piece();
  void give_back(uint32_t piece);

  std::vector<Slab> slabs_;
  std::vector<const uint8_t*> slab_bases_;     // Of each its data.
  std::vector<uint32_t> empty_;                // Slots of slabs_ without data.
  std::vector<Piece> pieces_;                  // Those without data were given back.
  std::vector<Empty> spare_;                   // Empty slabs.
  std::vector<uint32_t> partial_[kSizeCount];  // Slabs with room.
  size_t slab_bytes_ = 0;
  size_t used_bytes_ = 0;
};

// Ids are offsets in words of 8 bytes. Writing and freeing are mistakes of ours.
class MappedBlocks final : public Blocks {
 public:
  explicit MappedBlocks(Bytes bytes) : bytes_(bytes) {}
  MutableBytes write(BlockId& id, size_t size) override;
  void free(BlockId id) override;
  Bytes bytes() const { return bytes_; }

 private:
  const uint8_t* find(BlockId id, size_t size) const override;

  const Bytes bytes_;
};

}  // namespace varve

#include "pure/blocks/blocks.h"

#include <algorithm>
#include <bit>
#include <new>

#include "base/check.h"
#include "base/pages.h"

namespace varve {

// ---- memory

MemoryBlocks::~MemoryBlocks() {
  for (uint32_t piece = 0; piece < pieces_.size(); ++piece) give_back(piece);
}

uint8_t* MemoryBlocks::at(BlockId id) const {
  return slabs_[id >> kGrainsShift].data + offset_in_slab(id);
}

const uint8_t* MemoryBlocks::find(BlockId id, size_t) const { return at(id); }

MutableBytes MemoryBlocks::write(BlockId& id, size_t size) {
  check(size <= kBlockBytesMax);
  if (id != kNoBlock) {
    const size_t held = size_t{64} << slabs_[id >> kGrainsShift].size_index;
    if (size <= held) return {at(id), held};
  }
  const uint32_t size_index =
      static_cast<uint32_t>(std::bit_width((std::max<size_t>(size, 64) - 1) >> kGrainShift));
  const BlockId made = take(size_index);
  if (id != kNoBlock) {
    const size_t held = size_t{64} << slabs_[id >> kGrainsShift].size_index;
    std::memcpy(at(made), at(id), held);
    free(id);
  }
  id = made;
  return {at(made), size_t{64} << size_index};
}

BlockId MemoryBlocks::take(uint32_t size_index) {
  std::vector<uint32_t>& partial = partial_[size_index];
  if (partial.empty()) partial.push_back(new_slab(size_index));
  const uint32_t index = partial.back();
  Slab& slab = slabs_[index];
  const uint32_t block_count = static_cast<uint32_t>(kSlabBytes >> kGrainShift >> size_index);
  BlockId id = slab.free;
  if (id != kNoBlock) {
    slab.free = load<BlockId>(at(id));
  } else {
    id = index << kGrainsShift | (slab.fresh++ << size_index);
  }
  if (++slab.used_count == block_count) {
    slab.is_partial = false;
    partial.pop_back();
  }
  used_bytes_ += size_t{64} << size_index;
  return id;
}

uint32_t MemoryBlocks::new_slab(uint32_t size_index) {
  if (empty_.empty()) {
    empty_.push_back(static_cast<uint32_t>(slabs_.size()));
    slabs_.emplace_back();
    slab_bases_.push_back(nullptr);
    bases_ = slab_bases_.data();
  }
  const uint32_t index = empty_.back();
  check(index < (1u << (32 - kGrainsShift)) - 1);  // 256 GiB of blocks.
  empty_.pop_back();
  Slab& slab = slabs_[index];
  slab = Slab{};
  if (spare_.empty()) take_piece();
  slab.data = spare_.back().data;
  slab.piece = spare_.back().piece;
  spare_.pop_back();
  pieces_[slab.piece].used_count += 1;
  slab_bases_[index] = slab.data;
  slab.size_index = size_index;
  slab.is_partial = true;
  return index;
}

// A machine without memory stops the process, as in Arena.
void MemoryBlocks::take_piece() {
  static_assert(kHugePageBytes % kSlabBytes == 0);
  const bool is_single = slab_bytes_ < kSingleBytesMax;
  Piece made;
  made.slab_count = is_single ? 1 : static_cast<uint32_t>(kHugePageBytes / kSlabBytes);
  made.data = is_single ? static_cast<uint8_t*>(::operator new(
                              kSlabBytes, std::align_val_t{kSmallPageBytes}, std::nothrow))
                        : map_pages(kHugePageBytes);
  check(made.data != nullptr);
  const auto gone = std::ranges::find(pieces_, nullptr, &Piece::data);
  const uint32_t piece = static_cast<uint32_t>(gone - pieces_.begin());
  if (gone == pieces_.end()) pieces_.emplace_back();
  pieces_[piece] = made;
  for (uint32_t slab = made.slab_count; slab-- > 0;) {
    spare_.push_back({made.data + slab * kSlabBytes, piece});
  }
  slab_bytes_ += made.slab_count * kSlabBytes;
}

void MemoryBlocks::give_back(uint32_t piece) {
  const Piece gone = pieces_[piece];
  if (gone.data == nullptr) return;
  pieces_[piece] = Piece{};
  std::erase_if(spare_, [&](const Empty& one) { return one.piece == piece; });
  slab_bytes_ -= gone.slab_count * kSlabBytes;
  if (gone.slab_count == 1) {
    ::operator delete(gone.data, std::align_val_t{kSmallPageBytes});
  } else {
    unmap_pages(gone.data, kHugePageBytes);
  }
}

void MemoryBlocks::free(BlockId id) {
  if (id == kNoBlock) return;
  const uint32_t index = id >> kGrainsShift;
  Slab& slab = slabs_[index];
  store<BlockId>(at(id), slab.free);
  slab.free = id;
  slab.used_count -= 1;
  used_bytes_ -= size_t{64} << slab.size_index;
  std::vector<uint32_t>& partial = partial_[slab.size_index];
  if (!slab.is_partial) {
    slab.is_partial = true;
    partial.push_back(index);
  }
  if (slab.used_count == 0 && partial.size() > 1) release_slab(index);
}

void MemoryBlocks::release_slab(uint32_t index) {
  Slab& slab = slabs_[index];
  std::erase(partial_[slab.size_index], index);
  spare_.push_back({slab.data, slab.piece});
  slab.data = nullptr;
  pieces_[slab.piece].used_count -= 1;
  empty_.push_back(index);
  if (spare_.size() <= kSpareCountMax) return;
  const auto unused = std::ranges::find_if(
      pieces_, [](const Piece& piece) { return piece.data != nullptr && piece.used_count == 0; });
  if (unused != pieces_.end()) give_back(static_cast<uint32_t>(unused - pieces_.begin()));
}

// ---- mapped

const uint8_t* MappedBlocks::find(BlockId id, size_t size) const {
  check(size <= bytes_.size() && size_t{id} * 8 <= bytes_.size() - size);
  return bytes_.data() + size_t{id} * 8;
}

MutableBytes MappedBlocks::write(BlockId&, size_t) {
  check(false);
  return {};
}

void MappedBlocks::free(BlockId) { check(false); }

}  // namespace varve

// pure/text/column.h — cells of one size by number, in blocks of 4 KiB: what an index knows of each
// document and each term.
//
// Invariants
//   - what read() and write() return holds until the next write() or append().
// Threads: one.
#pragma once

#include <bit>
#include <cstring>
#include <vector>

#include "base/check.h"
#include "pure/blocks/blocks.h"

namespace varve {

inline constexpr size_t kColumnPageBytes = 4096;
alignas(8) inline constexpr uint8_t kNoCells[kColumnPageBytes] = {};

class Column {
 public:
  // `cell_bytes` is a power of two.
  Column(Blocks& blocks, uint32_t cell_bytes)
      : blocks_(blocks),
        cell_bytes_(cell_bytes),
        shift_(static_cast<uint32_t>(std::bit_width(kColumnPageBytes / cell_bytes)) - 1) {}

  uint32_t size() const { return size_; }
  uint32_t cells_a_page() const { return 1u << shift_; }
  uint32_t page_of(uint32_t index) const { return index >> shift_; }
  size_t place_in_page(uint32_t index) const {
    return size_t{index & (cells_a_page() - 1)} * cell_bytes_;
  }
  const uint8_t* read(uint32_t index) const { return page(page_of(index)) + place_in_page(index); }
  // A number that no cell has, from a damaged block, reads as zeros.
  const uint8_t* page(uint32_t page_index) const {
    if (page_index >= pages_.size()) return kNoCells;
    return blocks_.read(pages_[page_index], kColumnPageBytes);
  }
  uint8_t* write(uint32_t index) {
    uint8_t* const at = blocks_.write(pages_[page_of(index)], kColumnPageBytes).data();
    return at + place_in_page(index);
  }
  // A cell of zeros, and its number.
  uint32_t append() {
    if ((size_ & (cells_a_page() - 1)) == 0) {
      pages_.push_back(kNoBlock);
      const MutableBytes made = blocks_.write(pages_.back(), kColumnPageBytes);
      std::memset(made.data(), 0, kColumnPageBytes);
    }
    return size_++;
  }
  void clear() {
    for (const BlockId id : pages_) blocks_.free(id);
    pages_.clear();
    size_ = 0;
  }
  // As an image has them.
  void assign(std::vector<BlockId> pages, uint32_t size) {
    pages_ = std::move(pages);
    size_ = size;
  }
  const std::vector<BlockId>& pages() const { return pages_; }

 private:
  Blocks& blocks_;
  const uint32_t cell_bytes_;
  const uint32_t shift_;
  std::vector<BlockId> pages_;
  uint32_t size_ = 0;
};

// Reads cells that mostly stand near the one before: a page is asked for once. Nothing may be
// written meanwhile.
class ColumnReader {
 public:
  explicit ColumnReader(const Column& column) : column_(column) {}
  const uint8_t* read(uint32_t index) {
    const uint32_t wanted = column_.page_of(index);
    if (page_ == nullptr || wanted != page_index_) {
      page_ = column_.page(wanted);
      page_index_ = wanted;
    }
    return page_ + column_.place_in_page(index);
  }

 private:
  const Column& column_;
  const uint8_t* page_ = nullptr;
  uint32_t page_index_ = 0;
};

}  // namespace varve

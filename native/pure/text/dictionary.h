// pure/text/dictionary.h — all terms in the order of their bytes, each with its number, in leaves
// of at most 2 KiB: what a prefix or a misspelt word is looked for in.
//
// A leaf is a block of entries that say how many bytes they share with the entry before them; the
// first says its whole term. The leaves are known in order, and found by halving over their first
// terms.
//
// Invariants
//   - terms rise strictly, within leaves and between them; no leaf is empty.
// Threads: one.      Bytes: FORMAT.md
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pure/blocks/blocks.h"
#include "pure/text/tokens.h"

namespace varve {

inline constexpr size_t kLeafBytes = 2048;
inline constexpr size_t kLeafHeaderBytes = 4;  // Count and size, two bytes each.

// What a leaf takes, by its head.
inline size_t leaf_bytes(const uint8_t* head) {
  return std::clamp<size_t>(load<uint16_t>(head + 2), kLeafHeaderBytes, kLeafBytes);
}

struct TermEntry {
  std::string_view term;
  uint32_t number;
};

class LeafReader {
 public:
  explicit LeafReader(const uint8_t* leaf);
  // False at the end, and where the leaf is none.
  bool next();
  std::string_view term() const { return {term_, size_}; }
  uint32_t number() const { return number_; }
  uint32_t shared() const { return shared_; }  // Bytes that are those of the term before.
  bool is_whole() const { return left_ == 0 && at_ == end_; }

 private:
  const uint8_t* at_;
  const uint8_t* end_;
  uint32_t left_;
  uint32_t size_ = 0;
  uint32_t shared_ = 0;
  uint32_t number_ = 0;
  char term_[kTermBytesMax];
};

class Dictionary {
 public:
  static constexpr uint32_t kAbsent = UINT32_MAX;

  explicit Dictionary(Blocks& blocks) : blocks_(blocks) {}

  uint32_t find(std::string_view term) const;
  // The leaf in which the first term at or above this one lies, or would.
  size_t seek(std::string_view term) const;
  size_t leaf_count() const { return leaves_.size(); }
  const uint8_t* leaf(size_t index) const {
    const uint8_t* const head = blocks_.read(leaves_[index], kLeafHeaderBytes);
    return blocks_.read(leaves_[index], leaf_bytes(head));
  }
  std::string_view first_term(size_t index) const;
  // Rising, and none is there already.
  void insert(std::span<const TermEntry> entries);
  void clear();
  // As an image has them.
  void assign(std::vector<BlockId> leaves) { leaves_ = std::move(leaves); }
  void append(BlockId leaf) { leaves_.push_back(leaf); }
  const std::vector<BlockId>& leaves() const { return leaves_; }

 private:
  void merge(size_t leaf_index, std::span<const TermEntry> entries, std::vector<BlockId>& to);
  void write_leaves(std::span<const TermEntry> entries, std::vector<BlockId>& to);

  Blocks& blocks_;
  std::vector<BlockId> leaves_;
};

}  // namespace varve

// storage/table/block_index.h — where the blocks of a table lie, and which keys lead to them: one
// part of that, with the places of some neighbouring blocks, or the top, with the places of the
// parts.
//
// Every part but the last tells of the same number of blocks, a power of two, so that the number of
// a block names its part. A separator is at most the first key of its block, and above every key of
// the block before; only where the versions of one key go on from block to block, it is that key.
//
// Invariants: IndexPart::parse() accepts only bytes on which every later call stays in bounds.
// Bytes: FORMAT.md
#pragma once

#include <span>
#include <string>

#include "base/bytes.h"
#include "base/status.h"

namespace varve {

struct BlockPlace {
  uint64_t offset = 0;
  uint32_t size = 0;      // In the file, without its trailer.
  uint32_t raw_size = 0;  // As it was before it was compressed; `size` when it was not.
};

struct IndexEntry {
  BlockPlace place;
  std::string separator;
};

// Entries whose places lie one behind the other.
std::string encode_index_part(std::span<const IndexEntry> entries);

// The shortest separator between the last key of a block and the first of the next.
std::string shortest_separator(Bytes last_key, Bytes first_key);

// How many blocks a part tells of, as a power of two, so that it takes about 4 KiB in memory.
uint32_t index_part_bits(std::span<const IndexEntry> entries);

inline constexpr uint32_t kIndexPartBitsMax = 7;

// A view of a part's bytes, behind which eight more can be read: its trailer.
class IndexPart {
 public:
  static bool parse(Bytes bytes, IndexPart& part);
  void attach(const uint8_t* parsed);  // Bytes that parse() accepted before.
  uint32_t count() const { return count_; }
  BlockPlace place(uint32_t i) const;
  uint64_t end() const { return base_ + number(offsets_, offset_width_, count_ - 1); }
  Bytes prefix() const { return prefix_; }  // A separator is the prefix and
  Bytes suffix(uint32_t i) const;           // what follows it.
  std::string separator(uint32_t i) const;
  int compare_separator(uint32_t i, Bytes key) const;
  // The last entry whose separator is not above the key; 0 when all are.
  uint32_t find(Bytes key) const { return last_of(key, 0); }
  // The last whose separator is below it; 0 when none is.
  uint32_t find_below(Bytes key) const { return last_of(key, -1); }

 private:
  // Numbers of less than eight bytes, side by side.
  static uint64_t number(const uint8_t* numbers, uint32_t width, uint64_t i) {
    return load<uint64_t>(numbers + i * width) & ((uint64_t{1} << (8 * width)) - 1);
  }
  uint32_t last_of(Bytes key, int order_max) const;

  Bytes prefix_;
  uint64_t base_ = 0;
  uint32_t count_ = 0;
  uint32_t offset_width_ = 0;
  uint32_t raw_width_ = 0;
  uint32_t key_width_ = 0;
  const uint8_t* offsets_ = nullptr;
  const uint8_t* raw_sizes_ = nullptr;
  const uint8_t* key_ends_ = nullptr;
  const uint8_t* keys_ = nullptr;
};

inline constexpr uint32_t kTopPart = UINT32_MAX;

enum class VersionEnd { kNewest, kOldest };

// The block where that version of a key lies if the key is there: what part_at(number, part) shows
// of the parts, with kTopPart for the top, leads there. The newest may lie in the block before the
// first that the key is the separator of.
template <class PartAt>
Status find_block_of(Bytes key, VersionEnd end, uint32_t part_bits, PartAt part_at,
                     uint32_t& number) {
  IndexPart view;
  const auto find = [&] {
    return end == VersionEnd::kNewest ? view.find_below(key) : view.find(key);
  };
  if (Status status = part_at(kTopPart, view); !status) return status;
  const uint32_t part = find();
  if (Status status = part_at(part, view); !status) return status;
  number = part << part_bits | find();
  return Status::ok();
}

}  // namespace varve

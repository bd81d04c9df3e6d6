// storage/table/block.h — a block of sorted entries, each readable on its own.
//
// The prefix that all keys share is stored once; an entry is found by its slot, through an array of
// offsets or, when all entries have one size, by multiplication; nothing needs its neighbours
// decoded.
//
// Invariants: Block::parse() accepts only bytes on which every later call stays in bounds. Bytes:
// FORMAT.md
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "engine/engine.h"

namespace varve {

// Gathers entries, then encodes them. Entries come in order.
class BlockBuilder {
 public:
  void add(const Edit& edit);
  bool empty() const { return entries_.empty(); }
  size_t count() const { return entries_.size(); }
  size_t size_bytes() const { return bytes_.size() + entries_.size() * 12; }
  std::string finish();  // The block; the builder is empty again.

 private:
  struct Entry {
    size_t offset;  // Of the key in bytes_, its value behind it.
    uint32_t key_size;
    uint32_t value_size;
    uint64_t commit;
    uint64_t expires_ms;
    uint64_t superseded;
    EditKind kind;
    uint8_t flags;
  };
  Bytes key(size_t i) const {
    return as_bytes(bytes_).subspan(entries_[i].offset, entries_[i].key_size);
  }
  void append_entry(std::string& to, const Entry& entry, size_t prefix, uint64_t base,
                    uint32_t width) const;

  std::string bytes_;
  std::vector<Entry> entries_;
};

// A view of a block's bytes.
class Block {
 public:
  static bool parse(Bytes bytes, Block& block);
  // Bytes that parse() accepted before, and what hint() then said: with it, an entry is found
  // without waiting for the header.
  void attach(const uint8_t* parsed, uint32_t hint = 0);
  uint32_t hint() const;
  // Fetches toward the CPU what a get of this slot will touch; where entries differ in size, the
  // second call does, once the first has brought its offset.
  static void prefetch(const uint8_t* block, uint32_t hint, uint32_t slot);
  static void prefetch_by_offset(const uint8_t* block, uint32_t hint, uint32_t slot);
  uint32_t count() const { return count_; }
  // The key of a slot is prefix() and suffix(slot), one after the other.
  Bytes prefix() const { return prefix_; }
  Bytes suffix(uint32_t slot) const;
  int compare_key(uint32_t slot, Bytes key) const;
  bool key_equals(uint32_t slot, Bytes key) const;
  uint64_t commit(uint32_t slot) const;
  // A version of the key that is no newer lies there.
  bool has(uint32_t slot, Bytes key, uint64_t at_commit) const;
  // All but the key, which a caller knows or assembles; answers its suffix.
  Bytes read(uint32_t slot, Edit& edit) const;
  // Of the slots from `slot` to `end` the values, as long as all there is to a slot is a put at or
  // below the commit, of another key than the one before; how many these are. Of the first only
  // that is asked which lies in it.
  size_t read_plain(uint32_t slot, uint32_t end, uint64_t at_commit, std::span<Bytes> values) const;
  // The first slot whose (key, commit descending) is not before the one given; count() if none.
  uint32_t lower_bound(Bytes key, uint64_t commit) const;

 private:
  static void prefetch_bytes(const uint8_t* begin, size_t size);
  const uint8_t* entry(uint32_t slot) const {
    if (stride_ != 0) return entries_ + static_cast<size_t>(slot) * stride_;
    return entries_ + load<uint32_t>(offsets_ + static_cast<size_t>(slot) * 4);
  }
  size_t entry_size(uint32_t slot) const {
    if (stride_ != 0) return stride_;
    const uint8_t* const at = offsets_ + static_cast<size_t>(slot) * 4;
    return load<uint32_t>(at + 4) - load<uint32_t>(at);
  }

  Bytes prefix_;
  const uint8_t* offsets_ = nullptr;
  const uint8_t* entries_ = nullptr;
  uint32_t count_ = 0;
  uint32_t stride_ = 0;
  uint32_t commit_width_ = 0;
  uint64_t base_commit_ = 0;
};

}  // namespace varve

// layer/blocks/stored_blocks.h — blocks of an index as values under keys: a store as another
// filling of pure/blocks/blocks.h.
//
//   read ──▶ frame in memory? ──▶ the view's value, copied once into a frame
//   write ─▶ a frame of its own, under a new number ──▶ gather(): puts and deletions of one commit
//
// A block that was committed is never changed: who writes to it gets a copy under a new number, and
// the old one is freed. So a frame holds for every commit that knows its number, an older view
// reads older blocks beside the newest, and nothing has to be told that a block has changed. Who
// changes a block once before a commit changes it in place from then on.
//
// Invariants
//   - a number is given out once in the life of an index; when all are used up, writing fails.
//   - frames of committed blocks are what the store holds; others are seen by this object alone,
//     until commit_done() or drop_changes().
//   - frames leave memory in trim() alone, never while an algorithm is at work.
// Threads: one, that of the view's reader.      Bytes: FORMAT.md
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "pure/blocks/blocks.h"
#include "store/store.h"

namespace varve {

// About what an edit costs a commit in memory, beside its key and value.
inline constexpr size_t kEditBytes = 256;

class StoredBlocks final : public Blocks {
 public:
  // Keys begin with the prefix; frames of committed blocks take about so many bytes.
  StoredBlocks(std::string prefix, size_t frame_bytes_max)
      : prefix_(std::move(prefix)), frame_bytes_max_(frame_bytes_max) {}
  StoredBlocks(const StoredBlocks&) = delete;
  StoredBlocks& operator=(const StoredBlocks&) = delete;

  // Blocks without a frame are read here, until the view ends; null: there is none to read.
  void set_view(const Store::View* view) { view_ = view; }
  // What was not committed is forgotten, and so is a failure; the next new block has this number.
  void drop_changes(BlockId next_id);
  // Forgets all frames, when there are no changes: for an index that was dropped and made again.
  void clear();
  void trim();

  // ---- an index at work
  const uint8_t* find(BlockId id, size_t size) const override {
    const Slot* const slot = slot_of(id);
    if (slot != nullptr && slot->size >= size) return slot->data;
    return load_block(id, size);
  }
  MutableBytes write(BlockId& id, size_t size) override;
  void free(BlockId id) override;
  Status status() const override { return status_.copy(); }

  // ---- a commit
  // Puts what was written and deletes what was freed since the last one.
  void gather(Batch& batch) const;
  void commit_done();
  // What these edits take at most, kEditBytes for each beside its key and value.
  size_t changed_bytes() const { return changed_bytes_; }
  BlockId next_id() const { return next_id_; }
  size_t frame_bytes() const { return room_.used_bytes(); }

 private:
  struct Slot {
    uint8_t* data = nullptr;  // Null: there is no frame.
    uint32_t size = 0;
    BlockId frame = kNoBlock;  // In room_.
  };
  static constexpr uint32_t kLeafShift = 9;
  using Leaf = std::array<Slot, 1u << kLeafShift>;

  const Slot* slot_of(BlockId id) const {
    const size_t leaf = id >> kLeafShift;
    if (leaf >= leaves_.size() || leaves_[leaf] == nullptr) return nullptr;
    return &(*leaves_[leaf])[id & ((1u << kLeafShift) - 1)];
  }
  Slot& make_slot(BlockId id) const;
  bool is_changed(BlockId id) const { return id >= first_changed_; }
  const uint8_t* load_block(BlockId id, size_t size) const;
  const uint8_t* fail(Status status) const;
  MutableBytes grow(BlockId id, Slot& slot, size_t size);
  MutableBytes make(BlockId& id, size_t size);
  void drop_frame(BlockId id) const;

  const std::string prefix_;
  const size_t frame_bytes_max_;
  const Store::View* view_ = nullptr;
  BlockId first_changed_ = 0;  // Numbers from here on are not committed.
  BlockId next_id_ = 0;
  std::vector<BlockId> freed_;  // Committed ones.
  size_t changed_bytes_ = 0;
  // Reading fills these.
  mutable MemoryBlocks room_;
  mutable std::vector<std::unique_ptr<Leaf>> leaves_;
  mutable std::deque<BlockId> loaded_;  // Committed blocks with a frame, the oldest first.
  mutable Status status_;
};

// The key of a block, for whoever looks at a store from outside.
std::string block_key(const std::string& prefix, BlockId id);

}  // namespace varve

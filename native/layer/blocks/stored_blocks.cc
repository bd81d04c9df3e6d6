#include "layer/blocks/stored_blocks.h"

#include <algorithm>
#include <cstring>

#include "base/bits.h"
#include "layer/blocks/keys.h"

namespace varve {
namespace {

// What stands in for a block that cannot be had.
alignas(8) constexpr uint8_t kZeros[kBlockBytesMax] = {};

constexpr size_t kKeyBytes = 5 + kEditBytes;  // Of an edit, beside prefix and value.

}  // namespace

std::string block_key(const std::string& prefix, BlockId id) {
  return key_of_part(prefix, StoredPart::kBlock, id);
}

// ---- frames

StoredBlocks::Slot& StoredBlocks::make_slot(BlockId id) const {
  const size_t leaf = id >> kLeafShift;
  if (leaf >= leaves_.size()) leaves_.resize(leaf + 1);
  if (leaves_[leaf] == nullptr) leaves_[leaf] = std::make_unique<Leaf>();
  return (*leaves_[leaf])[id & ((1u << kLeafShift) - 1)];
}

void StoredBlocks::drop_frame(BlockId id) const {
  Slot& slot = make_slot(id);
  if (slot.data == nullptr) return;
  room_.free(slot.frame);
  slot = {};
}

const uint8_t* StoredBlocks::fail(Status status) const {
  if (status_) status_ = std::move(status);
  return kZeros;
}

const uint8_t* StoredBlocks::load_block(BlockId id, size_t size) const {
  check(size <= kBlockBytesMax);
  const std::string key = block_key(prefix_, id);
  const std::string name = "block " + std::to_string(id) + " of an index";
  if (view_ == nullptr || is_changed(id)) return fail(Status::corrupt(name + " is not there"));
  Lookup found;
  if (Status status = view_->get(as_bytes(key), true, found); !status) {
    return fail(std::move(status));
  }
  if (found.found != Found::kPut) return fail(Status::corrupt(name + " is not there"));
  std::string room;
  const Result<Bytes> value = view_->value(found.edit, room);
  if (!value) return fail(value.error());
  if (value->size() < size || value->size() > kBlockBytesMax) {
    return fail(Status::corrupt(name + " has a wrong size"));
  }
  Slot& slot = make_slot(id);
  if (slot.data != nullptr) return fail(Status::corrupt(name + " has a wrong size"));
  slot.frame = kNoBlock;
  slot.data = room_.write(slot.frame, value->size()).data();
  slot.size = static_cast<uint32_t>(value->size());
  std::memcpy(slot.data, value->data(), value->size());
  loaded_.push_back(id);
  return slot.data;
}

void StoredBlocks::trim() {
  while (room_.used_bytes() > frame_bytes_max_ && !loaded_.empty()) {
    const BlockId id = loaded_.front();
    loaded_.pop_front();
    drop_frame(id);
  }
}

void StoredBlocks::drop_changes(BlockId next_id) {
  for (BlockId id = first_changed_; id < next_id_; ++id) drop_frame(id);
  freed_.clear();
  changed_bytes_ = 0;
  status_ = Status::ok();
  next_id_ = next_id;
  first_changed_ = next_id;
}

void StoredBlocks::clear() {
  for (const BlockId id : loaded_) drop_frame(id);
  loaded_.clear();
  leaves_.clear();
}

// ---- an index at work

MutableBytes StoredBlocks::make(BlockId& id, size_t size) {
  check(next_id_ != kNoBlock);  // An index stops being folded long before.
  id = next_id_++;
  return grow(id, make_slot(id), size);
}

MutableBytes StoredBlocks::grow(BlockId id, Slot& slot, size_t size) {
  check(size <= kBlockBytesMax && is_changed(id));
  const uint32_t wanted = static_cast<uint32_t>(round_up(std::max<size_t>(size, 1), 8));
  if (slot.data == nullptr) {
    slot.frame = kNoBlock;
    changed_bytes_ += prefix_.size() + kKeyBytes;
  }
  if (wanted > slot.size) {
    slot.data = room_.write(slot.frame, wanted).data();
    std::memset(slot.data + slot.size, 0, wanted - slot.size);
    changed_bytes_ += wanted - slot.size;
    slot.size = wanted;
  }
  return {slot.data, slot.size};
}

MutableBytes StoredBlocks::write(BlockId& id, size_t size) {
  if (id != kNoBlock && id >= next_id_) {  // From a damaged block.
    fail(Status::corrupt("block " + std::to_string(id) + " of an index was never given out"));
    id = kNoBlock;
  }
  if (id == kNoBlock) return make(id, size);
  if (is_changed(id)) return grow(id, make_slot(id), size);
  const uint8_t* const held = read(id, 1);
  const size_t held_bytes = held == kZeros ? 0 : slot_of(id)->size;
  BlockId made = kNoBlock;
  const MutableBytes to = make(made, std::max(size, held_bytes));
  // Making one moved no frame.
  if (held_bytes > 0) std::memcpy(to.data(), held, held_bytes);
  free(id);
  id = made;
  return to;
}

void StoredBlocks::free(BlockId id) {
  if (id == kNoBlock || id >= next_id_) return;
  if (!is_changed(id)) {
    freed_.push_back(id);
    changed_bytes_ += prefix_.size() + kKeyBytes;
    return;
  }
  changed_bytes_ -=
      std::min<size_t>(changed_bytes_, make_slot(id).size + prefix_.size() + kKeyBytes);
  drop_frame(id);
}

// ---- a commit

void StoredBlocks::gather(Batch& batch) const {
  for (BlockId id = first_changed_; id < next_id_; ++id) {
    const Slot* const slot = slot_of(id);
    if (slot == nullptr || slot->data == nullptr) continue;
    batch.put(as_bytes(block_key(prefix_, id)), Bytes(slot->data, slot->size));
  }
  for (const BlockId id : freed_) batch.erase(as_bytes(block_key(prefix_, id)));
}

void StoredBlocks::commit_done() {
  for (BlockId id = first_changed_; id < next_id_; ++id) {
    const Slot* const slot = slot_of(id);
    if (slot != nullptr && slot->data != nullptr) loaded_.push_back(id);
  }
  first_changed_ = next_id_;
  freed_.clear();
  changed_bytes_ = 0;
}

}  // namespace varve

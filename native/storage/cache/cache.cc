#include "storage/cache/cache.h"

namespace varve {

Cache::Loading Cache::make(uint32_t room) {
  uint8_t* const bytes = heap_.allocate(sizeof(CachedBlock) + room);
  CachedBlock* const block = new (bytes) CachedBlock;
  block->room = room;
  return {block, Unmake{&heap_}};
}

const CachedBlock* Cache::insert(BlockHandle& handle, Loading made, uint32_t size) {
  made->size = size;
  made->handle = &handle;
  if (epochs_.pending() > 256)
    epochs_.collect();  // Before the lock: what is freed may drop handles itself.
  const std::unique_lock<std::mutex> held(mutex_);
  if (const CachedBlock* const there = find(handle)) return there;
  CachedBlock* const block = made.release();
  block->place = clock_.size();
  clock_.push_back(block);
  used_.fetch_add(cost(*block), std::memory_order_relaxed);
  loads_.fetch_add(1, std::memory_order_relaxed);
  handle.used.store(true, std::memory_order_relaxed);
  handle.block.store(block, std::memory_order_release);
  evict();
  return block;
}

void Cache::remove(CachedBlock* block) {
  block->handle->block.store(nullptr, std::memory_order_seq_cst);
  clock_[block->place] = clock_.back();
  clock_[block->place]->place = block->place;
  clock_.pop_back();
  used_.fetch_sub(cost(*block), std::memory_order_relaxed);
  epochs_.retire([this, block] { heap_.free(reinterpret_cast<uint8_t*>(block)); });
}

void Cache::evict() {
  // A mark saves a block once. After a whole round the readers are marking faster than the hand
  // goes, and blocks are taken as they come: the budget holds.
  size_t marks = clock_.size();
  while (used_bytes() > budget_.load(std::memory_order_relaxed) && clock_.size() > 1) {
    if (hand_ >= clock_.size()) hand_ = 0;
    CachedBlock* const block = clock_[hand_];
    if (marks > 0 && block->handle->used.exchange(false, std::memory_order_relaxed)) {
      --marks;
      ++hand_;
      continue;
    }
    evictions_.fetch_add(1, std::memory_order_relaxed);
    remove(block);
  }
}

std::span<BlockHandle> Cache::make_handles(size_t count) {
  if (count == 0) return {};
  uint8_t* const bytes = heap_.allocate(count * sizeof(BlockHandle));
  BlockHandle* const handles = reinterpret_cast<BlockHandle*>(bytes);
  for (size_t i = 0; i < count; ++i) new (handles + i) BlockHandle;
  return {handles, count};
}

void Cache::drop(std::span<BlockHandle> handles) {
  if (handles.empty()) return;
  {
    const std::unique_lock<std::mutex> held(mutex_);
    for (BlockHandle& handle : handles) {
      if (CachedBlock* const block = handle.block.load(std::memory_order_relaxed)) remove(block);
    }
  }
  heap_.free(reinterpret_cast<uint8_t*>(handles.data()));
}

void Cache::drop(BlockHandle& handle) {
  const std::unique_lock<std::mutex> held(mutex_);
  if (CachedBlock* const block = handle.block.load(std::memory_order_relaxed)) remove(block);
}

void Cache::charge(int64_t bytes) {
  used_.fetch_add(static_cast<uint64_t>(bytes), std::memory_order_relaxed);
  const std::unique_lock<std::mutex> held(mutex_);
  evict();
}

void Cache::set_budget(uint64_t bytes) {
  budget_.store(bytes);
  const std::unique_lock<std::mutex> held(mutex_);
  evict();
}

}  // namespace varve

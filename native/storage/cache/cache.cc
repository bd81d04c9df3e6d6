#include "storage/cache/cache.h"

#include "base/check.h"

namespace varve {
namespace {

constexpr size_t kLruTries = 16;
constexpr size_t kTicksPerFill = 64;

}  // namespace

Cache::Loading Cache::make(uint32_t room, uint32_t handle_count) {
  uint8_t* const bytes = heap_.allocate(bytes_of(room, handle_count));
  CachedBlock* const block = new (bytes) CachedBlock;
  block->room = room;
  block->handle_count = handle_count;
  for (uint32_t i = 0; i < handle_count; ++i) new (&block->inner(i)) BlockHandle;
  return {block, Unmake{&heap_}};
}

// Not under the mutex: what is freed may drop handles itself.
void Cache::free_retired() {
  constexpr size_t kManyRetired = 256;
  if (epochs_.pending() > kManyRetired) epochs_.collect();
}

CachedBlock* Cache::insert(BlockHandle& handle, Loading made, uint32_t size, CachedBlock* home) {
  made->size = size;
  made->handle = &handle;
  made->home = home;
  free_retired();
  const std::unique_lock<std::mutex> held(mutex_);
  if (CachedBlock* const there = find(handle)) return there;
  CachedBlock* const block = made.release();
  loads_.fetch_add(1, std::memory_order_relaxed);
  if (home != nullptr && home->place == CachedBlock::kGone) {
    retire(block);
    return block;
  }
  if (home != nullptr) ++home->kept_count;
  block->place = clock_.size();
  clock_.push_back(block);
  used_.fetch_add(cost(*block), std::memory_order_relaxed);
  handle.used.store(true, std::memory_order_relaxed);
  if (eviction_ == Eviction::kLru) {
    if (++since_tick_ > clock_.size() / kTicksPerFill) {
      since_tick_ = 0;
      tick_.fetch_add(1, std::memory_order_relaxed);
    }
    note_use(handle);
  }
  handle.block.store(block, std::memory_order_release);
  evict();
  return block;
}

// What is behind a handle leaves it under the mutex alone: so what is found there stays meanwhile.
bool Cache::take_within(BlockHandle& home, uint32_t index) {
  if (home.block.load(std::memory_order_relaxed) == nullptr) return false;
  free_retired();
  const std::unique_lock<std::mutex> held(mutex_);
  CachedBlock* const outer = home.block.load(std::memory_order_relaxed);
  if (outer == nullptr) return false;
  BlockHandle& handle = outer->inner(index);
  if (handle.block.load(std::memory_order_relaxed) == nullptr) return false;
  empty(handle);
  return true;
}

void Cache::retire(CachedBlock* block) {
  epochs_.retire([this, block] { heap_.free(reinterpret_cast<uint8_t*>(block)); });
}

void Cache::remove(CachedBlock* block) {
  check(block->kept_count == 0);
  if (block->home != nullptr) --block->home->kept_count;
  block->handle->block.store(nullptr, std::memory_order_seq_cst);
  clock_[block->place] = clock_.back();
  clock_[block->place]->place = block->place;
  clock_.pop_back();
  block->place = CachedBlock::kGone;
  used_.fetch_sub(cost(*block), std::memory_order_relaxed);
  retire(block);
}

void Cache::empty(BlockHandle& handle) {
  CachedBlock* const block = handle.block.load(std::memory_order_relaxed);
  if (block == nullptr) return;
  for (uint32_t i = 0; i < block->handle_count; ++i) {
    if (CachedBlock* const inner = block->inner(i).block.load(std::memory_order_relaxed)) {
      remove(inner);
    }
  }
  remove(block);
}

// A mark saves a block once. After a whole round the readers are marking faster than the hand goes,
// and blocks are taken as they come: the budget holds. What is passed by because it is home to
// others leaves those to be taken. Null: it was passed by.
CachedBlock* Cache::next_by_clock(size_t& marks) {
  if (hand_ >= clock_.size()) hand_ = 0;
  CachedBlock* const block = clock_[hand_];
  const bool is_marked =
      marks > 0 && block->handle->used.exchange(false, std::memory_order_relaxed);
  if (is_marked) --marks;
  if (!is_marked && block->kept_count == 0) return block;
  ++hand_;
  return nullptr;
}

// Of some blocks taken at random the one that was used longest ago. Where all of those are home to
// others the next one that is not: what lies behind the handles of a block is cached, too.
CachedBlock* Cache::next_by_chance(size_t tries) {
  const uint16_t now = tick_.load(std::memory_order_relaxed);
  CachedBlock* oldest = nullptr;
  uint16_t age_max = 0;
  for (size_t i = 0; i < tries; ++i) {
    CachedBlock* const block = clock_[random_.below(clock_.size())];
    const uint16_t tick = block->handle->tick.load(std::memory_order_relaxed);
    const uint16_t age = static_cast<uint16_t>(now - tick);
    if (block->kept_count > 0 || (oldest != nullptr && age <= age_max)) continue;
    oldest = block;
    age_max = age;
  }
  for (size_t i = random_.below(clock_.size()); oldest == nullptr; ++i) {
    CachedBlock* const block = clock_[i % clock_.size()];
    if (block->kept_count == 0) oldest = block;
  }
  return oldest;
}

void Cache::evict() {
  size_t marks = clock_.size();
  while (used_bytes() > budget_bytes() && clock_.size() > 1) {
    CachedBlock* const block = eviction_ == Eviction::kClock
                                   ? next_by_clock(marks)
                                   : next_by_chance(eviction_ == Eviction::kLru ? kLruTries : 1);
    if (block == nullptr) continue;  // The hand passed it by.
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
    for (BlockHandle& handle : handles) empty(handle);
  }
  heap_.free(reinterpret_cast<uint8_t*>(handles.data()));
}

void Cache::drop(BlockHandle& handle) {
  const std::unique_lock<std::mutex> held(mutex_);
  empty(handle);
}

void Cache::charge(int64_t bytes) {
  used_.fetch_add(static_cast<uint64_t>(bytes), std::memory_order_relaxed);
  const std::unique_lock<std::mutex> held(mutex_);
  evict();
}

// Step by step, so that no reader waits long for the lock.
void Cache::set_budget(uint64_t bytes) {
  constexpr uint64_t kStepBytes = uint64_t{1} << 20;
  uint64_t before = UINT64_MAX;
  for (bool is_last = false; !is_last;) {
    const uint64_t used = used_bytes();
    is_last = used <= bytes + kStepBytes || used >= before;  // Or no step takes anything away.
    budget_.store(is_last ? bytes : used - kStepBytes);
    before = used;
    const std::unique_lock<std::mutex> held(mutex_);
    evict();
  }
}

}  // namespace varve

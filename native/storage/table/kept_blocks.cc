#include "storage/table/kept_blocks.h"

#include <utility>

namespace varve {
namespace {

constexpr uint64_t kBudgetShare = 4;  // Of the budget: what is kept for one table at most.

}  // namespace

KeptBlocks::KeptBlocks(KeptBlocks&& other) noexcept
    : cache_(other.cache_),
      blocks_(std::move(other.blocks_)),
      charged_(std::exchange(other.charged_, 0)) {}

KeptBlocks& KeptBlocks::operator=(KeptBlocks&& other) noexcept {
  std::swap(cache_, other.cache_);
  std::swap(blocks_, other.blocks_);
  std::swap(charged_, other.charged_);
  return *this;
}

KeptBlocks::~KeptBlocks() {
  blocks_.clear();
  if (charged_ != 0) discharge(charged_);
}

void KeptBlocks::discharge(uint64_t bytes) {
  cache_->charge(-static_cast<int64_t>(bytes));
  charged_ -= bytes;
}

void KeptBlocks::add(uint32_t number, Bytes block, bool is_warm) {
  const uint64_t cost = Cache::cost(block.size());
  if (charged_ + cost > cache_->budget_bytes() / kBudgetShare) return;
  if (!is_warm && !cache_->has_room(cost)) return;
  const uint32_t size = static_cast<uint32_t>(block.size());
  Cache::Loading copy = cache_->make(size);
  std::memcpy(copy->data(), block.data(), size);
  blocks_.push_back({number, size, std::move(copy)});
  charged_ += cost;
  cache_->charge(static_cast<int64_t>(cost));
}

}  // namespace varve

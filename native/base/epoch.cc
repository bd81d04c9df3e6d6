#include "base/epoch.h"

#include <vector>

#include "base/check.h"

namespace varve {

EpochDomain::~EpochDomain() {
  check(oldest_reader() == UINT64_MAX);
  for (Retired& retired : retired_) retired.free();
}

EpochDomain::Slot* EpochDomain::take_slot() {
  for (size_t i = 0; i < kSlotCountMax; ++i) {
    bool free = false;
    if (!slots_[i].taken.compare_exchange_strong(free, true)) continue;
    size_t count = slot_count_.load();
    while (count < i + 1 && !slot_count_.compare_exchange_weak(count, i + 1)) {
    }
    return &slots_[i];
  }
  return nullptr;
}

void EpochDomain::give_back(Slot* slot) {
  check(slot->depth == 0 && slot->entered.load() == 0);
  slot->taken.store(false, std::memory_order_release);
}

uint64_t EpochDomain::oldest_reader() const {
  uint64_t oldest = UINT64_MAX;
  const size_t count = slot_count_.load(std::memory_order_seq_cst);
  for (size_t i = 0; i < count; ++i) {
    const uint64_t entered = slots_[i].entered.load(std::memory_order_seq_cst);
    if (entered != 0 && entered < oldest) oldest = entered;
  }
  return oldest;
}

void EpochDomain::retire(std::function<void()> free) {
  // A reader that loaded the epoch before this step may still see the object; one that loads it
  // after cannot, because the object was unreachable before the step.
  const std::unique_lock<std::mutex> held(mutex_);
  const uint64_t epoch = now_.fetch_add(1, std::memory_order_seq_cst);
  retired_.push_back({epoch, std::move(free)});
  pending_.store(retired_.size(), std::memory_order_relaxed);
}

void EpochDomain::collect() {
  if (pending() == 0) return;
  std::vector<Retired> ready;
  {
    const std::unique_lock<std::mutex> held(mutex_);
    const uint64_t oldest = oldest_reader();
    while (!retired_.empty() && retired_.front().epoch < oldest) {
      ready.push_back(std::move(retired_.front()));
      retired_.pop_front();
    }
    pending_.store(retired_.size(), std::memory_order_relaxed);
  }
  for (Retired& retired : ready) retired.free();
}

}  // namespace varve

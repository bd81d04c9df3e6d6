#include "store/full_disk.h"

#include <algorithm>

namespace varve {

using Lock = std::unique_lock<std::mutex>;

bool FullDisk::is_full() const {
  const Lock held(mutex_);
  return failure_count_ != 0;
}

uint64_t FullDisk::failure_count() const {
  const Lock held(mutex_);
  return failure_count_;
}

bool FullDisk::may_try(uint32_t worker, uint64_t free_bytes, uint64_t now_ns) {
  const Lock held(mutex_);
  if (failure_count_ == 0 || trying_ == worker) return true;
  if (trying_ != kNobody) return false;
  const uint64_t freed = std::max(kFreedBytes, free_bytes_ / kFreedShare);
  const bool has_room = free_bytes >= free_bytes_ + freed;
  if (!has_room && now_ns < try_at_ns_) return false;
  if (has_room) pause_ns_ = 0;
  trying_ = worker;
  return true;
}

// One that was at work already when another found the disk full has only met the same.
bool FullDisk::fail(uint32_t worker, uint64_t free_bytes, uint64_t now_ns) {
  const Lock held(mutex_);
  const bool is_first = failure_count_++ == 0;
  free_bytes_ = free_bytes;
  if (!is_first && trying_ != worker) return false;
  trying_ = kNobody;
  pause_ns_ = is_first ? kLookNs : std::clamp(2 * pause_ns_, kLookNs, kPauseNsMax);
  try_at_ns_ = now_ns + pause_ns_;
  return is_first;
}

void FullDisk::succeed() {
  const Lock held(mutex_);
  failure_count_ = 0;
  trying_ = kNobody;
}

}  // namespace varve

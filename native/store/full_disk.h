// store/full_disk.h — when work that found the disk full is tried again.
//
// Such work has written much by the time it fails, and its files went again: whoever repeated it at
// once would do nothing else. So it waits, longer after each failure; but as soon as more of the disk
// is free than was when it failed, it may get further, and is tried. One worker tries at a time.
//
// Invariants
//   - while the disk is full, work is tried at most once a pause, or once for each time that room was
//     made.
// Threads: any.
#pragma once

#include <cstdint>
#include <mutex>

namespace varve {

class FullDisk {
 public:
  static constexpr uint64_t kLookNs = 1'000'000'000;          // How often to look for room.
  static constexpr uint64_t kPauseNsMax = 64'000'000'000;     // From a second on they double.
  static constexpr uint64_t kFreedBytes = uint64_t{1} << 20;  // Less is no room made,
  static constexpr uint64_t kFreedShare = 8;                  // nor is less of what was free.

  bool is_full() const;
  uint64_t failure_count() const;  // Since the disk was found full.
  // Whether a worker may go on. Once it was let try, it may until it has failed or succeeded.
  bool may_try(uint32_t worker, uint64_t free_bytes, uint64_t now_ns);
  // A worker found the disk full, with so much free when its files were gone again. True when it
  // was not known to be.
  bool fail(uint32_t worker, uint64_t free_bytes, uint64_t now_ns);
  void succeed();  // Work was brought to its end.

 private:
  static constexpr uint32_t kNobody = UINT32_MAX;

  mutable std::mutex mutex_;  // Guards what follows.
  uint64_t failure_count_ = 0;
  uint64_t pause_ns_ = 0;
  uint64_t try_at_ns_ = 0;
  uint64_t free_bytes_ = 0;  // At the last failure.
  uint32_t trying_ = kNobody;
};

}  // namespace varve

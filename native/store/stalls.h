// store/stalls.h — when writers were held for so long that somebody should know.
//
// A commit may be held for a while: paced to the speed of those who work behind it, or waiting for
// room. That is added up by the second; a second in which it comes to kStallNs is a stall.
//
// Invariants
//   - at most one stall begins a second, however many commits are held.
// Threads: any.
#pragma once

#include <cstdint>
#include <mutex>

namespace varve {

inline constexpr uint64_t kStallNs = 50'000'000;  // Of a second.

enum class StallReason : uint8_t {
  kFlush = 0,        // memory fills faster than it comes to rest
  kMaintenance = 1,  // the engine's own work (compaction) is behind
};

struct Stall {
  uint64_t number = 0;  // Of this store since it was opened, from 1; 0: there was none.
  StallReason reason = StallReason::kFlush;  // Of most of it.
  uint64_t held_ns = 0;
  uint64_t longest_ns = 0;
  uint64_t wait_count = 0;  // So many waits were added up.
};

class Stalls {
 public:
  // A commit was held until now. True when this made it a stall, and listeners are to be told.
  bool add(StallReason reason, uint64_t held_ns, uint64_t now_ns);
  // The last one, as far as it has got.
  Stall last() const;

 private:
  mutable std::mutex mutex_;  // Guards what follows.
  uint64_t begun_ns_ = 0;
  Stall current_;  // Of the second that began at begun_ns_; a stall once it has a number.
  uint64_t by_reason_ns_[2] = {0, 0};
  Stall last_;
};

}  // namespace varve

#include "store/stalls.h"

#include <algorithm>

namespace varve {
namespace {

constexpr uint64_t kWindowNs = 1'000'000'000;

}  // namespace

bool Stalls::add(StallReason reason, uint64_t held_ns, uint64_t now_ns) {
  const std::unique_lock<std::mutex> held(mutex_);
  if (current_.wait_count == 0 || now_ns - begun_ns_ >= kWindowNs) {
    begun_ns_ = now_ns - std::min(now_ns, held_ns);
    current_ = {};
    by_reason_ns_[0] = by_reason_ns_[1] = 0;
  }
  by_reason_ns_[static_cast<size_t>(reason)] += held_ns;
  current_.held_ns += held_ns;
  current_.longest_ns = std::max(current_.longest_ns, held_ns);
  ++current_.wait_count;
  current_.reason =
      by_reason_ns_[1] > by_reason_ns_[0] ? StallReason::kMaintenance : StallReason::kFlush;
  if (current_.held_ns < kStallNs) return false;
  const bool is_new = current_.number == 0;
  if (is_new) current_.number = last_.number + 1;
  last_ = current_;
  return is_new;
}

Stall Stalls::last() const {
  const std::unique_lock<std::mutex> held(mutex_);
  return last_;
}

}  // namespace varve

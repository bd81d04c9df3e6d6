#include "store/mix.h"

#include <algorithm>

namespace varve {

void Mix::add(const ReadCounts& counts) {
  sum_.get_count += counts.get_count.load(std::memory_order_relaxed);
  sum_.scan_count += counts.scan_count.load(std::memory_order_relaxed);
  for (const std::atomic<uint64_t>& sample : counts.samples) {
    const uint64_t hash = sample.load(std::memory_order_relaxed);
    if (hash != 0) hashes_.push_back(hash);
  }
}

MixStats Mix::stats() {
  std::sort(hashes_.begin(), hashes_.end());
  sum_.sample_count = hashes_.size();
  sum_.distinct_count =
      static_cast<uint64_t>(std::unique(hashes_.begin(), hashes_.end()) - hashes_.begin());
  return sum_;
}

}  // namespace varve

// store/mix.h — what a store is used for: how much is read, written and walked through, and whether
// few keys are read again and again.
//
// A reader counts for itself, on a cache line that nobody else writes, and in plain loads and
// stores: a get pays for one load, one addition, one store and one test that is nearly always
// false, and none of them is waited for. Of every 64th key that it looks up it keeps the hash, the
// newest of those; how many of them are different says how hot the hot keys are.
//
// Threads: a ReadCounts is written by one and read by any.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

namespace varve {

struct alignas(64) ReadCounts {
  static constexpr uint64_t kSampleEvery = 64;
  static constexpr size_t kSampleCount = 256;

  std::atomic<uint64_t> get_count{0};
  std::atomic<uint64_t> scan_count{0};
  std::atomic<uint64_t> samples[kSampleCount] = {};  // 0: none yet.

  void add_get(uint64_t hash) {
    const uint64_t count = get_count.load(std::memory_order_relaxed) + 1;
    get_count.store(count, std::memory_order_relaxed);
    if (count % kSampleEvery == 0) keep(count / kSampleEvery, hash);
  }
  void add_scan() {
    scan_count.store(scan_count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

 private:
  void keep(uint64_t index, uint64_t hash) {
    samples[index % kSampleCount].store(hash | 1, std::memory_order_relaxed);
  }
};

// Since the store was opened.
struct MixStats {
  uint64_t get_count = 0;
  uint64_t scan_count = 0;  // Batches of a walk.
  uint64_t commit_count = 0;
  uint64_t edit_count = 0;
  uint64_t edit_bytes = 0;      // Of keys and values.
  uint64_t sample_count = 0;    // Of keys that were looked up,
  uint64_t distinct_count = 0;  // and how many of those are different.
};

// The sum of what readers counted.
class Mix {
 public:
  void add(const ReadCounts& counts);
  MixStats stats();

 private:
  MixStats sum_;
  std::vector<uint64_t> hashes_;
};

}  // namespace varve

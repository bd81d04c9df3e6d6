// store/commit_ring.h — the newest commits of a store without a log, for whoever follows it.
//
// Kept in memory from when the first feed opens until the last one has closed: a store that nobody
// watches pays for nothing. Beyond `bytes_max` the oldest go, and a feed that is further behind has
// missed them.
//
// Invariants
//   - what is kept are all commits after the floor, in order.
//   - the newest commit is kept, however large it is.
// Threads: any.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <mutex>
#include <string>

#include "storage/log/log.h"

namespace varve {

class CommitRing {
 public:
  explicit CommitRing(uint64_t bytes_max) : bytes_max_(bytes_max) {}

  // One more follows; answers the commit after which all are kept. Not while one is committed:
  // `newest` is the last that there is.
  uint64_t begin(uint64_t newest);
  void end();

  // By the sequencer, before the commit is visible.
  void add(uint64_t commit, uint64_t time_ms, Bytes body);

  uint64_t bytes() const;

  static Status not_kept(uint64_t last, uint64_t floor);

  using OnCommit = std::function<Status(uint64_t commit, uint64_t time_ms, Bytes body)>;
  // Hands out commits after `last`, which follows, none above `through`, and about so many bytes.
  // kTruncated when some of these have gone, naming the oldest commit that can be followed from.
  Status read(uint64_t& last, uint64_t through, uint64_t budget_bytes, const OnCommit& on_commit);

 private:
  struct Kept {
    uint64_t commit = 0;
    uint64_t time_ms = 0;
    std::string body;
  };

  const uint64_t bytes_max_;
  std::atomic<bool> is_followed_{false};

  mutable std::mutex mutex_;  // Guards everything below.
  uint32_t follower_count_ = 0;
  uint64_t floor_ = 0;
  uint64_t bytes_ = 0;
  std::deque<Kept> commits_;
};

}  // namespace varve

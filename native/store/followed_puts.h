// store/followed_puts.h — what the newest commits put under a few prefixes, for whoever keeps in
// memory what lies there and goes from commit to commit.
//
//   read(prefix) the first time ──▶ nothing is known; puts under it are kept from here on
//   later ones                  ──▶ the puts between two commits, in their order
//
// Each prefix has a ring of chunks of its own. Full, it lets the oldest chunk go; when even those
// who asked last would miss what is in it, nobody keeps up any more, and the ring goes as a whole:
// so what nobody asks for costs its commits nothing.
//
// Invariants
//   - of a ring all puts of commits above its floor are there, but silent deletions (batch.h), which
//     say nothing new. Any other deletion raises the floor.
//   - a commit is in the rings before it is visible.
// Threads: any; commits among themselves are ordered by the sequencer.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "base/os/os.h"
#include "store/batch.h"

namespace varve {

class FollowedPuts {
 public:
  static constexpr size_t kRingsMax =
      16;  // Beyond them the one goes that nobody asked for longest.

  explicit FollowedPuts(uint64_t bytes_max) : ring_bytes_max_(bytes_max / kRingsMax) {}

  // By the sequencer, before the commit is visible.
  void add(const Batch& batch, uint64_t commit) {
    if (is_followed_.load(std::memory_order_acquire)) add_followed(batch, commit);
  }

  // Keys are without the prefix; a key stands there as often as it was put. What is handed out is
  // borrowed until `visit` returns.
  using Visit = std::function<void(Bytes key, Bytes value)>;
  // The puts of commits above `since` up to `through`, which is visible. False, and nothing is
  // visited, where not all of them are known.
  bool read(const std::string& prefix, uint64_t since, uint64_t through, const Visit& visit);

  size_t ring_count() const;
  uint64_t size_bytes() const;

 private:
  struct Chunk {
    std::string text;  // Of records: commit u64, key size u32, value size u32, key, value.
    uint64_t commit_last = 0;
  };
  struct Ring {
    std::string prefix;
    uint64_t floor = 0;  // 0: no commit came since it is there.
    uint64_t asked = 0;  // The newest commit that somebody is up to,
    uint64_t turn = 0;   // and when he asked.
    std::deque<Chunk> chunks;
    uint64_t size_bytes = 0;
    bool is_given_up = false;
  };

  void add_followed(const Batch& batch, uint64_t commit);
  void add_edit(const LogEdit& edit, bool is_silent, uint64_t commit, const Lock& held);
  void add_put(Ring& ring, const LogEdit& edit, uint64_t commit, const Lock& held);
  static void forget(Ring& ring, uint64_t commit);
  Ring* find(const std::string& prefix, const Lock& held);
  void follow(const std::string& prefix, uint64_t through, const Lock& held);
  void drop_given_up(const Lock& held);

  const uint64_t ring_bytes_max_;
  std::atomic<bool> is_followed_{false};

  mutable std::mutex mutex_;  // Guards everything below.
  std::vector<Ring> rings_;
  uint64_t turn_ = 0;
};

}  // namespace varve

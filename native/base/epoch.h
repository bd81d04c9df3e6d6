// base/epoch.h — lets readers follow pointers without locks or shared counters, and writers free
// what those readers may still see only after they have left.
//
// A reading thread owns a Slot on a cache line of its own and publishes there the epoch at which it
// entered. Whoever takes something out of reach calls retire(); it is freed by a later collect(),
// once every slot is idle or entered afterwards. Entering costs one exchange on the thread's own
// line.
//
// Invariants
//   - an object that a reader could reach after entering lives until that reader leaves.
//   - Guards of one slot nest; only the outermost publishes.
// Threads: a Slot belongs to one thread at a time; the domain is for all. retire() and collect()
// take a lock that readers never touch.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>

namespace varve {

class EpochDomain {
 public:
  struct alignas(64) Slot {
    std::atomic<uint64_t> entered{0};  // 0: not reading
    std::atomic<bool> taken{false};
    uint32_t depth = 0;  // Owner only.
  };
  static constexpr size_t kSlotCountMax = 1024;

  EpochDomain() = default;
  EpochDomain(const EpochDomain&) = delete;
  EpochDomain& operator=(const EpochDomain&) = delete;
  ~EpochDomain();  // Frees everything retired; no reader may be inside.

  // A slot for a thread's use until give_back(). Null when kSlotCountMax threads read already.
  Slot* take_slot();
  void give_back(Slot* slot);

  class Guard {
   public:
    Guard(EpochDomain& domain, Slot& slot) : slot_(slot) {
      if (slot.depth++ == 0) {
        slot.entered.exchange(domain.now_.load(std::memory_order_relaxed),
                              std::memory_order_seq_cst);
      }
    }
    ~Guard() {
      if (--slot_.depth == 0) slot_.entered.store(0, std::memory_order_release);
    }
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;

   private:
    Slot& slot_;
  };

  // Runs `free` (on whichever thread collects) when no reader can still hold what it frees. The
  // caller has already made it unreachable.
  void retire(std::function<void()> free);
  void collect();  // Frees what can be freed now. Cheap when there is nothing.
  size_t pending() const { return pending_.load(std::memory_order_relaxed); }

 private:
  struct Retired {
    uint64_t epoch;
    std::function<void()> free;
  };
  uint64_t oldest_reader() const;

  std::atomic<uint64_t> now_{1};
  std::atomic<size_t> pending_{0};
  std::atomic<size_t> slot_count_{0};  // Slots ever taken: how far a scan must look.
  Slot slots_[kSlotCountMax];

  std::mutex mutex_;             // Guards retired_.
  std::deque<Retired> retired_;  // By epoch: what cannot be freed yet is not looked at.
};

}  // namespace varve

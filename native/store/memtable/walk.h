// store/memtable/walk.h — goes through the runs of an Ordered as if they were one, in either
// direction.
//
// The runs are merged a little ahead of the reader, by their heads alone, into a short queue whose
// entries are being fetched meanwhile: each entry is a miss of its own, and so they overlap. The
// queue starts short and grows, so that a scan that stops early fetches little in vain.
//
// Threads: one. Lifetime: pins the runs; the entries are the memtable's.
#pragma once

#include <memory>
#include <vector>

#include "store/memtable/order.h"

namespace varve::memtable {

class Walk {
 public:
  // Starts at the range's first entry in its direction.
  Walk(std::shared_ptr<const Ordered> ordered, const KeyRange& range, Direction direction);
  bool valid() const { return queue_count_ != 0; }
  const Entry& entry() const { return *queue_[queue_first_]; }
  void next() {
    queue_first_ = (queue_first_ + 1) % kQueueMax;
    --queue_count_;
    refill(queue_count_ + 2);
  }
  // First entry at or after `key` (forward), or at or before it (reverse), within the range.
  void seek(Bytes key);

 private:
  // What is left of one run: [at, last) forward, [first, at) reverse.
  struct Part {
    const Item* at;
    const Item* first;
    const Item* last;
    bool forward;

    bool ended() const { return at == (forward ? last : first); }
    const Item& item() const { return forward ? *at : at[-1]; }
    void step() { at += forward ? 1 : -1; }
  };
  void refill(size_t count);  // Up to kQueueMax.
  void start();
  Part* choose();

  static constexpr size_t kQueueStart = 4;
  static constexpr size_t kQueueMax = 16;

  std::shared_ptr<const Ordered> ordered_;
  bool forward_;
  std::vector<Part> parts_;
  const Entry* queue_[kQueueMax];
  size_t queue_first_ = 0;
  size_t queue_count_ = 0;
};

}  // namespace varve::memtable

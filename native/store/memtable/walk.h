// store/memtable/walk.h — goes through the runs of an Ordered as if they were one, in either direction.
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
  bool valid() const { return current_ != nullptr; }
  const Entry& entry() const { return *current_->item().entry; }
  void next();
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
    void step();
  };
  void choose();

  const std::shared_ptr<const Ordered> ordered_;
  const bool forward_;
  std::vector<Part> parts_;
  Part* current_ = nullptr;
};

}  // namespace varve::memtable

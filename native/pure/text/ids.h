// pure/text/ids.h — from the caller's ids to the numbers of documents: open addressing, at most
// half full. It is derived from the column of documents. Threads: one.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bits.h"

namespace varve {

class IdTable {
 public:
  // Numbers begin at 1; 0 is none.
  uint32_t find(uint32_t id) const {
    if (slots_.empty()) return 0;
    for (uint64_t at = home(id);; at = (at + 1) & mask_) {
      if (slots_[at].number == 0 || slots_[at].id == id) return slots_[at].number;
    }
  }
  // The id will be looked for soon.
  void expect(uint32_t id) const {
    if (!slots_.empty()) prefetch(&slots_[home(id)]);
  }
  // The id is not there yet.
  void add(uint32_t id, uint32_t number) {
    if ((size_ + 1) * 2 > slots_.size()) grow();
    size_ += 1;
    place({id, number});
  }
  void remove(uint32_t id) {
    uint64_t at = home(id);
    while (slots_[at].id != id || slots_[at].number == 0) at = (at + 1) & mask_;
    size_ -= 1;
    // What comes behind moves up, unless that would put it before its home.
    for (uint64_t next = (at + 1) & mask_; slots_[next].number != 0; next = (next + 1) & mask_) {
      if (((next - home(slots_[next].id)) & mask_) < ((next - at) & mask_)) continue;
      slots_[at] = slots_[next];
      at = next;
    }
    slots_[at] = {0, 0};
  }
  void clear() { *this = IdTable(); }
  size_t memory_bytes() const { return slots_.capacity() * sizeof(Slot); }

 private:
  struct Slot {
    uint32_t id;
    uint32_t number;
  };
  // The golden ratio spreads ids that follow one another, or share their low bits.
  uint64_t home(uint32_t id) const { return (id * 0x9e3779b97f4a7c15ULL >> 32) & mask_; }
  void place(Slot slot) {
    uint64_t at = home(slot.id);
    while (slots_[at].number != 0) at = (at + 1) & mask_;
    slots_[at] = slot;
  }
  void grow() {
    std::vector<Slot> old(slots_.empty() ? 64 : slots_.size() * 2, Slot{0, 0});
    old.swap(slots_);
    mask_ = slots_.size() - 1;
    for (const Slot& slot : old) {
      if (slot.number != 0) place(slot);
    }
  }

  std::vector<Slot> slots_;
  uint64_t mask_ = 0;
  size_t size_ = 0;
};

}  // namespace varve

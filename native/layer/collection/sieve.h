// layer/collection/sieve.h — conditions asked of many stored documents at a time.
//
//   stored documents ──▶ slots ──▶ numbers within bounds ──▶ what is left of the conditions ──▶ kept
//
// A comparison with a number that every document has, where all have to hold, is a range of doubles
// and a place in the slots: it is held against one document after the other, without a branch, and
// nothing of the others is looked at. All else, and documents of older versions, are asked as ever:
// filter.h.
//
// Invariants
//   - kept are those of which Filter::matches() is true.
// Threads: one, for it has room to work in.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <vector>

#include "layer/collection/definition.h"
#include "pure/codec/record/slots.h"

namespace varve::collection {

// Stored documents side by side, borrowed; of those at `opened` the slots are known, and they are of
// the newest version.
struct Documents {
  static constexpr size_t kCountMax = 64;
  struct Opened {
    Bytes stored;
    RecordSlots slots;
  };
  size_t opened_count = 0;
  size_t other_count = 0;
  std::array<Opened, kCountMax> opened;
  std::array<Bytes, kCountMax> others;

  size_t count() const { return opened_count + other_count; }
};

class Sieve {
 public:
  // Nothing is left where no document has to be looked at.
  Sieve(std::shared_ptr<const Definition> definition, const Filter& where);

  // CORRUPT where one is no record of the collection. At most kCountMax.
  Status sift(std::span<const Bytes> stored, Documents& kept);

 private:
  enum class Slot : uint8_t { kDouble, kUint8, kInt8, kUint16, kInt16, kInt32 };
  struct Bounds {
    uint32_t slot_at;
    Slot slot;
    double low;
    double high;
  };
  std::optional<Bounds> bounds_of(const FilterNode& condition) const;
  template <class Number>
  static void keep_within(const Bounds& bounds, Documents& kept);

  const std::shared_ptr<const Definition> definition_;
  std::vector<Bounds> bounds_;
  Filter where_;  // All of it,
  Filter rest_;   // and what bounds do not say.
  Document document_;
};

}  // namespace varve::collection

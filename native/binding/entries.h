// binding/entries.h — many entries by one crossing.
//
// A batch comes back as: descriptors in the data area, four 4-byte cells each {key cell, value kind,
// head bytes, text units}; then, from kNeededBytes to kHeadBytes, the raw parts (encoded keys that
// are no strings, heads) one after the other; and one string, returned, that holds key texts and
// value texts in order. A key cell is the number of units of a text key, or the size of an encoded
// key with the top bit set.
//
// Text is gathered in the environment's room for it, one byte a unit until an entry needs two.
#pragma once

#include "binding/arguments.h"
#include "binding/values.h"

namespace varve {

class EntryBatch {
 public:
  static constexpr size_t kCountMax = 1024;

  EntryBatch(Environment& environment, size_t count_max);
  ~EntryBatch();
  EntryBatch(const EntryBatch&) = delete;
  EntryBatch& operator=(const EntryBatch&) = delete;

  enum class Added : uint8_t { kYes, kFull, kFailed };  // Failed: status() says why.

  // The key is without the prefix of its level.
  Added add(Bytes key, const Edit& edit, const Store::View& view, bool want_value);
  // Its key is known: the key cell is a mark of the caller's.
  Added add_value(const Edit& edit, const Store::View& view, uint32_t mark = 0);
  void add_absent();
  // Two places among encoded keys, an empty one for the end of all, as two entries of these kinds.
  static constexpr uint8_t kKindBegin = 254;
  static constexpr uint8_t kKindEnd = 255;
  Added add_bounds(Bytes begin, Bytes end);

  size_t count() const { return count_; }
  Status status() const { return status_.copy(); }
  uint32_t needed_bytes() const { return needed_bytes_; }
  napi_value finish(napi_env env, bool more);

 private:
  Added parts_of(const Edit& edit, const Store::View& view, size_t key_bytes, ValueParts& parts);
  bool is_full() const;
  bool has_room(size_t raw_bytes);
  void add_raw(Bytes bytes);
  void add_text(Bytes text, bool wide);
  void widen();
  void describe(uint32_t key_cell, const ValueParts& parts);

  Environment& environment_;
  const size_t count_max_;
  const size_t raw_at_;
  size_t raw_;
  size_t count_ = 0;
  size_t units_ = 0;  // Of text, so far.
  uint32_t needed_bytes_ = 0;
  bool is_wide_ = false;
  std::u16string key_units_;
  std::string large_;  // A value that lies apart, before it is taken to its parts.
  Status status_;
};

}  // namespace varve

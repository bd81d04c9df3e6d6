// store/key_intervals.h — a set of keys given as ranges: is a key in it, does a range meet it.
//
// Ranges are gathered as they come and brought in order when somebody asks: sorted, and those that
// meet made one, so that a question is one binary search. Ranges that are added over and over are
// made one now and then, so that what is kept stays within twice what is different.
//
// Invariants
//   - after settle(), ranges are sorted and no two meet.
// Threads: one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"

namespace varve {

class KeyIntervals {
 public:
  // All keys in [begin, end); an empty end is the end of the keyspace. An empty range adds nothing.
  void add(Bytes begin, Bytes end);
  void settle();  // Asked for before the questions below.
  void clear();

  bool covers(Bytes key) const;
  // The first key of what the range and the set share.
  std::optional<Bytes> first_shared(Bytes begin, Bytes end) const;

  bool empty() const { return ranges_.empty(); }
  size_t size() const { return ranges_.size(); }
  uint64_t bytes() const { return bytes_; }
  KeyRange range(size_t index) const;

 private:
  struct Range {
    std::string begin;
    std::string end;  // Empty: no end.
  };

  // How many ranges begin at or before a key.
  size_t begun_by(Bytes key) const;

  std::vector<Range> ranges_;
  size_t settled_count_ = 0;
  uint64_t bytes_ = 0;
};

// Whether `key` lies before `end`, where an empty end is none.
inline bool is_before_end(Bytes key, Bytes end) { return end.empty() || compare(key, end) < 0; }

}  // namespace varve

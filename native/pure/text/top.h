// pure/text/top.h — the best k documents so far, and what can still become one of them.
//
// A heap whose root is the worst of them. Equal scores go by the smaller id; where ids rise with
// the numbers of documents, which is how most are added, that needs no look at the id, and a later
// document with an equal score is passed.
// Threads: one.
#pragma once

#include <algorithm>
#include <vector>

#include "pure/text/core.h"

namespace varve {

class TopHits {
 public:
  TopHits(const TextCore& core, const TextRequest& request) : core_(core), request_(request) {}

  // Whether a document of that number or a later one could, with at most so many points.
  bool can_enter(uint64_t score, uint32_t number) const {
    if (score > floor_ || !is_full_) return true;
    if (score < floor_) return false;
    return !core_.ids_rise || number < heap_.front().number;
  }
  // `length` as it stands in the column: dead ones are refused.
  void offer(uint32_t number, uint32_t length, uint64_t score) {
    if (can_enter(score, number) && (length & kDeadBit) == 0) enter(number, score);
  }
  // Best first, and empties it.
  void take(double scale, std::vector<TextHit>& to);

 private:
  struct Hit {
    uint64_t score;
    uint32_t id;
    uint32_t number;
    bool operator<(const Hit& other) const {  // Better, so that the worst is the root.
      return score != other.score ? score > other.score : id < other.id;
    }
  };
  void enter(uint32_t number, uint64_t score);

  const TextCore& core_;
  const TextRequest& request_;
  uint64_t floor_ = 0;
  bool is_full_ = false;
  std::vector<Hit> heap_;
};

}  // namespace varve

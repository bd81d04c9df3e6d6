#include "pure/text/score.h"

namespace varve {

// Those that the new pair beats go; it goes itself if it is beaten.
void FrontierMaker::add(Peak peak) {
  if (count_ > 0) {  // Most are beaten by the shortest.
    const Peak& last = held_[count_ - 1];
    if (last.frequency >= peak.frequency && last.length <= peak.length) return;
  }
  uint32_t at = 0;  // The first with a smaller frequency, or the same and no shorter.
  while (at < count_ && held_[at].frequency > peak.frequency) ++at;
  if (at > 0 && held_[at - 1].length <= peak.length) return;
  if (at < count_ && held_[at].frequency == peak.frequency && held_[at].length <= peak.length) {
    return;
  }
  uint32_t end = at;
  while (end < count_ && held_[end].length >= peak.length) ++end;
  if (end == at) {
    std::copy_backward(held_ + at, held_ + count_, held_ + count_ + 1);
    count_ += 1;
  } else {
    std::copy(held_ + end, held_ + count_, held_ + at + 1);
    count_ -= end - at - 1;
  }
  held_[at] = peak;
  if (count_ > kHeldMax) join_nearest();
}

// Two neighbours become what neither beats: the frequency of one, the length of the other.
void FrontierMaker::join_nearest() {
  uint32_t nearest = 0;
  double least = 0;
  for (uint32_t at = 0; at + 1 < count_; ++at) {
    const double loss = (held_[at].frequency + 1.0) / (held_[at + 1].frequency + 1.0) *
                        ((held_[at].length + 1.0) / (held_[at + 1].length + 1.0));
    if (at == 0 || loss < least) {
      nearest = at;
      least = loss;
    }
  }
  held_[nearest].length = held_[nearest + 1].length;
  std::copy(held_ + nearest + 2, held_ + count_, held_ + nearest + 1);
  count_ -= 1;
}

Frontier FrontierMaker::make() const {
  FrontierMaker fewer = *this;
  while (fewer.count_ > kPeakCount) fewer.join_nearest();
  Frontier made{};
  for (uint32_t at = 0; at < kPeakCount && fewer.count_ > 0; ++at) {
    made.peaks[at] = fewer.held_[std::min(at, fewer.count_ - 1)];
  }
  return made;
}

}  // namespace varve

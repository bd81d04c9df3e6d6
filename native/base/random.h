// base/random.h — a small seeded generator (splitmix64) for tests, simulation and choices that must
// be repeatable. Never for secrets: those come from Os::random().
#pragma once

#include <cstdint>

#include "base/bits.h"

namespace varve {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  // Uniform in [0, count); count > 0.
  uint64_t below(uint64_t count) {
    return multiply(next(), count).high;
  }
  bool one_in(uint64_t count) { return below(count) == 0; }

 private:
  uint64_t state_;
};

}  // namespace varve

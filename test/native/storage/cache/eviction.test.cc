// What each way of evicting keeps: the same blocks are read again and again while others pass by
// once.
#include "storage/cache/cache.h"
#include "test.h"

using namespace varve;
using namespace varve::test;

namespace {

constexpr size_t kHot = 64;
constexpr size_t kCold = 4000;
constexpr uint32_t kBlockBytes = 1024;
constexpr uint64_t kBudgetBytes = 200 * 1200;

class Bench {
 public:
  explicit Bench(Eviction eviction) : cache_(epochs_, kBudgetBytes, eviction) {
    handles_ = cache_.make_handles(kHot + kCold);
    slot_ = epochs_.take_slot();
  }
  ~Bench() {
    cache_.drop(handles_);
    epochs_.give_back(slot_);
  }
  // Whether it was there.
  bool read(size_t i) {
    const EpochDomain::Guard guard(epochs_, *slot_);
    if (cache_.use(handles_[i]) != nullptr) return true;
    cache_.insert(handles_[i], cache_.make(kBlockBytes), kBlockBytes);
    return false;
  }
  uint64_t used_bytes() const { return cache_.used_bytes(); }

 private:
  EpochDomain epochs_;
  Cache cache_;
  std::span<BlockHandle> handles_;
  EpochDomain::Slot* slot_ = nullptr;
};

// Of the reads of the hot blocks, how many in a thousand were hits.
uint64_t hits(Eviction eviction) {
  Bench bench(eviction);
  uint64_t hit = 0;
  uint64_t asked = 0;
  for (size_t i = 0; i < kCold; ++i) {
    bench.read(kHot + i);
    for (size_t n = 0; n < 4; ++n, ++asked) hit += bench.read((i * 4 + n) % kHot) ? 1 : 0;
    expect(bench.used_bytes() <= kBudgetBytes + 2 * kBlockBytes);
  }
  return hit * 1000 / asked;
}

}  // namespace

static const Case recency("evicting what was used longest ago keeps what is read again and again",
                          [] {
                            const uint64_t lru = hits(Eviction::kLru);
                            const uint64_t clock = hits(Eviction::kClock);
                            const uint64_t random = hits(Eviction::kRandom);
                            expect(lru > 980 && clock > 980);
                            expect(random < 960 && random > 500);
                          });

static const Case order(
    "of blocks read once each, the oldest go first with 'lru', and any with 'random'", [] {
      for (const Eviction eviction : {Eviction::kLru, Eviction::kRandom}) {
        Bench bench(eviction);
        for (size_t i = 0; i < 1000; ++i) bench.read(i);
        size_t newest = 0;
        for (size_t i = 900; i < 1000; ++i) newest += bench.read(i) ? 1 : 0;
        expect(eviction == Eviction::kLru ? newest > 90 : newest < 80);
      }
    });

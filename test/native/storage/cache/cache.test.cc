// The cache: its budget holds, what is used stays, and what a reader sees stays until it leaves.
#include "storage/cache/cache.h"

#include <atomic>
#include <thread>
#include <vector>

#include "base/random.h"
#include "test.h"

namespace varve::test {
namespace {

constexpr uint32_t kBlockBytes = 1000;

// The handles of one file. Its blocks are filled with their own number.
class CachedFile {
 public:
  CachedFile(Cache& cache, size_t block_count)
      : cache_(cache), handles_(cache.make_handles(block_count)) {}
  ~CachedFile() { cache_.drop(handles_); }

  const CachedBlock* find(size_t number) { return Cache::find(handles_[number]); }
  const CachedBlock* load(size_t number) {
    Cache::Loading block = cache_.make(kBlockBytes);
    std::memset(block->data(), static_cast<int>(number % 251), kBlockBytes);
    return cache_.insert(handles_[number], std::move(block), kBlockBytes);
  }
  const CachedBlock* find_or_load(size_t number) {
    const CachedBlock* const block = find(number);
    return block != nullptr ? block : load(number);
  }

 private:
  Cache& cache_;
  const std::span<BlockHandle> handles_;
};

bool is_whole(const CachedBlock* block, size_t number) {
  if (block->bytes().size() != kBlockBytes) return false;
  for (const uint8_t byte : block->bytes()) {
    if (byte != number % 251) return false;
  }
  return true;
}

// What one block takes, its share of bookkeeping included.
uint64_t cost_of_one() {
  EpochDomain epochs;
  Cache cache(epochs, UINT64_MAX);
  CachedFile file(cache, 1);
  file.load(0);
  return cache.used_bytes();
}

// A domain with this thread inside, and a cache in it.
struct Room {
  explicit Room(uint64_t budget_bytes) : cache(epochs, budget_bytes) { slot = epochs.take_slot(); }
  ~Room() {
    epochs.give_back(slot);
    epochs.collect();
  }
  EpochDomain epochs;
  Cache cache;
  EpochDomain::Slot* slot;
};

const Case budget("the budget holds but for one block, whatever is loaded, charged or cut", [] {
  const uint64_t one = cost_of_one();
  Random random(seed());
  Room room(10 * one);
  CachedFile file(room.cache, 100);
  uint64_t budget_bytes = 10 * one;
  uint64_t charged = 0;
  for (int step = 0; step < 20'000; ++step) {
    const uint64_t dice = random.below(100);
    if (dice == 0) {
      budget_bytes = random.below(20 * one);
      room.cache.set_budget(budget_bytes);
    } else if (dice < 3 && charged == 0) {
      charged = random.below(budget_bytes + 1);
      room.cache.charge(static_cast<int64_t>(charged));
    } else if (dice < 6) {
      room.cache.charge(-static_cast<int64_t>(charged));
      charged = 0;
    } else {
      const EpochDomain::Guard guard(room.epochs, *room.slot);
      const size_t number = random.below(100);
      expect(is_whole(file.find_or_load(number), number));
    }
    expect(room.cache.used_bytes() <= std::max(budget_bytes, charged) + one);
  }
  room.cache.charge(-static_cast<int64_t>(charged));
  room.cache.set_budget(0);
  expect(room.cache.used_bytes() <= one);
});

const Case second_chance("a block in use outlives a stream of blocks that are read once", [] {
  Room room(16 * cost_of_one());
  CachedFile file(room.cache, 5000);
  size_t reloads = 0;
  for (size_t cold = 4; cold < 5000; ++cold) {
    const EpochDomain::Guard guard(room.epochs, *room.slot);
    for (size_t hot = 0; hot < 4; ++hot) {
      if (file.find(hot) != nullptr) continue;
      file.load(hot);
      ++reloads;
    }
    file.load(cold);
  }
  expect(reloads >= 4 && reloads < 20);
  expect(room.cache.eviction_count() > 4900);
});

const Case first_wins("a block that is loaded twice is kept once, the first", [] {
  const uint64_t one = cost_of_one();
  Room room(10 * one);
  CachedFile file(room.cache, 1);
  const EpochDomain::Guard guard(room.epochs, *room.slot);
  const CachedBlock* const first = file.load(0);
  expect(file.load(0) == first && file.find(0) == first);
  expect(room.cache.used_bytes() == one && room.cache.load_count() == 1);
});

const Case pinned("a block that was evicted stays readable until its reader leaves", [] {
  Room room(cost_of_one());
  CachedFile file(room.cache, 50);
  {
    const EpochDomain::Guard guard(room.epochs, *room.slot);
    const CachedBlock* const seen = file.load(7);
    for (size_t number = 10; number < 50; ++number) file.load(number);
    room.epochs.collect();
    expect(file.find(7) == nullptr && is_whole(seen, 7));
    expect(room.epochs.pending() == 40);
  }
  room.epochs.collect();
  expect(room.epochs.pending() == 0);
});

const Case erased("a file that goes takes its blocks along, and no other's", [] {
  const uint64_t one = cost_of_one();
  Room room(100 * one);
  CachedFile stays(room.cache, 30);
  for (size_t number = 0; number < 30; ++number) stays.load(number);
  {
    CachedFile goes(room.cache, 40);
    for (size_t number = 0; number < 40; ++number) goes.load(number);
    expect(room.cache.used_bytes() == 70 * one);
  }
  expect(room.cache.used_bytes() == 30 * one);
  for (size_t number = 0; number < 30; ++number) expect(stays.find(number) != nullptr);
  for (size_t number = 0; number < 30; ++number) expect(is_whole(stays.find(number), number));
});

// Blocks that lie behind handles in other blocks, as those of a table do.
class Nested {
 public:
  static constexpr uint32_t kInner = 8;

  Nested(Cache& cache, size_t home_count)
      : cache_(cache), handles_(cache.make_handles(home_count)) {}
  ~Nested() { cache_.drop(handles_); }

  CachedBlock* home(size_t number) {
    CachedBlock* const found = Cache::find(handles_[number]);
    if (found != nullptr) return found;
    Cache::Loading block = cache_.make(kBlockBytes, kInner);
    std::memset(block->filling(), static_cast<int>(number % 251), kBlockBytes);
    return cache_.insert(handles_[number], std::move(block), kBlockBytes);
  }
  const CachedBlock* inner(CachedBlock* home, size_t number) {
    BlockHandle& handle = home->inner(number % kInner);
    const CachedBlock* const found = Cache::find(handle);
    if (found != nullptr) return found;
    Cache::Loading block = cache_.make(kBlockBytes);
    std::memset(block->data(), static_cast<int>(number % 251), kBlockBytes);
    return cache_.insert(handle, std::move(block), kBlockBytes, home);
  }
  bool has_home(size_t number) { return handles_[number].block.load() != nullptr; }

 private:
  Cache& cache_;
  const std::span<BlockHandle> handles_;
};

const Case nested("a block stays while something is cached behind its handles, and goes after", [] {
  const uint64_t one = cost_of_one();
  Room room(12 * one);
  Nested nested(room.cache, 3);
  const EpochDomain::Guard guard(room.epochs, *room.slot);
  CachedBlock* const home = nested.home(0);
  const CachedBlock* const kept = nested.inner(home, 0);
  expect(is_whole(home, 0) && is_whole(kept, 0));
  CachedFile file(room.cache, 3000);
  for (size_t number = 0; number < 3000; ++number) {
    nested.inner(home, 0);
    file.load(number);
    expect(nested.has_home(0));
    expect(room.cache.used_bytes() <= 13 * one);
  }
  for (size_t number = 0; number < 100; ++number) file.load(number);
  expect(!nested.has_home(0));
});

const Case orphaned("a block whose home went before it was put there is whole, and not kept", [] {
  const uint64_t one = cost_of_one();
  Room room(12 * one);
  Nested nested(room.cache, 1);
  CachedFile file(room.cache, 100);
  {
    const EpochDomain::Guard guard(room.epochs, *room.slot);
    CachedBlock* const home = nested.home(0);
    for (size_t number = 0; number < 100; ++number) file.load(number);
    require(!nested.has_home(0));
    const uint64_t used = room.cache.used_bytes();
    const CachedBlock* const late = nested.inner(home, 5);
    room.epochs.collect();
    expect(is_whole(home, 0) && is_whole(late, 5));
    expect(room.cache.used_bytes() == used);
    expect(nested.home(0) != home);
  }
  room.epochs.collect();
  expect(room.epochs.pending() == 0);
});

// Reads nested blocks at random, and says how many were not whole.
size_t read_nested(Room& room, Nested& nested, uint64_t chosen) {
  EpochDomain::Slot* const slot = room.epochs.take_slot();
  Random random(chosen);
  size_t broken = 0;
  for (int step = 0; step < 20'000; ++step) {
    const EpochDomain::Guard guard(room.epochs, *slot);
    const size_t number = random.below(random.one_in(4) ? 30 : 6);
    CachedBlock* const home = nested.home(number);
    const size_t inner = random.below(Nested::kInner);
    const CachedBlock* const block = nested.inner(home, inner);
    broken += !is_whole(home, number) + !is_whole(block, inner);
  }
  room.epochs.give_back(slot);
  return broken;
}

const Case nested_readers("readers on several threads see whole blocks while homes come and go",
                          [] {
                            const uint64_t one = cost_of_one();
                            Room room(16 * one);
                            Nested nested(room.cache, 30);
                            std::atomic<size_t> broken{0};
                            std::vector<std::thread> readers;
                            for (uint64_t i = 0; i < 3; ++i) {
                              readers.emplace_back([&, i] {
                                broken.fetch_add(read_nested(room, nested, seed() * 10 + i));
                              });
                            }
                            for (std::thread& reader : readers) reader.join();
                            expect(broken.load() == 0 && room.cache.used_bytes() <= 17 * one);
                          });

// Reads blocks at random, some far more often than others, and says how many were not whole.
size_t read_for_a_while(Room& room, CachedFile& file, uint64_t chosen) {
  EpochDomain::Slot* const slot = room.epochs.take_slot();
  Random random(chosen);
  size_t broken = 0;
  for (int step = 0; step < 30'000; ++step) {
    const EpochDomain::Guard guard(room.epochs, *slot);
    const size_t number = random.one_in(4) ? random.below(200) : random.below(12);
    const CachedBlock* const block = file.find_or_load(number);
    const size_t other = random.below(200);
    const CachedBlock* const second = file.find_or_load(other);
    broken += !is_whole(block, number) + !is_whole(second, other);
  }
  room.epochs.give_back(slot);
  return broken;
}

const Case concurrent("readers on several threads see whole blocks while others evict them", [] {
  const uint64_t one = cost_of_one();
  Room room(20 * one);
  CachedFile file(room.cache, 200);
  std::atomic<size_t> broken{0};
  std::atomic<int> running{3};
  std::vector<std::thread> readers;
  for (uint64_t i = 0; i < 3; ++i) {
    readers.emplace_back([&, i] {
      broken.fetch_add(read_for_a_while(room, file, seed() * 10 + i));
      running.fetch_sub(1);
    });
  }
  // A load that has not yet evicted is one block more, for each thread.
  uint64_t most = 0;
  while (running.load() > 0) {
    CachedFile passing(room.cache, 5);
    const EpochDomain::Guard guard(room.epochs, *room.slot);
    for (size_t number = 0; number < 5; ++number) {
      expect(is_whole(passing.find_or_load(number), number));
      most = std::max(most, room.cache.used_bytes());
    }
  }
  for (std::thread& reader : readers) reader.join();
  expect(broken.load() == 0);
  expect(most <= 20 * one + 4 * one && room.cache.used_bytes() <= 21 * one);
});

}  // namespace
}  // namespace varve::test

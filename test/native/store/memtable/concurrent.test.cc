// One writer and several readers at once: what a commit made visible is found by whoever reads at
// it. The thread sanitizer watches.
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "store/memtable/memtable.h"
#include "test.h"

using namespace varve;
using namespace varve::test;

namespace {

std::string key_of(uint64_t number) {
  uint8_t bytes[8];
  store_big64(bytes, number * 0x9e3779b97f4a7c15ULL);
  return "key" + std::string(as_text(bytes));
}

uint64_t hash_of(uint64_t number) { return Random(number).next(); }

// Commit n puts key n and then n / 2 again, so every number below has a version at or below n.
void write(Memtable& memtable, std::atomic<uint64_t>& visible, uint64_t count) {
  for (uint64_t n = 1; n <= count; ++n) {
    const std::string value = std::to_string(n);
    memtable.prefetch(hash_of(n));
    for (const uint64_t number : {n, n / 2}) {
      const std::string key = key_of(number);
      memtable.put({as_bytes(key), n, EditKind::kPut, 0, 0, as_bytes(value)}, hash_of(number));
    }
    if (n % 1000 == 0) memtable.delete_range({as_bytes("a"), as_bytes("b"), n});
    visible.store(n, std::memory_order_release);
  }
}

bool get_right(const Memtable& memtable, uint64_t visible, Random& random) {
  const uint64_t number = 1 + random.below(visible);
  const std::string key = key_of(number);
  const Lookup found = memtable.get(as_bytes(key), hash_of(number), visible);
  if (found.found != Found::kPut || found.edit.commit > visible) return false;
  const bool a_gap = memtable.range_deletion_over(as_bytes("aa"), visible) == visible / 1000 * 1000;
  return a_gap && as_text(found.edit.value) == std::to_string(found.edit.commit);
}

bool scan_right(const Memtable& memtable, uint64_t visible, Direction direction) {
  uint64_t count = 0;
  for (auto cursor = memtable.scan({}, visible, direction); cursor->valid(); cursor->next()) {
    if (cursor->edit().commit > visible) return false;
    ++count;
  }
  return count == visible + 1;
}

}  // namespace

static const Case together("readers find every visible commit while the writer goes on", [] {
  constexpr uint64_t kCount = 20000;
  Memtable memtable(1);
  std::atomic<uint64_t> visible{0};
  std::atomic<uint64_t> wrong{0};
  std::vector<std::thread> readers;
  for (uint64_t r = 0; r < 3; ++r) {
    readers.emplace_back([&, r] {
      Random random(seed() * 10 + r);
      for (uint64_t now = 0; now < kCount;) {
        now = visible.load(std::memory_order_acquire);
        if (now == 0) continue;
        for (int i = 0; i < 50; ++i) wrong += get_right(memtable, now, random) ? 0 : 1;
        if (r == 0) continue;
        const Direction direction = r == 1 ? Direction::kForward : Direction::kReverse;
        wrong += scan_right(memtable, now, direction) ? 0 : 1;
      }
    });
  }
  write(memtable, visible, kCount);
  for (std::thread& reader : readers) reader.join();
  expect(wrong == 0);
});

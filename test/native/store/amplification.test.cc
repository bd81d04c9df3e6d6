// How often a byte is written until it rests, by what the engine counts.
#include <string>

#include "base/os/os_simulated.h"
#include "base/random.h"
#include "store/store.h"
#include "test.h"

namespace varve::test {
namespace {

constexpr uint64_t kKeyCount = 40'000;
constexpr uint64_t kMemoryBytes = uint64_t{1} << 20;  // Level 1 has half as much.

// Writes keys in any order, each of them once and more, as fast as they are merged.
EngineStats write_all(uint64_t memory_bytes) {
  SimulatedOs os(seed());
  StoreOptions options;
  options.directory = "/data";
  options.memory_bytes = memory_bytes;
  options.holder = "a test";
  Result<std::shared_ptr<Store>> opened = Store::open(os, options);
  require(static_cast<bool>(opened));
  Store& store = **opened;
  const std::unique_ptr<Gate> never = os.gate();
  Random random(seed());
  const std::string value(100, 'v');
  for (uint64_t i = 0; i < 2 * kKeyCount; i += 40) {
    Batch batch(store.hash_seed());
    for (int n = 0; n < 40; ++n) {
      const std::string key = "key" + std::to_string(random.below(kKeyCount));
      batch.put(as_bytes(key), as_bytes(value));
    }
    expect_ok(store.commit(batch).error());
    never->wait(never->ticket(), os.now_ns() + 100'000'000);
  }
  expect_ok(store.flush());
  never->wait(never->ticket(), os.now_ns() + 10'000'000'000);
  const EngineStats stats = store.stats().engine;
  expect(stats.debt_bytes == 0);
  expect_ok(store.close());
  return stats;
}

const Case bounded("levels follow `memory`: with little of it a byte is written a few times, too",
                   [] {
                     const EngineStats stats = write_all(kMemoryBytes);
                     expect(stats.absorbed_bytes > 8 * kMemoryBytes);
                     const double times = static_cast<double>(stats.written_bytes) /
                                          static_cast<double>(stats.absorbed_bytes);
                     expect(times > 1 && times < 14);  // 27 if level 1 is not made for it.
                   });

}  // namespace
}  // namespace varve::test

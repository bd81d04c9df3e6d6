// How a store shares its memory: the cache has more while no memtable waits to be absorbed, and
// gives it back to those that do.
#include <string>

#include "base/os/os_simulated.h"
#include "store/store.h"
#include "test.h"

namespace varve::test {
namespace {

constexpr uint64_t kMemoryBytes = uint64_t{32} << 20;
constexpr uint64_t kLeanBytes = kMemoryBytes * 7 / 16;
constexpr uint64_t kBlockBytes = 8192;
constexpr uint64_t kRichBytes = kMemoryBytes * 11 / 16 - (uint64_t{4} << 20);
constexpr int kKeyCount = 30'000;

std::string key_of(int i) { return "key" + std::to_string(100'000 + i); }

void let_pass(SimulatedOs& os, uint64_t ns) {
  const std::unique_ptr<Gate> gate = os.gate();
  gate->wait(gate->ticket(), os.now_ns() + ns);
}

void write_all(Store& store) {
  const std::string value(1000, 'v');
  for (int i = 0; i < kKeyCount; i += 100) {
    Batch batch(store.hash_seed());
    for (int j = i; j < i + 100; ++j) batch.put(as_bytes(key_of(j)), as_bytes(value));
    require(static_cast<bool>(store.commit(batch)));
  }
  expect_ok(store.flush());
}

uint64_t cached_bytes_of_all(Store& store) {
  Store::Reader reader(store);
  for (int i = 0; i < kKeyCount; ++i) {
    const Store::View view(reader);
    Lookup found;
    expect_ok(view.get(as_bytes(key_of(i)), true, found));
    expect(found.found == Found::kPut);
  }
  return store.stats().cache_bytes;
}

const Case shared("the cache has what memtables leave: more of it once nothing is absorbed", [] {
  SimulatedOs os(seed());
  StoreOptions options;
  options.directory = "/data";
  options.memory_bytes = kMemoryBytes;
  options.holder = "a test";
  Result<std::shared_ptr<Store>> opened = Store::open(os, options);
  require(static_cast<bool>(opened));
  Store& store = **opened;
  for (int round = 0; round < 2; ++round) {
    write_all(store);
    expect(cached_bytes_of_all(store) <= kLeanBytes + kBlockBytes);
    let_pass(os, 3'000'000'000);
    const uint64_t cached = cached_bytes_of_all(store);
    expect(cached > kRichBytes * 15 / 16 && cached <= kRichBytes + kBlockBytes);
  }
  expect_ok(store.close());
});

}  // namespace
}  // namespace varve::test

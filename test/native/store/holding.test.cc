// Held commits among writers, flushes and merges: what is seen at one stays what it was.
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "base/os/os_simulated.h"
#include "base/random.h"
#include "hasty_os.h"
#include "store/store.h"
#include "test.h"

namespace varve::test {
namespace {

constexpr uint64_t kKeyCount = 200;
constexpr uint64_t kHoldCount = 24;
constexpr uint64_t kSyncNs = 3'000'000;  // So that merges last, and wait for each other.

std::string key_of(uint64_t index) { return std::to_string(index); }

// All values as of a commit, one after the other.
std::string all_of(Store::Reader& reader, uint64_t commit) {
  const Store::View view(reader, commit);
  std::string all;
  for (uint64_t i = 0; i < kKeyCount; ++i) {
    Lookup found;
    const std::string key = key_of(i);
    expect_ok(view.get(as_bytes(key), true, found));
    all += found.found == Found::kPut ? as_text(found.edit.value) : "-";
    all += ' ';
  }
  return all;
}

// Writes the keys over and over, and now and then brings them to rest.
void write(Store& store, const std::atomic<bool>& done) {
  Random random(seed());
  for (uint64_t i = 0; !done.load(); ++i) {
    Batch batch(store.hash_seed());
    const std::string key = key_of(random.below(kKeyCount));
    const std::string value = std::to_string(i);
    if (random.one_in(20))
      batch.erase(as_bytes(key));
    else
      batch.put(as_bytes(key), as_bytes(value));
    const Result<uint64_t> commit = store.commit(batch);
    expect(commit || commit.code() == Code::kBusy);
    if (i % 50 == 49) expect_ok(store.flush());
  }
}

StoreOptions options_of(EngineKind engine) {
  StoreOptions options;
  options.directory = scratch_directory();
  options.engine = engine;
  options.memory_bytes = uint64_t{8} << 20;
  options.table_bytes = uint64_t{4} << 10;
  options.thread_count = 3;
  options.holder = "a test";
  return options;
}

void hold_among(EngineKind engine) {
  HastyOs os;
  Result<std::shared_ptr<Store>> opened = Store::open(os, options_of(engine));
  require(static_cast<bool>(opened));
  Store& store = **opened;
  os.slow_down(kSyncNs);
  std::atomic<bool> done{false};
  std::thread writer([&] { write(store, done); });
  std::vector<std::thread> compacting;
  for (int i = 0; i < 2; ++i) {
    compacting.emplace_back([&] {
      while (!done.load()) expect_ok(store.compact());
    });
  }
  Store::Reader reader(store);
  for (uint64_t i = 0; i < kHoldCount; ++i) {
    const uint64_t commit = store.hold();
    const std::string before = all_of(reader, commit);
    const uint64_t flush_count = store.stats().flush_count;
    while (store.stats().flush_count < flush_count + 6) std::this_thread::yield();
    expect(all_of(reader, commit) == before);
    store.release(commit);
  }
  done.store(true);
  writer.join();
  for (std::thread& thread : compacting) thread.join();
  expect_ok(store.close());
}

const Case held("what a held commit sees stays as it was while everything is merged around it", [] {
  hold_among(EngineKind::kLsm);
  hold_among(EngineKind::kMemory);
  hold_among(EngineKind::kBitcask);
  hold_among(EngineKind::kBtree);
});

void put_at_rest(Store& store, const std::string& value) {
  Batch batch(store.hash_seed());
  batch.put(as_bytes(key_of(0)), as_bytes(value));
  expect_ok(store.commit(batch).error());
  expect_ok(store.flush());
}

// The second compaction knows what is held when it begins, waits for the first, and merges more
// than was there when it began.
const Case late("a compaction that had to wait keeps what was held meanwhile", [] {
  HastyOs os;
  Result<std::shared_ptr<Store>> opened = Store::open(os, options_of(EngineKind::kLsm));
  require(static_cast<bool>(opened));
  Store& store = **opened;
  put_at_rest(store, "old");
  os.stop_next_table();
  std::thread first([&] { expect_ok(store.compact()); });
  while (!os.has_stopped()) std::this_thread::yield();
  std::thread second([&] { expect_ok(store.compact()); });
  while (os.waiting_count() == 0) std::this_thread::yield();
  put_at_rest(store, "held");
  const uint64_t commit = store.hold();
  put_at_rest(store, "new");
  os.let_go();
  first.join();
  second.join();
  Store::Reader reader(store);
  expect(all_of(reader, commit).starts_with("held "));
  expect(all_of(reader, store.visible()).starts_with("new "));
  store.release(commit);
  expect_ok(store.close());
});

const Case released("what only a snapshot kept goes soon after it, though nobody writes", [] {
  SimulatedOs os(seed());
  Result<std::shared_ptr<Store>> opened = Store::open(os, options_of(EngineKind::kLsm));
  require(static_cast<bool>(opened));
  Store& store = **opened;
  put_at_rest(store, "old");
  const uint64_t commit = store.hold();
  put_at_rest(store, "new");
  expect_ok(store.compact());
  os.run(1000);
  expect(store.stats().engine.history_bytes > 0);
  store.release(commit);
  const uint64_t soon_ns = os.now_ns() + uint64_t{11} * 1'000'000'000;
  while (os.now_ns() < soon_ns) os.run(1);
  expect(store.stats().engine.history_bytes == 0);
  expect_ok(store.close());
});

}  // namespace
}  // namespace varve::test

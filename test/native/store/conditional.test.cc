// Commits on the condition that nobody wrote their keys meanwhile: what makes update() of several
// threads add up.
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "store/store.h"
#include "test.h"

namespace varve::test {
namespace {

constexpr uint64_t kThreadCount = 4;
constexpr uint64_t kCounterCount = 3;
constexpr uint64_t kIncrements = 300;  // Of each thread.
constexpr int kTriesMax = 100'000;

std::shared_ptr<Store> open_store(EngineKind engine) {
  StoreOptions options;
  options.directory = scratch_directory();
  options.engine = engine;
  options.memory_bytes = uint64_t{8} << 20;
  options.holder = "a test";
  Result<std::shared_ptr<Store>> store = Store::open(native_os(), options);
  require(static_cast<bool>(store));
  return std::move(*store);
}

struct Seen {
  std::string value;  // Empty: absent.
  uint64_t commit = 0;
};

Seen see(Store::Reader& reader, const std::string& key) {
  const Store::View view(reader);
  Lookup found;
  expect_ok(view.get(as_bytes(key), true, found));
  const bool is_there = found.found == Found::kPut;
  return {is_there ? std::string(as_text(found.edit.value)) : std::string(), view.commit()};
}

Code put_if(Store& store, const std::string& key, const std::string& value, uint64_t since) {
  Batch batch(store.hash_seed());
  batch.put(as_bytes(key), as_bytes(value));
  Conditions conditions;
  conditions.add_writes(batch, since);
  return store.commit(batch, since == UINT64_MAX ? nullptr : &conditions).code();
}

void put(Store& store, const std::string& key, const std::string& value) {
  expect(put_if(store, key, value, UINT64_MAX) == Code::kOk);
}

const Case conditions("a commit whose key was written since is CONFLICT, and changes nothing", [] {
  const std::shared_ptr<Store> store = open_store(EngineKind::kLsm);
  Store::Reader reader(*store);
  put(*store, "a", "1");
  put(*store, "b", "1");
  const uint64_t since = see(reader, "a").commit;
  put(*store, "b", "2");
  expect(put_if(*store, "a", "2", since) == Code::kOk);  // Another key's writing is no matter.
  const uint64_t before = store->visible();
  expect(put_if(*store, "a", "3", since) == Code::kConflict);
  expect(store->visible() == before && see(reader, "a").value == "2");

  Batch deletion(store->hash_seed());
  deletion.erase(as_bytes("a"));
  expect_ok(store->commit(deletion).error());
  expect(put_if(*store, "a", "3", before) == Code::kConflict);
  const uint64_t absent = store->visible();
  Batch range(store->hash_seed());
  range.erase_range(as_bytes("a"), as_bytes("c"));
  expect_ok(store->commit(range).error());
  expect(put_if(*store, "b", "3", absent) == Code::kConflict);
  expect(put_if(*store, "c", "3", absent) == Code::kOk);
  expect(put_if(*store, "b", "3", store->visible()) == Code::kOk);
});

const Case flushed(
    "a commit by what was read before a flush is CONFLICT, and by what is after it is taken", [] {
      const std::shared_ptr<Store> store = open_store(EngineKind::kLsm);
      Store::Reader reader(*store);
      put(*store, "a", "1");
      const uint64_t since = see(reader, "a").commit;
      put(*store, "b", "1");
      expect_ok(store->flush());
      expect(put_if(*store, "a", "2", since) == Code::kConflict);
      expect(put_if(*store, "a", "2", see(reader, "a").commit) == Code::kOk);
      expect(put_if(*store, "b", "2", store->visible() - 1) == Code::kOk);
      expect(see(reader, "a").value == "2" && see(reader, "b").value == "2");
    });

// Adds one to a counter as often as it takes for nobody to have come between.
void increment(Store& store, Store::Reader& reader, const std::string& key) {
  for (int i = 0; i < kTriesMax; ++i) {
    const Seen seen = see(reader, key);
    const uint64_t count = seen.value.empty() ? 0 : std::stoull(seen.value);
    const Code code = put_if(store, key, std::to_string(count + 1), seen.commit);
    if (code == Code::kOk) return;
    expect(code == Code::kConflict || code == Code::kBusy);
  }
  expect(false);
}

void count_together(EngineKind engine) {
  const std::shared_ptr<Store> opened = open_store(engine);
  Store& store = *opened;
  std::atomic<bool> done{false};
  std::vector<std::thread> threads;
  for (uint64_t i = 0; i < kThreadCount; ++i) {
    threads.emplace_back([&, i] {
      Store::Reader reader(store);
      Random random(seed() * kThreadCount + i);
      for (uint64_t n = 0; n < kIncrements; ++n) {
        increment(store, reader, "counter" + std::to_string(random.below(kCounterCount)));
        put(store, "of its own " + std::to_string(i), std::to_string(n));
      }
    });
  }
  std::thread flusher([&] {
    for (int i = 0; !done.load(); ++i) expect_ok(i % 16 == 15 ? store.compact() : store.flush());
  });
  for (std::thread& thread : threads) thread.join();
  done.store(true);
  flusher.join();
  Store::Reader reader(store);
  uint64_t sum = 0;
  for (uint64_t i = 0; i < kCounterCount; ++i) {
    sum += std::stoull(see(reader, "counter" + std::to_string(i)).value);
  }
  expect(sum == kThreadCount * kIncrements);
}

const Case counted("counters that several threads raise among flushes lose no increment", [] {
  count_together(EngineKind::kLsm);
  count_together(EngineKind::kMemory);
});

}  // namespace
}  // namespace varve::test

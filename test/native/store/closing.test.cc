// Closing a store on a real disk while other threads use it: whatever was committed is found again.
#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "store/store.h"
#include "test.h"

namespace varve::test {
namespace {

constexpr uint64_t kWriterCount = 3;

StoreOptions options_of(const std::string& directory) {
  StoreOptions options;
  options.directory = directory;
  options.memory_bytes = uint64_t{8} << 20;
  options.table_bytes = uint64_t{256} << 10;
  options.holder = "a test";
  return options;
}

std::string key_of(uint64_t writer, uint64_t index) {
  return std::to_string(writer) + "/" + std::to_string(index);
}

// Commits until the store is closed; the answer is how many were taken.
uint64_t write_until_closed(Store& store, uint64_t writer, size_t value_bytes) {
  const std::string value(value_bytes, 'v');
  for (uint64_t count = 0;;) {
    Batch batch(store.hash_seed());
    batch.put(as_bytes(key_of(writer, count)), as_bytes(value));
    const Result<uint64_t> commit = store.commit(batch);
    if (commit) ++count;
    if (commit || commit.code() == Code::kBusy) continue;
    expect(commit.code() == Code::kClosed);
    return count;
  }
}

void close_among_writers(uint64_t round) {
  const std::string directory = scratch_directory();
  uint64_t taken[kWriterCount] = {};
  uint64_t visible = 0;
  {
    Result<std::shared_ptr<Store>> opened = Store::open(native_os(), options_of(directory));
    require(static_cast<bool>(opened));
    Store& store = **opened;
    std::vector<std::thread> threads;
    for (uint64_t i = 0; i < kWriterCount; ++i) {
      const size_t value_bytes = round % 2 == 0 ? 20 : 4000;
      threads.emplace_back(
          [&, i, value_bytes] { taken[i] = write_until_closed(store, i, value_bytes); });
    }
    std::atomic<bool> done{false};
    std::thread syncing([&] {
      while (!done.load()) store.request(Durability::kDisk);
    });
    const uint64_t enough = 1 + round * 37 % 2000;
    while (store.visible() < enough) std::this_thread::yield();
    expect_ok(store.close());
    visible = store.visible();
    expect(store.through(Durability::kDisk) == visible);
    for (std::thread& thread : threads) thread.join();
    done.store(true);
    syncing.join();
    expect(store.visible() == visible);
  }
  Result<std::shared_ptr<Store>> opened = Store::open(native_os(), options_of(directory));
  require(static_cast<bool>(opened));
  Store& store = **opened;
  expect(store.recovery().clean && store.recovery().cut_records == 0);
  expect(store.visible() == visible);
  Store::Reader reader(store);
  const Store::View view(reader);
  for (uint64_t i = 0; i < kWriterCount; ++i) {
    for (uint64_t index = 0; index <= taken[i]; ++index) {
      Lookup found;
      expect_ok(view.get(as_bytes(key_of(i, index)), true, found));
      expect((found.found == Found::kPut) == (index < taken[i]));
    }
  }
}

const Case writers("a store that closes among writers keeps every commit it took, and no other",
                   [] {
                     const uint64_t rounds = std::min<uint64_t>(seed_count(), 40);
                     for (uint64_t i = 0; i < rounds; ++i) close_among_writers(seed() + i);
                   });

const Case carers("close() waits for those who flush, compact and verify, and they find it closed",
                  [] {
                    const uint64_t rounds = std::min<uint64_t>(seed_count(), 20);
                    for (uint64_t round = 0; round < rounds; ++round) {
                      const std::string directory = scratch_directory();
                      Result<std::shared_ptr<Store>> opened =
                          Store::open(native_os(), options_of(directory));
                      require(static_cast<bool>(opened));
                      Store& store = **opened;
                      std::vector<std::thread> threads;
                      const auto until_closed = [&](auto work) {
                        threads.emplace_back([work] {
                          Status status;
                          while (status) status = work();
                          expect(status.code() == Code::kClosed);
                        });
                      };
                      until_closed([&] { return store.flush(); });
                      until_closed([&] { return store.compact(); });
                      until_closed([&] {
                        std::vector<VerifyProblem> problems;
                        Status status = store.verify(problems);
                        expect(problems.empty());
                        return status;
                      });
                      threads.emplace_back([&] { write_until_closed(store, 0, 500); });
                      while (store.visible() < 200 + round * 50) std::this_thread::yield();
                      Status statuses[2];
                      std::thread other([&] { statuses[0] = store.close(); });
                      statuses[1] = store.close();
                      other.join();
                      for (const Status& status : statuses) expect_ok(status);
                      for (std::thread& thread : threads) thread.join();
                    }
                  });

}  // namespace
}  // namespace varve::test

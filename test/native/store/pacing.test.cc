// Writers behind a disk that is slow: held up, each for a bounded time, and never refused.
#include <algorithm>
#include <string>

#include "hasty_os.h"
#include "store/store.h"
#include "test.h"

namespace varve::test {
namespace {

constexpr uint64_t kSyncNs = 40'000'000;  // A flush takes some of these, and waits 50 ms for none.
constexpr uint64_t kHeldNsMax =
    500'000'000;  // What a commit may take on a machine that is busy, too.

std::shared_ptr<Store> open_small(Os& os) {
  StoreOptions options;
  options.directory = scratch_directory();
  options.memory_bytes = uint64_t{8} << 20;
  options.holder = "a test";
  Result<std::shared_ptr<Store>> opened = Store::open(os, options);
  require(static_cast<bool>(opened));
  return std::move(*opened);
}

void write_behind(size_t value_bytes) {
  HastyOs os;
  const std::shared_ptr<Store> opened = open_small(os);
  Store& store = *opened;
  os.slow_down(kSyncNs);
  const std::string value(value_bytes, 'v');
  uint64_t refused = 0;
  uint64_t held_ns = 0;
  for (uint64_t i = 0; i < (uint64_t{10} << 20) / value_bytes; ++i) {
    Batch batch(store.hash_seed());
    const std::string key = std::to_string(i);
    batch.put(as_bytes(key), as_bytes(value));
    const uint64_t begun_ns = os.now_ns();
    refused += store.commit(batch) ? 0 : 1;
    held_ns = std::max(held_ns, os.now_ns() - begun_ns);
  }
  expect(refused == 0);
  expect(held_ns < kHeldNsMax);
  expect(store.stats().flush_count > 0);
  os.slow_down(0);
  expect_ok(store.close());
}

const Case slow("writers whose disk is slow are slowed down by the commit, and none is refused",
                [] {
                  write_behind(1000);
                  write_behind(20'000);
                });

// Commits of half a memtable: the third behind a full row can only be held, or wait before it is made.
const Case waiting("who waits while it is crowded finds room at once, however slow the disk", [] {
  HastyOs os;
  const std::shared_ptr<Store> opened = open_small(os);
  Store& store = *opened;
  const std::unique_ptr<Gate> told = os.gate();
  const uint64_t listener = store.listen([&] { told->open(); });
  os.slow_down(kSyncNs * 3);  // A flush is far slower than a commit may be held for.
  const std::string value(450'000, 'v');
  uint64_t crowded = 0;
  for (uint64_t i = 0; i < 24; ++i) {
    uint64_t ticket = told->ticket();
    while (store.crowding() != Crowding::kNone) {
      ++crowded;
      require(told->wait(ticket, os.now_ns() + uint64_t{20'000'000'000}));
      ticket = told->ticket();
    }
    Batch batch(store.hash_seed());
    const std::string key = std::to_string(i);
    batch.put(as_bytes(key), as_bytes(value));
    expect(static_cast<bool>(store.commit(batch)));
  }
  expect(crowded > 0);
  expect(store.stats().stall_count == 0);
  store.unlisten(listener);
  os.slow_down(0);
  expect_ok(store.close());
});

// Little by little, as writers do who let a promise settle after a while: they stop before it is
// full.
const Case little("it is crowded, but not full, for who writes little behind a full row", [] {
  HastyOs os;
  const std::shared_ptr<Store> opened = open_small(os);
  Store& store = *opened;
  os.slow_down(kSyncNs * 10);  // For longer than filling takes.
  const auto put = [&](uint64_t i, size_t value_bytes) {
    Batch batch(store.hash_seed());
    const std::string key = std::to_string(i);
    const std::string value(value_bytes, 'v');
    batch.put(as_bytes(key), as_bytes(value));
    return static_cast<bool>(store.commit(batch));
  };
  uint64_t i = 0;
  while (store.crowding() == Crowding::kNone) require(put(++i, 10'000));
  expect(store.crowding() == Crowding::kSome);
  while (store.crowding() == Crowding::kSome) require(put(++i, 10'000));
  expect(store.crowding() == Crowding::kFull);
  expect(store.stats().stall_count == 0);
  os.slow_down(0);
  expect_ok(store.flush());
  expect(store.crowding() == Crowding::kNone);
  os.slow_down(kSyncNs * 10);
  while (store.crowding() == Crowding::kNone) require(put(++i, 200'000));
  expect(store.crowding() == Crowding::kFull);  // Who writes much at a time has room for nothing.
  os.slow_down(0);
  expect_ok(store.close());
});

}  // namespace
}  // namespace varve::test

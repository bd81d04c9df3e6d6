// A disk that is full: work behind the commits waits and does not fill it over and over, whoever
// listens is told, and what fits is written.
#include "store/full_disk.h"

#include <string>

#include "base/os/os_simulated.h"
#include "store/store.h"
#include "test.h"

namespace varve::test {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t kMegabyte = uint64_t{1} << 20;

const Case pauses("work that finds the disk full is tried after pauses that double", [] {
  FullDisk disk;
  expect(disk.may_try(0, 0, 0) && !disk.is_full());
  expect(disk.fail(0, 100, 0) && disk.is_full());
  uint64_t now = 0;
  for (uint64_t pause = kSecond; pause <= FullDisk::kPauseNsMax; pause *= 2) {
    expect(!disk.may_try(0, 100, now + pause - 1));
    now += pause;
    expect(disk.may_try(0, 100, now));
    expect(!disk.fail(0, 100, now));
  }
  expect(!disk.may_try(0, 100, now + FullDisk::kPauseNsMax - 1));
  expect(disk.may_try(0, 100, now + FullDisk::kPauseNsMax) && disk.failure_count() == 8);
  disk.succeed();
  expect(!disk.is_full() && disk.may_try(1, 0, now));
});

const Case freed("work that found the disk full is tried as soon as more is free", [] {
  FullDisk disk;
  disk.fail(0, 80 * kMegabyte, 0);
  expect(!disk.may_try(0, 89 * kMegabyte, 1));
  expect(disk.may_try(0, 90 * kMegabyte, 1));
  disk.fail(0, 90 * kMegabyte, 1);
  expect(!disk.may_try(0, 90 * kMegabyte, 2));
  FullDisk empty;
  empty.fail(0, 0, 0);
  expect(!empty.may_try(0, kMegabyte - 1, 1) && empty.may_try(0, kMegabyte, 1));
});

const Case alone("of several workers that found the disk full one tries, and goes on trying", [] {
  FullDisk disk;
  expect(disk.fail(0, 0, 0) && !disk.fail(1, 0, 0));
  expect(disk.may_try(1, 0, 2 * kSecond) && !disk.may_try(0, 0, 2 * kSecond));
  expect(disk.may_try(1, 0, 3 * kSecond) && !disk.may_try(0, 0, 9 * kSecond));
  disk.fail(1, 0, 9 * kSecond);
  expect(!disk.may_try(1, 0, 10 * kSecond) && disk.may_try(0, 0, 11 * kSecond));
});

StoreOptions small_options() {
  StoreOptions options;
  options.directory = "/data";
  options.memory_bytes = 8 * kMegabyte;
  options.table_bytes = 64 << 10;
  options.holder = "a test";
  return options;
}

void let_pass(SimulatedOs& os, uint64_t ns) {
  const std::unique_ptr<Gate> never = os.gate();
  expect(!never->wait(never->ticket(), os.now_ns() + ns));
}

void leave_free(SimulatedOs& os, uint64_t bytes) {
  constexpr uint64_t kMuch = uint64_t{1} << 60;
  os.set_capacity(kMuch);
  os.set_capacity(kMuch - os.disk().free_bytes() + bytes);
}

// Every key of a hundred, brought to rest as one run.
void write_run(Store& store, int round, size_t value_bytes) {
  Batch batch(store.hash_seed());
  const std::string value = std::to_string(round) + std::string(value_bytes, 'v');
  for (int i = 0; i < 100; ++i) {
    const std::string key = std::to_string(i) + "/" + std::to_string(round % 20);
    batch.put(as_bytes(key), as_bytes(value));
  }
  expect_ok(store.commit(batch).error());
  expect_ok(store.flush());
}

const Case merging("merges on a full disk wait for room, and writes that fit go on", [] {
  SimulatedOs os(seed());
  Result<std::shared_ptr<Store>> opened = Store::open(os, small_options());
  require(static_cast<bool>(opened));
  Store& store = **opened;
  for (int round = 0; round < 40; ++round) {
    write_run(store, round, 500);
    let_pass(os, kSecond);
  }
  expect(store.stats().engine.debt_bytes == 0);
  int round = 40;
  for (; round < 60 && store.stats().full_maintenance_count == 0; ++round) {
    leave_free(os, 100 << 10);  // For a run, and not for a merge.
    write_run(store, round, 200);
    let_pass(os, kSecond / 10);
  }
  expect(store.stats().full_maintenance_count == 1);
  write_run(store, round, 10);
  const std::optional<Trouble> trouble = store.trouble_after(0);
  require(trouble.has_value());
  expect(trouble->code == Code::kNoSpace && !store.trouble_after(trouble->number));
  const uint64_t calls = os.call_count();
  let_pass(os, 120 * kSecond);
  expect(os.call_count() - calls < 3'000);  // A look a second, and a few merges in vain.
  const uint64_t failures = store.stats().full_maintenance_count;
  expect(failures > 3 && failures < 9);
  expect_ok(store.error());
  os.set_capacity(UINT64_MAX);
  let_pass(os, 3 * kSecond);
  expect(store.stats().full_maintenance_count == 0 && store.stats().engine.debt_bytes == 0);
  expect_ok(store.close());
});

const Case flushing("a commit that neither memory nor the disk has room for is NO_SPACE", [] {
  SimulatedOs os(seed());
  Result<std::shared_ptr<Store>> opened = Store::open(os, small_options());
  require(static_cast<bool>(opened));
  Store& store = **opened;
  const std::string value(100'000, 'v');
  Status refused;
  for (int i = 0; i < 400 && refused; ++i) {
    if (i == 5) os.set_capacity(1);
    Batch batch(store.hash_seed());
    batch.put(as_bytes(std::to_string(i)), as_bytes(value));
    refused = store.commit(batch).error();
    let_pass(os, kSecond / 100);
  }
  expect(refused.code() == Code::kNoSpace);
  os.set_capacity(UINT64_MAX);
  let_pass(os, 3 * kSecond);
  write_run(store, 0, 10);
  expect(store.stats().full_flush_count == 0);
  expect_ok(store.close());
});

const Case segments("a segment of the log that the disk has no room for is not begun", [] {
  SimulatedOs os(seed());
  StoreOptions options = small_options();
  options.memory_bytes = 64 * kMegabyte;  // So that nothing is flushed, and no segment let go.
  Result<std::shared_ptr<Store>> opened = Store::open(os, options);
  require(static_cast<bool>(opened));
  Store& store = **opened;
  const std::string value(50'000, 'v');
  const auto put = [&] {
    Batch batch(store.hash_seed());
    batch.put(as_bytes("key"), as_bytes(value));
    return store.commit(batch).error();
  };
  expect_ok(put());
  let_pass(os, kSecond);
  leave_free(os, 500 << 10);  // The next segment is larger than that.
  uint64_t kept = 1;
  while (kept < 150 && put()) ++kept;
  expect(kept < 150 && put().code() == Code::kNoSpace);
  let_pass(os, kSecond);
  const uint64_t calls = os.call_count();
  for (int i = 0; i < 100; ++i) expect(put().code() == Code::kNoSpace);
  let_pass(os, kSecond);
  expect(os.call_count() - calls < 200);  // Each asks how much is free, and does no more.
  os.set_capacity(UINT64_MAX);
  expect_ok(put());
  expect_ok(store.close());
});

// Damages the first block of the newest table.
void damage_newest(SimulatedOs& os) {
  const Result<std::vector<DirectoryEntry>> entries = os.list("/data");
  require(static_cast<bool>(entries));
  std::string newest;
  for (const DirectoryEntry& entry : *entries) {
    if (entry.name.ends_with(".table")) newest = std::max(newest, entry.name);
  }
  os.disk().flip("/data/" + newest, 40, 0x10);
}

const Case damaged("a damaged block that a merge meets stops nothing, and is told of", [] {
  SimulatedOs os(seed());
  Result<std::shared_ptr<Store>> opened = Store::open(os, small_options());
  require(static_cast<bool>(opened));
  Store& store = **opened;
  write_run(store, 0, 500);
  let_pass(os, kSecond);
  damage_newest(os);
  for (int round = 1; round < 40; ++round) {
    write_run(store, round, 500);
    let_pass(os, kSecond);
    expect_ok(store.error());
  }
  const std::optional<Trouble> trouble = store.trouble_after(0);
  require(trouble.has_value());
  expect(trouble->code == Code::kCorrupt && trouble->message.find("/data/") != std::string::npos);
  expect(!store.trouble_after(trouble->number));
  const StoreStats stats = store.stats();
  expect(stats.engine.damaged.size() == 1 && stats.engine.debt_bytes == 0);
  expect_ok(store.close());
});

// What the table of times is read for can wait; what is committed can't.
const Case past("a damaged block that rows of times lie in stops no flush", [] {
  for (const HistoryPolicy policy : {HistoryPolicy{Keep::kCommits, 3}, HistoryPolicy{}}) {
    SimulatedOs os(seed());
    StoreOptions options = small_options();
    options.history = policy;
    Result<std::shared_ptr<Store>> opened = Store::open(os, options);
    require(static_cast<bool>(opened));
    Store& store = **opened;
    Batch batch(store.hash_seed());
    batch.put(as_bytes(std::string_view("\x01n")), as_bytes(std::string_view("a name")));
    expect_ok(store.commit(batch).error());
    write_run(store, 0, 500);
    let_pass(os, kSecond);
    damage_newest(os);
    for (int round = 1; round < 12; ++round) {
      write_run(store, round, 500);
      let_pass(os, kSecond);
      expect_ok(store.error());
    }
    expect(store.stats().flush_count == 12);
    expect_ok(store.close());
  }
});

}  // namespace
}  // namespace varve::test

// Additions: nothing is lost and nobody conflicts, whatever is put, deleted and flushed meanwhile,
// within transactions and without.
#include "store/additions.h"

#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "store/transaction/transaction.h"
#include "test.h"

namespace varve::test {
namespace {

constexpr uint64_t kThreadCount = 4;
constexpr uint64_t kCounterCount = 3;
constexpr uint64_t kIncrements = 400;  // Of each thread.

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

// Whole numbers, in a form that is no sum's.
std::string number(int32_t whole) {
  uint8_t bytes[6] = {0x10, 0x86};
  varve::store<int32_t>(bytes + 2, whole);
  return std::string(as_text(Bytes(bytes, sizeof bytes)));
}

int64_t read_number(Bytes value) {
  require(value.size() >= 2 && value[0] == 0x10);
  const uint8_t* const content = value.data() + 2;
  switch (value[1]) {
    case 0x84: return load<int8_t>(content);
    case 0x85: return load<int16_t>(content);
    case 0x86: return load<int32_t>(content);
    default: require(value[1] < 0x80); return int64_t{value[1]} - 16;
  }
}

int64_t count_of(Store::Reader& reader, const std::string& key) {
  const Store::View view(reader);
  Lookup found;
  expect_ok(view.get(as_bytes(key), true, found));
  return found.found == Found::kPut ? read_number(found.edit.value) : 0;
}

// What was read is as old as `before_commit` makes it.
template <class Before>
Result<uint64_t> increment(Store& store, Store::Reader& reader, const std::string& key, int32_t by,
                           const Before& before_commit) {
  Batch batch(store.hash_seed());
  {
    const Store::View view(reader);
    expect_ok(add_to(view, batch, as_bytes(key), as_bytes(number(by))));
  }
  before_commit();
  return store.commit(batch);
}

void write(Store& store, const std::string& key, const std::string& value) {
  Batch batch(store.hash_seed());
  if (value.empty())
    batch.erase(as_bytes(key));
  else
    batch.put(as_bytes(key), as_bytes(value));
  expect_ok(store.commit(batch).error());
}

const Case newer("an addition is to what is there at its commit, not to what was read", [] {
  const std::shared_ptr<Store> store = open_store(EngineKind::kLsm);
  Store::Reader reader(*store);
  const auto add_after = [&](const auto& before) {
    expect_ok(increment(*store, reader, "a", 1, before).error());
    return count_of(reader, "a");
  };
  expect(add_after([] {}) == 1);
  expect(add_after([&] { write(*store, "a", number(1000)); }) == 1001);
  expect(add_after([&] { write(*store, "b", number(5)); }) == 1002);
  expect(add_after([&] { write(*store, "a", ""); }) == 1);
  expect(add_after([&] { expect_ok(store->flush()); }) == 2);
  const auto write_and_flush = [&] {
    write(*store, "a", number(70'000));
    expect_ok(store->flush());
  };
  expect(add_after(write_and_flush) == 70'001);
  const auto delete_range = [&] {
    Batch range(store->hash_seed());
    range.erase_range(as_bytes("a"), as_bytes("b"));
    expect_ok(store->commit(range).error());
  };
  expect(add_after(delete_range) == 1);
});

const Case refused("what became no number meanwhile refuses an addition, and nothing changes", [] {
  const std::shared_ptr<Store> store = open_store(EngineKind::kLsm);
  Store::Reader reader(*store);
  const auto as_text_then = [&](bool flushes) {
    return increment(*store, reader, "a", 1, [&] {
      write(*store, "a", "\x01text");
      if (flushes) expect_ok(store->flush());
    });
  };
  expect(as_text_then(false).code() == Code::kInvalid);
  write(*store, "a", number(1));
  expect(as_text_then(true).code() == Code::kInvalid);
  const uint64_t before = store->visible();
  Batch batch(store->hash_seed());
  const Store::View view(reader);
  expect(add_to(view, batch, as_bytes("a"), as_bytes(number(1))).code() == Code::kInvalid);
  expect(store->visible() == before);
});

void add(Transaction& transaction, Store::Reader& reader, const std::string& key, int32_t by) {
  const Store::View view(reader, transaction.view_commit());
  expect_ok(transaction.increment(view, as_bytes(key), as_bytes(number(by))));
}

int64_t read(Transaction& transaction, Store::Reader& reader, const std::string& key) {
  const Store::View view(reader, transaction.view_commit());
  Lookup found;
  expect_ok(transaction.get(view, as_bytes(key), true, found));
  return found.found == Found::kPut ? read_number(found.edit.value) : 0;
}

const Case expiring("what expires before an addition to it is committed counts as zero", [] {
  const std::shared_ptr<Store> store = open_store(EngineKind::kLsm);
  Store::Reader reader(*store);
  const auto put_until = [&](uint64_t expires_ms) {
    Batch batch(store->hash_seed());
    batch.put(as_bytes("a"), as_bytes(number(50)), expires_ms);
    expect_ok(store->commit(batch).error());
  };
  const uint64_t soon_ms = store->now_ms() + 20;
  put_until(soon_ms);
  const auto let_it_expire = [&] {
    while (store->now_ms() < soon_ms) std::this_thread::yield();
  };
  expect_ok(increment(*store, reader, "a", 1, let_it_expire).error());
  expect(count_of(reader, "a") == 1);
  put_until(UINT64_MAX);
  expect_ok(increment(*store, reader, "a", 1, [&] { put_until(1); }).error());
  expect(count_of(reader, "a") == 1);
  put_until(UINT64_MAX);
  expect_ok(increment(*store, reader, "a", 1, [] {}).error());
  const Store::View view(reader);
  Lookup found;
  expect_ok(view.get(as_bytes("a"), true, found));
  expect(found.edit.expires_ms == UINT64_MAX && read_number(found.edit.value) == 51);
});

const Case within("a transaction that only adds conflicts with nobody, at any isolation", [] {
  const std::shared_ptr<Store> store = open_store(EngineKind::kLsm);
  Store::Reader reader(*store);
  Transaction transaction(*store);
  int64_t count = 0;
  for (const Isolation isolation :
       {Isolation::kSerializable, Isolation::kSnapshot, Isolation::kReadCommitted}) {
    transaction.begin(isolation);
    add(transaction, reader, "a", 2);
    expect_ok(increment(*store, reader, "a", 10, [] {}).error());
    add(transaction, reader, "a", 3);
    expect_ok(transaction.commit().error());
    count += 15;
    expect(count_of(reader, "a") == count);
  }
});

const Case seen("a transaction that reads what it has added to conflicts with who wrote it", [] {
  const std::shared_ptr<Store> store = open_store(EngineKind::kLsm);
  Store::Reader reader(*store);
  write(*store, "a", number(5));
  Transaction transaction(*store);
  for (const bool read_first : {false, true}) {
    transaction.begin(Isolation::kSerializable);
    if (read_first) read(transaction, reader, "a");
    add(transaction, reader, "a", 1);
    if (!read_first) expect(read(transaction, reader, "a") == 6);
    write(*store, "a", number(5));
    expect(transaction.commit().code() == Code::kConflict);
    expect(count_of(reader, "a") == 5);
  }
});

const Case saved("additions follow puts, deletions and savepoints of their transaction", [] {
  const std::shared_ptr<Store> store = open_store(EngineKind::kLsm);
  Store::Reader reader(*store);
  write(*store, "a", number(5));
  write(*store, "b", number(5));
  Transaction transaction(*store);
  transaction.begin(Isolation::kSerializable);
  add(transaction, reader, "a", 1);
  const uint32_t savepoint = transaction.save();
  add(transaction, reader, "a", 100);
  transaction.erase(as_bytes("b"));
  add(transaction, reader, "b", 7);
  expect_ok(transaction.rewind(savepoint));
  transaction.erase(as_bytes("c"));
  add(transaction, reader, "c", 7);
  add(transaction, reader, "a", 1);
  write(*store, "a", number(50));
  write(*store, "c", number(50));
  expect_ok(transaction.commit().error());
  expect(count_of(reader, "a") == 52 && count_of(reader, "b") == 5 && count_of(reader, "c") == 7);
});

// By turns alone, and two at once in a transaction.
void count_some(Store& store, uint64_t thread) {
  Store::Reader reader(store);
  Transaction transaction(store);
  Random random(seed() * kThreadCount + thread);
  const auto name = [&] { return "counter" + std::to_string(random.below(kCounterCount)); };
  for (uint64_t n = 0; n < kIncrements; ++n) {
    if (random.below(2) == 0) {
      expect_ok(increment(store, reader, name(), 2, [] {}).error());
      continue;
    }
    transaction.begin(random.below(2) == 0 ? Isolation::kSerializable : Isolation::kSnapshot);
    add(transaction, reader, name(), 1);
    add(transaction, reader, name(), 1);
    expect_ok(transaction.commit().error());
  }
}

void count_together(EngineKind engine) {
  const std::shared_ptr<Store> store = open_store(engine);
  std::atomic<bool> done{false};
  std::vector<std::thread> threads;
  for (uint64_t i = 0; i < kThreadCount; ++i)
    threads.emplace_back([&, i] { count_some(*store, i); });
  std::thread flusher([&] {
    for (int i = 0; !done.load(); ++i) expect_ok(i % 16 == 15 ? store->compact() : store->flush());
  });
  for (std::thread& thread : threads) thread.join();
  done.store(true);
  flusher.join();
  Store::Reader reader(*store);
  int64_t sum = 0;
  for (uint64_t i = 0; i < kCounterCount; ++i)
    sum += count_of(reader, "counter" + std::to_string(i));
  expect(sum == static_cast<int64_t>(2 * kThreadCount * kIncrements));
}

const Case counted("additions of several threads among flushes are all there, without a conflict",
                   [] {
                     count_together(EngineKind::kLsm);
                     count_together(EngineKind::kMemory);
                   });

}  // namespace
}  // namespace varve::test

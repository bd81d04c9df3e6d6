// Another engine for a store that is in use: what is refused, what is left when it ends early, and
// threads that read and write throughout.
#include <atomic>
#include <chrono>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "base/os/os_simulated.h"
#include "base/random.h"
#include "store/engines.h"
#include "store/store.h"
#include "test.h"

namespace varve::test {
namespace {

constexpr EngineKind kKinds[] = {EngineKind::kLsm, EngineKind::kMemory, EngineKind::kBitcask,
                                 EngineKind::kBtree};

StoreOptions options_of(const std::string& directory, EngineKind engine) {
  StoreOptions options;
  options.directory = directory;
  options.engine = engine;
  options.memory_bytes = uint64_t{8} << 20;
  options.table_bytes = uint64_t{64} << 10;
  options.thread_count = 3;
  options.holder = "a test";
  return options;
}

std::string key_of(uint64_t index) { return "key" + std::to_string(index); }

void put(Store& store, const std::string& key, const std::string& value) {
  Batch batch(store.hash_seed());
  batch.put(as_bytes(key), as_bytes(value));
  expect_ok(store.commit(batch).error());
}

std::string get(Store::Reader& reader, const std::string& key, uint64_t commit = UINT64_MAX) {
  const Store::View view(reader, commit);
  Lookup found;
  expect_ok(view.get(as_bytes(key), true, found));
  if (found.found != Found::kPut) return "-";
  std::string room;
  const Result<Bytes> value = view.value(found.edit, room);
  expect_ok(value.error());
  return value ? std::string(as_text(*value)) : "?";
}

void fill(Store& store, uint64_t count, size_t size) {
  for (uint64_t i = 0; i < count; ++i) {
    put(store, key_of(i), std::to_string(i) + std::string(size, 'x'));
  }
  expect_ok(store.flush());
}

size_t count_files_of(SimulatedOs& os, EngineKind kind) {
  const Result<std::vector<DirectoryEntry>> entries = os.list("/data");
  expect_ok(entries.error());
  size_t count = 0;
  for (const DirectoryEntry& entry : *entries) count += is_file_of(kind, entry.name) ? 1 : 0;
  return count;
}

std::shared_ptr<Store> open_at(SimulatedOs& os, EngineKind engine) {
  Result<std::shared_ptr<Store>> opened = Store::open(os, options_of("/data", engine));
  expect_ok(opened.error());
  require(static_cast<bool>(opened));
  return std::move(*opened);
}

// ---- what is refused

const Case same("the engine in use is nothing to do, and an opening by the old name names the new",
                [] {
                  SimulatedOs os(seed());
                  std::shared_ptr<Store> store = open_at(os, EngineKind::kLsm);
                  fill(*store, 10, 10);
                  const Result<uint64_t> number = store->begin_conversion(EngineKind::kLsm);
                  expect(number && *number == 0);
                  expect_ok(store->convert(EngineKind::kBtree));
                  expect(store->engine_kind() == EngineKind::kBtree);
                  expect_ok(store->close());
                  store.reset();
                  const auto wrong = Store::open(os, options_of("/data", EngineKind::kLsm));
                  expect(wrong.code() == Code::kInvalid);
                  expect(wrong.error().message().find("the store has 'btree'") !=
                         std::string::npos);
                  expect_ok(open_at(os, EngineKind::kBtree)->close());
                });

const Case two("a second conversion is BUSY while one is under way", [] {
  SimulatedOs os(seed());
  const std::shared_ptr<Store> store = open_at(os, EngineKind::kLsm);
  fill(*store, 10, 10);
  expect(static_cast<bool>(store->begin_conversion(EngineKind::kBtree)));
  expect(store->begin_conversion(EngineKind::kBitcask).code() == Code::kBusy);
  expect(store->begin_conversion(EngineKind::kLsm).code() == Code::kBusy);
  expect(store->await_conversion(1, UINT64_MAX));
  expect_ok(store->convert(EngineKind::kBitcask));
  expect(store->conversion().number == 2);
  expect(store->conversion(1).to == EngineKind::kBtree);
  expect_ok(store->close());
  expect(store->begin_conversion(EngineKind::kLsm).code() == Code::kClosed);
});

const Case refused(
    "stores that are read only, without a log or without a directory are not converted", [] {
      SimulatedOs os(seed());
      Result<std::shared_ptr<Store>> loose = Store::open(os, options_of("", EngineKind::kMemory));
      require(static_cast<bool>(loose));
      expect((*loose)->convert(EngineKind::kLsm).code() == Code::kInvalid);
      expect_ok((*loose)->convert(EngineKind::kMemory));

      StoreOptions options = options_of("/data", EngineKind::kMemory);
      options.log = false;
      Result<std::shared_ptr<Store>> logless = Store::open(os, options);
      require(static_cast<bool>(logless));
      expect((*logless)->convert(EngineKind::kLsm).code() == Code::kInvalid);
      expect_ok((*logless)->close());
      logless->reset();

      options.log = true;
      options.read_only = true;
      Result<std::shared_ptr<Store>> fixed = Store::open(os, options);
      require(static_cast<bool>(fixed));
      expect((*fixed)->convert(EngineKind::kLsm).code() == Code::kReadOnly);
    });

const Case large("more data than fits is TOO_LARGE, and the store goes on as it was", [] {
  SimulatedOs os(seed());
  const std::shared_ptr<Store> store = open_at(os, EngineKind::kLsm);
  fill(*store, 800, 10'000);
  const Status status = store->convert(EngineKind::kMemory);
  expect(status.code() == Code::kTooLarge);
  expect(store->engine_kind() == EngineKind::kLsm);
  expect(count_files_of(os, EngineKind::kMemory) == 0);
  put(*store, "after", "it");
  Store::Reader reader(*store);
  expect(get(reader, key_of(7)).starts_with("7xxx") && get(reader, "after") == "it");
  expect_ok(store->close());
});

// ---- what ends early

const Case aborted("an aborted conversion leaves the old engine and no file of the other", [] {
  SimulatedOs os(seed());
  for (const EngineKind from : kKinds) {
    std::shared_ptr<Store> store = open_at(os, from);
    fill(*store, 300, 1000);
    const EngineKind to = from == EngineKind::kBtree ? EngineKind::kLsm : EngineKind::kBtree;
    const Result<uint64_t> number = store->begin_conversion(to);
    require(static_cast<bool>(number));
    os.run(5);
    store->abort_conversion(*number);
    expect(store->await_conversion(*number, UINT64_MAX));
    expect(store->conversion().code == Code::kAborted);
    expect(store->engine_kind() == from && count_files_of(os, to) == 0);
    expect_ok(store->convert(to));
    expect(count_files_of(os, from) == 0 && count_files_of(os, to) > 0);
    expect_ok(store->close());
    store.reset();
    const Result<std::vector<DirectoryEntry>> entries = os.list("/data");
    require(static_cast<bool>(entries));
    for (const DirectoryEntry& entry : *entries) {
      if (entry.name != "LOCK") expect_ok(os.remove("/data/" + entry.name));
    }
  }
});

const Case closed("close() ends a conversion, and the store has the engine it had", [] {
  SimulatedOs os(seed());
  std::shared_ptr<Store> store = open_at(os, EngineKind::kBitcask);
  fill(*store, 300, 1000);
  expect(static_cast<bool>(store->begin_conversion(EngineKind::kLsm)));
  os.run(5);
  expect_ok(store->close());
  expect(store->conversion().code == Code::kClosed);
  store.reset();
  store = open_at(os, EngineKind::kBitcask);
  Store::Reader reader(*store);
  expect(get(reader, key_of(299)).starts_with("299x"));
  expect(count_files_of(os, EngineKind::kLsm) == 0);
});

const Case full("a full disk ends a conversion with NO_SPACE, and writing goes on", [] {
  SimulatedOs os(seed());
  std::shared_ptr<Store> store = open_at(os, EngineKind::kLsm);
  fill(*store, 600, 4000);
  os.set_capacity(uint64_t{8} << 20);
  expect(store->convert(EngineKind::kBtree).code() == Code::kNoSpace);
  expect(store->engine_kind() == EngineKind::kLsm);
  expect(count_files_of(os, EngineKind::kBtree) == 0);
  expect_ok(store->error());
  os.set_capacity(UINT64_MAX);
  expect_ok(store->convert(EngineKind::kBtree));
  Store::Reader reader(*store);
  expect(get(reader, key_of(599)).starts_with("599x"));
});

// Two calls fail, one after the other: where they are the one that gives the new manifest its name,
// or syncs that, and the first of those that were to put the old one back, nobody knows which one
// the disk has. So nothing of either goes, nobody writes, and the next opening decides.
struct Outcome {
  bool is_uncertain = false;
  EngineKind found = EngineKind::kAny;
};

Outcome convert_among_failures(EngineKind from, EngineKind to, uint64_t nth, bool is_power_lost) {
  SimulatedOs os(seed());
  std::shared_ptr<Store> store = open_at(os, from);
  fill(*store, 20, 10);
  put(*store, "late", "1");
  expect_ok(store->wait_for(Durability::kDisk));
  expect(static_cast<bool>(store->begin_conversion(to)));
  os.fail_call(nth, Code::kIo, 2);
  store->await_conversion(1, UINT64_MAX);
  os.heal();
  Outcome outcome;
  const bool has_failed = store->conversion().phase == ConversionPhase::kFailed;
  outcome.is_uncertain = has_failed && !store->error() && count_files_of(os, to) != 0;
  const auto is_whole = [&] {
    Store::Reader reader(*store);
    return get(reader, key_of(7)).starts_with("7x") && get(reader, "late") == "1";
  };
  expect(is_whole());
  if (outcome.is_uncertain) {
    Batch batch(store->hash_seed());
    batch.put(as_bytes(std::string_view("no")), as_bytes(std::string_view("no")));
    expect(store->commit(batch).code() == Code::kIo);
    expect(store->begin_conversion(to).code() == Code::kIo);
  }
  if (is_power_lost) os.restart();
  const Status closed = store->close();
  (void)closed;  // What failed it says again.
  store = open_at(os, EngineKind::kAny);
  outcome.found = store->engine_kind();
  expect(outcome.found == from || outcome.found == to);
  expect(is_whole());
  expect(count_files_of(os, outcome.found == from ? to : from) == 0);
  expect_ok(store->close());
  return outcome;
}

const Case uncertain("a switch that nobody knows the outcome of stops writing, and loses nothing",
                     [] {
                       constexpr uint64_t kCalls = 120;  // A conversion of so little has fewer.
                       int old_count = 0;
                       int new_count = 0;
                       for (size_t i = 0; i < std::size(kKinds); ++i) {
                         const EngineKind from = kKinds[i];
                         const EngineKind to = kKinds[(i + 1 + seed() % 3) % std::size(kKinds)];
                         for (uint64_t nth = 1; nth <= kCalls; ++nth) {
                           const Outcome outcome =
                               convert_among_failures(from, to, nth, nth % 2 == 0);
                           if (!outcome.is_uncertain) continue;
                           ++(outcome.found == to ? new_count : old_count);
                         }
                       }
                       expect(old_count > 0 && new_count > 0);
                     });

const Case deleted("what was deleted, and is held or not, stays deleted in every engine", [] {
  for (const EngineKind from : kKinds) {
    for (const EngineKind to : kKinds) {
      if (from == to) continue;
      SimulatedOs os(seed());
      const std::shared_ptr<Store> store = open_at(os, from);
      Store::Reader reader(*store);
      fill(*store, 40, 10);
      const uint64_t held = store->hold();
      Batch batch(store->hash_seed());
      const std::string begin = key_of(10);
      const std::string end = key_of(20);
      batch.erase(as_bytes(key_of(1)));
      batch.erase_range(as_bytes(begin), as_bytes(end));
      expect_ok(store->commit(batch).error());
      expect_ok(store->flush());
      put(*store, "more", "1");
      expect_ok(store->compact());
      expect(static_cast<bool>(store->begin_conversion(to)));
      os.run(3);
      batch.clear();
      batch.erase(as_bytes(key_of(2)));
      expect_ok(store->commit(batch).error());
      expect_ok(store->flush());
      expect(store->await_conversion(1, UINT64_MAX));
      expect(store->conversion().phase == ConversionPhase::kDone);
      for (const uint64_t gone : {1, 2, 10, 15}) {
        expect(get(reader, key_of(gone)) == "-");
        expect(get(reader, key_of(gone), held) != "-");
      }
      expect(get(reader, key_of(3)) != "-");
      store->release(held);
      expect_ok(store->compact());
      for (const uint64_t gone : {1, 2, 10, 15}) expect(get(reader, key_of(gone)) == "-");
    }
  }
});

// ---- threads

constexpr uint64_t kKeyCount = 300;

// All keys of one commit have one value. Who fills the memory before a conversion is done makes it
// give way, which a slow machine would see without end: it writes as often as it is told to.
void write(Store& store, const std::atomic<bool>& done, const std::atomic<int>& pause_ms) {
  Random random(seed());
  for (uint64_t i = 0; !done.load(); ++i) {
    Batch batch(store.hash_seed());
    const std::string value = std::to_string(i);
    for (uint64_t key = 0; key < kKeyCount; ++key) {
      if (key % 7 == i % 7)
        batch.erase(as_bytes(key_of(key)));
      else
        batch.put(as_bytes(key_of(key)), as_bytes(value));
    }
    const Result<uint64_t> commit = store.commit(batch);
    expect(commit || commit.code() == Code::kBusy || commit.code() == Code::kTooLarge);
    if (random.one_in(20)) expect_ok(store.flush());
    std::this_thread::sleep_for(std::chrono::milliseconds(pause_ms.load()));
  }
}

std::string all_of(Store::Reader& reader, uint64_t commit) {
  const Store::View view(reader, commit);
  std::string all;
  std::string value;
  const auto cursor = view.scan({as_bytes(std::string_view("key")), {}}, Direction::kForward);
  for (; cursor->valid(); cursor->next()) {
    const std::string here(as_text(cursor->edit().value));
    if (value.empty()) value = here;
    expect(value == here);
    all += as_text(cursor->edit().key);
  }
  expect_ok(cursor->status());
  return all + "=" + value;
}

void read(Store& store, const std::atomic<bool>& done) {
  Store::Reader reader(store);
  while (!done.load()) {
    const uint64_t commit = store.hold();
    const std::string before = all_of(reader, commit);
    std::this_thread::yield();
    expect(all_of(reader, commit) == before);
    store.release(commit);
    (void)store.stats();
  }
}

const Case threads("threads read, write, hold and compact while each engine becomes the next", [] {
  Result<std::shared_ptr<Store>> opened =
      Store::open(native_os(), options_of(scratch_directory(), EngineKind::kLsm));
  require(static_cast<bool>(opened));
  Store& store = **opened;
  std::atomic<bool> done{false};
  std::vector<std::thread> all;
  std::atomic<int> pause_ms{1};
  all.emplace_back([&] { write(store, done, pause_ms); });
  all.emplace_back([&] { read(store, done); });
  all.emplace_back([&] { read(store, done); });
  all.emplace_back([&] {
    while (!done.load()) expect_ok(store.compact());
  });
  // Each pair once.
  constexpr int kWay[] = {1, 2, 3, 0, 2, 1, 3, 2, 0, 3, 1, 0};
  for (const int next : kWay) {
    Status converted = store.convert(kKinds[next]);
    while (converted.code() == Code::kTooLarge && pause_ms.load() < 1000) {
      pause_ms.store(pause_ms.load() * 2);
      converted = store.convert(kKinds[next]);
    }
    expect_ok(converted);
    expect(store.engine_kind() == kKinds[next]);
  }
  done.store(true);
  for (std::thread& thread : all) thread.join();
  Store::Reader reader(store);
  const std::string last = all_of(reader, UINT64_MAX);
  std::vector<VerifyProblem> problems;
  expect_ok(store.verify(problems));
  expect(problems.empty());
});

}  // namespace
}  // namespace varve::test

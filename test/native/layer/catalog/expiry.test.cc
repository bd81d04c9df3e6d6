// Values that expire: what views show of them at which time, wherever they rest, and the sweep.
#include "layer/catalog/expiry.h"

#include <string>
#include <vector>

#include "base/os/os_simulated.h"
#include "store/transaction/transaction.h"
#include "test.h"

namespace varve::test {
namespace {

constexpr int64_t kSpanMs = 5000;

// A store on a machine whose clock is moved by hand.
struct Bench {
  SimulatedOs os{seed()};
  EngineKind engine;
  std::shared_ptr<Store> store;
  std::unique_ptr<Store::Reader> reader;

  explicit Bench(EngineKind kind) : engine(kind) {
    expect_ok(os.create_directory("/data"));
    expect_ok(os.sync_directory("/"));
    open();
  }
  ~Bench() { reader.reset(); }

  void open() {
    StoreOptions options;
    options.directory = "/data/store";
    options.engine = engine;
    options.memory_bytes = uint64_t{8} << 20;
    options.holder = "a test";
    options.history = HistoryPolicy{Keep::kForever, 0};
    Result<std::shared_ptr<Store>> opened = Store::open(os, options);
    require(static_cast<bool>(opened));
    store = std::move(*opened);
    reader = std::make_unique<Store::Reader>(*store);
  }

  void open_again() {
    reader.reset();
    expect_ok(store->close());
    open();
  }

  void crash() {
    reader.reset();
    os.go_down_at_call(0);
    store.reset();
    os.restart();
    open();
  }

  // Of no expiry with `expires_ms` 0.
  uint64_t put(const std::string& key, uint64_t expires_ms) {
    Batch batch(store->hash_seed());
    batch.put(as_bytes(key), as_bytes("value"), expires_ms);
    if (expires_ms != 0) batch.put(as_bytes(expiry_entry(as_bytes(key), expires_ms)), Bytes());
    const Result<uint64_t> commit = store->commit(batch);
    require(static_cast<bool>(commit));
    return *commit;
  }

  std::vector<std::string> keys(Direction direction, uint64_t commit, uint64_t time_ms) const {
    const Store::View view(*reader, commit, time_ms);
    const auto cursor = view.scan({as_bytes("a"), {}}, direction);
    std::vector<std::string> found;
    for (; cursor->valid(); cursor->next()) found.emplace_back(as_text(cursor->edit().key));
    expect_ok(cursor->status());
    return found;
  }

  // What gets, gets of many and scans say, which must be the same.
  std::string shown(uint64_t commit = UINT64_MAX, uint64_t time_ms = 0) const {
    const Store::View view(*reader, commit, time_ms);
    const char* const names[] = {"a", "b", "c"};
    std::vector<PointQuery> queries(3);
    for (size_t i = 0; i < 3; ++i) queries[i].key = as_bytes(names[i]);
    expect_ok(view.get_many(queries));
    std::string all;
    for (size_t i = 0; i < 3; ++i) {
      Lookup found;
      expect_ok(view.get(as_bytes(names[i]), true, found));
      expect(found.found == queries[i].answer.found);
      if (found.found == Found::kPut) all += names[i];
    }
    std::string forward;
    for (const std::string& key : keys(Direction::kForward, commit, time_ms)) forward += key;
    std::string backward;
    for (const std::string& key : keys(Direction::kReverse, commit, time_ms)) {
      backward.insert(0, key);
    }
    expect(forward == all && backward == all);
    return all;
  }

  Found newest(const std::string& key) const {
    const Store::View view(*reader);
    Lookup found;
    expect_ok(view.version_below(as_bytes(key), UINT64_MAX, found));
    return found.found;
  }

  size_t entry_count() const {
    const Store::View view(*reader);
    const auto cursor = view.scan({as_bytes("\x01x"), as_bytes("\x01y")}, Direction::kForward);
    size_t count = 0;
    for (; cursor->valid(); cursor->next()) ++count;
    return count;
  }
};

void expires(EngineKind engine) {
  Bench bench(engine);
  const uint64_t begin_ms = bench.store->now_ms();
  const uint64_t end_ms = begin_ms + static_cast<uint64_t>(kSpanMs);
  const uint64_t first = bench.put("a", end_ms);
  bench.put("b", 0);
  bench.put("c", end_ms);
  expect(bench.shown() == "abc");
  const uint64_t last = bench.put("c", 0);  // It stays, now.
  bench.os.jump_wall_clock(kSpanMs);
  for (int round = 0; round < 5; ++round) {
    expect(bench.shown() == "bc");
    expect(bench.shown(UINT64_MAX, end_ms - 1) == "abc");
    expect(bench.shown(UINT64_MAX, end_ms) == "bc");
    const Result<uint64_t> then_ms = bench.store->time_of(first);
    expect(then_ms && *then_ms <= begin_ms && *then_ms + 1000 > begin_ms);
    expect(then_ms && bench.shown(first, *then_ms) == "a");
    if (round == 0) expect_ok(bench.store->flush());
    if (round == 1) expect_ok(bench.store->compact());
    if (round == 2) bench.open_again();
    if (round == 3) bench.crash();
  }
  expect(last > first);
}

void swept(EngineKind engine) {
  Bench bench(engine);
  const uint64_t end_ms = bench.store->now_ms() + static_cast<uint64_t>(kSpanMs);
  bench.put("a", end_ms);
  bench.put("b", end_ms);
  bench.put("b", 0);
  bench.put("c", end_ms * 2);
  expect_ok(bench.store->wait_for(Durability::kDisk));
  expect(bench.entry_count() == 3);
  expect(sweep(*bench.store).wait_ns > 0);
  expect(bench.entry_count() == 3 && bench.newest("a") == Found::kPut);
  bench.os.jump_wall_clock(kSpanMs);
  expect(bench.shown() == "bc");
  sweep(*bench.store);
  expect(bench.entry_count() == 1);
  expect(bench.newest("a") == Found::kDeleted && bench.newest("b") == Found::kPut);
  expect(bench.shown() == "bc");
  bench.crash();
  sweep(*bench.store);
  expect(bench.entry_count() <= 2 && bench.shown() == "bc");
}

const Case shown_lsm("what has expired is absent from gets and scans, and there at earlier times",
                     [] { expires(EngineKind::kLsm); });
const Case shown_memory("so it is where all data is in memory",
                        [] { expires(EngineKind::kMemory); });
const Case swept_lsm("the sweep deletes what is due and not what was put again",
                     [] { swept(EngineKind::kLsm); });
const Case swept_memory("so does that of a store in memory", [] { swept(EngineKind::kMemory); });

const Case started("a sweeper that is started sweeps without being asked", [] {
  Bench bench(EngineKind::kLsm);
  Store& store = *bench.store;
  store.start_sweeper([&store] { return sweep(store); });
  bench.os.run(100);
  for (int i = 0; i < 2000; ++i) {
    bench.put("key" + std::to_string(i), store.now_ms() + static_cast<uint64_t>(kSpanMs));
  }
  bench.os.jump_wall_clock(kSpanMs * 2);
  bench.put("a", store.now_ms() + 1);  // Wakes it.
  bench.os.run(10000);
  expect(bench.entry_count() <= 1 && bench.newest("key7") == Found::kDeleted);
});

const Case clock_back("a clock set back brings nothing before the newest commit", [] {
  Bench bench(EngineKind::kLsm);
  const uint64_t end_ms = bench.store->now_ms() + static_cast<uint64_t>(kSpanMs);
  bench.put("a", end_ms);
  bench.os.jump_wall_clock(kSpanMs + 2000);
  bench.put("b", 0);
  bench.os.jump_wall_clock(-kSpanMs * 10);
  expect(bench.store->now_ms() >= end_ms && bench.shown() == "b");
  expect_ok(bench.store->flush());
  bench.open_again();
  expect(bench.store->now_ms() >= end_ms && bench.shown() == "b");
});

// What the transaction shows of "a", by a get and by scans, which must be the same.
bool shows_own(const Bench& bench, Transaction& transaction) {
  const Store::View view(*bench.reader, transaction.view_commit(), transaction.view_time_ms());
  Lookup found;
  expect_ok(transaction.get(view, as_bytes("a"), true, found));
  for (const Direction direction : {Direction::kForward, Direction::kReverse}) {
    const size_t edit_count = transaction.edit_count();
    const auto cursor = transaction.scan(view, {as_bytes("a"), {}}, direction, edit_count);
    expect(cursor->valid() == (found.found == Found::kPut));
  }
  return found.found == Found::kPut;
}

const Case own(
    "what a transaction puts expires by the time of its view, and of all once it is there", [] {
      for (const Isolation isolation : {Isolation::kSerializable, Isolation::kReadCommitted}) {
        Bench bench(EngineKind::kLsm);
        bench.put("a", 0);
        Transaction transaction(*bench.store);
        transaction.begin(isolation);
        const uint64_t end_ms = bench.store->now_ms() + static_cast<uint64_t>(kSpanMs);
        transaction.put(as_bytes("a"), {as_bytes("own")}, end_ms);
        transaction.put(as_bytes(expiry_entry(as_bytes("a"), end_ms)), {});
        expect(shows_own(bench, transaction));
        bench.os.jump_wall_clock(kSpanMs);
        expect(shows_own(bench, transaction) == (isolation == Isolation::kSerializable));
        expect(bench.shown() == "a" && bench.entry_count() == 0);
        expect(static_cast<bool>(transaction.commit()));
        expect(bench.shown().empty() && bench.entry_count() == 1);
        sweep(*bench.store);
        expect(bench.newest("a") == Found::kDeleted && bench.entry_count() == 0);
      }
    });

const Case kept("persist takes an expiry away, once", [] {
  Bench bench(EngineKind::kLsm);
  bench.put("a", bench.store->now_ms() + static_cast<uint64_t>(kSpanMs));
  const auto try_persist = [&](const char* key) {
    const Result<bool> changed = persist(*bench.store, *bench.reader, as_bytes(key));
    return changed && *changed;
  };
  expect(try_persist("a") && !try_persist("a") && !try_persist("never"));
  bench.os.jump_wall_clock(kSpanMs * 2);
  expect(bench.shown() == "a");
  sweep(*bench.store);
  expect(bench.shown() == "a" && bench.entry_count() == 0);
});

}  // namespace
}  // namespace varve::test

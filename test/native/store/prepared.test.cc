// Prepared transactions: what they hold against whom, held against the rules one by one; that they
// are there, whole, behind every reopening and crash, and ended by one commit or none.
#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/os/os_simulated.h"
#include "base/random.h"
#include "layer/catalog/expiry.h"
#include "pure/codec/hash.h"
#include "store/additions.h"
#include "store/repair.h"
#include "store/transaction/transaction.h"
#include "test.h"

namespace varve::test {
namespace {

constexpr std::string_view kOne("\x10\x11", 2);  // Numbers as values.
constexpr std::string_view kTwo("\x10\x12", 2);
constexpr std::string_view kBigint("\x10\x88\x01\x01", 4);

StoreOptions options_of(const std::string& directory, EngineKind engine = EngineKind::kLsm) {
  StoreOptions options;
  options.directory = directory;
  options.engine = engine;
  options.memory_bytes = uint64_t{8} << 20;
  options.holder = "a test";
  return options;
}

std::shared_ptr<Store> open_store(Os& os, const StoreOptions& options) {
  Result<std::shared_ptr<Store>> store = Store::open(os, options);
  if (!store) expect_ok(store.error());
  require(static_cast<bool>(store));
  return std::move(*store);
}

// One handle of a store: a transaction, and commits apart from it.
struct Desk {
  explicit Desk(const std::shared_ptr<Store>& opened) : store(opened), reader(*opened) {}

  Transaction& begin(Isolation isolation = Isolation::kSerializable) {
    transactions.push_back(std::make_unique<Transaction>(*store));
    transactions.back()->begin(isolation);
    return *transactions.back();
  }
  std::string get(Transaction& transaction, std::string_view key) {
    const Store::View view(reader, transaction.view_commit());
    Lookup found;
    const Status status = transaction.get(view, as_bytes(key), true, found);
    if (!may_fail) expect_ok(status);
    return found.found == Found::kPut ? std::string(as_text(found.edit.value)) : "";
  }
  void read_range(Transaction& transaction, std::string_view begin, std::string_view end) {
    expect_ok(transaction.read_range(as_bytes(begin), as_bytes(end), transaction.view_commit()));
  }
  void increment(Transaction& transaction, std::string_view key, std::string_view by) {
    const Store::View view(reader, transaction.view_commit());
    expect_ok(transaction.increment(view, as_bytes(key), as_bytes(by)));
  }
  static void put(Transaction& transaction, std::string_view key, std::string_view value) {
    transaction.put(as_bytes(key), {as_bytes(value)});
  }

  Code write(Batch& batch) {
    conditions.clear();
    return store->commit(batch, &conditions).code();
  }
  Code put(std::string_view key, std::string_view value, uint64_t expires_ms = 0) {
    Batch batch(store->hash_seed());
    batch.put(as_bytes(key), as_bytes(value), expires_ms);
    if (expires_ms != 0) batch.put(as_bytes(expiry_entry(as_bytes(key), expires_ms)), Bytes());
    return write(batch);
  }
  Code erase(std::string_view key) {
    Batch batch(store->hash_seed());
    batch.erase(as_bytes(key));
    return write(batch);
  }
  Code erase_range(std::string_view begin, std::string_view end) {
    Batch batch(store->hash_seed());
    batch.erase_range(as_bytes(begin), as_bytes(end));
    return write(batch);
  }
  Code add(std::string_view key, std::string_view by) {
    Batch batch(store->hash_seed());
    {
      const Store::View view(reader);
      expect_ok(add_to(view, batch, as_bytes(key), as_bytes(by)));
    }
    return write(batch);
  }
  std::string value(std::string_view key) {
    const Store::View view(reader);
    Lookup found;
    expect_ok(view.get(as_bytes(key), true, found));
    return found.found == Found::kPut ? std::string(as_text(found.edit.value)) : "";
  }

  Code prepare(Transaction& transaction, std::string_view id) {
    return transaction.prepare(id).code();
  }
  Code commit(std::string_view id) { return store->commit_prepared(reader, id).code(); }
  Code roll_back(std::string_view id) { return store->roll_back_prepared(reader, id).code(); }
  std::set<std::string> ids() const {
    std::set<std::string> ids;
    for (const PreparedInfo& info : store->prepared()) ids.insert(info.id);
    return ids;
  }

  std::shared_ptr<Store> store;
  Store::Reader reader;
  bool may_fail = false;  // The machine may go down at any time.
  Conditions conditions;
  std::vector<std::unique_ptr<Transaction>> transactions;
};

std::shared_ptr<Store> in_memory() {
  return open_store(native_os(), options_of("", EngineKind::kMemory));
}

const Case unseen("nobody sees a prepared transaction before it is committed, and all of it then",
                  [] {
                    Desk desk(in_memory());
                    expect(desk.put("a", "1") == Code::kOk);
                    Transaction& transaction = desk.begin();
                    expect(desk.get(transaction, "a") == "1");
                    Desk::put(transaction, "b", "2");
                    transaction.erase(as_bytes(std::string_view("a")));
                    expect(desk.prepare(transaction, "x") == Code::kOk && !transaction.is_open());
                    expect(desk.value("a") == "1" && desk.value("b").empty());
                    expect(desk.ids() == std::set<std::string>{"x"});
                    expect(desk.commit("x") == Code::kOk);
                    expect(desk.value("a").empty() && desk.value("b") == "2" && desk.ids().empty());
                    expect(desk.commit("x") == Code::kNotFound &&
                           desk.roll_back("x") == Code::kNotFound);
                    const StoreStats stats = desk.store->stats();
                    expect(stats.prepared_count == 0 && stats.prepared_bytes == 0);
                  });

const Case undone("one that is rolled back has never been", [] {
  Desk desk(in_memory());
  Transaction& transaction = desk.begin();
  Desk::put(transaction, "b", "2");
  expect(desk.prepare(transaction, "x") == Code::kOk);
  expect(desk.put("b", "other") == Code::kConflict);
  expect(desk.roll_back("x") == Code::kOk && desk.value("b").empty());
  expect(desk.put("b", "other") == Code::kOk);
});

const Case holds(
    "commits that would change what it has read or will write are refused, by name", [] {
      Desk desk(in_memory());
      for (const char* key : {"read", "r5", "added", "written", "free"}) desk.put(key, kOne);
      Transaction& transaction = desk.begin();
      desk.get(transaction, "read");
      desk.get(transaction, "absent");
      desk.read_range(transaction, "r4", "r6");
      Desk::put(transaction, "written", "new");
      desk.increment(transaction, "added", kOne);
      transaction.erase_range(as_bytes(std::string_view("d1")), as_bytes(std::string_view("d3")));
      expect(desk.prepare(transaction, "x") == Code::kOk);

      for (const char* key : {"read", "absent", "r5", "r4", "written", "added", "d2"}) {
        expect(desk.put(key, "v") == Code::kConflict);
        expect(desk.conditions.conflict.reason == ConflictReason::kPrepared);
        expect(desk.conditions.conflict.key == key);
        expect(desk.erase(key) == Code::kConflict);
      }
      expect(desk.add("read", kOne) == Code::kConflict && desk.add("r5", kOne) == Code::kConflict);
      expect(desk.add("added", kTwo) == Code::kOk);
      expect(desk.erase_range("a", "b") == Code::kConflict);
      expect(desk.erase_range("d0", "d1\x01") == Code::kConflict);
      expect(desk.erase_range("r0", "r4\x01") == Code::kConflict);
      expect(desk.erase_range("d3", "d9") == Code::kOk && desk.put("r6", "v") == Code::kOk);
      expect(desk.put("free", "v") == Code::kOk && desk.put("d3", "v") == Code::kOk);

      expect(desk.commit("x") == Code::kOk);
      expect(desk.value("added") == std::string("\x10\x14") && desk.value("written") == "new");
      for (const char* key : {"read", "absent", "r5", "written", "added", "d2"})
        expect(desk.put(key, "v") == Code::kOk);
    });

const Case kinds("to what it adds a number, nobody adds a bigint, so that its sum can be made", [] {
  Desk desk(in_memory());
  Transaction& transaction = desk.begin();
  desk.increment(transaction, "n", kOne);
  expect(desk.prepare(transaction, "x") == Code::kOk);
  expect(desk.add("n", kBigint) == Code::kConflict);
  expect(desk.add("n", kOne) == Code::kOk && desk.commit("x") == Code::kOk);
  expect(desk.value("n") == kTwo);
});

const Case spoiled("what is added to when it is prepared has to be a number by then", [] {
  Desk desk(in_memory());
  Transaction& transaction = desk.begin();
  desk.increment(transaction, "n", kOne);
  expect(desk.put("n", "\x01text") == Code::kOk);
  expect(desk.prepare(transaction, "x") == Code::kInvalid && desk.ids().empty());
});

const Case validated("preparing is refused as the commit would be", [] {
  Desk desk(in_memory());
  Transaction& late = desk.begin();
  desk.get(late, "a");
  Desk::put(late, "b", "1");
  expect(desk.put("a", "meanwhile") == Code::kOk);
  expect(desk.prepare(late, "x") == Code::kConflict && desk.ids().empty());
  expect(late.conflict().reason == ConflictReason::kWritten && late.conflict().key == "a");
  Transaction& written = desk.begin(Isolation::kSnapshot);
  Desk::put(written, "a", "mine");
  expect(desk.put("a", "again") == Code::kOk);
  expect(desk.prepare(written, "x") == Code::kConflict);
});

const Case together(
    "two that are prepared have neither written nor read what the other writes", [] {
      Desk desk(in_memory());
      const auto prepare = [&](const char* id, const char* read, const char* write) {
        Transaction& transaction = desk.begin();
        if (*read != '\0') desk.get(transaction, read);
        if (*write != '\0') Desk::put(transaction, write, id);
        return desk.prepare(transaction, id);
      };
      expect(prepare("1", "a", "b") == Code::kOk);
      expect(prepare("2", "b", "c") == Code::kConflict);
      expect(prepare("2", "c", "a") == Code::kConflict);
      expect(prepare("2", "c", "b") == Code::kConflict);
      expect(prepare("1", "", "z") == Code::kExists);
      expect(prepare("2", "a", "c") == Code::kOk);
      Transaction& ranged = desk.begin();
      desk.read_range(ranged, "", "");
      expect(desk.prepare(ranged, "3") == Code::kConflict);
      expect(prepare("3", "a", "") == Code::kOk);  // Writes nothing, and holds what it has read.
      expect(desk.commit("2") == Code::kOk && desk.commit("1") == Code::kOk);
      expect(desk.put("a", "v") == Code::kConflict && desk.roll_back("3") == Code::kOk);
      expect(desk.value("b") == "1" && desk.value("c") == "2" && desk.put("a", "v") == Code::kOk);
    });

const Case readers("transactions that have read what it then writes conflict once it is committed",
                   [] {
                     Desk desk(in_memory());
                     Transaction& reading = desk.begin();
                     Transaction& transaction = desk.begin();
                     Desk::put(transaction, "a", "new");
                     expect(desk.prepare(transaction, "x") == Code::kOk);
                     desk.get(reading, "a");
                     Desk::put(reading, "b", "by the old a");
                     Transaction& first = desk.begin();
                     desk.get(first, "a");
                     Desk::put(first, "c", "by the old a");
                     expect(first.commit().code() == Code::kOk);  // It comes before.
                     expect(desk.commit("x") == Code::kOk);
                     expect(reading.commit().code() == Code::kConflict);
                   });

const Case sizes("what cannot be committed is not prepared, and all of them have a bound", [] {
  StoreOptions options = options_of("", EngineKind::kMemory);
  options.memory_bytes = uint64_t{64} << 20;
  Desk desk(open_store(native_os(), options));
  Transaction& many = desk.begin();
  // Each takes some 200 bytes of a memtable: as a commit they would be above half of the memory.
  for (int i = 0; i < 200'000; ++i) Desk::put(many, "key" + std::to_string(i), "");
  expect(desk.prepare(many, "x") == Code::kTooLarge);
  int count = 0;
  Code code = Code::kOk;
  for (; code == Code::kOk && count < 100; ++count) {
    Transaction& transaction = desk.begin();
    for (int i = 0; i < 10'000; ++i)
      Desk::put(transaction, std::to_string(count) + "/" + std::to_string(i), "");
    code = desk.prepare(transaction, std::to_string(count));
  }
  expect(code == Code::kTooLarge && count > 5);
  expect(desk.store->stats().prepared_bytes <= options.memory_bytes / 4);
  for (const std::string& id : desk.ids()) expect(desk.roll_back(id) == Code::kOk);
  expect(desk.store->stats().prepared_bytes == 0);
});

const Case swept("what has expired is swept under a prepared transaction that has read it", [] {
  SimulatedOs os(seed());
  Desk desk(open_store(os, options_of("/data")));
  desk.store->start_sweeper([store = desk.store.get()] { return sweep(*store); });
  expect(desk.put("a", kTwo, os.wall_ms() + 1000) == Code::kOk);
  Transaction& transaction = desk.begin();
  desk.get(transaction, "a");
  desk.increment(transaction, "n", kOne);
  expect(desk.prepare(transaction, "x") == Code::kOk);
  os.jump_wall_clock(60'000);
  const auto is_there = [&] {
    const Store::View view(desk.reader);
    Lookup found;
    expect_ok(view.version_below(as_bytes(std::string_view("a")), UINT64_MAX, found));
    return found.found == Found::kPut;
  };
  for (int i = 0; i < 100 && is_there(); ++i) {
    desk.put("clock", "ticks");
    os.run(200);
  }
  expect(!is_there());
  expect(desk.commit("x") == Code::kOk && desk.value("n") == kOne);
});

const Case reopened("what is prepared holds, and is ended, behind reopenings of either engine", [] {
  for (const EngineKind engine : {EngineKind::kLsm, EngineKind::kMemory}) {
    SimulatedOs os(seed());
    {
      Desk desk(open_store(os, options_of("/data", engine)));
      expect(desk.put("sum", kOne) == Code::kOk);
      Transaction& transaction = desk.begin();
      desk.get(transaction, "read");
      Desk::put(transaction, "large", std::string(200'000, 'l'));
      desk.increment(transaction, "sum", kOne);
      expect(desk.prepare(transaction, "x") == Code::kOk);
      Transaction& other = desk.begin();
      Desk::put(other, "y", "y");
      expect(desk.prepare(other, "y") == Code::kOk);
      expect_ok(desk.store->flush());
      desk.transactions.clear();
      expect_ok(desk.store->close());
    }
    {
      Desk desk(open_store(os, options_of("/data", engine)));
      expect(desk.ids() == (std::set<std::string>{"x", "y"}));
      expect(desk.put("read", "v") == Code::kConflict && desk.put("large", "v") == Code::kConflict);
      expect(desk.add("sum", kOne) == Code::kOk && desk.put("other", "v") == Code::kOk);
      expect(desk.commit("x") == Code::kOk && desk.roll_back("y") == Code::kOk);
      expect_ok(desk.store->close());
    }
    Desk desk(open_store(os, options_of("/data", engine)));
    expect(desk.ids().empty() && desk.value("large").size() == 200'000);
    expect(desk.value("sum") == std::string("\x10\x13") && desk.value("y").empty());
    expect(desk.put("read", "v") == Code::kOk);
    expect_ok(desk.store->close());
  }
});

const Case reading_only("a store that is only read lists what is prepared and ends nothing", [] {
  SimulatedOs os(seed());
  StoreOptions options = options_of("/data");
  {
    Desk desk(open_store(os, options));
    Transaction& transaction = desk.begin();
    Desk::put(transaction, "a", "1");
    expect(desk.prepare(transaction, "x") == Code::kOk);
    expect_ok(desk.store->close());
  }
  options.read_only = true;
  Desk desk(open_store(os, options));
  expect(desk.ids() == std::set<std::string>{"x"} && desk.commit("x") == Code::kReadOnly);
  expect_ok(desk.store->close());
});

const Case salvaged("a salvaged store has what was prepared, and all that it would have refused",
                    [] {
                      SimulatedOs os(seed());
                      {
                        Desk desk(open_store(os, options_of("/data")));
                        expect(desk.put("a", "old") == Code::kOk);
                        Transaction& transaction = desk.begin();
                        Desk::put(transaction, "a", "new");
                        expect(desk.prepare(transaction, "x") == Code::kOk);
                        expect_ok(desk.store->flush());
                        expect_ok(desk.store->close());
                      }
                      const Result<SalvageReport> report =
                          salvage_store(os, "/data", "/saved", "a test", uint64_t{8} << 20);
                      require(static_cast<bool>(report));
                      expect(report->lost.empty());
                      Desk desk(open_store(os, options_of("/saved")));
                      expect(desk.ids() == std::set<std::string>{"x"} &&
                             desk.put("a", "v") == Code::kConflict);
                      expect(desk.commit("x") == Code::kOk && desk.value("a") == "new");
                      expect_ok(desk.store->close());
                    });

// ---- by chance, on a machine that loses power

using Data = std::map<std::string, std::string>;
struct Plan {
  std::set<std::string> read;
  Data written;
};
struct State {
  Data data;
  std::map<std::string, Plan> prepared;
};

class Crashing {
 public:
  explicit Crashing(uint64_t seed) : random_(seed), os_(seed) { states_.emplace_back(); }

  void run() {
    for (int round = 0; round < 4; ++round) {
      if (!open()) return;
      desk_->may_fail = true;
      os_.go_down_at_call(1 + random_.below(300));
      for (int i = 0; i < 60 && !os_.is_down(); ++i) step();
      desk_.reset();
      os_.restart();
    }
    if (open()) expect_ok(desk_->store->close());
  }

 private:
  bool open() {
    desk_.emplace(open_store(os_, options_of("/data")));
    const State found = look();
    const auto is_found = [&](const State& state) {
      if (state.data != found.data || state.prepared.size() != found.prepared.size()) return false;
      return std::equal(state.prepared.begin(), state.prepared.end(), found.prepared.begin(),
                        [](const auto& a, const auto& b) { return a.first == b.first; });
    };
    const auto at = std::find_if(states_.rbegin(), states_.rend(), is_found);
    const size_t lost = static_cast<size_t>(at - states_.rbegin());
    expect(at != states_.rend() && states_.size() - lost > durable_);
    if (at == states_.rend() || failure_count() > 0) return false;
    states_ = {*at};
    durable_ = 0;
    check_holds();
    return failure_count() == 0;
  }

  State look() {
    State found;
    for (int i = 0; i < 8; ++i) {
      const std::string value = desk_->value(key(i));
      if (!value.empty()) found.data[key(i)] = value;
    }
    for (const std::string& id : desk_->ids()) found.prepared[id] = {};
    return found;
  }

  // By deletions of what is absent, which leave what is there as it is, refused or not.
  void check_holds() {
    for (int i = 0; i < 8; ++i) {
      if (states_.back().data.contains(key(i))) continue;
      const bool is_refused = desk_->erase(key(i)) == Code::kConflict;
      expect(os_.is_down() || is_refused == is_held(key(i), false));
    }
  }

  static std::string key(uint64_t number) { return "k" + std::to_string(number); }
  std::string some_key() { return key(random_.below(8)); }

  bool is_held(const std::string& key, bool only_writes) const {
    for (const auto& [id, plan] : states_.back().prepared) {
      if (plan.written.contains(key) || (!only_writes && plan.read.contains(key))) return true;
    }
    return false;
  }

  void step() {
    State next = states_.back();
    const uint64_t what = random_.below(10);
    Code code = Code::kOk;
    bool may = true;
    if (what < 4) {
      const std::string at = some_key();
      const std::string value = "v" + std::to_string(++value_);
      may = !is_held(at, false);
      code = desk_->put(at, value);
      next.data[at] = value;
    } else if (what < 7) {
      may = prepare(next, code);
    } else {
      const std::string id = std::to_string(random_.below(4));
      may = next.prepared.contains(id);
      const bool commits = random_.one_in(2);
      code = commits ? desk_->commit(id) : desk_->roll_back(id);
      if (commits && may) {
        for (const auto& [at, value] : next.prepared[id].written) next.data[at] = value;
      }
      next.prepared.erase(id);
    }
    if (!os_.is_down()) expect((code == Code::kOk) == may);
    if (code == Code::kOk) states_.push_back(std::move(next));
    if (random_.one_in(6) && desk_->store->wait_for(Durability::kDisk)) {
      durable_ = states_.size() - 1;
    }
    if (random_.one_in(15)) (void)desk_->store->flush().code();
    os_.run(random_.below(20));
  }

  bool prepare(State& next, Code& code) {
    const std::string id = std::to_string(random_.below(4));
    Plan plan;
    bool may = !next.prepared.contains(id);
    Transaction& transaction = desk_->begin();
    for (uint64_t i = random_.below(3); i > 0; --i) {
      plan.read.insert(some_key());
      desk_->get(transaction, *plan.read.rbegin());
    }
    for (const std::string& at : plan.read) {
      desk_->get(transaction, at);
      may = may && !is_held(at, true);
    }
    for (uint64_t i = random_.below(3); i > 0; --i) {
      const std::string at = some_key();
      plan.written[at] = "v" + std::to_string(++value_);
      Desk::put(transaction, at, plan.written[at]);
      may = may && !is_held(at, false);
    }
    code = desk_->prepare(transaction, id);
    next.prepared[id] = std::move(plan);
    return may;
  }

  Random random_;
  SimulatedOs os_;
  std::optional<Desk> desk_;
  std::vector<State> states_;  // After each commit since the last opening.
  size_t durable_ = 0;
  uint64_t value_ = 0;
};

const Case crashing("what was prepared durably is there behind every crash, and ended whole or not",
                    [] {
                      for (uint64_t round = 0; round < seed_count() && failure_count() == 0;
                           ++round)
                        Crashing(seed() * 1'000'003 + round).run();
                    });

}  // namespace
}  // namespace varve::test

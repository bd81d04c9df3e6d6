// Transactions: their own edits read back against a map; what conflicts, and what does not; threads
// that move money about.
#include "store/transaction/transaction.h"

#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "test.h"

namespace varve::test {
namespace {

using Model = std::map<std::string, std::string>;

std::shared_ptr<Store> open_store(const std::string& directory = {}) {
  StoreOptions options;
  options.directory = directory;
  options.engine = directory.empty() ? EngineKind::kMemory : EngineKind::kLsm;
  options.memory_bytes = uint64_t{8} << 20;
  options.holder = "a test";
  Result<std::shared_ptr<Store>> store = Store::open(native_os(), options);
  require(static_cast<bool>(store));
  return std::move(*store);
}

void write(Store& store, const std::string& key, const std::string& value) {
  Batch batch(store.hash_seed());
  batch.put(as_bytes(key), as_bytes(value));
  expect_ok(store.commit(batch).error());
}

void put(Transaction& transaction, const std::string& key, const std::string& value) {
  transaction.put(as_bytes(key), {as_bytes(value)});
}

std::string get(Transaction& transaction, Store::Reader& reader, const std::string& key) {
  const Store::View view(reader, transaction.view_commit());
  Lookup found;
  expect_ok(transaction.get(view, as_bytes(key), true, found));
  return found.found == Found::kPut ? std::string(as_text(found.edit.value)) : std::string();
}

// All entries of a range, which is read to its end.
std::string walk(Transaction& transaction, Store::Reader& reader, const std::string& begin,
                 const std::string& end, Direction direction = Direction::kForward) {
  const Store::View view(reader, transaction.view_commit());
  const KeyRange range{as_bytes(begin), as_bytes(end)};
  std::string all;
  const auto cursor = transaction.scan(view, range, direction, transaction.edit_count());
  for (; cursor->valid(); cursor->next()) {
    all += std::string(as_text(cursor->edit().key)) + "=" +
           std::string(as_text(cursor->edit().value)) + " ";
  }
  expect_ok(cursor->status());
  expect_ok(transaction.read_range(range.begin, range.end, view.commit()));
  return all;
}

std::string walk(const Model& model, const std::string& begin, const std::string& end,
                 Direction direction) {
  std::string all;
  for (const auto& [key, value] : model) {
    if (key < begin || (!end.empty() && key >= end)) continue;
    const std::string one = key + "=" + value + " ";
    all = direction == Direction::kForward ? all + one : one + all;
  }
  return all;
}

std::string key_of(Random& random) { return "k" + std::to_string(random.below(40)); }

void change(Transaction& transaction, Model& model, Random& random, uint64_t step) {
  const std::string key = key_of(random);
  const uint64_t what = random.below(10);
  if (what < 6) {
    model[key] = "v" + std::to_string(step);
    put(transaction, key, model[key]);
  } else if (what < 9) {
    model.erase(key);
    transaction.erase(as_bytes(key));
  } else {
    const std::string end = random.one_in(4) ? std::string() : key_of(random);
    if (!end.empty() && end <= key) return;
    transaction.erase_range(as_bytes(key), as_bytes(end));
    model.erase(model.lower_bound(key), end.empty() ? model.end() : model.lower_bound(end));
  }
}

const Case own_edits("a transaction reads its own edits like a map, back to any savepoint", [] {
  for (uint64_t round = 0; round < seed_count(); ++round) {
    Random random(seed() * 31 + round);
    const std::shared_ptr<Store> store = open_store();
    Store::Reader reader(*store);
    Model model;
    for (int i = 0; i < 20; ++i) {
      const std::string key = key_of(random);
      write(*store, key, model[key] = "old" + std::to_string(i));
    }
    Transaction transaction(*store);
    transaction.begin(Isolation::kSerializable);
    std::vector<Model> savepoints;
    for (uint64_t step = 0; step < 120; ++step) {
      change(transaction, model, random, step);
      if (random.one_in(12)) {
        expect(transaction.save() == savepoints.size());
        savepoints.push_back(model);
      }
      if (!savepoints.empty() && random.one_in(15)) {
        const size_t to = random.below(savepoints.size());
        expect_ok(transaction.rewind(static_cast<uint32_t>(to)));
        model = savepoints[to];
        savepoints.resize(to);
      }
      const std::string key = key_of(random);
      const auto there = model.find(key);
      expect(get(transaction, reader, key) == (there == model.end() ? "" : there->second));
      if (!random.one_in(4)) continue;
      const std::string end = random.one_in(3) ? std::string() : key_of(random);
      if (!end.empty() && end < key) continue;
      const Direction direction = random.one_in(2) ? Direction::kForward : Direction::kReverse;
      expect(walk(transaction, reader, key, end, direction) == walk(model, key, end, direction));
    }
    expect(static_cast<bool>(transaction.commit()));
    transaction.begin(Isolation::kSerializable);
    expect(walk(transaction, reader, "", "") == walk(model, "", "", Direction::kForward));
    transaction.rollback();
  }
});

const Case seeking("a walk over own edits seeks as a walk of the store does", [] {
  for (uint64_t round = 0; round < seed_count(); ++round) {
    Random random(seed() * 37 + round);
    const std::shared_ptr<Store> store = open_store();
    Store::Reader reader(*store);
    Model model;
    for (int i = 0; i < 15; ++i) {
      const std::string key = key_of(random);
      write(*store, key, model[key] = "old");
    }
    Transaction transaction(*store);
    transaction.begin(Isolation::kSerializable);
    for (uint64_t step = 0; step < 30; ++step) change(transaction, model, random, step);
    const Store::View view(reader, transaction.view_commit());
    for (const Direction direction : {Direction::kForward, Direction::kReverse}) {
      const auto cursor = transaction.scan(view, {}, direction, transaction.edit_count());
      for (int i = 0; i < 40; ++i) {
        const std::string key = key_of(random);
        cursor->seek(as_bytes(key));
        std::string expected;
        if (direction == Direction::kForward) {
          const auto there = model.lower_bound(key);
          if (there != model.end()) expected = there->first;
        } else {
          auto behind = model.upper_bound(key);
          if (behind != model.begin()) expected = (--behind)->first;
        }
        expect(cursor->valid() == !expected.empty());
        if (cursor->valid()) expect(as_text(cursor->edit().key) == expected);
      }
    }
    transaction.rollback();
  }
});

const Case begun("a walk does not see what is written after it began", [] {
  const std::shared_ptr<Store> store = open_store();
  Store::Reader reader(*store);
  write(*store, "b", "0");
  Transaction transaction(*store);
  transaction.begin(Isolation::kSerializable);
  put(transaction, "c", "1");
  const size_t count = transaction.edit_count();
  put(transaction, "a", "2");
  put(transaction, "c", "3");
  transaction.erase_range(as_bytes("a"), as_bytes("c"));
  const Store::View view(reader, transaction.view_commit());
  std::string all;
  const auto cursor = transaction.scan(view, {}, Direction::kForward, count);
  for (; cursor->valid(); cursor->next()) all += std::string(as_text(cursor->edit().value));
  expect(all == "01" && walk(transaction, reader, "", "") == "c=3 ");
  transaction.rollback();
});

struct Two {
  std::shared_ptr<Store> store = open_store();
  Store::Reader reader{*store};
  Transaction first{*store};
  Transaction second{*store};

  explicit Two(Isolation isolation) {
    for (const char* key : {"a", "b", "c"}) write(*store, key, "0");
    first.begin(isolation);
    second.begin(isolation);
  }
};

const Case skew("write skew is refused by serializable, naming the key, and allowed by snapshot",
                [] {
                  for (const Isolation isolation :
                       {Isolation::kSerializable, Isolation::kSnapshot}) {
                    Two two(isolation);
                    get(two.first, two.reader, "a");
                    get(two.second, two.reader, "b");
                    put(two.first, "b", "1");
                    put(two.second, "a", "1");
                    expect(static_cast<bool>(two.first.commit()));
                    const Result<uint64_t> refused = two.second.commit();
                    expect(static_cast<bool>(refused) == (isolation == Isolation::kSnapshot));
                    if (refused) continue;
                    expect(refused.code() == Code::kConflict && two.second.conflict().key == "b");
                    expect(two.second.conflict().reason == ConflictReason::kWritten);
                  }
                });

const Case phantoms(
    "a range that was read conflicts with what is put or deleted in it, and no further", [] {
      for (const bool deletes : {false, true}) {
        for (const char* key : {"b", "b5", "d"}) {
          Two two(Isolation::kSerializable);
          walk(two.first, two.reader, "a", "c");
          put(two.first, "z", "1");
          if (deletes)
            two.second.erase_range(as_bytes(key), as_bytes(std::string(key) + "~"));
          else
            put(two.second, key, "1");
          expect(static_cast<bool>(two.second.commit()));
          expect(static_cast<bool>(two.first.commit()) == (std::string(key) == "d"));
        }
      }
    });

const Case lost_update(
    "of two that write a key the first wins by snapshot, the last by read committed", [] {
      for (const Isolation isolation : {Isolation::kSnapshot, Isolation::kReadCommitted}) {
        Two two(isolation);
        put(two.first, "a", "1");
        put(two.second, "a", "2");
        expect(static_cast<bool>(two.first.commit()));
        expect(static_cast<bool>(two.second.commit()) == (isolation == Isolation::kReadCommitted));
      }
    });

const Case committed("read committed sees what is committed meanwhile, the others what was", [] {
  for (const Isolation isolation :
       {Isolation::kSerializable, Isolation::kSnapshot, Isolation::kReadCommitted}) {
    Two two(isolation);
    expect(get(two.first, two.reader, "a") == "0");
    put(two.second, "a", "1");
    expect(get(two.first, two.reader, "a") == "0");
    expect(static_cast<bool>(two.second.commit()));
    const bool is_newest = isolation == Isolation::kReadCommitted;
    expect(get(two.first, two.reader, "a") == (is_newest ? "1" : "0"));
    expect(static_cast<bool>(two.first.commit()));  // Has written nothing.
  }
});

const Case guarded("a guarded key conflicts at every level", [] {
  for (const Isolation isolation :
       {Isolation::kSerializable, Isolation::kSnapshot, Isolation::kReadCommitted}) {
    Two two(isolation);
    expect_ok(two.first.guard(as_bytes("a"), two.store->visible()));
    put(two.first, "b", "1");
    put(two.second, "a", "1");
    expect(static_cast<bool>(two.second.commit()));
    expect(two.first.commit().code() == Code::kConflict);
  }
});

const Case flushed("what was written is known after its memtable came to rest", [] {
  const std::shared_ptr<Store> store = open_store(scratch_directory());
  Store::Reader reader(*store);
  write(*store, "a", "0");
  Transaction one(*store);
  Transaction other(*store);
  for (Transaction* const transaction : {&one, &other}) {
    transaction->begin(Isolation::kSerializable);
    get(*transaction, reader, transaction == &one ? "a" : "b");
    put(*transaction, "z", "1");
  }
  write(*store, "a", "1");
  expect_ok(store->flush());
  write(*store, "c", "1");
  expect_ok(store->flush());
  expect(one.commit().code() == Code::kConflict);
  expect(static_cast<bool>(other.commit()));
});

const Case too_old("beyond what is remembered a transaction is too old to write", [] {
  const std::shared_ptr<Store> store = open_store();
  Store::Reader reader(*store);
  Transaction transaction(*store);
  transaction.begin(Isolation::kSerializable);
  get(transaction, reader, "absent");
  walk(transaction, reader, "x", "y");
  put(transaction, "z", "1");
  for (int i = 0; i < 10'000; ++i) write(*store, "k" + std::to_string(i % 100), "1");
  expect(transaction.commit().code() == Code::kConflict);
  expect(transaction.conflict().reason == ConflictReason::kTooOld);
  expect(store->stats().recent.open_count == 0);
});

// ---- threads

constexpr uint64_t kAccounts = 8;
constexpr uint64_t kThreads = 4;
constexpr uint64_t kMoves = 400;

std::string account(uint64_t index) { return "account" + std::to_string(index); }

// Moves one from an account to another if the range of all accounts sums up right.
bool move_one(Transaction& transaction, Store::Reader& reader, Random& random) {
  transaction.begin(Isolation::kSerializable);
  const uint64_t from = random.below(kAccounts);
  const uint64_t to = (from + 1 + random.below(kAccounts - 1)) % kAccounts;
  if (random.one_in(4)) {
    const Store::View view(reader, transaction.view_commit());
    int64_t sum = 0;
    const KeyRange all{as_bytes("account"), as_bytes("accounu")};
    const auto cursor = transaction.scan(view, all, Direction::kForward, transaction.edit_count());
    for (; cursor->valid(); cursor->next())
      sum += std::stoll(std::string(as_text(cursor->edit().value)));
    expect(sum == 0);
    expect_ok(transaction.read_range(all.begin, all.end, view.commit()));
  }
  const int64_t source = std::stoll(get(transaction, reader, account(from)));
  const int64_t target = std::stoll(get(transaction, reader, account(to)));
  put(transaction, account(from), std::to_string(source - 1));
  put(transaction, account(to), std::to_string(target + 1));
  const Result<uint64_t> commit = transaction.commit();
  expect(commit || commit.code() == Code::kConflict || commit.code() == Code::kBusy);
  return static_cast<bool>(commit);
}

const Case threads("money that threads move about among flushes stays the same in sum", [] {
  const std::shared_ptr<Store> store = open_store(scratch_directory());
  for (uint64_t i = 0; i < kAccounts; ++i) write(*store, account(i), "0");
  std::atomic<bool> done{false};
  std::atomic<uint64_t> moved{0};
  std::vector<std::thread> all;
  for (uint64_t i = 0; i < kThreads; ++i) {
    all.emplace_back([&, i] {
      Store::Reader reader(*store);
      Random random(seed() * kThreads + i);
      Transaction transaction(*store);
      for (uint64_t n = 0; n < kMoves; ++n) moved += move_one(transaction, reader, random) ? 1 : 0;
    });
  }
  std::thread flusher([&] {
    while (!done.load()) expect_ok(store->flush());
  });
  for (std::thread& thread : all) thread.join();
  done.store(true);
  flusher.join();
  expect(moved.load() > kMoves / 2);
  expect(store->stats().recent.open_count == 0 && store->stats().held.empty());
});

}  // namespace
}  // namespace varve::test

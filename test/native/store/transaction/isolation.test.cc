// What each isolation forbids does not happen, by random histories of threads and of transactions that
// one thread interleaves; and what it allows does, by hand.
#include <atomic>
#include <mutex>
#include <string>
#include <thread>

#include "base/random.h"
#include "history.h"
#include "store/transaction/transaction.h"
#include "test.h"

namespace varve::test {
namespace {

constexpr uint64_t kKeys = 6;
constexpr uint64_t kThreads = 4;
constexpr uint64_t kOfThread = 60;
constexpr uint64_t kInterleaved = 5;
constexpr uint64_t kSteps = 500;
constexpr Isolation kAll[] = {Isolation::kSerializable, Isolation::kSnapshot,
                              Isolation::kReadCommitted};

std::shared_ptr<Store> open_store(bool is_on_disk) {
  StoreOptions options;
  if (is_on_disk) options.directory = scratch_directory();
  options.engine = is_on_disk ? EngineKind::kLsm : EngineKind::kMemory;
  options.memory_bytes = uint64_t{8} << 20;
  options.holder = "a test";
  Result<std::shared_ptr<Store>> store = Store::open(native_os(), options);
  require(static_cast<bool>(store));
  return std::move(*store);
}

std::string key_text(uint64_t key) { return "key" + std::to_string(key); }
uint64_t key_number(Bytes key) { return std::stoull(std::string(as_text(key)).substr(3)); }

// A transaction that notes down what it does.
class Witness {
 public:
  Witness(Store& store, std::atomic<uint64_t>& next_value)
      : reader_(store), transaction_(store), next_value_(next_value) {}

  bool is_open() const { return transaction_.is_open(); }

  void begin(Isolation isolation) {
    past_ = {};
    transaction_.begin(isolation);
  }

  void get(uint64_t key) {
    const Store::View view(reader_, transaction_.view_commit());
    Lookup found;
    const std::string text = key_text(key);
    expect_ok(transaction_.get(view, as_bytes(text), true, found));
    const bool is_there = found.found == Found::kPut;
    see(key, is_there ? std::stoull(std::string(as_text(found.edit.value))) : 0);
  }

  void scan(uint64_t begin, uint64_t end, Direction direction) {
    const Store::View view(reader_, transaction_.view_commit());
    const std::string from = key_text(begin);
    const std::string to = key_text(end);
    const KeyRange range{as_bytes(from), as_bytes(to)};
    std::map<uint64_t, uint64_t> found;
    const auto cursor = transaction_.scan(view, range, direction, transaction_.edit_count());
    for (; cursor->valid(); cursor->next()) {
      found[key_number(cursor->edit().key)] =
          std::stoull(std::string(as_text(cursor->edit().value)));
    }
    expect_ok(transaction_.read_range(range.begin, range.end, view.commit()));
    for (uint64_t key = begin; key < end; ++key) see(key, found[key]);
  }

  void put(uint64_t key) {
    const uint64_t value = ++next_value_;
    past_.writes.push_back({key, value});
    const std::string text = key_text(key);
    const std::string value_text = std::to_string(value);
    transaction_.put(as_bytes(text), {as_bytes(value_text)});
  }

  Past end(bool commits) {
    if (!commits) {
      transaction_.rollback();
      return past_;
    }
    const Result<uint64_t> commit = transaction_.commit();
    expect(commit || commit.code() == Code::kConflict || commit.code() == Code::kBusy);
    if (commit) past_.commit = *commit;
    return past_;
  }

  // One random step; true when it has ended, and past() tells it.
  bool step(Random& random) {
    const uint64_t what = random.below(10);
    const uint64_t key = random.below(kKeys);
    if (what < 4)
      get(key);
    else if (what == 4)
      scan(key, key + 1 + random.below(kKeys - key),
           random.one_in(2) ? Direction::kForward : Direction::kReverse);
    else if (what < 8)
      put(key);
    else
      past_ = end(!random.one_in(8));
    return what >= 8;
  }
  const Past& past() const { return past_; }

 private:
  // An own write is no dependency, but it has to be seen.
  void see(uint64_t key, uint64_t value) {
    for (size_t i = past_.writes.size(); i-- > 0;) {
      if (past_.writes[i].key != key) continue;
      expect(past_.writes[i].value == value);
      return;
    }
    past_.reads.push_back({key, value});
  }

  Store::Reader reader_;
  Transaction transaction_;
  std::atomic<uint64_t>& next_value_;
  Past past_;
};

// A transaction that wrote nothing has no place among the commits; it stands by what it read.
void expect_isolated(std::vector<Past> history, Isolation isolation) {
  const Phenomena found = phenomena_of(history);
  expect(!found.g0 && !found.g1a && !found.g1b && !found.g1c);
  if (isolation != Isolation::kReadCommitted) expect(!found.g_single);
  if (isolation == Isolation::kSerializable) expect(!found.g2);
}

const Case interleaved("transactions that one thread interleaves show nothing that is forbidden",
                       [] {
                         for (uint64_t round = 0; round < seed_count(); ++round) {
                           for (const Isolation isolation : kAll) {
                             Random random(seed() * 7919 + round);
                             const std::shared_ptr<Store> store = open_store(false);
                             std::atomic<uint64_t> next_value{0};
                             std::vector<std::unique_ptr<Witness>> all;
                             for (uint64_t i = 0; i < kInterleaved; ++i)
                               all.push_back(std::make_unique<Witness>(*store, next_value));
                             std::vector<Past> history;
                             for (uint64_t step = 0; step < kSteps; ++step) {
                               Witness& one = *all[random.below(kInterleaved)];
                               if (!one.is_open()) one.begin(isolation);
                               if (one.step(random)) history.push_back(one.past());
                             }
                             expect_isolated(std::move(history), isolation);
                           }
                         }
                       });

std::vector<Past> run_threads(Store& store, Isolation isolation, uint64_t chosen) {
  std::atomic<uint64_t> next_value{0};
  std::mutex mutex;
  std::vector<Past> history;
  std::vector<std::thread> threads;
  for (uint64_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      Witness one(store, next_value);
      Random random(chosen * kThreads + i);
      for (uint64_t n = 0; n < kOfThread; ++n) {
        one.begin(isolation);
        while (!one.step(random)) std::this_thread::yield();
        const std::lock_guard<std::mutex> held(mutex);
        history.push_back(one.past());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return history;
}

const Case threaded("transactions of threads among flushes show nothing that is forbidden", [] {
  for (uint64_t round = 0; round < (seed_count() + 9) / 10; ++round) {
    for (const Isolation isolation : kAll) {
      const std::shared_ptr<Store> store = open_store(true);
      std::atomic<bool> done{false};
      std::thread flusher([&] {
        while (!done.load()) expect_ok(store->flush());
      });
      std::vector<Past> history = run_threads(*store, isolation, seed() * 31 + round);
      done.store(true);
      flusher.join();
      expect_isolated(std::move(history), isolation);
    }
  }
});

// ---- by hand

struct Three {
  std::shared_ptr<Store> store = open_store(false);
  std::atomic<uint64_t> next_value{0};
  Witness a{*store, next_value};
  Witness b{*store, next_value};
  Witness c{*store, next_value};

  explicit Three(Isolation isolation) {
    for (Witness* const one : {&a, &b, &c}) one->begin(isolation);
  }
};

const Case write_skew("snapshot allows write skew, serializable refuses it", [] {
  for (const Isolation isolation : {Isolation::kSnapshot, Isolation::kSerializable}) {
    Three all(isolation);
    all.a.scan(0, 2, Direction::kForward);
    all.b.scan(0, 2, Direction::kReverse);
    all.a.put(0);
    all.b.put(1);
    const std::vector<Past> history{all.a.end(true), all.b.end(true)};
    const Phenomena found = phenomena_of(history);
    expect(found.g2 == (isolation == Isolation::kSnapshot) && !found.g_single);
    expect((history[1].commit == 0) == (isolation == Isolation::kSerializable));
  }
});

const Case lost_update("read committed allows a lost update, snapshot refuses it", [] {
  for (const Isolation isolation : {Isolation::kReadCommitted, Isolation::kSnapshot}) {
    Three all(isolation);
    all.a.get(0);
    all.b.get(0);
    all.a.put(0);
    all.b.put(0);
    const std::vector<Past> history{all.a.end(true), all.b.end(true)};
    expect(phenomena_of(history).g_single == (isolation == Isolation::kReadCommitted));
  }
});

const Case read_skew("read committed allows read skew, snapshot shows one commit", [] {
  for (const Isolation isolation : {Isolation::kReadCommitted, Isolation::kSnapshot}) {
    Three all(isolation);
    all.a.get(0);
    all.b.put(0);
    all.b.put(1);
    const Past b = all.b.end(true);
    all.a.get(1);
    all.a.put(2);
    const std::vector<Past> history{all.a.end(true), b};
    expect(phenomena_of(history).g_single == (isolation == Isolation::kReadCommitted));
    expect(history[0].commit != 0);
  }
});

const Case seen("the checker finds what was never there", [] {
  const Past writer{1, {}, {{0, 1}, {0, 2}}};
  const Past refused{0, {}, {{0, 3}}};
  expect(phenomena_of({writer, {2, {{0, 1}}, {}}}).g1b);
  expect(phenomena_of({writer, refused, {2, {{0, 3}}, {}}}).g1a);
  expect(!phenomena_of({writer, refused, {2, {{0, 2}}, {}}}).g1a);
  expect(phenomena_of({{1, {{1, 2}}, {{0, 1}}}, {2, {{0, 1}}, {{1, 2}}}}).g1c);
});

}  // namespace
}  // namespace varve::test

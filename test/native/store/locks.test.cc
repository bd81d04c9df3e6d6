// Locks: who gets one at once, who waits and is told, in which order; circles of two, three and by
// chance, against what follows from the rules alone.
#include "store/locks.h"

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "store/key_intervals.h"
#include "store/transaction/transaction.h"
#include "test.h"

namespace varve::test {
namespace {

constexpr auto kShared = Locks::Mode::kShared;
constexpr auto kExclusive = Locks::Mode::kExclusive;
constexpr uint64_t kBytesMax = uint64_t{1} << 20;

enum class Got { kIt, kWaits, kLost, kRefused };

Got got(const Result<bool>& answer) {
  if (answer) return *answer ? Got::kIt : Got::kWaits;
  return answer.code() == Code::kDeadlock ? Got::kLost : Got::kRefused;
}

struct Table {
  int told_count = 0;
  std::shared_ptr<LockNews> news = std::make_shared<LockNews>();
  Locks locks{kBytesMax, [this] { ++told_count; }};

  uint64_t enter(uint32_t number, uint64_t age = 0) { return locks.enter(age, news, number); }
  Got key(uint64_t owner, const std::string& key, Locks::Mode mode) {
    return got(locks.lock_key(owner, as_bytes(key), mode));
  }
  Got range(uint64_t owner, const std::string& begin, const std::string& end, Locks::Mode mode) {
    return got(locks.lock_range(owner, as_bytes(begin), as_bytes(end), mode));
  }
  std::vector<uint32_t> told() {
    std::vector<uint32_t> all;
    while (const std::optional<uint32_t> number = news->take()) all.push_back(*number);
    return all;
  }
  bool waits(uint64_t owner) const { return locks.state(owner) == Locks::State::kWaits; }
  bool is_lost(uint64_t owner) const { return locks.state(owner) == Locks::State::kLost; }
  bool is_bare() const {
    const LockStats stats = locks.stats();
    return stats.owner_count + stats.lock_count + stats.waiting_count == 0;
  }
};

const Case shared_together("shared locks go together, and an exclusive one goes with none", [] {
  Table table;
  const uint64_t a = table.enter(1), b = table.enter(2), c = table.enter(3);
  expect(table.key(a, "k", kShared) == Got::kIt && table.key(b, "k", kShared) == Got::kIt);
  expect(table.key(c, "k", kExclusive) == Got::kWaits &&
         table.key(c, "l", kShared) == Got::kRefused);
  table.locks.leave(a);
  expect(table.waits(c) && table.told().empty() && table.told_count == 0);
  table.locks.leave(b);
  expect(!table.waits(c) && table.told() == std::vector<uint32_t>{3} && table.told_count == 1);
  table.locks.leave(c);
  expect(table.is_bare());
});

const Case ranges("a range shuts out keys and ranges that meet it, and no others", [] {
  Table table;
  const uint64_t a = table.enter(1), b = table.enter(2), c = table.enter(3), d = table.enter(4);
  expect(table.range(a, "b", "d", kShared) == Got::kIt);
  expect(table.key(b, "a", kExclusive) == Got::kIt && table.key(b, "d", kExclusive) == Got::kIt);
  expect(table.key(b, "c", kShared) == Got::kIt && table.key(b, "b", kExclusive) == Got::kWaits);
  expect(table.range(c, "e", "", kExclusive) == Got::kIt);
  expect(table.range(c, "x", "y", kShared) == Got::kIt);  // It has that.
  expect(table.range(d, "", "", kShared) == Got::kWaits);
  expect(table.range(a, "z", "z", kExclusive) == Got::kIt);  // Of nothing.
  for (const uint64_t owner : {a, b, c}) table.locks.leave(owner);
  expect(!table.waits(d));
  table.locks.leave(d);
  expect(table.is_bare());
});

const Case by_arrival("turns go by arrival: readers that come later starve no writer", [] {
  Table table;
  const uint64_t reader = table.enter(1), writer = table.enter(2), late = table.enter(3);
  expect(table.key(reader, "k", kShared) == Got::kIt);
  expect(table.key(writer, "k", kExclusive) == Got::kWaits);
  expect(table.key(late, "k", kShared) == Got::kWaits);
  table.locks.leave(reader);
  expect(!table.waits(writer) && table.waits(late));
  table.locks.leave(writer);
  expect(!table.waits(late) && table.told() == std::vector<uint32_t>({2, 3}));
});

const Case upgrade("who has read a key may write it before others who wait for that", [] {
  Table table;
  const uint64_t a = table.enter(1), b = table.enter(2);
  expect(table.key(a, "k", kShared) == Got::kIt && table.key(b, "k", kExclusive) == Got::kWaits);
  expect(table.key(a, "k", kExclusive) == Got::kIt && table.waits(b));
  table.locks.leave(a);
  expect(!table.waits(b));
});

const Case cancelled("who waits no more is in nobody's way", [] {
  Table table;
  const uint64_t a = table.enter(1), b = table.enter(2), c = table.enter(3);
  expect(table.key(a, "k", kShared) == Got::kIt && table.key(b, "k", kExclusive) == Got::kWaits);
  expect(table.key(c, "k", kShared) == Got::kWaits && !table.locks.cancel(a));
  expect(table.locks.cancel(b) && !table.locks.cancel(b) && !table.waits(c));
  expect(table.key(b, "other", kExclusive) == Got::kIt);
});

const Case two("of two that wait for each other the younger is lost, whoever asked last", [] {
  for (const bool younger_asks_last : {true, false}) {
    Table table;
    const uint64_t old = table.enter(1), young = table.enter(2);
    expect(table.key(old, "a", kExclusive) == Got::kIt);
    expect(table.key(young, "b", kExclusive) == Got::kIt);
    if (younger_asks_last) {
      expect(table.key(old, "b", kExclusive) == Got::kWaits);
      expect(table.key(young, "a", kExclusive) == Got::kLost && !table.waits(old));
    } else {
      expect(table.key(young, "a", kExclusive) == Got::kWaits);
      expect(table.key(old, "b", kExclusive) == Got::kIt);
    }
    expect(table.is_lost(young) && table.key(young, "c", kShared) == Got::kLost);
    expect(table.locks.stats().deadlock_count == 1 && table.locks.stats().lock_count == 2);
  }
});

const Case three("of three in a circle the youngest is lost, and the others go on", [] {
  Table table;
  const uint64_t a = table.enter(1), b = table.enter(2), c = table.enter(3);
  expect(table.key(a, "a", kExclusive) == Got::kIt && table.key(b, "b", kExclusive) == Got::kIt);
  expect(table.range(c, "c", "d", kShared) == Got::kIt);
  expect(table.key(b, "cc", kExclusive) == Got::kWaits &&
         table.key(c, "a", kShared) == Got::kWaits);
  expect(table.key(a, "b", kExclusive) == Got::kWaits);  // For b, which has its turn by now.
  expect(table.is_lost(c) && !table.waits(b) && table.waits(a));
  table.locks.leave(b);
  expect(!table.waits(a));
});

const Case two_readers("two that have read a key and would write it cannot both", [] {
  Table table;
  const uint64_t a = table.enter(1), b = table.enter(2);
  expect(table.key(a, "k", kShared) == Got::kIt && table.key(b, "k", kShared) == Got::kIt);
  expect(table.key(a, "k", kExclusive) == Got::kWaits &&
         table.key(b, "k", kExclusive) == Got::kLost);
  expect(!table.waits(a));
});

const Case ages("who begins again keeps his age, and loses to nobody who came later", [] {
  Table table;
  const uint64_t first = table.enter(1);
  const uint64_t other = table.enter(2);
  table.locks.leave(first);
  const uint64_t again = table.enter(1, first);
  expect(table.key(again, "a", kExclusive) == Got::kIt &&
         table.key(other, "b", kExclusive) == Got::kIt);
  expect(table.key(other, "a", kExclusive) == Got::kWaits &&
         table.key(again, "b", kExclusive) == Got::kIt);
  expect(table.is_lost(other) && !table.is_lost(again));
});

const Case bounded("the locks of one owner have a limit, and its end gives all of it back", [] {
  Table table;
  const uint64_t a = table.enter(1);
  const std::string large(60'000, 'x');
  Got last = Got::kIt;
  int count = 0;
  for (; last == Got::kIt; ++count) last = table.key(a, large + std::to_string(count), kShared);
  expect(last == Got::kRefused && count == 18);
  table.locks.leave(a);
  expect(table.is_bare());
});

// ---- by chance

struct Wish {
  std::string begin;
  std::string end;  // Empty: a key.
  Locks::Mode mode = kShared;
};

bool go_together(const Wish& a, const Wish& b) {
  if (a.mode == kShared && b.mode == kShared) return true;
  const std::string a_end = a.end.empty() ? a.begin + '\0' : a.end;
  const std::string b_end = b.end.empty() ? b.begin + '\0' : b.end;
  return a.begin >= b_end || b.begin >= a_end;
}

// What owners have by what they were told, and nothing of how turns are given.
class Chance {
 public:
  explicit Chance(uint64_t seed) : random_(seed) {}

  void run() {
    for (int step = 0; step < 400; ++step) {
      const size_t at = random_.below(kOwners);
      Player& player = players_[at];
      if (player.owner == 0)
        begin(player, static_cast<uint32_t>(at));
      else if (table_.waits(player.owner) ? random_.one_in(10) : random_.one_in(6))
        end(player);
      else if (!table_.waits(player.owner))
        ask(player);
      look();
      if (failure_count() > 0) return;
    }
    for (Player& player : players_) {
      if (player.owner != 0) table_.locks.leave(player.owner);
    }
    expect(table_.is_bare());
  }

 private:
  static constexpr size_t kOwners = 6;
  struct Player {
    uint64_t owner = 0;
    std::vector<Wish> has;
    Wish wants;
    bool waits = false;
  };

  void begin(Player& player, uint32_t number) {
    player = Player();
    player.owner = table_.enter(number);
  }

  void end(Player& player) {
    if (player.waits && random_.one_in(2)) {
      expect(table_.locks.cancel(player.owner));
      player.waits = false;
      return;
    }
    table_.locks.leave(player.owner);
    player = Player();
  }

  void ask(Player& player) {
    player.wants.begin = std::string(1, static_cast<char>('a' + random_.below(5)));
    player.wants.end =
        random_.one_in(3) ? std::string(1, static_cast<char>('b' + random_.below(6))) : "";
    if (!player.wants.end.empty() && player.wants.end <= player.wants.begin) player.wants.end = "z";
    player.wants.mode = random_.one_in(2) ? kShared : kExclusive;
    const Wish& wish = player.wants;
    const Got answer = wish.end.empty()
                           ? table_.key(player.owner, wish.begin, wish.mode)
                           : table_.range(player.owner, wish.begin, wish.end, wish.mode);
    player.waits = answer == Got::kWaits;
    if (answer == Got::kIt) player.has.push_back(wish);
    if (answer == Got::kLost) end_lost(player);
  }

  void end_lost(Player& player) {
    table_.locks.leave(player.owner);
    player = Player();
  }

  // Takes over what was told meanwhile, then holds it against the rules.
  void look() {
    for (bool is_settled = false; !is_settled;) {
      is_settled = true;
      for (Player& player : players_) {
        if (player.owner == 0 || !player.waits || table_.waits(player.owner)) continue;
        player.waits = is_settled = false;
        if (table_.is_lost(player.owner))
          end_lost(player);
        else
          player.has.push_back(player.wants);
      }
    }
    for (const Player& a : players_) {
      for (const Player& b : players_) {
        if (&a != &b) look_at(a, b);
      }
    }
    for (const Player& player : players_) {
      if (player.waits) expect(may_come_true(player));
    }
  }

  static void look_at(const Player& a, const Player& b) {
    for (const Wish& one : a.has) {
      for (const Wish& other : b.has) expect(go_together(one, other));
    }
  }

  // From who waits one comes, by what is held alone, to somebody who does not wait: he is stopped
  // by no circle. And he waits for something: for what is held, or for somebody who also waits.
  bool may_come_true(const Player& player) const {
    bool is_stopped = false;
    bool others_wait = false;
    for (const Player& other : players_) {
      if (&other == &player || other.owner == 0) continue;
      others_wait = others_wait || (other.waits && !go_together(other.wants, player.wants));
      for (const Wish& one : other.has) is_stopped = is_stopped || !go_together(one, player.wants);
    }
    return (is_stopped || others_wait) && !in_circle(player);
  }

  bool in_circle(const Player& start) const {
    std::vector<const Player*> seen;
    std::vector<const Player*> rest{&start};
    while (!rest.empty()) {
      const Player& at = *rest.back();
      rest.pop_back();
      if (!at.waits) continue;
      for (const Player& other : players_) {
        bool stops = false;
        for (const Wish& one : other.has) stops = stops || !go_together(one, at.wants);
        if (&other == &at || !stops) continue;
        if (&other == &start) return true;
        if (std::find(seen.begin(), seen.end(), &other) != seen.end()) continue;
        seen.push_back(&other);
        rest.push_back(&other);
      }
    }
    return false;
  }

  Random random_;
  Table table_;
  Player players_[kOwners];
};

const Case by_chance("by chance: no two locks meet, no circle stays, and nobody waits for nothing",
                     [] {
                       for (uint64_t n = 0; n < seed_count(); ++n) {
                         Chance(seed() * 1'000'003 + n).run();
                         if (failure_count() > 0) return;
                       }
                     });

// ---- transactions

std::shared_ptr<Store> open_store() {
  StoreOptions options;
  options.engine = EngineKind::kMemory;
  options.memory_bytes = uint64_t{8} << 20;
  Result<std::shared_ptr<Store>> store = Store::open(native_os(), options);
  require(static_cast<bool>(store));
  return std::move(*store);
}

uint64_t read(Transaction& transaction, Store::Reader& reader, const std::string& key) {
  const Store::View view(reader, transaction.view_commit());
  Lookup found;
  expect_ok(transaction.get(view, as_bytes(key), true, found));
  return found.found == Found::kPut ? std::stoull(std::string(as_text(found.edit.value))) : 0;
}

void write(Transaction& transaction, const std::string& key, uint64_t value) {
  const std::string text = std::to_string(value);
  transaction.put(as_bytes(key), {as_bytes(text)});
}

const Case newest(
    "who waited for a lock reads what was committed under it, and is not refused", [] {
      const std::shared_ptr<Store> store = open_store();
      Store::Reader reader(*store);
      Transaction a(*store), b(*store);
      const auto news = std::make_shared<LockNews>();
      a.begin_locking(0, news, 1);
      b.begin_locking(0, news, 2);
      expect(got(store->locks().lock_key(a.owner(), as_bytes("n"), kExclusive)) == Got::kIt);
      expect(got(store->locks().lock_key(b.owner(), as_bytes("n"), kExclusive)) == Got::kWaits);
      write(a, "n", read(a, reader, "n") + 1);
      expect(static_cast<bool>(a.commit()) && news->take() == std::optional<uint32_t>(2));
      write(b, "n", read(b, reader, "n") + 1);
      expect(static_cast<bool>(b.commit()));
      Transaction c(*store);
      c.begin_locking(0, news, 3);
      expect(read(c, reader, "n") == 2);
      c.rollback();
      expect(store->stats().locks.owner_count == 0);
    });

const Case plain_writes(
    "a write that takes no lock makes a conflict of what was read, also without writes", [] {
      for (const bool writes : {true, false}) {
        const std::shared_ptr<Store> store = open_store();
        Store::Reader reader(*store);
        Transaction a(*store);
        a.begin_locking(0, nullptr, 1);
        read(a, reader, "n");
        if (writes) write(a, "m", 1);
        Batch batch(store->hash_seed());
        batch.put(as_bytes("n"), as_bytes("7"));
        expect_ok(store->commit(batch).error());
        expect(a.commit().code() == Code::kConflict && a.conflict().key == "n");
      }
    });

const Case threads("threads that lock before they read count up together, and none is refused", [] {
  const std::shared_ptr<Store> store = open_store();
  std::atomic<uint64_t> refused_count{0};
  const auto count_up = [&] {
    Store::Reader reader(*store);
    Transaction transaction(*store);
    for (int n = 0; n < 300; ++n) {
      transaction.begin_locking(0, nullptr, 0);
      const Result<bool> has =
          store->locks().lock_key(transaction.owner(), as_bytes("n"), kExclusive);
      require(static_cast<bool>(has));
      while (store->locks().state(transaction.owner()) == Locks::State::kWaits)
        std::this_thread::yield();
      write(transaction, "n", read(transaction, reader, "n") + 1);
      if (!transaction.commit()) ++refused_count;
    }
  };
  std::vector<std::thread> all;
  for (int n = 0; n < 4; ++n) all.emplace_back(count_up);
  for (std::thread& one : all) one.join();
  Store::Reader reader(*store);
  Transaction last(*store);
  last.begin(Isolation::kSerializable);
  expect(read(last, reader, "n") == 1200 && refused_count == 0);
  expect(store->stats().locks.owner_count == 0);
});

}  // namespace
}  // namespace varve::test

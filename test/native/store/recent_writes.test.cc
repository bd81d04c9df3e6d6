// What was written since a transaction began, against a list of all that was written.
#include "store/recent_writes.h"

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "pure/codec/hash.h"
#include "test.h"

namespace varve::test {
namespace {

constexpr uint64_t kSeed = 7;

uint64_t hash_of(const std::string& key) { return hash64(as_bytes(key), kSeed); }

void write(RecentWrites& recent, uint64_t commit, const std::string& key) {
  Batch batch(kSeed);
  batch.put(as_bytes(key), as_bytes("value"));
  recent.add(batch, commit, UINT64_MAX);
}

// Whether the key was written since; nullopt when that is too long ago.
std::optional<bool> was_written(RecentWrites& recent, const std::string& key, uint64_t since) {
  Conditions conditions;
  conditions.add_key(as_bytes(key), hash_of(key), since);
  conditions.settle();
  const std::optional<Conflict> found = recent.find(conditions);
  if (!found) return std::nullopt;
  if (found->reason == ConflictReason::kNone) return false;
  expect(found->reason == ConflictReason::kWritten && found->key == key);
  return true;
}

uint64_t begin_at(RecentWrites& recent, uint64_t commit) {
  return recent.begin([commit] { return commit; });
}

const Case intervals("a set of ranges answers as a look at each of them would", [] {
  for (uint64_t round = 0; round < seed_count(); ++round) {
    Random random(seed() * 1000 + round);
    KeyIntervals set;
    std::vector<std::pair<std::string, std::string>> all;
    const auto key = [&] { return std::string(1 + random.below(2), char('a' + random.below(8))); };
    for (uint64_t i = 0; i < 1 + random.below(100); ++i) {
      all.emplace_back(key(), random.one_in(20) ? std::string() : key());
      set.add(as_bytes(all.back().first), as_bytes(all.back().second));
    }
    set.settle();
    for (int i = 0; i < 50; ++i) {
      const std::string at = key();
      const std::string end = random.one_in(10) ? std::string() : key();
      bool covers = false;
      std::optional<std::string> first;
      for (const auto& [from, to] : all) {
        if (!to.empty() && from >= to) continue;
        covers = covers || (from <= at && (to.empty() || at < to));
        const std::string shared = std::max(from, at);
        const bool meets = (to.empty() || shared < to) && (end.empty() || shared < end);
        if (meets && (!first || shared < *first)) first = shared;
      }
      expect(set.covers(as_bytes(at)) == covers);
      const std::optional<Bytes> found = set.first_shared(as_bytes(at), as_bytes(end));
      expect(found.has_value() == first.has_value());
      if (found && first) expect(as_text(*found) == *first);
    }
  }
});

const Case same_range("a range that is added over and over is kept once", [] {
  KeyIntervals set;
  for (int i = 0; i < 10'000; ++i) set.add(as_bytes("a"), as_bytes("b"));
  expect(set.size() < 200);
  set.settle();
  expect(set.size() == 1);
});

const Case same_key("a key that is added over and over is kept once, with its oldest commit", [] {
  Conditions conditions;
  for (uint64_t i = 0; i < 1000; ++i) {
    const std::string key = std::to_string(i % 50);
    conditions.add_key(as_bytes(key), hash_of(key), 1000 - i);
  }
  expect(conditions.keys().size() == 50 && conditions.since() == 1);
  for (const Conditions::Key& key : conditions.keys()) expect(key.since <= 50);
});

const Case idle("nothing is kept while no transaction is open", [] {
  RecentWrites recent(1 << 20);
  expect(!recent.is_wanted() && !was_written(recent, "a", 0));
  const uint64_t since = begin_at(recent, 5);
  write(recent, 6, "a");
  expect(recent.is_wanted() && was_written(recent, "a", since) == true);
  expect(was_written(recent, "a", 6) == false);
  recent.end(since);
  expect(!recent.is_wanted() && !was_written(recent, "a", since));
  expect(recent.stats().size_bytes <= 256 * 16);
});

const Case own("the commit of the only open transaction is not kept, and nobody is told otherwise",
               [] {
                 RecentWrites recent(1 << 20);
                 const uint64_t first = begin_at(recent, 5);
                 Batch batch(kSeed);
                 batch.put(as_bytes("a"), as_bytes("value"));
                 recent.add(batch, 6, first);
                 const uint64_t second = begin_at(recent, 6);
                 recent.end(first);
                 expect(was_written(recent, "a", second) == false);
                 expect(!was_written(recent, "a", 5));
                 recent.end(second);
               });

const Case bounded("beyond its bound the oldest goes, and who began before is told so", [] {
  constexpr uint64_t kBound = uint64_t{1} << 20;
  constexpr uint64_t kWrites = 100'000;
  RecentWrites recent(kBound);
  const uint64_t old = begin_at(recent, 1);
  uint64_t commit = 1;
  for (uint64_t i = 0; i < kWrites; ++i) write(recent, ++commit, "key" + std::to_string(i));
  expect(recent.stats().size_bytes <= kBound && recent.stats().dropped_count > 0);
  expect(!was_written(recent, "key0", old));
  const uint64_t young = begin_at(recent, commit);
  write(recent, ++commit, "key0");
  expect(was_written(recent, "key0", young) == true && was_written(recent, "key1", young) == false);
  recent.end(old);
  recent.end(young);
  expect(recent.stats().size_bytes <= kBound);
});

struct Written {
  uint64_t commit;
  std::string key;
  std::string end;
  bool is_range;
};

bool is_touched(const Written& one, const std::string& key) {
  if (!one.is_range) return one.key == key;
  return one.key <= key && (one.end.empty() || key < one.end);
}

bool meets(const Written& one, const std::string& begin, const std::string& end) {
  const std::string from = std::max(begin, one.key);
  const auto before = [&](const std::string& to) { return to.empty() || from < to; };
  return one.is_range ? before(one.end) && before(end) : one.key >= begin && before(end);
}

const Case modelled("keys and ranges conflict if, and only if, a later commit wrote into them", [] {
  for (uint64_t round = 0; round < seed_count(); ++round) {
    Random random(seed() * 977 + round);
    RecentWrites recent(uint64_t{4} << 20);
    std::vector<Written> all;
    std::deque<uint64_t> open;
    uint64_t commit = 1;
    const auto key = [&] { return std::to_string(random.below(60)); };
    for (int step = 0; step < 300; ++step) {
      if (open.empty() || random.one_in(10)) open.push_back(begin_at(recent, commit));
      if (open.size() > 1 && random.one_in(8)) {
        const auto chosen = open.begin() + static_cast<int64_t>(random.below(open.size()));
        recent.end(*chosen);
        open.erase(chosen);
      }
      Batch batch(kSeed);
      ++commit;
      for (uint64_t i = 0; i <= random.below(3); ++i) {
        if (random.one_in(12)) {
          all.push_back({commit, key(), random.one_in(5) ? std::string() : key(), true});
          if (!all.back().end.empty() && all.back().end <= all.back().key)
            all.pop_back();
          else
            batch.erase_range(as_bytes(all.back().key), as_bytes(all.back().end));
        } else {
          all.push_back({commit, key(), {}, false});
          batch.put(as_bytes(all.back().key), as_bytes("value"));
        }
      }
      recent.add(batch, commit, UINT64_MAX);
      const uint64_t since = open[random.below(open.size())];
      const std::string read = key();
      const std::string begin = key();
      const std::string end = begin + "5";
      Conditions conditions;
      const bool with_key = random.one_in(2);
      if (with_key)
        conditions.add_key(as_bytes(read), hash_of(read), since);
      else
        conditions.add_range(as_bytes(begin), as_bytes(end), since);
      conditions.settle();
      bool expected = false;
      for (const Written& one : all) {
        if (one.commit <= since) continue;
        expected = expected || (with_key ? is_touched(one, read) : meets(one, begin, end));
      }
      const std::optional<Conflict> found = recent.find(conditions);
      require(found.has_value());
      expect((found->reason != ConflictReason::kNone) == expected);
    }
    for (const uint64_t since : open) recent.end(since);
  }
});

}  // namespace
}  // namespace varve::test

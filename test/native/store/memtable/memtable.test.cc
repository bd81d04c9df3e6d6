#include "store/memtable/memtable.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <string>

#include "base/random.h"
#include "test.h"

using namespace varve;
using namespace varve::test;

namespace {

uint64_t hash_of(Bytes key) {
  uint64_t hash = 0x9e3779b97f4a7c15ULL;
  for (const uint8_t byte : key) hash = (hash ^ byte) * 0xff51afd7ed558ccdULL, hash ^= hash >> 32;
  return Random(hash).next();
}

Edit put_of(const std::string& key, uint64_t commit, const std::string& value) {
  return {as_bytes(key), commit, EditKind::kPut, 0, 0, as_bytes(value)};
}

void put(Memtable& memtable, const Edit& edit) { memtable.put(edit, hash_of(edit.key)); }

// What a memtable must say, kept in the plainest way.
struct Model {
  struct Said {
    EditKind kind;
    std::string value;
    uint64_t expires_ms;
  };
  struct Covered {
    std::string begin;
    std::string end;
    uint64_t commit;
  };
  std::map<std::string, std::map<uint64_t, Said, std::greater<>>> keys;
  std::vector<Covered> ranges;

  uint64_t over(const std::string& key, uint64_t commit) const {
    uint64_t best = 0;
    for (const Covered& range : ranges) {
      const bool covers = key >= range.begin && (range.end.empty() || key < range.end);
      if (covers && range.commit <= commit) best = std::max(best, range.commit);
    }
    return best;
  }
  const std::pair<const uint64_t, Said>* newest(const std::string& key, uint64_t commit) const {
    const auto versions = keys.find(key);
    if (versions == keys.end()) return nullptr;
    const auto found = versions->second.lower_bound(commit);
    return found == versions->second.end() ? nullptr : &*found;
  }
};

struct Line {
  std::string key;
  uint64_t commit;
  EditKind kind;
  std::string value;
  uint64_t expires_ms;
  bool operator==(const Line&) const = default;
};

Line line_of(const Edit& edit) {
  return {std::string(as_text(edit.key)), edit.commit, edit.kind, std::string(as_text(edit.value)),
          edit.expires_ms};
}

std::vector<Line> drain(EditCursor& cursor) {
  std::vector<Line> lines;
  for (; cursor.valid(); cursor.next()) lines.push_back(line_of(cursor.edit()));
  expect_ok(cursor.status());
  return lines;
}

std::vector<Line> newest_lines(const Model& model, const std::string& begin, const std::string& end,
                               uint64_t commit) {
  std::vector<Line> lines;
  for (const auto& [key, versions] : model.keys) {
    if (key < begin || (!end.empty() && key >= end)) continue;
    const auto* const newest = model.newest(key, commit);
    if (newest == nullptr) continue;
    const uint64_t hidden = model.over(key, commit);
    const auto& [number, said] = *newest;
    if (hidden > number) {
      lines.push_back({key, hidden, EditKind::kDelete, "", 0});
    } else {
      lines.push_back({key, number, said.kind, said.value, said.expires_ms});
    }
  }
  return lines;
}

std::vector<Line> version_lines(const Model& model, const std::string& begin,
                                const std::string& end, uint64_t from, uint64_t to) {
  std::vector<Line> lines;
  for (const auto& [key, versions] : model.keys) {
    if (key < begin || (!end.empty() && key >= end)) continue;
    for (const auto& [number, said] : versions) {
      if (number <= from || number > to) continue;
      lines.push_back({key, number, said.kind, said.value, said.expires_ms});
    }
  }
  return lines;
}

std::string random_key(Random& random, uint64_t space) {
  static const char* const kPrefixes[] = {"", "user:profile:", "user:profile:\xff", "zz", "user:"};
  std::string key = kPrefixes[random.below(5)];
  const uint64_t number = random.below(space);
  for (int shift = 8; shift >= 0; shift -= 8) key.push_back(static_cast<char>(number >> shift));
  if (random.one_in(4)) key.push_back('\0');
  return key;
}

void check_reads(const Memtable& memtable, const Model& model, Random& random, uint64_t space,
                 uint64_t commit_last) {
  const uint64_t commit = random.below(commit_last + 2);
  const std::string key = random_key(random, space);
  const Lookup found = memtable.get(as_bytes(key), hash_of(as_bytes(key)), commit);
  const auto* const newest = model.newest(key, commit);
  const uint64_t hidden = model.over(key, commit);
  expect(memtable.range_deletion_over(as_bytes(key), commit) == hidden);
  if (newest == nullptr || hidden > newest->first) {
    expect(found.found == (hidden == 0 ? Found::kAbsent : Found::kDeleted));
    if (hidden != 0) expect(found.edit.commit == hidden);
  } else {
    const Found as = newest->second.kind == EditKind::kPut ? Found::kPut : Found::kDeleted;
    expect(found.found == as && found.edit.commit == newest->first);
    expect(as_text(found.edit.value) == newest->second.value);
    expect(found.edit.expires_ms == newest->second.expires_ms);
  }
}

void check_scans(const Memtable& memtable, const Model& model, Random& random, uint64_t space,
                 uint64_t commit_last) {
  const uint64_t commit = random.below(commit_last + 2);
  const std::string begin = random.one_in(3) ? "" : random_key(random, space);
  const std::string end = random.one_in(3) ? "" : random_key(random, space);
  const KeyRange range{as_bytes(begin), as_bytes(end)};
  std::vector<Line> lines = newest_lines(model, begin, end, commit);

  const auto forward = memtable.scan(range, commit, Direction::kForward);
  expect(drain(*forward) == lines);
  const std::string target = random_key(random, space);
  const auto from = std::find_if(lines.begin(), lines.end(),
                                 [&](const Line& line) { return line.key >= target; });
  forward->seek(as_bytes(target));
  expect(drain(*forward) == std::vector<Line>(from, lines.end()));

  std::reverse(lines.begin(), lines.end());
  const auto reverse = memtable.scan(range, commit, Direction::kReverse);
  expect(drain(*reverse) == lines);
  const auto back = std::find_if(lines.begin(), lines.end(),
                                 [&](const Line& line) { return line.key <= target; });
  reverse->seek(as_bytes(target));
  expect(drain(*reverse) == std::vector<Line>(back, lines.end()));

  const uint64_t after = random.below(commit_last + 1);
  expect(drain(*memtable.versions(range, after, commit)) ==
         version_lines(model, begin, end, after, commit));
}

// Pages as a memtable may find them, of which it may use nothing before it has written it.
std::shared_ptr<PageStock> used_pages() {
  constexpr size_t kCount = 8;
  auto pages = std::make_shared<PageStock>(kHugePageBytes);
  pages->set_limit(kCount * kHugePageBytes);
  for (size_t i = 0; i < kCount; ++i) {
    uint8_t* const page = map_pages(kHugePageBytes);
    std::memset(page, 0xa5, kHugePageBytes);
    pages->give(page);
  }
  return pages;
}

void run_model(uint64_t seed, bool expect_scans) {
  Random random(seed);
  Memtable memtable(7, used_pages());
  memtable.expect_scans(expect_scans);
  Model model;
  const uint64_t space = 1 + random.below(2000);
  const uint64_t range_one_in = 5 + random.below(200);
  size_t cost = Memtable::fixed_bytes();
  uint64_t edit_count = 0;
  uint64_t commit = 0;
  for (int step = 0; step < 4000; ++step) {
    ++commit;
    if (random.one_in(range_one_in)) {
      const std::string begin = random_key(random, space);
      const std::string end = random.one_in(20) ? "" : random_key(random, space);
      memtable.delete_range({as_bytes(begin), as_bytes(end), commit});
      model.ranges.push_back({begin, end, commit});
      cost += Memtable::range_cost(begin.size(), end.size());
    } else {
      const std::string key = random_key(random, space);
      Model::Said said{random.one_in(5) ? EditKind::kDelete : EditKind::kPut, "", 0};
      if (said.kind == EditKind::kPut) said.value.assign(random.below(40), static_cast<char>(step));
      if (random.one_in(6)) said.expires_ms = random.next();
      put(memtable, {as_bytes(key), commit, said.kind, 0, said.expires_ms, as_bytes(said.value)});
      cost += Memtable::cost(key.size(), said.value.size());
      model.keys[key][commit] = said;
      ++edit_count;
    }
    check_reads(memtable, model, random, space, commit);
    if (random.one_in(200)) check_scans(memtable, model, random, space, commit);
    expect(memtable.size_bytes() <= cost);
  }
  check_scans(memtable, model, random, space, commit);
  expect(memtable.edit_count() == edit_count && !memtable.empty());
  expect(memtable.range_deletions().size() == model.ranges.size());
  expect(memtable.has_range_deletions() == !model.ranges.empty());
}

}  // namespace

static const Case model("a memtable answers every read like a plain map of versions", [] {
  for (uint64_t i = 0; i < 6; ++i) run_model(seed() * 1000 + i, i % 2 == 0);
});

static const Case empty("an empty memtable knows nothing and scans nothing", [] {
  const Memtable memtable(1);
  expect(memtable.empty() && memtable.id() == 1 && !memtable.has_range_deletions());
  expect(memtable.get({}, 0, 1).found == Found::kAbsent);
  const auto cursor = memtable.scan({}, 1, Direction::kReverse);
  expect(!cursor->valid());
  cursor->seek(as_bytes("a"));
  expect(!cursor->valid());
  expect(!memtable.versions({}, 0, 9)->valid());
});

static const Case chain("any of 10,000 versions of one key is found", [] {
  Memtable memtable(1);
  const std::string key = "counter";
  constexpr uint64_t kCount = 10000;
  for (uint64_t i = 1; i <= kCount; ++i) put(memtable, put_of(key, i * 2, std::to_string(i)));
  bool right = true;
  for (uint64_t i = 1; i <= kCount; ++i) {
    const Lookup at = memtable.get(as_bytes(key), hash_of(as_bytes(key)), i * 2);
    const Lookup between = memtable.get(as_bytes(key), hash_of(as_bytes(key)), i * 2 + 1);
    right = right && as_text(at.edit.value) == std::to_string(i) && between.edit.commit == i * 2;
  }
  expect(right);
  expect(memtable.get(as_bytes(key), hash_of(as_bytes(key)), 1).found == Found::kAbsent);
  expect(drain(*memtable.versions({}, 10, 20)).size() == 5);
});

static const Case ranges("a range deletion hides older puts, not one of its own commit", [] {
  Memtable memtable(1);
  put(memtable, put_of("b", 1, "old"));
  memtable.delete_range({as_bytes("a"), as_bytes("c"), 2});
  put(memtable, put_of("bb", 2, "same"));
  const auto get = [&](std::string_view key, uint64_t commit) {
    return memtable.get(as_bytes(key), hash_of(as_bytes(key)), commit);
  };
  expect(get("b", 1).found == Found::kPut);
  expect(get("b", 2).found == Found::kDeleted && get("b", 2).edit.commit == 2);
  expect(get("bb", 2).found == Found::kPut);
  expect(get("a", 2).found == Found::kDeleted);
  expect(get("c", 2).found == Found::kAbsent);
});

static const Case colliding("keys of one hash are all kept apart", [] {
  Memtable memtable(1);
  constexpr uint64_t kCount = 9000;
  for (uint64_t i = 0; i < kCount; ++i) {
    memtable.put(put_of("key " + std::to_string(i), i + 1, std::to_string(i)), 42 << 16);
  }
  bool right = true;
  for (uint64_t i = 0; i < kCount; i += 97) {
    const std::string key = "key " + std::to_string(i);
    const Lookup found = memtable.get(as_bytes(key), 42 << 16, UINT64_MAX);
    right = right && as_text(found.edit.value) == std::to_string(i);
  }
  expect(right);
  expect(memtable.get(as_bytes("key"), 42 << 16, UINT64_MAX).found == Found::kAbsent);
});

static const Case large("200,000 keys put in any order come out sorted, whatever they share", [] {
  Random random(seed());
  Memtable memtable(1);
  const std::string shared = "tenant/2/collection/orders/by-customer/";
  constexpr uint64_t kCount = 200000;
  size_t cost = Memtable::fixed_bytes();
  for (uint64_t i = 0; i < kCount; ++i) {
    uint8_t number[8];
    store_big64(number, random.next() >> random.below(60));
    const std::string tail(as_text(number));
    const std::string key = random.one_in(2) ? shared + tail : "index" + tail;
    put(memtable, put_of(key, i + 1, "v"));
    cost += Memtable::cost(key.size(), 1);
    if (i % 50000 == 17) expect(memtable.scan({}, i, Direction::kForward)->valid());
  }
  expect(memtable.size_bytes() <= cost);
  uint64_t count = 0;
  bool sorted = true;
  std::string last;
  const auto cursor = memtable.scan({}, kCount, Direction::kForward);
  for (; cursor->valid(); cursor->next()) {
    const std::string key(as_text(cursor->edit().key));
    sorted = sorted && (count == 0 || last < key);
    last = key;
    ++count;
  }
  expect(sorted && count > kCount / 2);
  uint64_t versions = 0;
  for (auto all = memtable.versions({}, 0, kCount); all->valid(); all->next()) ++versions;
  expect(versions == kCount);
});

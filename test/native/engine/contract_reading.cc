// Contract: gets, scans and walks over versions, at every commit and from every bound.
#include "base/random.h"
#include "engine/compare.h"
#include "engine/contract.h"

namespace varve::test {

namespace {

const Retention kAll{0, {}};

// Some runs over few keys that are prefixes of one another, everything kept.
Oracle written(Subject& subject, uint64_t seed) {
  const std::string keys[] = {
      "",        std::string(1, '\0'), "a", std::string("a\0", 2), "a\xff", "ab", "abc", "ac", "b",
      "\xff\xff"};
  Random random(seed);
  Oracle oracle;
  for (int run = 0; run < 6; ++run) {
    for (int commit = 0; commit < 4; ++commit) {
      oracle.begin_commit();
      if (random.one_in(6)) oracle.delete_range(keys[random.below(10)], keys[random.below(10)]);
      for (int edit = 0; edit < 3; ++edit) {
        const std::string& key = keys[random.below(10)];
        if (random.one_in(4))
          oracle.remove(key);
        else
          oracle.put(key, std::string(random.below(60), 'v') + std::to_string(oracle.commit()));
      }
    }
    expect_ok(oracle.absorb_into(*subject.engine, kAll));
    if (run == 3) expect(static_cast<bool>(subject.engine->maintain(UINT64_MAX, kAll)));
  }
  return oracle;
}

const std::vector<std::string>& bounds() {
  static const std::vector<std::string> all = {"",
                                               std::string(1, '\0'),
                                               "a",
                                               std::string("a\0", 2),
                                               "a\x01",
                                               "a\xff",
                                               "ab",
                                               "abb",
                                               "ac",
                                               "b",
                                               "c",
                                               "\xff\xff",
                                               "\xff\xff\xff"};
  return all;
}

void says_nothing(Subject& subject) {
  const Oracle oracle;
  expect_ok(same(subject, oracle, {}));
  const Reading reading(subject);
  const EngineVersion& version = subject.engine->version();
  const Result<Lookup> found = look_up(subject, version, "a", 9, false);
  expect(found && found->found == Found::kAbsent);
  expect(!version.scan({}, 9, Direction::kReverse)->valid());
  expect(version.size({}) == 0);
  expect(subject.engine->stats().entry_count == 0);
  const Result<Progress> progress = subject.engine->maintain(UINT64_MAX, {});
  expect(progress && *progress == Progress::kIdle);
  expect_ok(subject.engine->compact({}, {}));
}

void gets_everywhere(Subject& subject) {
  const Oracle oracle = written(subject, seed());
  const Reading reading(subject);
  const Compare compare(subject, subject.engine->version(), oracle);
  for (uint64_t view = 0; view <= oracle.commit() + 2; ++view) expect_ok(compare.gets(view));
  expect_ok(compare.gets(UINT64_MAX));
}

void scans_everywhere(Subject& subject) {
  const Oracle oracle = written(subject, seed() + 1);
  const Reading reading(subject);
  const Compare compare(subject, subject.engine->version(), oracle);
  for (const std::string& begin : bounds()) {
    for (const std::string& end : bounds()) {
      for (const uint64_t view : {uint64_t{3}, uint64_t{12}, uint64_t{24}, UINT64_MAX}) {
        expect_ok(compare.scans({begin, end}, view));
      }
    }
  }
}

void seeks_everywhere(Subject& subject) {
  const Oracle oracle = written(subject, seed() + 2);
  const Reading reading(subject);
  const Compare compare(subject, subject.engine->version(), oracle);
  std::vector<std::string> targets;
  for (const std::string& first : bounds()) {  // From everywhere to everywhere.
    for (const std::string& second : bounds()) {
      targets.push_back(first);
      targets.push_back(second);
    }
  }
  for (const Bounds& range : {Bounds{"", ""}, Bounds{"a", ""}, Bounds{"", "ab"},
                              Bounds{"a\xff", "c"}, Bounds{"b", "a"}}) {
    for (const uint64_t view : {uint64_t{12}, UINT64_MAX}) {
      expect_ok(compare.seeks(range, view, Direction::kForward, targets));
      expect_ok(compare.seeks(range, view, Direction::kReverse, targets));
    }
  }
}

void versions_everywhere(Subject& subject) {
  const Oracle oracle = written(subject, seed() + 3);
  const Reading reading(subject);
  const Compare compare(subject, subject.engine->version(), oracle);
  for (uint64_t from = 0; from <= oracle.commit(); from += 5) {
    for (uint64_t to = from; to <= oracle.commit() + 1; to += 3) {
      for (const Bounds& range : {Bounds{"", ""}, Bounds{"a", "ac"}, Bounds{"ab", ""}}) {
        expect_ok(compare.versions(range, from, to));
      }
    }
  }
  for (const std::string& begin : bounds()) {
    for (const std::string& end : bounds()) {
      expect_ok(compare.versions({begin, end}, 4, 20));
    }
  }
  expect_ok(compare.versions({}, 9, 3));
  expect_ok(compare.versions({}, 0, UINT64_MAX));
}

void many_versions(Subject& subject) {
  Oracle oracle;
  for (int run = 0; run < 4; ++run) {
    for (int commit = 0; commit < 300; ++commit) {
      oracle.begin_commit();
      if (commit % 50 == 49)
        oracle.remove("long");
      else
        oracle.put("long", "version " + std::to_string(oracle.commit()));
      if (commit == 100) oracle.put("longer", "once");
      if (commit == 200) oracle.put("lon", "once");
    }
    expect_ok(oracle.absorb_into(*subject.engine, kAll));
    expect(static_cast<bool>(subject.engine->maintain(UINT64_MAX, kAll)));
  }
  const Reading reading(subject);
  const Compare compare(subject, subject.engine->version(), oracle);
  for (uint64_t view = 0; view <= oracle.commit(); view += 7) expect_ok(compare.view(view));
  expect_ok(compare.versions({}, 0, UINT64_MAX));
  expect_ok(compare.versions({"long", "longe"}, 100, 777));
}

// What an entry carries, and sizes from nothing to far beyond a block.
void whole_entries(Subject& subject) {
  Oracle oracle;
  oracle.begin_commit();
  uint64_t expires_ms = 0;
  for (const size_t size : {0, 1, 255, 4096, 70'000, 1'200'000}) {
    const std::string text = std::to_string(size);
    oracle.put("value" + text, std::string(size, 'v'), 0, expires_ms += 977);
    oracle.put(std::string(size % 70'000, 'k') + text, text, 0, UINT64_MAX - expires_ms);
  }
  expect_ok(oracle.absorb_into(*subject.engine));
  expect_ok(same(subject, oracle, {}));
  expect_ok(subject.engine->compact({}, {}));
  expect_ok(same(subject, oracle, {}));
  expect_ok(subject.reopen(subject));
  expect_ok(same(subject, oracle, {}));
}

void may_not_block(Subject& subject) {
  const Oracle oracle = written(subject, seed() + 4);
  expect_ok(subject.reopen(subject));
  const Reading reading(subject);
  const EngineVersion& version = subject.engine->version();
  const Compare compare(subject, version, oracle);
  const auto would_block = [&](const std::string& key, uint64_t view) {
    const Result<Lookup> found = look_up(subject, version, key, view, false);
    return found && found->found == Found::kWouldBlock;
  };
  // A value that lies apart is never kept in memory: only its entry is.
  const auto lies_apart = [&](const std::string& key, uint64_t view) {
    const Result<Lookup> found = look_up(subject, version, key, view, true);
    return found && (found->edit.flags & kFlagSeparateValue) != 0;
  };
  for (const std::string& key : oracle.keys()) {
    for (uint64_t view = 0; view <= oracle.commit(); view += 3) {
      expect_ok(compare.get(key, view, false));
      expect_ok(compare.get(key, view, true));
      expect(!would_block(key, view) || lies_apart(key, view));
      expect_ok(compare.get(key, view, false));
    }
  }
}

// More than a few blocks, found again: nothing of it has been read yet.
void cold_reading(Subject& subject) {
  Random random(seed() + 5);
  Oracle oracle;
  for (int run = 0; run < 3; ++run) {
    oracle.begin_commit();
    for (int edit = 0; edit < 400; ++edit) {
      oracle.put("key" + std::to_string(1000 + random.below(600)),
                 std::string(random.below(80), 'v') + std::to_string(edit));
    }
    oracle.delete_range("key" + std::to_string(1000 + random.below(600)), "key16");
    expect_ok(oracle.absorb_into(*subject.engine, kAll));
  }
  const auto reading_anew = [&](const auto& compared) {
    expect_ok(subject.reopen(subject));
    const Reading reading(subject);
    expect_ok(compared(Compare(subject, subject.engine->version(), oracle)));
  };
  reading_anew([&](const Compare& compare) { return compare.gets_of({"key1100"}, 2); });
  reading_anew([&](const Compare& compare) { return compare.scans({}, UINT64_MAX); });
  reading_anew([&](const Compare& compare) { return compare.scans({"key12", "key14"}, 2); });
  std::vector<std::string> keys;  // In any order, some of them twice.
  for (int i = 0; i < 500; ++i) keys.push_back("key" + std::to_string(1000 + random.below(700)));
  reading_anew([&](const Compare& compare) { return compare.gets_of(keys, UINT64_MAX); });
}

}  // namespace

void EngineContract::add_reading() const {
  add("an empty engine says nothing", says_nothing);
  add("get() answers at every commit, and above the last as at it", gets_everywhere);
  add("scan() shows the live entries between any two bounds, forward and reverse",
      scans_everywhere);
  add("seek() finds its place from wherever the cursor stands", seeks_everywhere);
  add("versions() shows what was written between two commits, range deletions too",
      versions_everywhere);
  add("a key of a thousand versions is read at each of them", many_versions);
  add("expiry, and keys and values of any size come back as they were", whole_entries);
  add("a get that may not block tells the truth or says so, and is warm after one that may",
      may_not_block);
  add("gets of many keys and ranges find what was not read since the opening", cold_reading);
}

}  // namespace varve::test

// Tables at the edges of what may be in them, and at the edges of their own life.
#include <map>
#include <set>
#include <string>

#include "base/random.h"
#include "pure/codec/crc32c.h"
#include "storage/table/layout.h"
#include "storage/table/written_table.h"

namespace varve::test {
namespace {

std::string any_bytes(Random& random, size_t size) {
  std::string bytes;
  while (bytes.size() < size) bytes.push_back(static_cast<char>(random.next()));
  return bytes;
}

// Keys of no bytes, of zeros, of the highest bytes, of 64 KiB, with long prefixes in common.
std::string edge_key(Random& random) {
  static const std::string shared(65'000, 's');
  switch (random.below(7)) {
    case 0: return std::string(random.below(3), '\0');
    case 1: return std::string(random.below(4), '\xff');
    case 2: return any_bytes(random, random.below(12));
    case 3: return shared + any_bytes(random, random.below(3));
    case 4: return std::string(254 + random.below(4), 'b');  // Around the long form of a size.
    case 5: return std::string(65'536, 'c') + std::string(random.below(17), 'd');
    default: return "k" + std::to_string(random.below(500));
  }
}

std::string edge_value(Random& random) {
  switch (random.below(12)) {
    case 0: return {};
    case 1: return any_bytes(random, 3000 + random.below(3000));
    case 2: return random.one_in(4) ? any_bytes(random, 300'000) : "";
    default: return any_bytes(random, random.below(40));
  }
}

std::string some_reference(Random& random) {
  uint8_t bytes[kValueReferenceBytes] = {};
  const ValueReference reference{
      1 + random.below(3), random.next(), random.below(1 << 20), random.next(), 42,
      random.one_in(2)};
  encode_value_reference(reference, bytes);
  return std::string(as_text(Bytes(bytes, sizeof bytes)));
}

std::vector<Version> edge_versions(Random& random, size_t key_count) {
  std::set<std::string> keys;
  for (size_t i = 0; i < key_count; ++i) keys.insert(edge_key(random));
  std::vector<Version> versions;
  for (const std::string& key : keys) {
    // Commits anywhere below 2^53, so that a block needs from none to seven bytes for them.
    uint64_t commit = (uint64_t{1} << (8 + random.below(45))) + random.below(200);
    const size_t count = key.size() > 1000 ? 1 + random.below(3) : 1 + random.below(6);
    for (size_t i = 0; i < count && commit > 100; ++i) {
      const bool is_put = !random.one_in(5);
      const bool lies_apart = is_put && random.one_in(9);
      versions.push_back({key, commit, is_put ? EditKind::kPut : EditKind::kDelete,
                          static_cast<uint8_t>(lies_apart ? kFlagSeparateValue : 0),
                          random.one_in(4) ? random.next() : 0,
                          lies_apart ? some_reference(random)
                          : is_put   ? edge_value(random)
                                     : std::string()});
      commit -= 1 + random.below(90);
    }
  }
  return versions;
}

// Both ways from any place, near versions that are there and from keys that are not.
void check_seeks(WrittenTable& bench, CacheUse use, Random& random) {
  const EpochDomain::Guard guard(bench.epochs, *bench.slot);
  const auto cursor = bench.table->cursor(use);
  for (int i = 0; i < 60; ++i) {
    const Version& near = bench.versions[random.below(bench.versions.size())];
    const bool is_there = !random.one_in(3);
    const std::string key = is_there ? near.key : edge_key(random);
    const uint64_t commit = random.one_in(3) ? UINT64_MAX : near.commit + random.below(3) - 1;
    const size_t at = bench.place_of(key, commit);
    size_t walked = at;
    cursor->seek(as_bytes(key), commit);
    for (int step = 0; step < 8 && cursor->valid(); ++step, ++walked, cursor->next()) {
      expect(bench.shows(cursor->edit(), walked));
    }
    expect(cursor->valid() == (walked < bench.versions.size()));
    walked = at;
    cursor->seek_before(as_bytes(key), commit);
    for (int step = 0; step < 8 && cursor->valid(); ++step, cursor->previous()) {
      expect(walked > 0 && bench.shows(cursor->edit(), --walked));
    }
    expect(cursor->valid() == (walked > 0));
    expect_ok(cursor->status());
  }
}

void check_all_seeks(WrittenTable& bench, Random& random) {
  for (const CacheUse use : {CacheUse::kKeep, CacheUse::kAround, CacheUse::kTake}) {
    check_seeks(bench, use, random);
  }
}

const Case edges("keys, values and commits at the edges come back, from any cache and any place",
                 [] {
                   for (uint64_t round = 0; round < 24; ++round) {
                     Random random(seed() * 1000 + round);
                     WrittenTable bench(random.one_in(2) ? 1 : uint64_t{4} << 20);
                     bench.options.block_bytes = random.one_in(3) ? 64 : 4096;
                     bench.options.part_bits_max = static_cast<uint32_t>(random.below(8));
                     bench.write(edge_versions(random, 1 + random.below(120)));
                     expect_ok(bench.open());
                     require(bench.table != nullptr);
                     for (const Version& version : bench.versions) {
                       bench.check_get(version.key, version.commit);
                       bench.check_get(version.key, version.commit - 1);
                     }
                     for (int i = 0; i < 100; ++i) bench.check_get(edge_key(random), UINT64_MAX);
                     check_all_seeks(bench, random);
                     std::vector<VerifyProblem> problems;
                     expect_ok(bench.table->verify(problems));
                     expect(problems.empty());
                   }
                 });

const Case chain("thousands of versions of one key lie over many blocks, each one found", [] {
  WrittenTable bench(1);
  bench.options.block_bytes = 128;
  std::vector<Version> versions{{"before", 5, EditKind::kPut, 0, 0, "b"}};
  for (uint64_t commit = 12'000; commit > 0; commit -= 3) {
    versions.push_back({"chain", commit, commit % 2 == 0 ? EditKind::kPut : EditKind::kDelete, 0, 0,
                        commit % 2 == 0 ? std::to_string(commit) : std::string()});
  }
  versions.push_back({"later", 5, EditKind::kPut, 0, 0, "l"});
  bench.write(std::move(versions));
  expect_ok(bench.open());
  require(bench.table != nullptr);
  for (uint64_t commit = 0; commit <= 12'001; commit += 7) bench.check_get("chain", commit);
  bench.check_get("before", 5);
  bench.check_get("later", 5);
  Random random(seed());
  check_all_seeks(bench, random);
});

const Case single("a table of one entry answers for it and for its neighbours", [] {
  for (const std::string& key : {std::string(), std::string("k"), std::string(65'552, '\xff')}) {
    WrittenTable bench;
    bench.write({{key, 1, EditKind::kPut, 0, 0, std::string()}});
    expect_ok(bench.open());
    require(bench.table != nullptr);
    for (const std::string& asked : {std::string(), std::string("j"), std::string("k"), key}) {
      bench.check_get(asked, UINT64_MAX);
      bench.check_get(asked, 0);
    }
    const auto cursor = bench.table->cursor(CacheUse::kTake);
    cursor->seek_first();
    expect(cursor->valid() && bench.shows(cursor->edit(), 0));
    cursor->next();
    expect(!cursor->valid());
    cursor->seek_last();
    expect(cursor->valid() && bench.shows(cursor->edit(), 0));
    cursor->previous();
    expect(!cursor->valid());
  }
});

const Case beside(
    "range deletions keep their order beside entries, and widen what a table spans", [] {
      WrittenTable bench;
      const std::vector<RangeDeletion> deletions = {{as_bytes("a"), as_bytes("b"), 9},
                                                    {as_bytes(""), as_bytes("zz"), 4},
                                                    {as_bytes("y"), {}, 7}};
      bench.write({{"m", 8, EditKind::kPut, 0, 0, "v"}, {"n", 6, EditKind::kDelete, 0, 0, ""}},
                  deletions);
      expect(bench.info.smallest.empty() && bench.info.largest == "zz" && bench.info.unbounded);
      expect(bench.info.commit_first == 4 && bench.info.commit_last == 9);
      expect(bench.info.entry_count == 2 && bench.info.range_deletion_count == 3);
      expect_ok(bench.open());
      require(bench.table != nullptr);
      const std::vector<RangeDeletion>& found = bench.table->range_deletions();
      require(found.size() == deletions.size());
      for (size_t i = 0; i < found.size(); ++i) {
        expect(equal(found[i].begin, deletions[i].begin) && equal(found[i].end, deletions[i].end));
        expect(found[i].commit == deletions[i].commit);
      }
      bench.check_get("m", UINT64_MAX);  // Range deletions are the caller's to apply.
    });

// As a writer would that does not keep the order.
const Case disordered("a walk that merges refuses keys out of order, by file and offset", [] {
  const auto put = [](const std::string& key, uint64_t commit) {
    return Version{key, commit, EditKind::kPut, 0, 0, "v"};
  };
  const std::vector<std::vector<Version>> wrong = {{put("b", 1), put("a", 1), put("c", 1)},
                                                   {put("a", 1), put("a", 1), put("c", 1)},
                                                   {put("a", 1), put("a", 2), put("c", 1)},
                                                   {put("a", 1), put("c", 1), put("b", 1)}};
  for (const uint32_t block_bytes : {1u, 4096u}) {
    for (const std::vector<Version>& versions : wrong) {
      WrittenTable bench;
      bench.options.block_bytes = block_bytes;
      bench.write(versions);
      expect_ok(bench.open());
      require(bench.table != nullptr);
      const auto cursor = bench.table->cursor(CacheUse::kTake);
      uint64_t count = 0;
      for (cursor->seek_first(); cursor->valid(); cursor->next()) ++count;
      expect(cursor->status().code() == Code::kCorrupt && count < versions.size());
      expect(cursor->status().message().find(bench.path + " at byte ") != std::string::npos);
    }
  }
});

// The manifest says which keys a table has: others would not be found where they come to lie.
const Case beyond("a walk that merges refuses keys beyond what the table is said to span", [] {
  for (const bool is_above : {false, true}) {
    WrittenTable bench;
    bench.write({{"b", 1, EditKind::kPut, 0, 0, "v"}, {"c", 1, EditKind::kPut, 0, 0, "v"}});
    (is_above ? bench.info.largest : bench.info.smallest) = "bb";
    expect_ok(bench.open());
    require(bench.table != nullptr);
    const auto cursor = bench.table->cursor(CacheUse::kTake);
    for (cursor->seek_first(); cursor->valid();) cursor->next();
    expect(cursor->status().code() == Code::kCorrupt);
  }
});

const Case cold("a get that may not wait says so while its block is on disk alone", [] {
  WrittenTable bench;
  bench.write({{"k", 3, EditKind::kPut, 0, 0, "v"}});
  expect_ok(bench.open());
  require(bench.table != nullptr);
  const EpochDomain::Guard guard(bench.epochs, *bench.slot);
  const uint64_t loads = bench.cache.load_count();  // Of the top of the block index.
  Result<Lookup> found = bench.get("k", 3, false);
  require(static_cast<bool>(found));
  expect(found->found == Found::kWouldBlock && bench.cache.load_count() == loads);
  expect(static_cast<bool>(bench.get("k", 3, true)));
  found = bench.get("k", 3, false);
  require(static_cast<bool>(found));
  expect(found->found == Found::kPut);
  // The point index, the block, and the part of the block index that it is found by.
  expect(bench.cache.load_count() == loads + 3);
});

const Case unindexed("gets do without the point index, which comes back when it pays", [] {
  WrittenTable bench;
  std::vector<Version> versions;
  for (int i = 0; i < 3000; ++i) {
    const std::string key = "key" + std::to_string(10000 + i * 2);
    for (uint64_t commit = 3; commit > 0; --commit) {
      versions.push_back({key, commit, EditKind::kPut, 0, 0, key + std::to_string(commit)});
    }
  }
  bench.options.block_bytes = 512;
  bench.write(std::move(versions));
  bench.cache.set_budget(1024);  // Of many blocks one fits, and nothing else.
  expect_ok(bench.open());
  require(bench.table != nullptr);
  expect(bench.cache.load_count() <= 1);  // The top of the block index fits, too.
  for (int i = 0; i < 300; ++i) {
    bench.check_get("key" + std::to_string(10000 + i * 19), 1 + static_cast<uint64_t>(i) % 3);
    bench.check_get("key" + std::to_string(10001 + i * 19), 3);
  }
  const EpochDomain::Guard guard(bench.epochs, *bench.slot);
  const Result<Lookup> blocked = bench.get("key10000", 3, false);
  require(static_cast<bool>(blocked));
  expect(blocked->found == Found::kWouldBlock);
  bench.cache.set_budget(uint64_t{8} << 20);
  const auto loads_of = [&](int from) {
    const uint64_t before = bench.cache.load_count();
    for (int i = 0; i < 200; ++i) bench.check_get("absent" + std::to_string(from + i), 3);
    return bench.cache.load_count() - before;
  };
  expect(loads_of(0) <= 4);    // The block before every key, the way to it, and the index.
  expect(loads_of(200) == 0);  // An absent key needs the index alone.
});

const Case dropped("a dropped table's file goes with its last user", [] {
  WrittenTable bench;
  bench.write({{"k", 3, EditKind::kPut, 0, 0, "v"}});
  expect_ok(bench.open());
  require(bench.table != nullptr);
  auto cursor = bench.table->cursor(CacheUse::kTake);
  bench.table->drop();
  bench.table.reset();
  Result<bool> is_there = native_os().exists(bench.path);
  expect(is_there && *is_there);
  cursor->seek_first();
  expect(cursor->valid() && bench.shows(cursor->edit(), 0));
  cursor.reset();
  is_there = native_os().exists(bench.path);
  expect(is_there && !*is_there);
  expect(bench.cache.used_bytes() == 0);
});

// Changes a byte of the footer and sums it anew: what a newer version would have written.
void change_footer(const WrittenTable& bench, size_t at, uint8_t to) {
  Result<std::unique_ptr<File>> file = native_os().open(bench.path, OpenMode::kWrite);
  require(static_cast<bool>(file));
  uint8_t footer[kTableFooterBytes];
  const uint64_t footer_at = bench.info.file_bytes - sizeof footer;
  require(static_cast<bool>((*file)->read_at(footer_at, footer)));
  footer[at] = to;
  store<uint32_t>(footer + 188, crc32c(Bytes(footer, 188)));
  expect_ok((*file)->write_at(footer_at, footer));
}

const Case newer("a table of a newer version, of another store or another number is refused", [] {
  const std::map<size_t, Code> changed = {
      {8, Code::kNewerFormat}, {10, Code::kNewerFormat}, {40, Code::kNewerFormat},
      {16, Code::kCorrupt},    {32, Code::kCorrupt},     {148, Code::kCorrupt},
      {152, Code::kCorrupt},   {176, Code::kCorrupt},    {145, Code::kCorrupt},
      {180, Code::kCorrupt},
  };
  for (const auto& [at, code] : changed) {
    WrittenTable bench;
    bench.write({{"k", 3, EditKind::kPut, 0, 0, "v"}});
    change_footer(bench, at, 0x7e);
    const Status status = bench.open();
    expect(status.code() == code && status.message().find(bench.path) != std::string::npos);
  }
});

const Case sized(
    "how much lies within a range is no more than the file and no less than nothing", [] {
      WrittenTable bench;
      bench.options.block_bytes = 256;
      std::vector<Version> versions;
      for (int i = 1000; i < 2000; ++i) {
        versions.push_back({std::to_string(i), 1, EditKind::kPut, 0, 0, std::string(50, 'v')});
      }
      bench.write(std::move(versions));
      expect_ok(bench.open());
      require(bench.table != nullptr);
      const uint64_t all = bench.table->size_within({});
      const uint64_t half = bench.table->size_within({as_bytes("1000"), as_bytes("1500")});
      expect(all > 50'000 && all < bench.info.file_bytes);
      expect(half > all / 3 && half < all * 2 / 3);
      expect(bench.table->size_within({as_bytes("3"), as_bytes("2")}) <= 512);
    });

}  // namespace
}  // namespace varve::test

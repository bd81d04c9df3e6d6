// Tables: what was written is found, by key and in order, from a cache of any size; damage is
// found, and never read.
#include "storage/table/table.h"

#include <map>
#include <string>
#include <vector>

#include "base/os/os_simulated.h"
#include "base/random.h"
#include "pure/codec/hash.h"
#include "test.h"

namespace varve::test {
namespace {

constexpr char kPath[] = "/00000007.table";
constexpr uint64_t kHashSeed = 42;

struct Version {
  std::string key;
  uint64_t commit;
  EditKind kind;
  std::string value;
};

// Everything that a table needs around it.
struct Bench {
  explicit Bench(uint64_t cache_bytes = uint64_t{8} << 20)
      : os(seed()), cache(epochs, cache_bytes) {
    options.number = 7;
    options.hash_seed = kHashSeed;
    slot = epochs.take_slot();
  }
  ~Bench() {
    table.reset();
    epochs.give_back(slot);
    for (int i = 0; i < 3; ++i) epochs.collect();
  }

  void write(const std::vector<Version>& versions,
             const std::vector<RangeDeletion>& deletions = {}) {
    Result<std::unique_ptr<TableWriter>> writer = TableWriter::create(os, kPath, options);
    require(static_cast<bool>(writer));
    for (const Version& version : versions) {
      expect_ok((*writer)->add(
          {as_bytes(version.key), version.commit, version.kind, 0, 0, as_bytes(version.value)}));
    }
    for (const RangeDeletion& deletion : deletions) (*writer)->add(deletion);
    Result<TableInfo> made = (*writer)->finish();
    require(static_cast<bool>(made));
    info = *made;
  }
  Status open() {
    Result<std::shared_ptr<Table>> opened = Table::open(os, kPath, info, cache, options);
    if (!opened) return opened.error();
    table = std::move(*opened);
    return Status::ok();
  }

  SimulatedOs os;
  EpochDomain epochs;
  Cache cache;
  EpochDomain::Slot* slot;
  TableOptions options;
  TableInfo info;
  std::shared_ptr<Table> table;
};

std::string random_key(Random& random) {
  switch (random.below(5)) {
    case 0: return std::string(random.below(4), static_cast<char>(random.below(3)));
    case 1: return "a long prefix that many keys have, " + std::to_string(random.below(300));
    case 2: return std::string(random.below(400), 'k') + std::to_string(random.below(9));
    default: return "key" + std::to_string(random.below(1000));
  }
}

std::vector<Version> random_versions(Random& random, size_t key_count) {
  std::map<std::string, size_t> keys;
  while (keys.size() < key_count)
    keys[random_key(random)] = random.one_in(20) ? 60 : random.below(3);
  std::vector<Version> versions;
  for (const auto& [key, more] : keys) {
    uint64_t commit = 100000 + random.below(100);
    for (size_t i = 0; i <= more; ++i) {
      const bool is_put = !random.one_in(6);
      const std::string value(random.one_in(30) ? random.below(9000) : random.below(60), 'v');
      versions.push_back({key, commit, is_put ? EditKind::kPut : EditKind::kDelete,
                          is_put ? value + std::to_string(commit) : ""});
      commit -= 1 + random.below(50);
    }
  }
  return versions;
}

// The newest version at or below the commit; null when there is none.
const Version* newest(const std::vector<Version>& versions, const std::string& key,
                      uint64_t commit) {
  for (const Version& version : versions) {
    if (version.key == key && version.commit <= commit) return &version;
  }
  return nullptr;
}

void check_get(Bench& bench, const std::vector<Version>& versions, const std::string& key,
               uint64_t commit, bool may_be_damaged = false) {
  const EpochDomain::Guard guard(bench.epochs, *bench.slot);
  Lookup found;
  const Status status =
      bench.table->get(as_bytes(key), hash64(as_bytes(key), kHashSeed), commit, true, found);
  if (!status) {
    expect(may_be_damaged && status.code() == Code::kCorrupt);
    return;
  }
  const Version* const wanted = newest(versions, key, commit);
  if (wanted == nullptr) {
    expect(found.found == Found::kAbsent);
    return;
  }
  expect(found.found == (wanted->kind == EditKind::kPut ? Found::kPut : Found::kDeleted));
  expect(found.edit.commit == wanted->commit && as_text(found.edit.value) == wanted->value);
}

void check_walks(Bench& bench, const std::vector<Version>& versions, CacheUse use) {
  const EpochDomain::Guard guard(bench.epochs, *bench.slot);
  const auto cursor = bench.table->cursor(use);
  size_t at = 0;
  for (cursor->seek_first(); cursor->valid(); cursor->next(), ++at) {
    if (at >= versions.size()) break;
    expect(as_text(cursor->edit().key) == versions[at].key);
    expect(cursor->edit().commit == versions[at].commit);
    expect(as_text(cursor->edit().value) == versions[at].value);
  }
  expect_ok(cursor->status());
  expect(at == versions.size() && !cursor->valid());
  for (cursor->seek_last(); cursor->valid(); cursor->previous()) {
    --at;
    expect(as_text(cursor->edit().key) == versions[at].key);
    expect(cursor->edit().commit == versions[at].commit);
    if (at == 0) {
      cursor->previous();
      break;
    }
  }
  expect(at == 0 && !cursor->valid());
}

void check_seeks(Bench& bench, const std::vector<Version>& versions, Random& random) {
  const EpochDomain::Guard guard(bench.epochs, *bench.slot);
  const auto cursor = bench.table->cursor();
  for (int i = 0; i < 200; ++i) {
    const std::string key =
        random.one_in(2) ? random_key(random) : versions[random.below(versions.size())].key;
    const uint64_t commit = random.one_in(2) ? UINT64_MAX : 97'000 + random.below(3200);
    size_t at = 0;
    while (at < versions.size() &&
           (versions[at].key < key || (versions[at].key == key && versions[at].commit > commit)))
      ++at;
    cursor->seek_before(as_bytes(key), commit);
    expect(cursor->valid() == (at > 0));
    if (cursor->valid()) expect(cursor->edit().commit == versions[at - 1].commit);
    cursor->seek(as_bytes(key), commit);
    expect(cursor->valid() == (at < versions.size()));
    if (!cursor->valid()) continue;
    expect(as_text(cursor->edit().key) == versions[at].key);
    expect(cursor->edit().commit == versions[at].commit);
    const std::string before = versions[at].key;
    while (at < versions.size() && versions[at].key == before) ++at;
    cursor->next_key();
    expect(cursor->valid() == (at < versions.size()));
    if (cursor->valid()) expect(cursor->edit().commit == versions[at].commit);
  }
}

void against_model(uint64_t chosen) {
  Random random(chosen);
  Bench bench(random.one_in(3) ? 1
                               : uint64_t{8} << 20);  // One byte: everything is evicted at once.
  bench.options.block_bytes = random.one_in(2) ? 256 : 4096;
  bench.options.compress = random.one_in(2);
  bench.options.part_bits_max = static_cast<uint32_t>(random.below(kIndexPartBitsMax + 1));
  const std::vector<Version> versions = random_versions(random, 1 + random.below(400));
  bench.write(versions);
  expect_ok(bench.open());
  if (!bench.table) return;
  for (int i = 0; i < 300; ++i) {
    const Version& some = versions[random.below(versions.size())];
    check_get(bench, versions, some.key, some.commit - random.below(2));
    check_get(bench, versions, random_key(random), UINT64_MAX);
  }
  for (const CacheUse use : {CacheUse::kKeep, CacheUse::kAround, CacheUse::kTake}) {
    check_walks(bench, versions, use);
  }
  check_seeks(bench, versions, random);
  std::vector<VerifyProblem> problems;
  expect_ok(bench.table->verify(problems));
  expect(problems.empty());
}

const Case model("a table holds what was written, by key, in both orders, from any cache", [] {
  for (uint64_t i = 0; i < 40; ++i) against_model(seed() + i);
});

const Case ranges("a table of range deletions alone has them all", [] {
  Bench bench;
  bench.write({}, {{as_bytes("a"), as_bytes("f"), 5}, {as_bytes("c"), {}, 9}});
  expect_ok(bench.open());
  require(bench.table != nullptr);
  expect(bench.table->range_deletions().size() == 2 && bench.info.unbounded);
  check_get(bench, {}, "b", UINT64_MAX);
});

void small_table(Bench& bench, bool compress, std::vector<Version>& versions) {
  for (int i = 0; i < 60; ++i) {
    const std::string number = std::to_string(1000 + i);
    versions.push_back({"key" + number, 9, EditKind::kPut, "the same words, again " + number});
  }
  bench.options.block_bytes = 512;
  bench.options.compress = compress;
  bench.options.part_bits_max = 1;
  bench.write(versions, {{as_bytes("x"), as_bytes("y"), 3}});
}

const Case flips("a flip of any bit of a table is found, and gives no wrong answer", [] {
  for (const bool compress : {false, true}) {
    Bench bench(1);
    std::vector<Version> versions;
    small_table(bench, compress, versions);
    for (uint64_t bit = 0; bit < bench.info.file_bytes * 8; ++bit) {
      const uint8_t mask = static_cast<uint8_t>(1u << (bit % 8));
      // Before it was opened: opening finds it, or verify() does.
      bench.os.disk().flip(kPath, bit / 8, mask);
      if (const Status status = bench.open(); !status) {
        expect(status.code() == Code::kCorrupt || status.code() == Code::kNewerFormat);
      } else {
        std::vector<VerifyProblem> problems;
        expect_ok(bench.table->verify(problems));
        expect(!problems.empty() && problems.front().file == kPath);
        if (bit % 16 == 0) {
          for (const Version& version : versions) {
            check_get(bench, versions, version.key, UINT64_MAX, true);
          }
        }
      }
      bench.table.reset();
      bench.os.disk().flip(kPath, bit / 8, mask);
    }
    expect_ok(bench.open());
  }
});

const Case cut("a table that is cut anywhere does not open", [] {
  Bench bench;
  std::vector<Version> versions;
  small_table(bench, false, versions);
  const std::string bytes = bench.os.disk().find(kPath)->bytes;
  for (size_t size = 0; size < bytes.size(); ++size) {
    bench.os.disk().find(kPath)->bytes = bytes.substr(0, size);
    expect(bench.open().code() == Code::kCorrupt);
  }
});

}  // namespace
}  // namespace varve::test

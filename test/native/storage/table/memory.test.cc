// What open tables take in memory: next to nothing for good, and the rest within the budget.
#include <map>
#include <string>
#include <vector>

#include "base/os/os_simulated.h"
#include "base/random.h"
#include "pure/codec/crc32c.h"
#include "pure/codec/hash.h"
#include "storage/table/layout.h"
#include "storage/table/table.h"
#include "test.h"

namespace varve::test {
namespace {

constexpr uint64_t kHashSeed = 5;
constexpr uint64_t kMegabyte = uint64_t{1} << 20;

std::string key_of(uint64_t i) { return "key" + std::to_string(10'000'000 + i); }

// Tables whose blocks have one entry each, behind one cache.
class SmallBlocks {
 public:
  SmallBlocks(size_t table_count, uint64_t entry_count, uint64_t cache_bytes)
      : entry_count_(entry_count), os_(seed()), cache(epochs, cache_bytes) {
    slot = epochs.take_slot();
    options_.block_bytes = 1;
    options_.hash_seed = kHashSeed;
    for (uint64_t i = 0; i < table_count; ++i) add();
  }
  ~SmallBlocks() {
    tables.clear();
    epochs.give_back(slot);
    epochs.collect();
  }

  Status get(size_t table, uint64_t i, bool may_block, Lookup& found) {
    const std::string key = key_of(i);
    const uint64_t hash = hash64(as_bytes(key), kHashSeed);
    return tables[table]->get(as_bytes(key), hash, UINT64_MAX, may_block, found);
  }
  // Changes what lies in a file. The next opening finds it.
  std::string& bytes() { return os_.disk().find(path_)->bytes; }
  Status open() {
    Result<std::shared_ptr<Table>> table = Table::open(os_, path_, info_, cache, options_);
    if (!table) return table.error();
    tables.push_back(std::move(*table));
    return Status::ok();
  }
  uint64_t block_count() const { return entry_count_ * tables.size(); }

 private:
  void add() {
    ++options_.number;
    path_ = table_path("", options_.number);
    Result<std::unique_ptr<TableWriter>> writer = TableWriter::create(os_, path_, options_);
    require(static_cast<bool>(writer));
    for (uint64_t i = 0; i < entry_count_; ++i) {
      const std::string key = key_of(i);
      expect_ok((*writer)->add({as_bytes(key), 1, EditKind::kPut, 0, 0, as_bytes(key)}));
    }
    Result<TableInfo> info = (*writer)->finish();
    require(static_cast<bool>(info));
    info_ = *info;
    expect_ok(open());
  }

  const uint64_t entry_count_;
  SimulatedOs os_;
  TableOptions options_;
  TableInfo info_;
  std::string path_;

 public:
  EpochDomain epochs;
  Cache cache;
  EpochDomain::Slot* slot = nullptr;
  std::vector<std::shared_ptr<Table>> tables;
};

const Case resident("an open table keeps less than half a byte a block for good", [] {
  SmallBlocks bench(1, 20'000, 0);
  expect(bench.cache.load_count() == 0);
  expect(bench.cache.used_bytes() > 16 && bench.cache.used_bytes() < bench.block_count() / 2);
});

const Case lazy("opening a table reads no point index: the first get that may wait does, once", [] {
  SmallBlocks bench(1, 20'000, 8 * kMegabyte);
  expect(bench.cache.load_count() == 1);  // The top of the block index.
  expect(bench.cache.used_bytes() < 20'000 * 4);
  const EpochDomain::Guard guard(bench.epochs, *bench.slot);
  Lookup found;
  expect_ok(bench.get(0, 7, false, found));
  expect(found.found == Found::kWouldBlock && bench.cache.load_count() == 1);
  expect_ok(bench.get(0, 7, true, found));
  expect(found.found == Found::kPut);
  expect(bench.cache.load_count() == 4);  // The point index, a part of the other, a block.
  for (uint64_t i = 20'000; i < 20'100; ++i) {
    expect_ok(bench.get(0, i, false, found));
    expect(found.found == Found::kAbsent || found.found == Found::kWouldBlock);
  }
  expect(bench.cache.load_count() == 4);
});

const Case writing("what a table holds while it is written counts against the budget", [] {
  constexpr uint64_t kCount = 100'000;
  SimulatedOs os(seed());
  EpochDomain epochs;
  Cache cache(epochs, 64 * kMegabyte);
  TableOptions options;
  options.cache = &cache;
  {
    Result<std::unique_ptr<TableWriter>> writer = TableWriter::create(os, "/1.table", options);
    require(static_cast<bool>(writer));
    const uint64_t before = cache.used_bytes();
    for (uint64_t i = 0; i < kCount; ++i) {
      const std::string key = key_of(i);
      expect_ok((*writer)->add({as_bytes(key), 1, EditKind::kPut, 0, 0, {}}));
    }
    const uint64_t grown = cache.used_bytes() - before;
    expect(cache.used_bytes() == (*writer)->held_bytes());
    expect(grown >= kCount * 24 && grown <= kCount * 36);
    expect(static_cast<bool>((*writer)->finish()));
  }
  expect(cache.used_bytes() == 0);
});

const Case warmed("a table that was warmed has its point index in memory if there is room", [] {
  for (const uint64_t budget : {8 * kMegabyte, kMegabyte / 64}) {
    SmallBlocks bench(1, 20'000, budget);
    const uint64_t loads = bench.cache.load_count();
    for (int i = 0; i < 3; ++i) expect_ok(bench.tables[0]->warm());
    expect(bench.cache.load_count() == loads + (budget > kMegabyte ? 1 : 0));
    expect(bench.cache.used_bytes() <= budget);
  }
});

const Case within("tables with indexes and filters of thrice the budget keep to it", [] {
  const uint64_t budget = 4 * kMegabyte;
  const uint64_t part_most = kMegabyte / 4;  // A point index is the largest.
  SmallBlocks bench(8, 50'000, budget);
  Random random(seed());
  uint64_t most = 0;
  size_t held_most = 0;
  for (int i = 0; i < 60'000; ++i) {
    const EpochDomain::Guard guard(bench.epochs, *bench.slot);
    const uint64_t number = random.below(50'000);
    Lookup found;
    expect_ok(bench.get(random.below(8), number, true, found));
    expect(found.found == Found::kPut && as_text(found.edit.value) == key_of(number));
    most = std::max(most, bench.cache.used_bytes());
    held_most = std::max(held_most, bench.cache.held_bytes());
  }
  expect(most > budget / 2 && most <= budget + part_most);
  expect(held_most <= budget + 4 * kMegabyte);  // In pages of two, and what waits to be freed.
  expect(bench.cache.eviction_count() > 1000);
  // What all of it would take: a handle and a place for each block, and four bytes for each key.
  expect(bench.block_count() * 30 > 2 * budget);
});

const Case exact("a get that may not wait answers as soon as nothing that it needs is missing", [] {
  SmallBlocks bench(1, 5'000, kMegabyte / 4);
  Random random(seed());
  size_t answered = 0;
  for (int i = 0; i < 20'000; ++i) {
    const EpochDomain::Guard guard(bench.epochs, *bench.slot);
    const uint64_t number = random.below(5'000);
    const uint64_t loads = bench.cache.load_count();
    Lookup found;
    expect_ok(bench.get(0, number, false, found));
    expect(bench.cache.load_count() == loads);
    if (found.found != Found::kWouldBlock) {
      expect(found.found == Found::kPut && as_text(found.edit.value) == key_of(number));
      ++answered;
      continue;
    }
    expect_ok(bench.get(0, number, true, found));
    expect(bench.cache.load_count() > loads && found.found == Found::kPut);
  }
  expect(answered > 100 && answered < 19'900);
});

// Sums a part anew, as only a hostile hand would.
void sum_part(std::string& file, uint64_t offset, uint64_t size) {
  uint8_t* const bytes = reinterpret_cast<uint8_t*>(file.data());
  const uint32_t sum = crc32c(Bytes(bytes + offset, size), static_cast<uint32_t>(offset));
  store<uint32_t>(bytes + offset + size, crc32c(Bytes(bytes + offset + size + 4, 4), sum));
}

bool names(const Status& status, uint64_t offset) {
  return status.code() == Code::kCorrupt &&
         status.message().find(table_path("", 1) + " at byte " + std::to_string(offset)) !=
             std::string::npos;
}

const Case refused(
    "a hostile part of the index is refused by file and offset, and costs its own", [] {
      SmallBlocks bench(1, 1'000, kMegabyte);
      const std::string whole = bench.bytes();
      const uint8_t* const footer = as_bytes(whole).last(kTableFooterBytes).data();
      IndexPart top;
      const uint64_t top_at = load<uint64_t>(footer + 116);
      require(IndexPart::parse(as_bytes(whole).subspan(top_at, load<uint32_t>(footer + 124)), top));
      require(top.count() > 3);
      const BlockPlace place = top.place(1);
      const size_t changes[] = {0, 4, 15, 16, 18, 24, 26};
      for (const size_t at : changes) {
        bench.tables.clear();
        std::string& bytes = bench.bytes();
        bytes = whole;
        bytes[place.offset + at] = static_cast<char>(bytes[place.offset + at] + 0x41);
        sum_part(bytes, place.offset, place.size);
        expect_ok(bench.open());
        const EpochDomain::Guard guard(bench.epochs, *bench.slot);
        Lookup found;
        expect(names(bench.get(0, 200, true, found), place.offset));
        expect_ok(bench.get(0, 10, true, found));
        expect(found.found == Found::kPut);
        const auto cursor = bench.tables[0]->cursor();
        cursor->seek(as_bytes(key_of(200)));
        expect(!cursor->valid() && names(cursor->status(), place.offset));
        std::vector<VerifyProblem> problems;
        expect_ok(bench.tables[0]->verify(problems));
        expect(problems.size() == 1 && problems[0].offset == place.offset);
        BlockWalk walk(*bench.tables[0]);
        uint64_t count = 0;
        for (Result<bool> more = walk.next(); !more || *more; more = walk.next()) {
          count += more ? walk.block().count() : 0;
        }
        expect(count == 1'000 - 128);
      }
    });

const Case damaged("a damaged point index is CORRUPT to gets, and nothing to whoever walks", [] {
  SmallBlocks bench(1, 1'000, kMegabyte);
  bench.tables.clear();
  std::string& bytes = bench.bytes();
  const uint64_t points_at = load<uint64_t>(as_bytes(bytes).last(kTableFooterBytes).data() + 128);
  bytes[points_at + 40] = static_cast<char>(bytes[points_at + 40] ^ 1);
  expect_ok(bench.open());
  expect(names(bench.tables[0]->warm(), points_at));
  const EpochDomain::Guard guard(bench.epochs, *bench.slot);
  Lookup found;
  for (int i = 0; i < 2; ++i) expect(names(bench.get(0, 5, true, found), points_at));
  const auto cursor = bench.tables[0]->cursor();
  uint64_t count = 0;
  for (cursor->seek_first(); cursor->valid(); cursor->next()) ++count;
  expect(cursor->status() && count == 1'000);
  std::vector<VerifyProblem> problems;
  expect_ok(bench.tables[0]->verify(problems));
  expect(problems.size() == 1 && problems[0].offset == points_at);
});

}  // namespace
}  // namespace varve::test

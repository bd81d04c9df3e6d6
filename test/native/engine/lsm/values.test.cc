// Values that lie apart: which do, what reads and merges cost them, and what damage does.
#include "storage/values/values.h"

#include <string>

#include "base/random.h"
#include "engine/compare.h"
#include "engine/lsm/lsm_subject.h"

using namespace varve;
using namespace varve::test;

namespace {

constexpr uint64_t kLargeBytes = 100;
const Retention kNewest{};
const Retention kAll{0, {}};

Subject open_apart() { return open_lsm_subject(CompactionStyle::kLeveled, kLargeBytes); }

std::string key_of(int number) { return "key" + std::to_string(1000 + number); }

void put_some(Oracle& oracle, int from, int to, size_t size) {
  for (int i = from; i < to; ++i) {
    oracle.begin_commit();
    oracle.put(key_of(i), std::string(size, static_cast<char>('a' + i % 26)));
  }
}

std::vector<std::string> value_files(const Subject& subject) {
  std::vector<std::string> paths;
  const std::string& directory = ground_of(subject).options.directory;
  const auto entries = native_os().list(directory);
  for (const DirectoryEntry& entry : *entries) {
    if (values_number(entry.name) != 0) paths.push_back(directory + "/" + entry.name);
  }
  return paths;
}

void flip(const std::string& path, uint64_t offset) {
  const auto file = native_os().open(path, OpenMode::kWrite);
  require(static_cast<bool>(file));
  uint8_t byte = 0;
  expect_ok((*file)->read_at(offset, MutableBytes(&byte, 1)).error());
  byte ^= 0x20;
  expect_ok((*file)->write_at(offset, Bytes(&byte, 1)));
}

Result<std::string> value_of(const Subject& subject, const std::string& key) {
  const Reading reading(subject);
  const EngineVersion& version = subject.engine->version();
  Lookup found;
  Status status = version.get(as_bytes(key), subject.hash(key), UINT64_MAX, true, found);
  if (!status) return status;
  require(found.found == Found::kPut);
  const Result<uint64_t> size = version.value_bytes(found.edit);
  if (!size) return size.error();
  std::string value(*size, '\0');
  status = version.read_value(found.edit,
                              MutableBytes(reinterpret_cast<uint8_t*>(value.data()), value.size()));
  if (!status) return status;
  return value;
}

}  // namespace

static const Case threshold("values from the threshold on lie apart, and no others", [] {
  Subject subject = open_apart();
  Oracle oracle;
  put_some(oracle, 0, 10, kLargeBytes - 1);
  expect_ok(oracle.absorb_into(*subject.engine, kAll));
  expect(subject.engine->stats().value_file_count == 0 && value_files(subject).empty());
  put_some(oracle, 10, 20, kLargeBytes);
  expect_ok(oracle.absorb_into(*subject.engine, kAll));
  const EngineStats stats = subject.engine->stats();
  expect(stats.value_file_count == 1 && value_files(subject).size() == 1);
  expect(stats.value_bytes == 10 * (kLargeBytes + kValueHeadBytes));
  expect(stats.value_dead_bytes == 0);
  expect_ok(same(subject, oracle, kAll));
});

static const Case rolled("many values go into several files", [] {
  Subject subject = open_apart();
  Oracle oracle;
  put_some(oracle, 0, 50, 1000);
  expect_ok(oracle.absorb_into(*subject.engine, kAll));
  expect(subject.engine->stats().value_file_count > 5);
  expect_ok(subject.reopen(subject));
  expect_ok(same(subject, oracle, kAll));
});

static const Case would_block("a value that lies apart is not read by who may not block", [] {
  Subject subject = open_apart();
  Oracle oracle;
  put_some(oracle, 0, 2, 500);
  expect_ok(oracle.absorb_into(*subject.engine, kAll));
  const Reading reading(subject);
  const EngineVersion& version = subject.engine->version();
  const std::string key = key_of(0);
  const auto get = [&](bool may_block) {
    Lookup found;
    expect_ok(version.get(as_bytes(key), subject.hash(key), UINT64_MAX, may_block, found));
    return found.found;
  };
  expect(get(true) == Found::kPut);  // The table's block is in the cache now.
  expect(get(false) == Found::kWouldBlock);
});

static const Case uncached("reading a value that lies apart leaves the cache as it was", [] {
  Subject subject = open_apart();
  Oracle oracle;
  put_some(oracle, 0, 3, 100'000);
  expect_ok(oracle.absorb_into(*subject.engine, kAll));
  expect(value_of(subject, key_of(1)).error().code() == Code::kOk);
  const uint64_t used = ground_of(subject).cache->used_bytes();
  for (int i = 0; i < 3; ++i) {
    const Result<std::string> value = value_of(subject, key_of(i));
    expect(value && value->size() == 100'000);
  }
  expect(ground_of(subject).cache->used_bytes() == used && used < 100'000);
});

static const Case sized("the size of a range counts the values that lie apart", [] {
  Subject subject = open_apart();
  Oracle oracle;
  put_some(oracle, 0, 20, 10'000);
  expect_ok(oracle.absorb_into(*subject.engine, kAll));
  const Reading reading(subject);
  const uint64_t size = subject.engine->version().size({});
  expect(size > 150'000 && size < 250'000);
});

static const Case damaged(
    "a damaged value is CORRUPT by file and place; other keys and their values are read", [] {
      Subject subject = open_apart();
      Oracle oracle;
      put_some(oracle, 0, 5, 200);
      expect_ok(oracle.absorb_into(*subject.engine, kAll));
      const std::string path = value_files(subject).at(0);
      const uint64_t third = kValueHeaderBytes + 2 * (200 + kValueHeadBytes) + kValueHeadBytes;
      flip(path, third + 50);
      for (int i = 0; i < 5; ++i) {
        const Result<std::string> value = value_of(subject, key_of(i));
        if (i != 2) expect(value && *value == std::string(200, static_cast<char>('a' + i)));
        if (i != 2) continue;
        expect(value.code() == Code::kCorrupt);
        expect(value.error().message().find(path) != std::string::npos);
        expect(value.error().message().find("byte " + std::to_string(third)) != std::string::npos);
      }
      std::vector<VerifyProblem> problems;
      expect_ok(subject.engine->verify(problems));
      expect(problems.size() == 1 && problems[0].file == path && problems[0].offset == third);
    });

static const Case orphans("value files that no manifest names go at the next opening", [] {
  Subject subject = open_apart();
  Oracle oracle;
  put_some(oracle, 0, 5, 200);
  expect_ok(oracle.absorb_into(*subject.engine, kAll));
  const std::string orphan = values_path(ground_of(subject).options.directory, 777);
  expect_ok(native_os().open(orphan, OpenMode::kCreate).error());
  expect_ok(subject.reopen(subject));
  expect(!*native_os().exists(orphan) && value_files(subject).size() == 1);
  // Its number is not given out again.
  put_some(oracle, 5, 9, 200);
  expect_ok(oracle.absorb_into(*subject.engine, kAll));
  expect(values_number(value_files(subject).back().substr(
             ground_of(subject).options.directory.size() + 1)) > 777);
  expect_ok(same(subject, oracle, kAll));
});

static const Case lost_file(
    "a lost value file refuses the opening, or its values where damage is served", [] {
      Subject subject = open_apart();
      Oracle oracle;
      put_some(oracle, 0, 3, 50);
      put_some(oracle, 3, 6, 200);
      expect_ok(oracle.absorb_into(*subject.engine, kAll));
      const std::string path = value_files(subject).at(0);
      expect_ok(native_os().remove(path));
      expect(subject.reopen(subject).code() == Code::kNotFound);
      std::vector<VerifyProblem> lost;
      ground_of(subject).options.lost = &lost;
      expect_ok(subject.reopen(subject));
      expect(lost.size() == 1 && lost[0].file == path);
      expect(*value_of(subject, key_of(1)) == std::string(50, 'b'));
      expect(value_of(subject, key_of(4)).code() == Code::kCorrupt);
    });

// ---- merges

static const Case carried("a merge carries references and writes no value again", [] {
  Subject subject = open_apart();
  Oracle oracle;
  for (int run = 0; run < 8; ++run) {
    put_some(oracle, run * 5, run * 5 + 5, 5000);
    expect_ok(oracle.absorb_into(*subject.engine, kNewest));
  }
  const uint64_t before = subject.engine->stats().written_bytes;
  expect_ok(subject.engine->compact({}, kNewest));
  expect(subject.engine->stats().written_bytes - before < 20'000);
  expect(subject.engine->stats().value_dead_bytes == 0);
  expect_ok(same(subject, oracle, kNewest));
});

static const Case removed("a value file without live bytes goes, with its last reader", [] {
  Subject subject = open_apart();
  Oracle oracle;
  put_some(oracle, 0, 3, 1000);
  expect_ok(oracle.absorb_into(*subject.engine, kNewest));
  const std::string path = value_files(subject).at(0);
  auto pinned = subject.engine->pin();
  oracle.begin_commit();
  oracle.delete_range(key_of(0), key_of(9));
  expect_ok(oracle.absorb_into(*subject.engine, kNewest));
  expect_ok(subject.engine->compact({}, kNewest));
  for (int round = 0; round < 3; ++round) subject.epochs->collect();
  const EngineStats stats = subject.engine->stats();
  expect(stats.value_file_count == 0 && stats.value_bytes == 0 && stats.value_dead_bytes == 0);
  expect(*native_os().exists(path));
  Lookup found;
  {
    const Reading reading(subject);
    expect_ok(pinned->get(as_bytes(key_of(1)), subject.hash(key_of(1)), 3, true, found));
    std::string value(1000, '\0');
    expect_ok(pinned->read_value(
        found.edit, MutableBytes(reinterpret_cast<uint8_t*>(value.data()), value.size())));
    expect(value == std::string(1000, 'b'));
  }
  pinned.reset();
  for (int round = 0; round < 3; ++round) subject.epochs->collect();
  expect(!*native_os().exists(path));
  expect_ok(subject.reopen(subject));
  expect_ok(same(subject, oracle, kNewest));
});

static const Case held_values("what a held commit sees stays alive, and dies with the hold", [] {
  Subject subject = open_apart();
  Oracle oracle;
  put_some(oracle, 0, 4, 1000);
  const Retention holding{UINT64_MAX, {oracle.commit()}};
  expect_ok(oracle.absorb_into(*subject.engine, holding));
  put_some(oracle, 0, 4, 200);
  expect_ok(oracle.absorb_into(*subject.engine, holding));
  expect_ok(subject.engine->compact({}, holding));
  expect_ok(same(subject, oracle, holding));
  expect(subject.engine->stats().value_bytes == 4 * (1200 + 2 * kValueHeadBytes));
  expect_ok(subject.engine->compact({}, kNewest));
  expect(subject.engine->stats().value_bytes == 4 * (200 + kValueHeadBytes));
  expect_ok(same(subject, oracle, kNewest));
});

// Maintains until nothing is left to do.
static void settle(Subject& subject) {
  for (int step = 0; step < 1000; ++step) {
    const Result<Progress> progress = subject.engine->maintain(100'000, kNewest);
    expect_ok(progress.error());
    if (!progress || *progress == Progress::kIdle) return;
  }
  expect(false);
}

static const Case emptied("a file half dead is emptied by maintenance, and its space comes back",
                          [] {
                            Subject subject = open_apart();
                            Oracle oracle;
                            put_some(oracle, 0, 40, 1000);
                            expect_ok(oracle.absorb_into(*subject.engine, kNewest));
                            for (int i = 0; i < 40; ++i) {
                              if (i % 3 == 0) continue;
                              oracle.begin_commit();
                              oracle.remove(key_of(i));
                            }
                            for (int run = 0; run < 4; ++run) {
                              put_some(oracle, 100 + run, 101 + run, 10);
                              expect_ok(oracle.absorb_into(*subject.engine, kNewest));
                            }
                            settle(subject);
                            const EngineStats stats = subject.engine->stats();
                            expect(stats.value_bytes == 14 * (1000 + kValueHeadBytes) &&
                                   stats.value_dead_bytes == 0);
                            for (int round = 0; round < 3; ++round) subject.epochs->collect();
                            expect(value_files(subject).size() == stats.value_file_count);
                            expect_ok(same(subject, oracle, kNewest));
                            expect_ok(subject.reopen(subject));
                            expect_ok(same(subject, oracle, kNewest));
                          });

// Files of 1 MB are to come, and each run brings a value of 4 KB.
static void gather(CompactionStyle style, bool ascending) {
  constexpr int kRunCount = 300;
  Subject subject = open_lsm_subject(style, kLargeBytes);
  LsmOptions& options = ground_of(subject).options;
  options.value_file_bytes = 1 << 20;
  options.table_bytes = 8192;  // A table of one reference, some 500 bytes, is small.
  expect_ok(subject.reopen(subject));
  Oracle oracle;
  Random random(seed());
  for (int run = 0; run < kRunCount; ++run) {
    const int key = ascending ? run : static_cast<int>(random.below(kRunCount));
    put_some(oracle, key, key + 1, 4000);
    expect_ok(oracle.absorb_into(*subject.engine, kNewest));
    settle(subject);
  }
  expect_ok(same(subject, oracle, kNewest));
  const EngineStats stats = subject.engine->stats();
  const uint64_t small = options.value_file_bytes / 16;  // As picking.h has it.
  expect(stats.value_file_count <= stats.value_bytes / small + 16);
  // Nothing was written more than a few times.
  expect(stats.written_bytes < 8 * stats.absorbed_bytes);
  uint64_t table_count = 0;
  for (const auto& [name, value] : stats.detail)
    table_count += name.ends_with("Tables") ? value : 0;
  expect(table_count <= 40);
  expect_ok(subject.reopen(subject));
  expect_ok(same(subject, oracle, kNewest));
}

static const Case gathered("the small value files of many runs become a few", [] {
  for (const bool ascending : {true, false}) {
    gather(CompactionStyle::kLeveled, ascending);
    gather(CompactionStyle::kTiered, ascending);
    gather(CompactionStyle::kUniversal, ascending);
  }
});

static const Case mostly_alive("a file less than half dead is left alone until compact()", [] {
  Subject subject = open_apart();
  Oracle oracle;
  put_some(oracle, 0, 3, 1000);
  expect_ok(oracle.absorb_into(*subject.engine, kNewest));
  oracle.begin_commit();
  oracle.remove(key_of(0));
  for (int run = 0; run < 4; ++run) {
    put_some(oracle, 100 + run, 101 + run, 10);
    expect_ok(oracle.absorb_into(*subject.engine, kNewest));
  }
  settle(subject);
  expect(subject.engine->stats().value_dead_bytes == 1000 + kValueHeadBytes);
  expect_ok(subject.engine->compact({}, kNewest));
  expect(subject.engine->stats().value_dead_bytes == 0);
  expect(subject.engine->stats().value_bytes == 2 * (1000 + kValueHeadBytes));
  expect_ok(same(subject, oracle, kNewest));
});

static const Case stays_damaged(
    "a damaged value stays where it is: merges go on, and what is whole of its file moves", [] {
      Subject subject = open_apart();
      Oracle oracle;
      put_some(oracle, 0, 4, 900);
      expect_ok(oracle.absorb_into(*subject.engine, kNewest));
      flip(value_files(subject).at(0), kValueHeaderBytes + kValueHeadBytes + 5);
      oracle.begin_commit();
      oracle.remove(key_of(1));
      expect_ok(oracle.absorb_into(*subject.engine, kNewest));
      expect_ok(subject.engine->compact({}, kNewest));
      expect_ok(subject.engine->compact({}, kNewest));
      settle(subject);
      expect(value_of(subject, key_of(0)).code() == Code::kCorrupt);
      for (const int i : {2, 3}) {
        const Result<std::string> value = value_of(subject, key_of(i));
        expect(value && *value == std::string(900, static_cast<char>('a' + i)));
      }
      expect(subject.engine->stats().value_file_count == 2);
    });

static const Case styles(
    "values survive rewriting under each style of merging, at every commit held", [] {
      for (const CompactionStyle style :
           {CompactionStyle::kLeveled, CompactionStyle::kTiered, CompactionStyle::kUniversal}) {
        Subject subject = open_lsm_subject(style, kLargeBytes);
        Random random(seed() + static_cast<uint64_t>(style));
        Oracle oracle;
        Retention retention;
        for (int run = 0; run < 40; ++run) {
          for (int i = 0; i < 6; ++i) {
            oracle.begin_commit();
            const std::string key = key_of(static_cast<int>(random.below(30)));
            if (random.one_in(4))
              oracle.remove(key);
            else
              oracle.put(key,
                         std::string(20 + random.below(600), static_cast<char>('a' + run % 26)));
          }
          if (run == 20) retention.held = {oracle.commit()};
          expect_ok(oracle.absorb_into(*subject.engine, retention));
          expect_ok(subject.engine->maintain(2000, retention).error());
          if (run % 10 == 9) expect_ok(same(subject, oracle, retention));
          if (run % 13 == 12) expect_ok(subject.reopen(subject));
        }
        const EngineStats stats = subject.engine->stats();
        expect(stats.value_dead_bytes * 3 < stats.value_bytes * 2);
      }
    });

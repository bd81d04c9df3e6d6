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

// The directory of a bitcask engine, merged from hints by one thread and by several: the same.
#include "engine/bitcask/bitcask_subject.h"
#include "engine/bitcask/data_file.h"
#include "engine/compare.h"

namespace varve::test {
namespace {

constexpr int kFiles = 5;
constexpr int kKeys = 6000;  // Of a file: more than a batch of a stream.

// Each file has most keys of the one before it anew, deletes a few, and knows some of its own.
Oracle fill(Subject& subject) {
  bitcask_ground_of(subject).options.dead_bytes_min = UINT64_MAX;
  bitcask_ground_of(subject).options.small_count = UINT32_MAX;
  expect_ok(subject.reopen(subject));
  Oracle oracle;
  for (int file = 0; file < kFiles; ++file) {
    oracle.begin_commit();
    for (int i = 0; i < kKeys; ++i) {
      const std::string key = "a key like others " + std::to_string(file * 1000 + i * 7919 % kKeys);
      if (i % 50 == file) {
        oracle.remove(key);
      } else {
        oracle.put(key, std::to_string(file));
      }
    }
    expect_ok(oracle.absorb_into(*subject.engine));
  }
  return oracle;
}

EngineStats opened(Subject& subject, const Oracle& oracle, uint64_t ahead_min) {
  bitcask_ground_of(subject).options.ahead_min = ahead_min;
  expect_ok(subject.reopen(subject));
  const Reading reading(subject);
  expect_ok(Compare(subject, subject.engine->version(), oracle)
                .scan({}, UINT64_MAX, Direction::kForward));
  return subject.engine->stats();
}

void same_by_any_number_of_threads() {
  Subject subject = open_bitcask_subject();
  const Oracle oracle = fill(subject);
  const EngineStats alone = opened(subject, oracle, UINT64_MAX);
  const EngineStats together = opened(subject, oracle, 1);
  expect(alone.entry_count == together.entry_count && alone.entry_count > kKeys);
  expect(alone.disk_bytes == together.disk_bytes);
}

// Behind the first batch, so that a thread finds it.
void damage_is_found_by_threads() {
  Subject subject = open_bitcask_subject();
  const Oracle oracle = fill(subject);
  BitcaskGround& ground = bitcask_ground_of(subject);
  subject.shut();
  const Result<std::vector<DirectoryEntry>> names = native_os().list(ground.options.directory);
  require(static_cast<bool>(names));
  int damaged = 0;
  for (const DirectoryEntry& entry : *names) {
    if (bitcask::hint_number(entry.name) == 0) continue;
    const std::string path = ground.options.directory + "/" + entry.name;
    const Result<std::unique_ptr<File>> file = native_os().open(path, OpenMode::kWrite);
    require(static_cast<bool>(file));
    expect_ok((*file)->write_at(entry.size - 100, as_bytes("damage")));
    ++damaged;
  }
  expect(damaged > 1);
  opened(subject, oracle, 1);
}

const Case threads("bitcask: a directory merged by several threads is that of one",
                   same_by_any_number_of_threads);
const Case damage("bitcask: a hint that a thread finds damaged is made anew",
                  damage_is_found_by_threads);

}  // namespace
}  // namespace varve::test

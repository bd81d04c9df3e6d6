// A disk that fails at any step: what was readable stays readable, nothing is lost, and no file of
// a step that failed is left to fill the disk.
#include "engine/compare.h"
#include "engine/lsm/lsm_subject.h"
#include "storage/table/table.h"
#include "storage/values/values.h"

using namespace varve;
using namespace varve::test;

namespace {

const Retention kAll{0, {}};
constexpr int64_t kStepsMax = 400;  // More than any action here takes.

std::string key_of(int number) { return "key" + std::to_string(1000 + number); }

void write(Oracle& oracle) {
  const int base = static_cast<int>(oracle.commit()) * 13;
  for (int i = 0; i < 10; ++i) {
    oracle.begin_commit();
    oracle.put(key_of((base + i * 7) % 60), std::string(40, static_cast<char>('a' + i)));
  }
  oracle.delete_range(key_of(base % 50), key_of(base % 50 + 5));
}

constexpr uint64_t kLargeValueBytes = 20;

size_t file_count(const Subject& subject) {
  const auto entries = native_os().list(ground_of(subject).options.directory);
  size_t count = 0;
  for (const DirectoryEntry& entry : *entries) {
    count += table_number(entry.name) != 0 || values_number(entry.name) != 0 ? 1 : 0;
  }
  return count;
}

size_t known_count(const Subject& subject) {
  size_t count = subject.engine->stats().value_file_count;
  for (const auto& [name, value] : subject.engine->stats().detail) {
    if (name.ends_with("Tables")) count += value;
  }
  return count;
}

// Tries the action with the disk failing one step later each time, until it succeeds.
void fail_at_every_step(Subject& subject, const Oracle& before, Code code,
                        const std::function<Status()>& act) {
  LsmGround& ground = ground_of(subject);
  for (int64_t steps = 0; steps < kStepsMax; ++steps) {
    ground.os.fail_after(steps, code);
    const Status status = act();
    ground.os.mend();
    if (status) return;
    expect(status.code() == code);
    expect_ok(same(subject, before, kAll));
  }
  expect(false);
}

void absorb_on_failing_disk(Code code, uint64_t large_value_bytes) {
  Subject subject = open_lsm_subject(CompactionStyle::kLeveled, large_value_bytes);
  Oracle oracle;
  for (int run = 0; run < 5; ++run) {
    const Oracle before = oracle;
    write(oracle);
    const Oracle written = oracle;
    fail_at_every_step(subject, before, code, [&] {
      oracle = written;
      return oracle.absorb_into(*subject.engine, kAll);
    });
    expect_ok(same(subject, oracle, kAll));
    for (int round = 0; round < 3; ++round) subject.epochs->collect();
    expect(file_count(subject) == known_count(subject));
  }
  expect_ok(subject.reopen(subject));
  expect_ok(same(subject, oracle, kAll));
}

void compact_on_failing_disk(Code code, uint64_t large_value_bytes) {
  Subject subject = open_lsm_subject(CompactionStyle::kLeveled, large_value_bytes);
  Oracle oracle;
  for (int run = 0; run < 6; ++run) {
    write(oracle);
    expect_ok(oracle.absorb_into(*subject.engine, kAll));
  }
  fail_at_every_step(subject, oracle, code, [&] { return subject.engine->compact({}, kAll); });
  expect_ok(same(subject, oracle, kAll));
  for (int round = 0; round < 3; ++round) subject.epochs->collect();
  expect(file_count(subject) == known_count(subject));
  expect_ok(subject.reopen(subject));
  expect_ok(same(subject, oracle, kAll));
}

}  // namespace

static const Case absorbing("absorb() that fails at any step changes nothing, and can be repeated",
                            [] {
                              absorb_on_failing_disk(Code::kIo, kNoLargeValues);
                              absorb_on_failing_disk(Code::kNoSpace, kNoLargeValues);
                              absorb_on_failing_disk(Code::kNoSpace, kLargeValueBytes);
                            });

static const Case compacting(
    "compact() that fails at any step changes nothing, and can be repeated", [] {
      compact_on_failing_disk(Code::kIo, kNoLargeValues);
      compact_on_failing_disk(Code::kNoSpace, kNoLargeValues);
      compact_on_failing_disk(Code::kNoSpace, kLargeValueBytes);
    });

// What the disk says after a failed write of the manifest is one of two states. Whichever it is,
// the store opens and is whole.
static const Case reopened("a store opened after a failure is as before the step or as after it",
                           [] {
                             for (int64_t steps = 0; steps < 24; ++steps) {
                               Subject subject = open_lsm_subject(
                                   CompactionStyle::kLeveled,
                                   steps % 2 == 0 ? kNoLargeValues : kLargeValueBytes);
                               Oracle oracle;
                               write(oracle);
                               expect_ok(oracle.absorb_into(*subject.engine, kAll));
                               const Oracle before = oracle;
                               write(oracle);
                               ground_of(subject).os.fail_after(steps, Code::kIo);
                               const Status absorbed = oracle.absorb_into(*subject.engine, kAll);
                               ground_of(subject).os.mend();
                               expect_ok(subject.reopen(subject));
                               const bool after =
                                   subject.engine->pin()->absorbed() == oracle.absorbed();
                               expect(after || !absorbed);
                               expect_ok(same(subject, after ? oracle : before, kAll));
                             }
                           });

static const Case cold("what was never read would block, and after a blocking get it does not", [] {
  Subject subject = open_lsm_subject();
  Oracle oracle;
  write(oracle);
  expect_ok(oracle.absorb_into(*subject.engine, kAll));
  expect_ok(subject.reopen(subject));
  const Reading reading(subject);
  const EngineVersion& version = subject.engine->version();
  const std::string key = oracle.keys().front();
  const auto get = [&](bool may_block) {
    return look_up(subject, version, key, UINT64_MAX, may_block)->found;
  };
  expect(get(false) == Found::kWouldBlock);
  expect(get(true) != Found::kWouldBlock);
  expect(get(false) == get(true));
});

// Removes nothing from the disk but what no manifest names.
static const Case ended("an engine that is closed amid a merge leaves none of its files behind",
                        [] {
                          Subject subject =
                              open_lsm_subject(CompactionStyle::kLeveled, kLargeValueBytes);
                          Oracle oracle;
                          for (int run = 0; run < 3; ++run) {
                            write(oracle);
                            expect_ok(oracle.absorb_into(*subject.engine, kAll));
                          }
                          const Result<Progress> begun = subject.engine->maintain(1, kAll);
                          const size_t known = known_count(subject);
                          expect(begun && *begun == Progress::kMore && file_count(subject) > known);
                          expect_ok(subject.engine->close());
                          expect(file_count(subject) == known);
                          expect_ok(subject.reopen(subject));
                          expect_ok(same(subject, oracle, kAll));
                        });

static void flip(const std::string& path, uint64_t offset) {
  const auto file = native_os().open(path, OpenMode::kWrite);
  require(static_cast<bool>(file));
  uint8_t byte = 0;
  expect_ok((*file)->read_at(offset, MutableBytes(&byte, 1)).error());
  byte ^= 0x10;
  expect_ok((*file)->write_at(offset, Bytes(&byte, 1)));
}

// Backwards the versions of a key come oldest first, and fill several blocks here.
static const Case newest_damaged(
    "a walk backwards shows no older version of a key whose newest is damaged", [] {
      Subject subject = open_lsm_subject();
      Oracle oracle;
      for (int i = 0; i < 30; ++i) {
        oracle.begin_commit();
        oracle.put("key", std::string(100, static_cast<char>('A' + i)));
      }
      expect_ok(oracle.absorb_into(*subject.engine, kAll));
      const std::string newest(100, 'A' + 29);
      const std::string path = table_path(ground_of(subject).options.directory, 1);
      const Result<std::unique_ptr<File>> file = native_os().open(path, OpenMode::kRead);
      require(static_cast<bool>(file));
      int refused_count = 0;
      for (uint64_t offset = 0; offset < *(*file)->size(); offset += 61) {
        flip(path, offset);
        if (subject.reopen(subject)) {
          const Reading reading(subject);
          const auto cursor = subject.engine->version().scan({}, UINT64_MAX, Direction::kReverse);
          if (cursor->valid()) {
            expect(as_text(cursor->edit().value) == newest);
          } else {
            expect(cursor->status().code() == Code::kCorrupt);
            ++refused_count;
          }
        }
        flip(path, offset);
      }
      expect(refused_count > 0);
      expect_ok(subject.reopen(subject));
    });

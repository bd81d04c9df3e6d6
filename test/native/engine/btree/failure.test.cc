// A disk that fails at any step, and roots that a crash tore: what was readable stays readable, and
// what opens again is as before a step or as after it.
#include "engine/btree/btree_subject.h"
#include "engine/btree/root.h"
#include "engine/compare.h"

using namespace varve;
using namespace varve::test;
using btree::Writing;

namespace {

const Retention kAll{0, {}};
constexpr int64_t kStepsMax = 400;  // More than any action here takes.

std::string key_of(int number) { return "key" + std::to_string(1000 + number); }

void write(Oracle& oracle) {
  const int base = static_cast<int>(oracle.commit()) * 13;
  for (int i = 0; i < 10; ++i) {
    oracle.begin_commit();
    const size_t size = i == 3 ? 3000 : 40;
    oracle.put(key_of((base + i * 7) % 60), std::string(size, static_cast<char>('a' + i)));
  }
  oracle.delete_range(key_of(base % 50), key_of(base % 50 + 5));
}

// Tries the action with the disk failing one step later each time, until it succeeds.
void fail_at_every_step(Subject& subject, const Oracle& before, Code code,
                        const std::function<Status()>& act) {
  BtreeGround& ground = btree_ground(subject);
  for (int64_t steps = 0; steps < kStepsMax; ++steps) {
    ground.os.fail_after(steps, code);
    const Status status = act();
    ground.os.mend();
    if (status) return;
    expect(status.code() == code);
    expect_ok(same(subject, before, kAll));
    // Nothing is written any more after a failure that does not pass: the next opening decides.
    if (code == Code::kIo) expect_ok(crash_btree(subject));
  }
  expect(false);
}

void absorb_on_full_disk() {
  Subject subject = open_btree_subject();
  Oracle oracle;
  for (int run = 0; run < 5; ++run) {
    const Oracle before = oracle;
    write(oracle);
    const Oracle written = oracle;
    fail_at_every_step(subject, before, Code::kNoSpace, [&] {
      oracle = written;
      return oracle.absorb_into(*subject.engine, kAll);
    });
    expect_ok(same(subject, oracle, kAll));
  }
  expect_ok(subject.reopen(subject));
  expect_ok(same(subject, oracle, kAll));
}

void compact_on_failing_disk(Code code) {
  Subject subject = open_btree_subject();
  Oracle oracle;
  for (int run = 0; run < 6; ++run) {
    write(oracle);
    expect_ok(oracle.absorb_into(*subject.engine, kAll));
  }
  fail_at_every_step(subject, oracle, code, [&] { return subject.engine->compact({}, kAll); });
  expect_ok(same(subject, oracle, kAll));
  expect_ok(subject.reopen(subject));
  expect_ok(same(subject, oracle, kAll));
}

std::string roots_path(const Subject& subject) {
  return btree_ground(subject).options.directory + "/" + btree::kRootsName;
}

// The place of the root that counts.
uint64_t newest_root(const Subject& subject) {
  uint64_t newest = 0;
  uint64_t place = 0;
  const auto file =
      btree::RootFile::open(native_os(), btree_ground(subject).options.directory, OpenMode::kRead);
  require(static_cast<bool>(file));
  for (uint64_t i = 0; i < 2; ++i) {
    const Result<btree::Root> root = (*file)->read(i);
    if (!root || root->generation < newest) continue;
    newest = root->generation;
    place = i;
  }
  return place;
}

void spoil_root(const Subject& subject, uint64_t place) {
  const auto file = native_os().open(roots_path(subject), OpenMode::kWrite);
  require(static_cast<bool>(file));
  const uint8_t bytes[] = {0xa5, 0x5a};
  expect_ok((*file)->write_at(place * btree::kRootStep + 100, bytes));
}

// As a crash leaves it: only what was there before the step that it hit.
void open_after(int64_t steps) {
  Subject subject = open_btree_subject();
  Oracle oracle;
  write(oracle);
  expect_ok(oracle.absorb_into(*subject.engine, kAll));
  const Oracle before = oracle;
  write(oracle);
  BtreeGround& ground = btree_ground(subject);
  ground.os.fail_after(steps, Code::kIo);
  const Status status = oracle.absorb_into(*subject.engine, kAll);
  ground.os.mend();
  expect_ok(crash_btree(subject));
  const bool is_after = subject.engine->pin()->absorbed() == oracle.commit();
  expect(is_after || !status);
  Oracle found = is_after ? oracle : before;
  expect_ok(same(subject, found, kAll));
  write(found);
  expect_ok(found.absorb_into(*subject.engine, kAll));
  expect_ok(subject.reopen(subject));
  expect_ok(same(subject, found, kAll));
}

}  // namespace

static const Case absorbing(
    "a B+tree whose absorb() finds the disk full at any step is as before, and "
    "takes the run later",
    absorb_on_full_disk);

static const Case compacting("a B+tree whose compact() fails at any step is as before", [] {
  compact_on_failing_disk(Code::kIo);
  compact_on_failing_disk(Code::kNoSpace);
});

static const Case reopened("a B+tree opened after a failure is as before the run or as after it",
                           [] {
                             for (int64_t steps = 0; steps < 14; ++steps) open_after(steps);
                           });

static const Case stopped("after a failed sync nothing is absorbed, and reads go on", [] {
  Subject subject = open_btree_subject();
  Oracle oracle;
  write(oracle);
  expect_ok(oracle.absorb_into(*subject.engine, kAll));
  const Oracle before = oracle;
  write(oracle);
  const Oracle written = oracle;
  btree_ground(subject).os.fail_after(2, Code::kIo);
  expect(oracle.absorb_into(*subject.engine, kAll).code() == Code::kIo);
  btree_ground(subject).os.mend();
  oracle = written;
  expect(oracle.absorb_into(*subject.engine, kAll).code() == Code::kIo);
  expect_ok(same(subject, before, kAll));
});

static const Case torn(
    "where the newest root is torn the other one counts, if it is of that commit", [] {
      Subject subject = open_btree_subject();
      Oracle oracle;
      for (int run = 0; run < 4; ++run) {
        write(oracle);
        expect_ok(oracle.absorb_into(*subject.engine, kAll));
      }
      expect_ok(subject.engine->compact({}, kAll));
      spoil_root(subject, newest_root(subject));
      expect_ok(crash_btree(subject));
      expect_ok(same(subject, oracle, kAll));
      for (int run = 0; run < 4; ++run) {
        write(oracle);
        expect_ok(oracle.absorb_into(*subject.engine, kAll));
        expect_ok(same(subject, oracle, kAll));
      }
      // The other is of an older commit now, and what came since is nowhere else.
      spoil_root(subject, newest_root(subject));
      expect(crash_btree(subject).code() == Code::kCorrupt);
    });

static const Case missing(
    "a B+tree without its roots is CORRUPT, and one that never had any is empty", [] {
      Subject subject = open_btree_subject();
      subject.shut();
      expect_ok(native_os().remove(roots_path(subject)));
      expect_ok(crash_btree(subject));
      Oracle oracle;
      write(oracle);
      expect_ok(oracle.absorb_into(*subject.engine, kAll));
      subject.shut();
      expect_ok(native_os().remove(roots_path(subject)));
      expect(crash_btree(subject).code() == Code::kCorrupt);
    });

static const Case sizes(
    "a page size that the store was not made with is INVALID, none takes the store's", [] {
      Subject subject = open_btree_subject();
      Oracle oracle;
      write(oracle);
      expect_ok(oracle.absorb_into(*subject.engine, kAll));
      btree_ground(subject).options.page_bytes = 1024;
      expect(crash_btree(subject).code() == Code::kInvalid);
      btree_ground(subject).options.page_bytes = 0;
      btree_ground(subject).options.extent_bytes = uint64_t{1} << 20;
      expect_ok(crash_btree(subject));
      expect_ok(same(subject, oracle, kAll));
    });

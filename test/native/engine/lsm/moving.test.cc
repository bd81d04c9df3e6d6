// Tables that change their level as they are: what comes in the order of keys is written once.
#include "engine/compare.h"
#include "engine/lsm/lsm_subject.h"

namespace varve::test {
namespace {

constexpr Retention kNothing;
constexpr int kRunCount = 40;
constexpr int kRunKeys = 100;

std::string key_of(int i) { return "key" + std::to_string(100'000 + i); }

void maintain_all(Subject& subject) {
  for (int i = 0; i < 10'000; ++i) {
    const Result<Progress> progress = subject.engine->maintain(UINT64_MAX, kNothing);
    expect(static_cast<bool>(progress));
    if (!progress || *progress == Progress::kIdle) return;
  }
  expect(false);
}

// Runs of keys, each behind those of the one before, or all among each other.
uint64_t read_bytes_of_merges(bool in_order) {
  Subject subject = open_lsm_subject();
  Oracle oracle;
  for (int run = 0; run < kRunCount; ++run) {
    oracle.begin_commit();
    for (int i = 0; i < kRunKeys; ++i) {
      oracle.put(key_of(in_order ? run * kRunKeys + i : i * kRunCount + run), std::string(40, 'v'));
    }
    expect_ok(oracle.absorb_into(*subject.engine, kNothing));
    maintain_all(subject);
  }
  expect(subject.engine->stats().entry_count == kRunCount * kRunKeys);
  expect_ok(same(subject, oracle, kNothing));
  const uint64_t read = subject.engine->stats().read_bytes;
  expect_ok(subject.reopen(subject));
  expect_ok(same(subject, oracle, kNothing));
  oracle.begin_commit();  // What was moved is changed like any other,
  for (int i = 0; i < kRunCount * kRunKeys; i += 7) oracle.remove(key_of(i));
  expect_ok(oracle.absorb_into(*subject.engine, kNothing));
  maintain_all(subject);
  expect_ok(same(subject, oracle, kNothing));
  oracle.begin_commit();  // and deletions do not stay at the bottom for being moved there.
  oracle.delete_range(key_of(0), key_of(kRunCount * kRunKeys));
  expect_ok(oracle.absorb_into(*subject.engine, kNothing));
  expect_ok(subject.engine->compact({}, kNothing));
  expect(subject.engine->stats().entry_count == 0);
  return read;
}

const Case once("what comes in the order of keys is read by few merges, and found again", [] {
  const uint64_t in_order = read_bytes_of_merges(true);
  const uint64_t mixed = read_bytes_of_merges(false);
  expect(in_order * 4 < mixed);
});

// A table with one shares the keys of all that come behind it in order.
const Case endless("a range deletion without an end deletes wherever its table is moved", [] {
  Subject subject = open_lsm_subject();
  Oracle oracle;
  for (int run = 0; run < kRunCount; ++run) {
    oracle.begin_commit();
    const int first = (run / 8 * 8 + 7 - run % 8) * kRunKeys;  // Eight runs go down the keys.
    if (run % 3 == 2) oracle.delete_range(key_of(first + kRunKeys / 2), "");
    for (int i = 0; i < kRunKeys / 2; ++i) oracle.put(key_of(first + i), std::string(40, 'v'));
    expect_ok(oracle.absorb_into(*subject.engine, kNothing));
    maintain_all(subject);
    expect_ok(same(subject, oracle, kNothing));
  }
});

}  // namespace
}  // namespace varve::test

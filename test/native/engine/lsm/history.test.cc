// Where the LSM engine keeps the past: apart from the present, which neither holds nor reads it.
#include "base/random.h"
#include "engine/compare.h"
#include "engine/lsm/lsm_subject.h"
#include "engine/lsm/picking.h"

namespace varve::test {
namespace {

constexpr Retention kNothing;
const Retention kAll{0, {}};
constexpr int kKeyCount = 100;

std::string key_of(int i) { return "key" + std::to_string(1000 + i); }

// `rounds` commits, each of which writes every key anew.
void write(Oracle& oracle, int rounds) {
  for (int round = 0; round < rounds; ++round) {
    oracle.begin_commit();
    for (int i = 0; i < kKeyCount; ++i) {
      oracle.put(key_of(i), std::to_string(oracle.commit()) + std::string(40, 'v'));
    }
  }
}

uint64_t detail_of(const Subject& subject, const std::string& wanted) {
  for (const auto& [name, value] : subject.engine->stats().detail) {
    if (name == wanted) return value;
  }
  expect(false);
  return 0;
}

void maintain_all(Subject& subject, const Retention& retention) {
  for (int i = 0; i < 10'000; ++i) {
    const Result<Progress> progress = subject.engine->maintain(UINT64_MAX, retention);
    expect(static_cast<bool>(progress));
    if (!progress || *progress == Progress::kIdle) return;
  }
  expect(false);
}

const Case apart(
    "what is superseded lies in history, by its size, and current has one version each", [] {
      Subject subject = open_lsm_subject();
      Oracle oracle;
      write(oracle, 6);
      expect_ok(oracle.absorb_into(*subject.engine, kAll));
      const EngineStats flushed = subject.engine->stats();
      expect(flushed.entry_count == kKeyCount && flushed.history_bytes > 0);
      expect(detail_of(subject, "historyEntries") == 5 * kKeyCount);
      write(oracle, 6);
      expect_ok(oracle.absorb_into(*subject.engine, kAll));
      expect_ok(subject.engine->compact({}, kAll));
      const EngineStats compacted = subject.engine->stats();
      expect(compacted.entry_count == kKeyCount);
      expect(detail_of(subject, "historyEntries") == 11 * kKeyCount);
      expect(detail_of(subject, "historyRuns") == 1);
      expect(compacted.history_bytes > 5 * (compacted.disk_bytes / 12));
      expect(compacted.history_bytes < compacted.disk_bytes);
      expect_ok(same(subject, oracle, kAll));
      expect_ok(subject.reopen(subject));
      expect(subject.engine->stats().history_bytes == compacted.history_bytes);
      expect_ok(same(subject, oracle, kAll));
    });

// What a get of every key at the newest view reads of a store that was just opened.
size_t read_bytes_of_the_present(const Retention& retention) {
  Subject subject = open_lsm_subject();
  Oracle oracle;
  for (int run = 0; run < 4; ++run) {
    write(oracle, 3);
    expect_ok(oracle.absorb_into(*subject.engine, retention));
  }
  expect_ok(subject.engine->compact({}, retention));
  expect_ok(subject.reopen(subject));
  std::vector<HastyOs::Read> reads;
  ground_of(subject).os.note_reads(&reads);
  const Reading reading(subject);
  const Compare compare(subject, subject.engine->version(), oracle);
  expect_ok(compare.gets(oracle.commit()));
  expect_ok(compare.scan({}, oracle.commit(), Direction::kForward));
  ground_of(subject).os.note_reads(nullptr);
  size_t bytes = 0;
  for (const HastyOs::Read& read : reads) bytes += read.size;
  return bytes;
}

const Case unread("the newest view reads as much with a past as without", [] {
  const size_t without = read_bytes_of_the_present(kNothing);
  expect(without > 0 && read_bytes_of_the_present(kAll) == without);
});

const Case passed("history that the horizon has passed goes without being read", [] {
  Subject subject = open_lsm_subject();
  Oracle oracle;
  write(oracle, 5);
  expect_ok(oracle.absorb_into(*subject.engine, kAll));
  expect_ok(subject.engine->compact({}, kAll));
  const uint64_t boundary = oracle.commit();
  write(oracle, 5);
  expect_ok(oracle.absorb_into(*subject.engine, kAll));
  const uint64_t before = subject.engine->stats().history_bytes;
  std::vector<HastyOs::Read> reads;
  ground_of(subject).os.note_reads(&reads);
  maintain_all(subject, {boundary, {}});
  ground_of(subject).os.note_reads(nullptr);
  expect(reads.empty());
  const EngineStats stats = subject.engine->stats();
  expect(stats.history_bytes > 0 && stats.history_bytes < before);
  expect_ok(same(subject, oracle, {boundary, {}}));
  maintain_all(subject, kNothing);
  expect(subject.engine->stats().history_bytes == 0);
  expect_ok(same(subject, oracle, kNothing));
});

// A view long behind the horizon keeps one version of each key, not all that came before the
// horizon passed.
const Case trimmed("of history behind the horizon only what snapshots see stays", [] {
  Subject subject = open_lsm_subject();
  Oracle oracle;
  Retention retention{0, {}};
  for (int run = 0; run < 8; ++run) {
    write(oracle, 4);
    expect_ok(oracle.absorb_into(*subject.engine, retention));
    maintain_all(subject, retention);
    if (run == 0) retention.held.push_back(2);
  }
  const uint64_t current = subject.engine->stats().entry_count;  // Not merged to the end.
  expect(detail_of(subject, "historyEntries") + current == 32 * kKeyCount);
  retention.horizon = oracle.commit();
  maintain_all(subject, retention);
  expect(detail_of(subject, "historyEntries") == kKeyCount);
  expect_ok(same(subject, oracle, retention));
  // After an opening nobody knows what was kept for whom: it is seen to once more, and rests.
  expect_ok(subject.reopen(subject));
  maintain_all(subject, retention);
  expect(detail_of(subject, "historyEntries") == kKeyCount);
  expect_ok(same(subject, oracle, retention));
  retention.held.clear();
  maintain_all(subject, retention);
  expect(subject.engine->stats().history_bytes == 0);
});

const Case few("runs of history stay few, however many merges leave one", [] {
  for (const CompactionStyle style :
       {CompactionStyle::kLeveled, CompactionStyle::kTiered, CompactionStyle::kUniversal}) {
    Subject subject = open_lsm_subject(style);
    Oracle oracle;
    uint64_t most = 0;
    for (int run = 0; run < 40; ++run) {
      write(oracle, 2);
      expect_ok(oracle.absorb_into(*subject.engine, kAll));
      maintain_all(subject, kAll);
      most = std::max(most, detail_of(subject, "historyRuns"));
    }
    // An eighth of history each is large here (LsmOptions::level1_bytes), and four small ones
    // merge.
    expect(most <= 2 * kHistoryShare + 4);
    expect(detail_of(subject, "historyEntries") >= 60 * kKeyCount);
    expect_ok(same(subject, oracle, kAll));
  }
});

const Case large("values that lie apart go with the history that refers to them", [] {
  constexpr uint64_t kLarge = 30;
  Subject subject = open_lsm_subject(CompactionStyle::kLeveled, kLarge);
  Oracle oracle;
  for (int run = 0; run < 3; ++run) {
    write(oracle, 3);
    expect_ok(oracle.absorb_into(*subject.engine, kAll));
  }
  expect_ok(subject.engine->compact({}, kAll));
  expect(subject.engine->stats().value_dead_bytes == 0);
  expect_ok(same(subject, oracle, kAll));
  const uint64_t before = subject.engine->stats().value_bytes;
  maintain_all(subject, kNothing);
  expect(subject.engine->stats().history_bytes == 0);
  expect(subject.engine->stats().value_bytes < before);
  expect_ok(subject.engine->compact({}, kNothing));
  const EngineStats stats = subject.engine->stats();
  expect(stats.value_dead_bytes == 0 && stats.value_bytes < before / 8);
  expect_ok(same(subject, oracle, kNothing));
});

const Case many("of very many versions of a key a view reads few", [] {
  constexpr int kVersionCount = 6000;
  Subject subject = open_lsm_subject();
  Oracle oracle;
  for (int i = 0; i < kVersionCount; ++i) {
    oracle.begin_commit();
    if (i == 0) oracle.put("a", "first");
    if (i == 0) oracle.put("z", "last");
    oracle.put("counter", std::to_string(i) + std::string(150, 'v'));
  }
  expect_ok(oracle.absorb_into(*subject.engine, kAll));
  expect_ok(subject.engine->compact({}, kAll));
  const uint64_t disk_bytes = subject.engine->stats().disk_bytes;
  Random random(seed());
  for (int round = 0; round < 8; ++round) {
    const uint64_t view = round == 0 ? 1 : 1 + random.below(kVersionCount);
    expect_ok(subject.reopen(subject));
    std::vector<HastyOs::Read> reads;
    ground_of(subject).os.note_reads(&reads);
    {
      const Reading reading(subject);
      const Compare compare(subject, subject.engine->version(), oracle);
      expect_ok(compare.get("counter", view));
      expect_ok(compare.scans({}, view));
    }
    ground_of(subject).os.note_reads(nullptr);
    size_t bytes = 0;
    for (const HastyOs::Read& read : reads) bytes += read.size;
    expect(bytes < disk_bytes / 3);
  }
});

}  // namespace
}  // namespace varve::test

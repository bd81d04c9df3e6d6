// A table that a merge cannot read: it is left where it is and told of, what is newer goes on above
// it, and nothing else is lost or slowed for ever.
#include <set>

#include "engine/lsm/lsm_subject.h"
#include "engine/lsm/version.h"
#include "storage/table/table.h"

using namespace varve;
using namespace varve::test;

namespace {

constexpr int kKeyCount = 200;
constexpr int kRounds = 60;
constexpr size_t kRunsMax = 16;  // Two rows of level 0, the damaged run, and a few levels.

std::string key_of(int number) { return "key" + std::to_string(1000 + number); }

const std::vector<LsmRun>& runs_of(const Subject& subject) {
  return static_cast<const LsmVersion&>(subject.engine->version()).runs();
}

void maintain_all(Engine& engine) {
  for (Result<Progress> progress = Progress::kMore; progress && *progress == Progress::kMore;) {
    progress = engine.maintain(UINT64_MAX, {});
    expect_ok(progress.error());
  }
}

class Damaged {
 public:
  explicit Damaged(CompactionStyle style) : subject(open_lsm_subject(style)) {}

  // A third of every `step`th key, as a run: another third each time.
  void write(int step) {
    for (int i = written_++ % 3 * step; i < kKeyCount; i += 3 * step) {
      oracle_.begin_commit();
      oracle_.put(key_of(i), std::string(80, 'v') + std::to_string(oracle_.commit()));
      since_.insert(key_of(i));
    }
    expect_ok(oracle_.absorb_into(*subject.engine));
  }

  // The first block of a table, of which nothing stays in memory.
  void damage(const Table& table) {
    path = table_path(ground_of(subject).options.directory, table.info().number);
    {
      const auto file = native_os().open(path, OpenMode::kWrite);
      require(static_cast<bool>(file));
      uint8_t bytes[] = {0xa5, 0x5a, 0xa5};
      expect_ok((*file)->write_at(40, bytes));
    }
    expect_ok(subject.reopen(subject));
    since_.clear();
    lost_ = corrupt_keys();
    expect(!lost_.empty() && lost_.size() < 40);
  }

  // Whatever was not in the block, or was written since, is as it should be.
  std::set<std::string> corrupt_keys() {
    const Reading reading(subject);
    std::set<std::string> corrupt;
    for (const std::string& key : oracle_.keys()) {
      const Result<Lookup> found =
          look_up(subject, subject.engine->version(), key, UINT64_MAX, true);
      if (!found) {
        expect(found.code() == Code::kCorrupt && !since_.contains(key));
        corrupt.insert(key);
        continue;
      }
      const Line* const live = oracle_.live(key, UINT64_MAX);
      expect((found->found == Found::kPut) == (live != nullptr));
      expect(live == nullptr || as_text(found->edit.value) == live->value);
    }
    return corrupt;
  }

  void check() {
    for (const std::string& key : corrupt_keys()) expect(lost_.contains(key));
    const EngineStats stats = subject.engine->stats();
    for (const VerifyProblem& one : stats.damaged) {
      expect(one.file == path && one.what.find("is damaged") != std::string::npos);
    }
    expect(stats.debt_bytes == 0 && !stats.stop_writes);
    expect(runs_of(subject).size() <= kRunsMax);
  }

  Subject subject;
  std::string path;  // Of the damaged table.

 private:
  Oracle oracle_;
  int written_ = 0;
  std::set<std::string> since_;  // Keys written after the damage.
  std::set<std::string> lost_;
};

void go_on(Damaged& bench) {
  maintain_all(*bench.subject.engine);
  bench.check();
  for (int round = 0; round < kRounds; ++round) {
    bench.write(2);
    maintain_all(*bench.subject.engine);
    bench.check();
  }
  expect(!bench.corrupt_keys().empty());  // Of odd numbers: they were not written again.
  const Status compacted = bench.subject.engine->compact({}, {});
  expect(compacted.code() == Code::kCorrupt &&
         compacted.message().find(bench.path) != std::string::npos);
  expect(bench.subject.engine->stats().damaged.size() == 1);
  std::vector<VerifyProblem> problems;
  expect_ok(bench.subject.engine->verify(problems));
  expect(problems.size() == 1 && problems[0].file == bench.path);
  bench.check();
}

constexpr CompactionStyle kStyles[] = {CompactionStyle::kLeveled, CompactionStyle::kTiered,
                                       CompactionStyle::kUniversal};

const Case fresh("a damaged table among the newest is left out of merges, which go on around it",
                 [] {
                   for (const CompactionStyle style : kStyles) {
                     Damaged bench(style);
                     for (int run = 0; run < 4; ++run) bench.write(1);
                     require(runs_of(bench.subject).size() == 4);
                     bench.damage(*runs_of(bench.subject)[1].tables[0]);
                     go_on(bench);
                   }
                 });

const Case deep("a damaged table beneath the others is left out of merges, which go on above it",
                [] {
                  for (const CompactionStyle style : kStyles) {
                    Damaged bench(style);
                    for (int run = 0; run < 3; ++run) bench.write(1);
                    expect_ok(bench.subject.engine->compact({}, {}));
                    bench.damage(*runs_of(bench.subject).back().tables.back());
                    go_on(bench);
                  }
                });

const Case compacted("compact() that meets a damaged table names it, and changes nothing", [] {
  Damaged bench(CompactionStyle::kLeveled);
  for (int run = 0; run < 2; ++run) bench.write(1);
  bench.damage(*runs_of(bench.subject)[0].tables[0]);
  for (int i = 0; i < 2; ++i) {
    const Status status = bench.subject.engine->compact({}, {});
    expect(status.code() == Code::kCorrupt &&
           status.message().find(bench.path) != std::string::npos);
    bench.check();
  }
});

const Case unreadable("a table that the disk cannot read is left out of merges like a damaged one",
                      [] {
                        Subject subject = open_lsm_subject();
                        Oracle oracle;
                        const auto write = [&] {
                          oracle.begin_commit();
                          for (int i = 0; i < 20; ++i)
                            oracle.put(key_of(i), std::to_string(oracle.commit()));
                          expect_ok(oracle.absorb_into(*subject.engine));
                        };
                        for (int run = 0; run < 3; ++run) write();
                        const uint64_t number = runs_of(subject).back().tables[0]->info().number;
                        const std::string path =
                            table_path(ground_of(subject).options.directory, number);
                        ground_of(subject).os.fail_reads_of(path);
                        for (int run = 0; run < 20; ++run) {
                          maintain_all(*subject.engine);
                          write();
                        }
                        const EngineStats stats = subject.engine->stats();
                        require(stats.damaged.size() == 1);
                        expect(stats.damaged[0].file == path);
                        expect(runs_of(subject).size() <= kRunsMax && !stats.stop_writes);
                        ground_of(subject).os.fail_reads_of({});
                        expect_ok(subject.reopen(subject));
                        maintain_all(*subject.engine);
                        expect_ok(subject.engine->compact({}, {}));
                        expect(subject.engine->stats().damaged.empty() &&
                               runs_of(subject).size() == 1);
                      });

const Case values("a value file that the disk cannot read is left as it is by merges", [] {
  Subject subject = open_lsm_subject(CompactionStyle::kLeveled, 20);
  Oracle oracle;
  for (int run = 0; run < 2; ++run) {
    oracle.begin_commit();
    for (int i = run; i < 20; i += 1 + run) oracle.put(key_of(i), std::string(40, 'v'));
    expect_ok(oracle.absorb_into(*subject.engine));
  }
  const auto& shares = static_cast<const LsmVersion&>(subject.engine->version()).values().shares();
  require(!shares.empty());
  const std::string path = shares.begin()->second.file->path();
  ground_of(subject).os.fail_reads_of(path);
  expect_ok(subject.engine->compact({}, {}));
  const EngineStats stats = subject.engine->stats();
  require(stats.damaged.size() == 1);
  expect(stats.damaged[0].file == path);
  ground_of(subject).os.fail_reads_of({});
  const Reading reading(subject);
  const Result<Lookup> found =
      look_up(subject, subject.engine->version(), key_of(0), UINT64_MAX, true);
  expect(found && found->found == Found::kPut);
});

}  // namespace

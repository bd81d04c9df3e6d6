// Contract: versions are dropped by retention alone, and what a held view sees never changes.
#include <algorithm>

#include "base/random.h"
#include "engine/compare.h"
#include "engine/contract.h"

namespace varve::test {

namespace {

// Twenty keys again and again: puts, deletions, ranges; one run of five commits.
void write_run(Oracle& oracle, Random& random) {
  for (int i = 0; i < 5; ++i) {
    oracle.begin_commit();
    if (random.one_in(5)) {
      const uint64_t begin = random.below(20);
      oracle.delete_range(std::string(1, static_cast<char>('a' + begin)),
                          std::string(1, static_cast<char>('b' + begin + random.below(4))));
    }
    for (int edit = 0; edit < 4; ++edit) {
      const std::string key(1, static_cast<char>('a' + random.below(20)));
      if (random.one_in(3))
        oracle.remove(key);
      else
        oracle.put(key, key + std::to_string(oracle.commit()));
    }
  }
}

std::vector<Line> all_versions(const Subject& subject) {
  const Reading reading(subject);
  const EngineVersion& version = subject.engine->version();
  const auto cursor = version.versions({}, 0, UINT64_MAX);
  return drain(version, *cursor);
}

void horizon_moves(Subject& subject) {
  Random random(seed());
  Oracle oracle;
  Retention retention{0, {}};
  for (int run = 0; run < 12; ++run) {
    write_run(oracle, random);
    expect_ok(oracle.absorb_into(*subject.engine, retention));
    expect_ok(same(subject, oracle, retention));
    expect(static_cast<bool>(subject.engine->maintain(500, retention)));
    expect_ok(same(subject, oracle, retention));
    retention.horizon = std::max(retention.horizon, oracle.commit() - random.below(15));
  }
  expect_ok(subject.engine->compact({}, retention));
  expect_ok(same(subject, oracle, retention));
}

void commits_held(Subject& subject) {
  Random random(seed() + 1);
  Oracle oracle;
  Retention retention;  // No horizon: nothing but what is held.
  for (int run = 0; run < 14; ++run) {
    write_run(oracle, random);
    // Like a snapshot: of what can be read when it is taken, absorbed or not yet.
    if (random.one_in(2)) retention.held.push_back(oracle.commit());
    if (random.one_in(3) && !retention.held.empty()) {
      retention.held.erase(retention.held.begin() +
                           static_cast<ptrdiff_t>(random.below(retention.held.size())));
    }
    expect_ok(oracle.absorb_into(*subject.engine, retention));
    expect_ok(same(subject, oracle, retention));
    expect(static_cast<bool>(subject.engine->maintain(random.below(3000), retention)));
    expect_ok(same(subject, oracle, retention));
    if (run % 5 == 4) {
      expect_ok(subject.engine->compact({}, retention));
      expect_ok(same(subject, oracle, retention));
      expect_ok(subject.reopen(subject));
      expect_ok(same(subject, oracle, retention));
    }
  }
}

void held_between(Subject& subject) {
  Oracle oracle;
  const Retention retention{UINT64_MAX, {2}};
  oracle.begin_commit();
  oracle.put("a", "1");
  oracle.put("b", "1");
  oracle.put("c", "1");
  oracle.begin_commit();
  oracle.put("b", "2");
  expect_ok(oracle.absorb_into(*subject.engine, retention));
  oracle.begin_commit();
  oracle.remove("a");
  oracle.put("b", "3");
  oracle.begin_commit();
  oracle.put("b", "4");
  oracle.delete_range("c", "d");
  oracle.begin_commit();
  oracle.remove("b");
  oracle.remove("never");
  expect_ok(oracle.absorb_into(*subject.engine, retention));
  expect_ok(subject.engine->compact({}, retention));
  expect_ok(same(subject, oracle, retention));
  // Held are a@1, b@2 and c@1. Of the rest only the deletions that hide them may stay.
  for (const Line& line : all_versions(subject)) {
    expect(line.kind == EditKind::kDelete ? line.key != "never" : line.commit <= 2);
  }
  expect_ok(subject.engine->compact({}, {}));
  expect_ok(same(subject, oracle, {}));
  expect(all_versions(subject).empty());
}

void forgets(Subject& subject) {
  Random random(seed() + 2);
  Oracle oracle;
  for (int run = 0; run < 6; ++run) {
    write_run(oracle, random);
    expect_ok(oracle.absorb_into(*subject.engine, {0, {}}));
  }
  expect_ok(subject.engine->compact({}, {0, {}}));
  expect(all_versions(subject) == oracle.versions({}, 0, oracle.commit()));
  expect_ok(subject.engine->compact({}, {}));
  expect(all_versions(subject) == oracle.scan({}, oracle.commit()));
  expect(subject.engine->stats().history_bytes == 0);
  expect_ok(same(subject, oracle, {}));
}

// Deletions above the horizon belong to the past that was promised, whether or not anything lies
// beneath them.
void deletions_told(Subject& subject) {
  Oracle oracle;
  for (const char* const key : {"a", "b", "c"}) {
    oracle.begin_commit();
    oracle.remove(key);
  }
  oracle.begin_commit();
  oracle.delete_range("x", "z");
  const Retention retention{1, {}};
  expect_ok(oracle.absorb_into(*subject.engine, retention));
  expect_ok(subject.engine->compact({}, retention));
  expect_ok(same(subject, oracle, retention));
  const std::vector<Line> kept = all_versions(subject);
  expect(kept.size() >= 2 && kept.back().key == "c");
}

void pinned(Subject& subject) {
  Random random(seed() + 3);
  Oracle oracle;
  const Retention retention;
  struct Pin {
    std::shared_ptr<const EngineVersion> version;
    std::unique_ptr<EngineCursor> cursor;  // Half way through.
    std::vector<Line> rest;
  };
  std::vector<Pin> pins;
  // A cursor borrows within the guard it was made in; this one reads for the whole test.
  const Reading reading(subject);
  for (int run = 0; run < 20; ++run) {
    write_run(oracle, random);
    expect_ok(oracle.absorb_into(*subject.engine, retention));
    Pin pin{subject.engine->pin(), nullptr, oracle.scan({}, oracle.commit())};
    pin.cursor = pin.version->scan({}, UINT64_MAX, Direction::kForward);
    for (size_t i = 0; i < 3 && !pin.rest.empty(); ++i) {
      pin.cursor->next();
      pin.rest.erase(pin.rest.begin());
    }
    pins.push_back(std::move(pin));
    expect(static_cast<bool>(subject.engine->maintain(1000, retention)));
    if (run % 6 == 5) expect_ok(subject.engine->compact({}, retention));
    for (const Pin& one : pins) {
      const Compare compare(subject, *one.version, oracle);
      expect_ok(compare.view(one.version->absorbed()));
    }
  }
  for (Pin& one : pins) {
    expect(drain(*one.version, *one.cursor) == one.rest);
    expect_ok(one.cursor->status());
  }
}

}  // namespace

void EngineContract::add_retention() const {
  add("every view at or above the horizon answers, wherever the horizon moves", horizon_moves);
  add("every commit that is held answers, through absorbing, maintaining and reopening",
      commits_held);
  add("of what lies between held commits nothing stays but what hides older versions",
      held_between);
  add("with everything asked for nothing goes, with nothing asked for one version per key stays",
      forgets);
  add("a deletion above the horizon is told of, even of a key that never was", deletions_told);
  add("a pinned version and its cursors never change, whatever the engine does", pinned);
}

}  // namespace varve::test

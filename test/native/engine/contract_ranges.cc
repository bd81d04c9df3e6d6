// Contract: range deletions are facts that hide what is older, wherever that rests.
#include "engine/compare.h"
#include "engine/contract.h"

namespace varve::test {

namespace {

const Retention kAll{0, {}};

std::string key_of(int number) {
  std::string digits = std::to_string(number);
  return "k" + std::string(3 - digits.size(), '0') + digits;
}

void fill(Oracle& oracle, int count, size_t value_size = 20) {
  oracle.begin_commit();
  for (int i = 0; i < count; ++i) oracle.put(key_of(i), std::string(value_size, 'v'));
}

// The same must hold as absorbed, as maintained, as opened again and in its smallest form.
void through_all(Subject& subject, const Oracle& oracle, const Retention& retention) {
  expect_ok(same(subject, oracle, retention));
  for (int i = 0; i < 8; ++i) {
    expect(static_cast<bool>(subject.engine->maintain(3000, retention)));
    expect_ok(same(subject, oracle, retention));
  }
  expect_ok(subject.reopen(subject));
  expect_ok(same(subject, oracle, retention));
  expect_ok(subject.engine->compact({}, retention));
  expect_ok(same(subject, oracle, retention));
}

void both_kept_and_not(Subject& subject, const Oracle& oracle) {
  through_all(subject, oracle, kAll);
  through_all(subject, oracle, {oracle.commit() / 2, {}});
  through_all(subject, oracle, {});
}

void half_open(Subject& subject) {
  Oracle oracle;
  fill(oracle, 9);
  expect_ok(oracle.absorb_into(*subject.engine, kAll));
  oracle.begin_commit();
  oracle.delete_range(key_of(3), key_of(6));
  expect_ok(oracle.absorb_into(*subject.engine, kAll));
  const Reading reading(subject);
  const EngineVersion& version = subject.engine->version();
  const auto cursor = version.scan({}, 2, Direction::kForward);
  std::vector<std::string> keys;
  for (const Line& line : drain(version, *cursor)) keys.push_back(line.key);
  expect(keys == std::vector<std::string>{"k000", "k001", "k002", "k006", "k007", "k008"});
}

void overlapping(Subject& subject) {
  Oracle oracle;
  fill(oracle, 40);
  expect_ok(oracle.absorb_into(*subject.engine, kAll));
  oracle.begin_commit();
  oracle.delete_range(key_of(5), key_of(20));
  expect_ok(oracle.absorb_into(*subject.engine, kAll));
  oracle.begin_commit();
  for (int i = 0; i < 40; i += 3) oracle.put(key_of(i), "newer");
  expect_ok(oracle.absorb_into(*subject.engine, kAll));
  oracle.begin_commit();
  oracle.delete_range(key_of(10), key_of(30));  // Overlaps the first,
  oracle.begin_commit();
  oracle.delete_range(key_of(12), key_of(14));  // lies within both.
  expect_ok(oracle.absorb_into(*subject.engine, kAll));
  oracle.begin_commit();
  oracle.put(key_of(13), "newest");
  expect_ok(oracle.absorb_into(*subject.engine, kAll));
  both_kept_and_not(subject, oracle);
}

void several_in_one_commit(Subject& subject) {
  Oracle oracle;
  fill(oracle, 30);
  expect_ok(oracle.absorb_into(*subject.engine, kAll));
  oracle.begin_commit();
  oracle.put(key_of(2), "gone with the range");
  oracle.delete_range(key_of(1), key_of(5));
  oracle.delete_range(key_of(5), key_of(9));    // Meets the first,
  oracle.delete_range(key_of(7), key_of(12));   // overlaps the second,
  oracle.delete_range(key_of(20), key_of(25));  // stands apart.
  oracle.put(key_of(3), "after the range");
  oracle.put(key_of(22), "after the range");
  expect_ok(oracle.absorb_into(*subject.engine, kAll));
  both_kept_and_not(subject, oracle);
}

void empty_ranges(Subject& subject) {
  Oracle oracle;
  oracle.begin_commit();
  oracle.delete_range("", "");  // Everything, and there is nothing.
  expect_ok(oracle.absorb_into(*subject.engine, kAll));
  fill(oracle, 20);
  expect_ok(oracle.absorb_into(*subject.engine, kAll));
  oracle.begin_commit();
  oracle.delete_range(key_of(4), key_of(4));
  oracle.delete_range(key_of(9), key_of(3));
  oracle.delete_range(key_of(10), key_of(16));
  oracle.delete_range(key_of(16), key_of(12));  // Meets the one before, and is turned.
  expect_ok(oracle.absorb_into(*subject.engine, kAll));
  oracle.begin_commit();
  oracle.delete_range("x", "y");  // Where nothing ever was.
  expect_ok(oracle.absorb_into(*subject.engine, kAll));
  both_kept_and_not(subject, oracle);
}

void everything(Subject& subject) {
  Oracle oracle;
  for (int round = 0; round < 3; ++round) {
    fill(oracle, 60);
    expect_ok(oracle.absorb_into(*subject.engine, kAll));
    oracle.begin_commit();
    oracle.delete_range("", "");
    if (round == 1) oracle.put(key_of(7), "stands");
    expect_ok(oracle.absorb_into(*subject.engine, kAll));
    through_all(subject, oracle, kAll);
  }
  both_kept_and_not(subject, oracle);
}

// A range without end beside tables that lie before it.
void without_end(Subject& subject) {
  Oracle oracle;
  fill(oracle, 30);
  expect_ok(oracle.absorb_into(*subject.engine, kAll));
  expect_ok(subject.engine->compact({}, kAll));
  for (int run = 0; run < 4; ++run) {
    oracle.begin_commit();
    oracle.delete_range("x" + std::to_string(run), "");
    expect_ok(oracle.absorb_into(*subject.engine, kAll));
    expect(static_cast<bool>(subject.engine->maintain(UINT64_MAX, kAll)));
    expect_ok(same(subject, oracle, kAll));
  }
  oracle.begin_commit();
  oracle.delete_range(key_of(20), "");
  oracle.put("zebra", "stands");
  expect_ok(oracle.absorb_into(*subject.engine, kAll));
  both_kept_and_not(subject, oracle);
}

void many(Subject& subject) {
  Oracle oracle;
  for (int run = 0; run < 8; ++run) {
    fill(oracle, 120, 5);
    for (int i = 0; i < 25; ++i) {
      const int begin = (i * 37 + run * 11) % 120;
      oracle.begin_commit();
      oracle.delete_range(key_of(begin), key_of(begin + 1 + i % 7));
      if (i % 5 == 0) oracle.put(key_of(begin), "stands");
    }
    expect_ok(oracle.absorb_into(*subject.engine, {}));
    expect(static_cast<bool>(subject.engine->maintain(4000, {})));
  }
  expect_ok(same(subject, oracle, {}));
  expect_ok(subject.engine->compact({}, {}));
  expect_ok(same(subject, oracle, {}));
}

void costs_nothing(Subject& subject) {
  Oracle oracle;
  fill(oracle, 999, 1000);
  expect_ok(oracle.absorb_into(*subject.engine));
  const uint64_t before = subject.engine->stats().written_bytes;
  oracle.begin_commit();
  oracle.delete_range("", "");
  expect_ok(oracle.absorb_into(*subject.engine));
  expect(subject.engine->stats().written_bytes - before < 4096);
  expect_ok(same(subject, oracle, {}));
}

void worked_off(Subject& subject) {
  Oracle oracle;
  fill(oracle, 200);
  expect_ok(oracle.absorb_into(*subject.engine));
  oracle.begin_commit();
  oracle.delete_range(key_of(20), "");
  oracle.begin_commit();
  oracle.put(key_of(100), "stands");
  expect_ok(oracle.absorb_into(*subject.engine));
  expect_ok(subject.engine->compact({}, {}));
  const Reading reading(subject);
  const EngineVersion& version = subject.engine->version();
  expect(version.range_deletions({}, 0, UINT64_MAX).empty());
  expect(drain(version, *version.versions({}, 0, UINT64_MAX)) == oracle.scan({}, oracle.commit()));
  expect(subject.engine->stats().entry_count == 21);
}

}  // namespace

void EngineContract::add_range_deletions() const {
  add("a range deletion hides its begin and all up to its end", half_open);
  add("range deletions that overlap and nest hide what is older than each", overlapping);
  add("of one commit's range deletions each hides its own, and what was put after them stands",
      several_in_one_commit);
  add("an empty range hides nothing, and neither does one where nothing is", empty_ranges);
  add("a range deletion of everything hides everything older, round after round", everything);
  add("range deletions without end hide nothing before them", without_end);
  add("hundreds of range deletions among puts keep their order", many);
  add("absorbing a range deletion costs nothing of what it covers", costs_nothing);
  add("compact() works off range deletions when none asks for the past", worked_off);
}

}  // namespace varve::test

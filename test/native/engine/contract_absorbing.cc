// Contract: what a run may be, and that a run which fails leaves everything as it was.
#include "base/random.h"
#include "engine/compare.h"
#include "engine/contract.h"

namespace varve::test {

namespace {

const Retention kAll{0, {}};

void no_edits(Subject& subject) {
  Oracle oracle;
  oracle.begin_commit();
  oracle.put("a", "1");
  expect_ok(oracle.absorb_into(*subject.engine, kAll));
  Run run;
  run.commit_first = 2;
  run.commit_last = 5;
  expect_ok(subject.engine->absorb(run, kAll));
  {
    const Reading reading(subject);
    const EngineVersion& version = subject.engine->version();
    expect(version.absorbed() == 5);
    expect_ok(Compare(subject, version, oracle).view(5));
  }
  run.commit_first = run.commit_last = 6;
  run.range_deletions.push_back({as_bytes("a"), as_bytes("b"), 6});
  expect_ok(subject.engine->absorb(run, kAll));
  const Reading reading(subject);
  const EngineVersion& version = subject.engine->version();
  expect(version.absorbed() == 6);
  const Result<Lookup> hidden = look_up(subject, version, "a", 6, true);
  expect(hidden && hidden->found != Found::kPut);
  expect(!version.scan({}, 6, Direction::kForward)->valid());
  expect_ok(Compare(subject, version, oracle).view(5));
}

void out_of_order(Subject& subject) {
  Oracle oracle;
  oracle.begin_commit();
  oracle.begin_commit();
  oracle.put("a", "2");
  expect_ok(oracle.absorb_into(*subject.engine, kAll));
  LineCursor edits({{"a", 1, EditKind::kPut, 0, 0, "1"}});
  Run run;
  run.edits = &edits;
  run.commit_first = run.commit_last = 1;
  expect(subject.engine->absorb(run, kAll).code() == Code::kInvalid);
  expect_ok(same(subject, oracle, kAll));
}

void broken_run(Subject& subject) {
  Oracle oracle;
  for (int i = 0; i < 30; ++i) {
    oracle.begin_commit();
    oracle.put("key" + std::to_string(i), std::string(40, 'v'));
  }
  expect_ok(oracle.absorb_into(*subject.engine, kAll));
  Oracle before = oracle;
  oracle.begin_commit();
  oracle.remove("key3");
  oracle.delete_range("key1", "key2");
  for (int i = 0; i < 30; ++i) oracle.put("more" + std::to_string(i), std::string(200, 'm'));
  for (const size_t fails_at : {size_t{0}, size_t{1}, size_t{20}}) {
    LineCursor edits(oracle.versions({}, before.commit(), oracle.commit()), fails_at);
    const std::string begin = "key1";
    const std::string end = "key2";
    Run run;
    run.edits = &edits;
    run.range_deletions.push_back({as_bytes(begin), as_bytes(end), oracle.commit()});
    run.commit_first = run.commit_last = oracle.commit();
    expect(subject.engine->absorb(run, kAll).code() == Code::kIo);
    expect_ok(same(subject, before, kAll));
  }
  expect_ok(subject.reopen(subject));
  expect_ok(same(subject, before, kAll));
  expect_ok(oracle.absorb_into(*subject.engine, kAll));
  expect_ok(same(subject, oracle, kAll));
}

// What a conversion, a restore or a bulk load hands over: one run, no segments, far larger than any
// part of the engine.
void never_logged(Subject& subject) {
  Oracle oracle;
  for (int i = 0; i < 6000; ++i) {
    if (i % 50 == 0) oracle.begin_commit();
    oracle.put("key" + std::to_string(i * 7919 % 6007), std::string(20, 'v') + std::to_string(i));
    if (i % 1500 == 0) oracle.delete_range("key2", "key3");
  }
  expect_ok(oracle.absorb_into(*subject.engine));
  expect_ok(same(subject, oracle, {}));
  oracle.begin_commit();
  oracle.delete_range("key5", "");
  oracle.put("key77", "again");
  expect_ok(oracle.absorb_into(*subject.engine));
  for (int i = 0; i < 100; ++i) expect(static_cast<bool>(subject.engine->maintain(20'000, {})));
  expect_ok(same(subject, oracle, {}));
  expect_ok(subject.reopen(subject));
  expect_ok(same(subject, oracle, {}));
}

// Range deletions lie over seams, and some are worked off before their next part comes. The second
// copy brings what came after the first.
void in_parts(Subject& subject) {
  Oracle oracle;
  Random random(seed());
  const auto key = [&] { return "key" + std::to_string(100 + random.below(300)); };
  for (const Retention& retention : {kAll, Retention{30, {12}}, Retention{}}) {
    for (int i = 0; i < 40; ++i) {
      oracle.begin_commit();
      if (random.one_in(3)) oracle.delete_range(key(), random.one_in(4) ? "" : key());
      for (int n = 0; n < 20; ++n) oracle.put(key(), std::string(40, 'v') + std::to_string(i));
      for (int n = 0; n < 5; ++n) oracle.remove(key());
    }
    const std::vector<std::string> seams{"key120", "key130", "key1777", "key200", "key380", "z"};
    expect_ok(oracle.absorb_in_parts(*subject.engine, seams, retention, [&] {
      expect(static_cast<bool>(subject.engine->maintain(random.below(100'000), retention)));
    }));
    expect_ok(same(subject, oracle, retention));
    expect_ok(subject.engine->rest(Rest::kAll));
    expect_ok(subject.reopen(subject));
    expect_ok(same(subject, oracle, retention));
  }
  expect_ok(subject.engine->compact({}, {}));
  expect_ok(same(subject, oracle, {}));
}

void reopened_at_every_step(Subject& subject) {
  Oracle oracle;
  const auto again = [&] {
    expect_ok(subject.reopen(subject));
    expect_ok(same(subject, oracle, kAll));
  };
  again();
  for (int run = 0; run < 9; ++run) {
    for (int i = 0; i < 12; ++i) {
      if (i % 3 == 0) oracle.begin_commit();
      oracle.put("key" + std::to_string((run * 5 + i) % 40), std::string(30, 'a'));
    }
    oracle.remove("key" + std::to_string(run));
    if (run % 3 == 1) oracle.delete_range("key2", "key3");
    expect_ok(oracle.absorb_into(*subject.engine, kAll));
    again();
    for (int step = 0; step < 4; ++step) {
      expect(static_cast<bool>(subject.engine->maintain(600, kAll)));
      again();
    }
  }
  expect_ok(subject.engine->compact({}, kAll));
  again();
  oracle.begin_commit();
  expect_ok(oracle.absorb_into(*subject.engine, kAll));
  again();
}

}  // namespace

void EngineContract::add_absorbing() const {
  add("a run may have no edits, or no edits and one range deletion", no_edits);
  add("a run older than what is absorbed is refused", out_of_order);
  add("a run that breaks off leaves everything as it was, and can be absorbed again", broken_run);
  add("a run that was never logged may be of any size", never_logged);
  add("a copy may come in parts, of which range deletions are cut", in_parts);
  add("an engine opened again after any step is as it was", reopened_at_every_step);
}

}  // namespace varve::test

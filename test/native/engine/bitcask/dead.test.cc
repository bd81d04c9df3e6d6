// What is dead in files that merges have not come to yet, and what must stay for its sake.
#include "engine/bitcask/bitcask_subject.h"
#include "engine/compare.h"

namespace varve::test {
namespace {

const std::string kValue(100, 'v');

void settle(Subject& subject, const Retention& retention = {}) {
  for (int step = 0; step < 1000; ++step) {
    const Result<Progress> progress = subject.engine->maintain(1 << 20, retention);
    require(static_cast<bool>(progress));
    if (*progress == Progress::kIdle) return;
  }
  expect(false);
}

uint64_t detail_of(const Subject& subject, const std::string& name) {
  for (const auto& [key, value] : subject.engine->stats().detail) {
    if (key == name) return value;
  }
  require(false);
  return 0;
}

// A file with something dead and much that is alive, then one with what made it dead, of which all
// else is dead, too: only the second is merged.
template <class Delete>
Oracle deleted_alone(Subject& subject, Delete remove) {
  Oracle oracle;
  oracle.begin_commit();
  oracle.put("a", kValue);
  for (int i = 0; i < 20; ++i) oracle.put("stays" + std::to_string(i), kValue);
  expect_ok(oracle.absorb_into(*subject.engine));
  oracle.begin_commit();
  remove(oracle);
  oracle.put("c", kValue);
  expect_ok(oracle.absorb_into(*subject.engine));
  oracle.begin_commit();
  oracle.put("c", kValue + "again");
  expect_ok(oracle.absorb_into(*subject.engine));
  settle(subject);
  return oracle;
}

template <class Delete>
void stays_deleted(Delete remove) {
  Subject subject = open_bitcask_subject();
  Oracle oracle = deleted_alone(subject, remove);
  for (int round = 0; round < 3; ++round) {
    expect_ok(same(subject, oracle, {}));
    expect_ok(subject.reopen(subject));
    settle(subject);
  }
  // Small files become one, and what deletes goes with them: the dead is still where it was.
  for (int i = 0; i < 8; ++i) {
    oracle.begin_commit();
    oracle.put("small" + std::to_string(i), kValue);
    expect_ok(oracle.absorb_into(*subject.engine));
    settle(subject);
    expect_ok(same(subject, oracle, {}));
    expect_ok(subject.reopen(subject));
    expect_ok(same(subject, oracle, {}));
  }
  expect_ok(subject.engine->compact({}, {}));
  expect_ok(same(subject, oracle, {}));
  expect(detail_of(subject, "directoryRows") == oracle.scan({}, oracle.commit()).size());
  expect(detail_of(subject, "deadBytes") == 0);
  expect(detail_of(subject, "rangeDeletions") == 0);
}

const Case one("bitcask: a deletion stays while a file holds what it deleted",
               [] { stays_deleted([](Oracle& oracle) { oracle.remove("a"); }); });
const Case range("bitcask: a range deletion stays while a file holds what it deleted",
                 [] { stays_deleted([](Oracle& oracle) { oracle.delete_range("a", "b"); }); });

void put_many(Oracle& oracle, const std::string& prefix) {
  for (int i = 0; i < 20; ++i) oracle.put(prefix + std::to_string(i), kValue);
}

// Views at the horizon see the range deletion, and not what has been written since.
void hides_the_dead_below_a_younger_one() {
  Subject subject = open_bitcask_subject();
  const Retention retention{3, {}};
  Oracle oracle;
  oracle.begin_commit();
  oracle.put("a", kValue);
  put_many(oracle, "stays");
  expect_ok(oracle.absorb_into(*subject.engine));
  oracle.begin_commit();
  oracle.delete_range("a", "b");
  oracle.put("c", kValue);
  expect_ok(oracle.absorb_into(*subject.engine));
  oracle.begin_commit();
  oracle.put("c", kValue + "again");
  expect_ok(oracle.absorb_into(*subject.engine));
  oracle.begin_commit();
  oracle.put("a", kValue + "again");
  expect_ok(oracle.absorb_into(*subject.engine, retention));
  settle(subject, retention);
  expect(detail_of(subject, "rangeDeletions") == 1);
  expect_ok(same(subject, oracle, retention));
  expect_ok(subject.reopen(subject));
  expect_ok(same(subject, oracle, retention));
  settle(subject);  // Nobody asks for the view between any more.
  expect(detail_of(subject, "rangeDeletions") == 0);
  expect_ok(subject.reopen(subject));
  expect_ok(same(subject, oracle, {}));
}

// A file in which the newest of a key is a deletion would not bring it back: that it goes says
// nothing of what would.
void outlives_an_older_one() {
  Subject subject = open_bitcask_subject();
  Oracle oracle;
  oracle.begin_commit();
  oracle.remove("a");
  oracle.put("c", kValue);
  expect_ok(oracle.absorb_into(*subject.engine));
  settle(subject);
  oracle.begin_commit();
  oracle.put("a", kValue);
  put_many(oracle, "stays");
  expect_ok(oracle.absorb_into(*subject.engine));
  oracle.begin_commit();
  oracle.remove("a");
  oracle.put("d", kValue);
  expect_ok(oracle.absorb_into(*subject.engine));
  // The first file goes, then the third would. An opening in between would count anew.
  for (const std::string key : {"c", "d"}) {
    oracle.begin_commit();
    oracle.put(key, kValue + "again");
    expect_ok(oracle.absorb_into(*subject.engine));
    settle(subject);
    expect_ok(same(subject, oracle, {}));
  }
  expect_ok(subject.reopen(subject));
  expect_ok(same(subject, oracle, {}));
}

const Case spent("bitcask: a deletion outlives an older one that had nothing to hide",
                 outlives_an_older_one);

const Case younger("bitcask: a range deletion hides the dead from views below a younger version",
                   hides_the_dead_below_a_younger_one);

}  // namespace
}  // namespace varve::test

// Contract: what an engine says of itself adds up.
#include "base/random.h"
#include "engine/compare.h"
#include "engine/contract.h"

namespace varve::test {

namespace {

std::string key_of(int number) {
  std::string digits = std::to_string(number);
  return "key" + std::string(6 - digits.size(), '0') + digits;
}

std::string noise(Random& random, size_t size) {
  std::string text;
  while (text.size() < size) append<uint64_t>(text, random.next());
  text.resize(size);
  return text;
}

// Until nothing is left to do. Every step brings the end nearer, so there are not endlessly many.
void settle(Engine& engine, const Retention& retention) {
  for (int step = 0; step < 10'000; ++step) {
    const Result<Progress> progress = engine.maintain(5000, retention);
    expect(static_cast<bool>(progress));
    if (!progress || *progress == Progress::kIdle) return;
  }
  expect(false);
}

void adds_up(Subject& subject) {
  Random random(seed());
  Oracle oracle;
  uint64_t written = 0;
  for (int run = 0; run < 25; ++run) {
    for (int i = 0; i < 40; ++i) {
      oracle.begin_commit();
      oracle.put(key_of(static_cast<int>(random.below(300))), noise(random, random.below(100)));
    }
    oracle.remove(key_of(static_cast<int>(random.below(300))));
    expect_ok(oracle.absorb_into(*subject.engine));
    const EngineStats stats = subject.engine->stats();
    expect(stats.absorbed_bytes == oracle.absorbed_bytes());
    // What came to rest was written.
    expect(stats.written_bytes > written || subject.engine->rested() < oracle.commit());
    expect((stats.disk_bytes > 0) == subject.rests_on_disk);
    written = stats.written_bytes;
    if (run % 4 == 3) expect(static_cast<bool>(subject.engine->maintain(2000, {})));
  }
  settle(*subject.engine, {});
  EngineStats stats = subject.engine->stats();
  expect(stats.debt_bytes == 0);
  expect(!stats.stop_writes);
  expect_ok(subject.engine->compact({}, {}));
  stats = subject.engine->stats();
  expect(stats.entry_count == oracle.scan({}, oracle.commit()).size());
  expect(stats.history_bytes == 0);
  expect_ok(same(subject, oracle, {}));
}

// However far behind maintenance is, it catches up, and no step undoes another.
void catches_up(Subject& subject) {
  Random random(seed() + 1);
  Oracle oracle;
  for (int run = 0; run < 40; ++run) {
    oracle.begin_commit();
    for (int i = 0; i < 30; ++i) {
      oracle.put(key_of(static_cast<int>(random.below(2000))), noise(random, 50));
    }
    expect_ok(oracle.absorb_into(*subject.engine));
  }
  settle(*subject.engine, {});
  expect(!subject.engine->stats().stop_writes);
  expect_ok(same(subject, oracle, {}));
}

void sizes(Subject& subject) {
  Random random(seed() + 2);
  Oracle oracle;
  constexpr int kCount = 4000;
  constexpr uint64_t kPayload = kCount * (100 + 9);
  oracle.begin_commit();
  for (int i = 0; i < kCount; ++i) oracle.put(key_of(i), noise(random, 100));
  expect_ok(oracle.absorb_into(*subject.engine));
  const auto check_sizes = [&] {
    const Reading reading(subject);
    const EngineVersion& version = subject.engine->version();
    const auto size_of = [&](const Bounds& bounds) { return version.size(bounds.range()); };
    const uint64_t all = size_of({});
    expect(all > kPayload / 2 && all < kPayload * 3);
    const uint64_t low = size_of({"", key_of(kCount / 2)});
    const uint64_t high = size_of({key_of(kCount / 2), ""});
    // About: a part of the engine (64 KiB at most) may be counted on both sides.
    constexpr uint64_t kPart = uint64_t{256} << 10;
    expect(low > all / 4 && low < all / 4 * 3 + kPart);
    expect(high > all / 4 && high < all / 4 * 3 + kPart);
    expect(low + high >= all && low + high < all + kPart);
    expect(size_of({key_of(7), key_of(8)}) < kPart);
    expect(size_of({"zzz", ""}) < kPart);
    expect(size_of({key_of(9), key_of(9)}) < kPart);
    for (int i = 0; i < 50; ++i) {
      const int begin = static_cast<int>(random.below(kCount));
      const int end = begin + static_cast<int>(random.below(kCount));
      expect(size_of({key_of(begin), key_of(end)}) <= size_of({key_of(begin / 2), ""}));
    }
  };
  check_sizes();
  expect_ok(subject.engine->compact({}, {}));
  check_sizes();
}

void memory_moves(Subject& subject) {
  Random random(seed() + 3);
  Oracle oracle;
  for (int run = 0; run < 6; ++run) {
    oracle.begin_commit();
    for (int i = 0; i < 200; ++i) oracle.put(key_of(run * 100 + i), noise(random, 40));
    expect_ok(oracle.absorb_into(*subject.engine));
  }
  for (const uint64_t bytes : {uint64_t{0}, uint64_t{5000}, uint64_t{1} << 24}) {
    subject.engine->set_memory(bytes);
    expect_ok(same(subject, oracle, {}));
    expect_ok(same(subject, oracle, {}));
  }
}

void streams(Subject& subject) {
  Random random(seed() + 4);
  Oracle oracle;
  oracle.begin_commit();
  for (int i = 0; i < 1000; ++i) oracle.put(key_of(i), noise(random, 400));
  expect_ok(oracle.absorb_into(*subject.engine));
  uint64_t size = 0;
  expect_ok(subject.engine->checkpoint([&](Bytes bytes) {
    size += bytes.size();
    return Status::ok();
  }));
  expect(size > 400'000);
  const Status refused =
      subject.engine->checkpoint([](Bytes) { return Status(Code::kNoSpace, "the sink is full"); });
  expect(refused.code() == Code::kNoSpace);
  expect_ok(same(subject, oracle, {}));
  expect_ok(subject.engine->close());
}

}  // namespace

void EngineContract::add_care() const {
  add("stats() add up: bytes taken in, entries, no debt once maintenance is idle", adds_up);
  add("maintenance comes to an end, however far it was behind", catches_up);
  add("size() of a range is about its share, never more for less", sizes);
  add("an engine answers the same with any memory, none included", memory_moves);
  add("checkpoint() streams the whole, and ends with the error of its sink", streams);
}

}  // namespace varve::test

// A store on a real disk with real threads: readers among writers, flushes and merges of every
// style.
#include "store/store.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "test.h"

namespace varve::test {
namespace {

constexpr uint64_t kKeyCount = 500;
constexpr uint64_t kCommitCount = 1500;
constexpr int kReaderCount = 3;

std::string key_of(const char* side, uint64_t index) { return side + std::to_string(index); }

StoreOptions options_of(const std::string& directory, CompactionStyle style) {
  StoreOptions options;
  options.directory = directory;
  options.memory_bytes = uint64_t{8} << 20;
  options.table_bytes = uint64_t{64} << 10;
  options.block_bytes = 1024;
  options.thread_count = 4;
  options.compaction = style;
  options.holder = "a test";
  return options;
}

// One commit sets a key on both sides to the same value.
void commit_pair(Store& store, uint64_t index, const std::string& value) {
  Batch batch(store.hash_seed());
  batch.put(as_bytes(key_of("left", index)), as_bytes(value));
  batch.put(as_bytes(key_of("right", index)), as_bytes(value));
  const Result<uint64_t> commit = store.commit(batch);
  if (!commit) expect(commit.code() == Code::kBusy);
}

void read_pairs(Store& store, const std::atomic<bool>& done, uint64_t chosen) {
  Store::Reader reader(store);
  Random random(chosen);
  while (!done.load()) {
    const Store::View view(reader);
    const uint64_t index = random.below(kKeyCount);
    Lookup left;
    Lookup right;
    expect_ok(view.get(as_bytes(key_of("left", index)), true, left));
    expect_ok(view.get(as_bytes(key_of("right", index)), true, right));
    expect(left.found == right.found && equal(left.edit.value, right.edit.value));
    if (!random.one_in(50)) continue;
    std::vector<std::string> values;
    for (const char* side : {"left", "right"}) {
      const std::string begin = side;
      const std::string end = begin + "~";
      const auto cursor = view.scan({as_bytes(begin), as_bytes(end)}, Direction::kForward);
      std::string all;
      for (; cursor->valid(); cursor->next()) all += std::string(as_text(cursor->edit().value));
      expect_ok(cursor->status());
      values.push_back(all);
    }
    expect(values[0] == values[1]);
  }
}

void run_style(CompactionStyle style) {
  const std::string directory = scratch_directory();
  Result<std::shared_ptr<Store>> opened = Store::open(native_os(), options_of(directory, style));
  require(static_cast<bool>(opened));
  Store& store = **opened;
  std::atomic<bool> done{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < kReaderCount; ++i) {
    threads.emplace_back([&, i] { read_pairs(store, done, seed() + static_cast<uint64_t>(i)); });
  }
  threads.emplace_back([&] {
    for (int i = 0; !done.load(); ++i) {
      expect_ok(i % 8 == 7 ? store.compact() : store.flush());
    }
  });
  Random random(seed());
  for (uint64_t i = 0; i < kCommitCount; ++i) {
    commit_pair(store, random.below(kKeyCount),
                std::string(random.below(300), 'v') + key_of("", i));
  }
  done.store(true);
  for (std::thread& thread : threads) thread.join();
  std::vector<VerifyProblem> problems;
  expect_ok(store.verify(problems));
  expect(problems.empty());
  expect_ok(store.close());
}

const Case leveled("readers see whole commits while tables are merged by levels",
                   [] { run_style(CompactionStyle::kLeveled); });
const Case tiered("readers see whole commits while tables are merged by tiers",
                  [] { run_style(CompactionStyle::kTiered); });
const Case universal("readers see whole commits while tables are merged by age",
                     [] { run_style(CompactionStyle::kUniversal); });

const Case several_styles("a store is the same whichever style it is opened with", [] {
  const std::string directory = scratch_directory();
  std::string expected;
  for (uint64_t round = 0; round < 6; ++round) {
    const auto style = static_cast<CompactionStyle>(round % 3);
    Result<std::shared_ptr<Store>> opened = Store::open(native_os(), options_of(directory, style));
    require(static_cast<bool>(opened));
    Store& store = **opened;
    for (uint64_t i = 0; i < 600; ++i) {
      commit_pair(store, i % kKeyCount, key_of("round", round * 1000 + i));
      if (i % 60 == 59) expect_ok(store.flush());
    }
    Store::Reader reader(store);
    for (uint64_t i = 0; i < kKeyCount; ++i) {
      const Store::View view(reader);
      Lookup found;
      expect_ok(view.get(as_bytes(key_of("left", i)), true, found));
      const uint64_t last = round * 1000 + (i < 100 ? i + kKeyCount : i);
      expect(found.found == Found::kPut && as_text(found.edit.value) == key_of("round", last));
    }
  }
});

}  // namespace
}  // namespace varve::test

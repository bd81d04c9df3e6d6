// The horizon of the past: what it was before a crash it is after it, so that no view is promised
// whose versions may be gone.
#include <string>
#include <vector>

#include "base/os/os_simulated.h"
#include "store/store.h"
#include "test.h"

namespace varve::test {
namespace {

constexpr uint64_t kMinuteMs = 60'000;

std::shared_ptr<Store> open_store(SimulatedOs& os,
                                  HistoryPolicy history = {Keep::kAge, kMinuteMs}) {
  StoreOptions options;
  options.directory = "/data";
  options.memory_bytes = uint64_t{8} << 20;
  options.history = history;
  options.holder = "a test";
  Result<std::shared_ptr<Store>> store = Store::open(os, options);
  require(static_cast<bool>(store));
  return std::move(*store);
}

void write(Store& store) {
  Batch batch(store.hash_seed());
  batch.put(as_bytes(std::string_view("key")), as_bytes(std::string_view("value")));
  expect_ok(store.commit(batch).error());
}

// An hour later than all that is on the disk somebody commits, and merges go on; then that commit
// is lost.
const Case lost("the horizon follows no commit that a crash can take", [] {
  SimulatedOs os(seed());
  uint64_t before = 0;
  {
    const std::shared_ptr<Store> store = open_store(os);
    for (int i = 0; i < 20; ++i) {
      write(*store);
      os.jump_wall_clock(10'000);
    }
    expect_ok(store->flush());  // Wakes those who merge; they come to it below.
    os.jump_wall_clock(60 * kMinuteMs);
    write(*store);
    os.run(50);
    before = store->horizon();
    expect(before > 0);
    os.go_down_at_call(1);
    expect(!store->wait_for(Durability::kDisk));
  }
  os.restart();
  const std::shared_ptr<Store> store = open_store(os);
  expect(store->visible() >= 20 && store->horizon() >= before);
  expect_ok(store->close());
});

const Case unique("a number that a crash took is not given out again behind an idle opening", [] {
  SimulatedOs os(seed());
  uint64_t lost = 0;
  {
    const std::shared_ptr<Store> store = open_store(os);
    write(*store);
    expect_ok(store->wait_for(Durability::kDisk));
    write(*store);
    lost = store->visible();
    os.go_down_at_call(0);
  }
  os.restart();
  expect_ok(open_store(os)->close());
  const std::shared_ptr<Store> store = open_store(os);
  expect(store->visible() < lost);
  write(*store);
  expect(store->visible() > lost);
  expect_ok(store->close());
});

// After a crash numbers go on high above what is there: those left out are no commits.
const Case counted("history counted in commits skips the numbers that crashes left out", [] {
  constexpr HistoryPolicy kTen{Keep::kCommits, 10};
  SimulatedOs os(seed());
  std::vector<uint64_t> commits;
  for (int opening = 0; opening < 4; ++opening) {
    {
      const std::shared_ptr<Store> store = open_store(os, kTen);
      for (int i = 0; i < 4; ++i) {
        write(*store);
        commits.push_back(store->visible());
      }
      expect_ok(store->compact());
      const size_t count = commits.size();
      expect(store->horizon() == (count > 10 ? commits[count - 11] : 0));
      if (opening == 1) expect_ok(store->close());  // The others end by a crash.
      os.go_down_at_call(0);
    }
    os.restart();
    for (int idle = 0; idle < 2; ++idle) {  // Openings in which nothing is committed.
      {
        const std::shared_ptr<Store> store = open_store(os, kTen);
        os.go_down_at_call(0);
      }
      os.restart();
    }
  }
  expect(commits.back() > uint64_t{1} << 24);
});

// More than a memtable holds is in the log, so that some of it comes to rest while the rest is read.
const Case replayed("what an opening brings to rest on its way keeps as much of the past", [] {
  constexpr HistoryPolicy kTwenty{Keep::kCommits, 20};
  SimulatedOs os(seed());
  std::vector<uint64_t> commits;
  for (const size_t bytes : {10, 60'000}) {
    {
      const std::shared_ptr<Store> store = open_store(os, kTwenty);
      for (int i = 0; i < 15; ++i) {
        Batch batch(store->hash_seed());
        const std::string key = std::to_string(commits.size() % 10);
        const std::string value(bytes, static_cast<char>('a' + commits.size() % 26));
        batch.put(as_bytes(key), as_bytes(value));
        const Result<uint64_t> commit = store->commit(batch);
        require(static_cast<bool>(commit));
        commits.push_back(*commit);
      }
      expect_ok(store->wait_for(Durability::kDisk));
      os.go_down_at_call(0);
    }
    os.restart();
  }
  const std::shared_ptr<Store> store = open_store(os, kTwenty);
  expect_ok(store->compact());
  expect(store->horizon() == commits[9]);
  Store::Reader reader(*store);
  for (size_t i = 9; i < commits.size(); ++i) {
    const Store::View view(reader, commits[i]);
    for (size_t written = i - 9; written <= i; ++written) {  // The last of each key.
      Lookup found;
      expect_ok(view.get(as_bytes(std::to_string(written % 10)), true, found));
      require(found.found == Found::kPut);
      expect(found.edit.value[0] == 'a' + written % 26 && found.edit.commit == commits[written]);
    }
  }
  expect_ok(store->close());
});

}  // namespace
}  // namespace varve::test

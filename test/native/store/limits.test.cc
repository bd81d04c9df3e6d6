// The largest keys, values and commits: what is above is refused before anything is copied, what is
// below is taken whatever the log's segments are.
#include <string>

#include "base/os/os_simulated.h"
#include "store/store.h"
#include "test.h"

namespace varve::test {
namespace {

constexpr uint64_t kFourGib = uint64_t{4} << 30;

StoreOptions options_with(uint64_t memory_bytes) {
  StoreOptions options;
  options.directory = "/data";
  options.memory_bytes = memory_bytes;
  options.segment_bytes = uint64_t{64} << 10;
  options.holder = "a test";
  return options;
}

const Case four_gib("a value of 4 GiB is TOO_LARGE before a byte of it is made room for", [] {
  SimulatedOs os(seed());
  Result<std::shared_ptr<Store>> store = Store::open(os, options_with(uint64_t{1} << 40));
  require(static_cast<bool>(store));
  const Batch batch((*store)->hash_seed(), (*store)->commit_bytes_max());
  for (const uint64_t bytes : {kFourGib, kFourGib - 1, uint64_t{1} << 38}) {
    const Status status = batch.fits(bytes);
    expect(status.code() == Code::kTooLarge);
    expect(status.message().find(std::to_string(UINT32_MAX)) != std::string::npos);
  }
  expect_ok(batch.fits(kFourGib - 100));
  expect_ok((*store)->close());
});

// A value of `size` bytes in a store whose log has smaller segments, before and after a crash.
void large_commit(size_t size) {
  SimulatedOs os(seed());
  const std::string value(size, 'v');
  {
    Result<std::shared_ptr<Store>> store = Store::open(os, options_with(uint64_t{64} << 20));
    require(static_cast<bool>(store));
    for (const char* key : {"before", "large", "after"}) {
      Batch batch((*store)->hash_seed(), (*store)->commit_bytes_max());
      batch.put(as_bytes(key), as_bytes(std::string(key) == "large" ? value : key));
      expect_ok((*store)->commit(batch).error());
    }
    expect_ok((*store)->wait_for(Durability::kDisk));
    os.go_down_at_call(0);
  }
  os.restart();
  Result<std::shared_ptr<Store>> store = Store::open(os, options_with(uint64_t{64} << 20));
  require(static_cast<bool>(store));
  expect((*store)->recovery().replayed_commits == 3);
  expect_ok((*store)->flush());
  const Result<std::unique_ptr<Store::Reader>> reader = Store::Reader::take(**store);
  require(static_cast<bool>(reader));
  {
    const Store::View view(**reader);
    Lookup found;
    expect_ok(view.get(as_bytes("large"), true, found));
    expect((found.edit.flags & kFlagSeparateValue) != 0);
    std::string room;
    const Result<Bytes> read = view.value(found.edit, room);
    expect(read && as_text(*read) == value);
  }
  expect((*store)->stats().engine.value_file_count == 1);
}

const Case large_commits(
    "a commit larger than a segment of the log gets one of its size, and survives a crash", [] {
      large_commit(70'000);
      large_commit(3'000'000);
      large_commit(13'000'000);
    });

}  // namespace
}  // namespace varve::test

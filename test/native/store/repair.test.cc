// Stores from outside, where what is tested is the size of things or bytes that no writer makes;
// test/api/repair.test.ts holds the rest.
#include "store/repair.h"

#include <string>

#include "base/os/os_simulated.h"
#include "pure/codec/crc32c.h"
#include "test.h"

namespace varve::test {
namespace {

StoreOptions options_of(const std::string& directory) {
  StoreOptions options;
  options.directory = directory;
  options.holder = "a test";
  return options;
}

void put(Store& store, const std::string& key, const std::string& value) {
  Batch batch(store.hash_seed(), store.commit_bytes_max());
  batch.put(as_bytes(key), as_bytes(value));
  expect_ok(store.commit(batch).error());
}

// The value of a key, or "none".
std::string value_in(Store& store, const std::string& key) {
  bool found = false;
  std::string value;
  expect_ok(store.get_apart(as_bytes(key), UINT64_MAX, 0, found, value));
  return found ? value : "none";
}

const Case large(
    "a salvage opens its target with more memory for values that do not fit otherwise", [] {
      SimulatedOs os(seed());
      const std::string at_rest(5'000'000, 'r');  // A small file, as it compresses well.
      const std::string in_log(4'400'000, 'l');
      constexpr uint64_t kMemoryBytes = uint64_t{16} << 20;  // A value may have a quarter.
      {
        StoreOptions options = options_of("/source");
        options.memory_bytes = 2 * kMemoryBytes;
        options.compressed_levels = UINT32_MAX;
        Result<std::shared_ptr<Store>> store = Store::open(os, options);
        require(static_cast<bool>(store));
        put(**store, "before", "small");
        put(**store, "rests", at_rest);
        expect_ok((*store)->flush());
        expect((*store)->stats().engine.disk_bytes < 400'000);
        put(**store, "logged", in_log);
        expect_ok((*store)->wait_for(Durability::kDisk));
        os.go_down_at_call(0);
      }
      os.restart();
      const Result<SalvageReport> report =
          salvage_store(os, "/source", "/target", "a test", kMemoryBytes);
      require(static_cast<bool>(report));
      expect(report->lost.empty() && report->entry_count == 2 && report->commit_count == 1);
      StoreOptions options = options_of("/target");
      options.create = Create::kNever;
      Result<std::shared_ptr<Store>> store = Store::open(os, options);
      require(static_cast<bool>(store));
      expect(value_in(**store, "before") == "small");
      expect(value_in(**store, "rests") == at_rest);
      expect(value_in(**store, "logged") == in_log);
    });

// Sets a flag of the first edit in the first record of the log, and all checksums as they must be.
void set_flag_in_log(Os& os, const std::string& path, uint8_t flag) {
  Result<std::unique_ptr<File>> file = os.open(path, OpenMode::kWrite);
  require(static_cast<bool>(file));
  uint8_t head[kRecordHeaderBytes];
  require((*file)->read_at(kSegmentHeaderBytes, head).code() == Code::kOk);
  std::vector<uint8_t> body(load<uint32_t>(head));
  const uint64_t body_at = kSegmentHeaderBytes + kRecordHeaderBytes;
  require((*file)->read_at(body_at, body).code() == Code::kOk);
  body[1] |= flag;
  store<uint32_t>(head + 48, crc32c(body));
  store<uint32_t>(head + 52, crc32c(Bytes(head, 52)));
  expect_ok((*file)->write_at(kSegmentHeaderBytes, head));
  expect_ok((*file)->write_at(body_at, body));
  expect_ok((*file)->sync());
}

const Case flagged(
    "a logged edit that claims its value lies elsewhere is CORRUPT at the opening", [] {
      SimulatedOs os(seed());
      {
        Result<std::shared_ptr<Store>> store = Store::open(os, options_of("/data"));
        require(static_cast<bool>(store));
        put(**store, "forged", "value");
        put(**store, "honest", "value");
        expect_ok((*store)->close());
      }
      set_flag_in_log(os, segment_path("/data", 1), 1);
      StoreOptions options = options_of("/data");
      expect(Store::open(os, options).code() == Code::kCorrupt);
      const Result<VerifyReport> verified = verify_store(os, "/data", "a test");
      expect(verified && verified->problems.size() == 1);

      options.read_only = true;
      options.serve_damaged = true;
      {
        Result<std::shared_ptr<Store>> served = Store::open(os, options);
        require(static_cast<bool>(served));
        expect((*served)->recovery().lost.size() == 1);
        expect(value_in(**served, "forged") == "none" && value_in(**served, "honest") == "value");
      }
      const Result<SalvageReport> saved = salvage_store(os, "/data", "/saved", "a test");
      require(static_cast<bool>(saved));
      expect(saved->commit_count == 1 && saved->lost.size() == 1);
      Result<std::shared_ptr<Store>> store = Store::open(os, options_of("/saved"));
      require(static_cast<bool>(store));
      expect(value_in(**store, "forged") == "none" && value_in(**store, "honest") == "value");
    });

// What deleted a key need not be there any more, when only a snapshot keeps what it was.
const Case past("a salvage takes nothing from history, and verify() finds no fault with it", [] {
  SimulatedOs os(seed());
  {
    Result<std::shared_ptr<Store>> store = Store::open(os, options_of("/data"));
    require(static_cast<bool>(store));
    put(**store, "kept", "old");
    put(**store, "gone", "old");
    (*store)->hold();
    put(**store, "kept", "new");
    Batch batch((*store)->hash_seed(), (*store)->commit_bytes_max());
    batch.erase(as_bytes("gone"));
    expect_ok((*store)->commit(batch).error());
    expect_ok((*store)->compact());
    expect((*store)->stats().engine.history_bytes > 0);
    expect_ok((*store)->wait_for(Durability::kDisk));
    os.go_down_at_call(0);
  }
  os.restart();
  const Result<VerifyReport> verified = verify_store(os, "/data", "a test");
  expect(verified && verified->problems.empty());
  const Result<SalvageReport> saved = salvage_store(os, "/data", "/saved", "a test");
  expect(saved && saved->lost.empty());
  Result<std::shared_ptr<Store>> store = Store::open(os, options_of("/saved"));
  require(static_cast<bool>(store));
  expect(value_in(**store, "kept") == "new" && value_in(**store, "gone") == "none");
});

const Case destroyed("a destroyed store leaves no directory behind", [] {
  const std::string directory = scratch_directory() + "/store";
  Result<std::shared_ptr<Store>> store = Store::open(native_os(), options_of(directory));
  require(static_cast<bool>(store));
  put(**store, "key", "value");
  expect(destroy_store(native_os(), directory, "another").code() == Code::kLocked);
  expect_ok((*store)->close());
  store->reset();  // Files that are open keep their names on Windows.
  expect_ok(destroy_store(native_os(), directory, "another"));
  const Result<bool> exists = native_os().exists(directory);
  expect(exists && !*exists);
});

}  // namespace
}  // namespace varve::test

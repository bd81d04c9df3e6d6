// Open files: none is left by close() or by an opening that fails, whatever the disk does. On
// Windows a directory with an open file cannot be removed.
#include <string>

#include "base/os/os_simulated.h"
#include "store/store.h"
#include "test.h"

namespace varve::test {
namespace {

constexpr uint64_t kCallsMax = 3000;
constexpr uint64_t kForEver = 1'000'000;  // Calls.

StoreOptions options_of(EngineKind engine, bool log) {
  StoreOptions options;
  options.directory = "/data";
  options.engine = engine;
  options.log = log;
  options.memory_bytes = uint64_t{8} << 20;
  options.table_bytes = 4096;
  options.large_value_bytes = 2000;
  options.holder = "a test";
  return options;
}

// Until a write fails, some of them brought to rest, with so many steps of workers between them.
void write_some(Store& store, SimulatedOs& os, uint64_t steps = 0) {
  for (int i = 0; i < 12; ++i) {
    Batch batch(store.hash_seed());
    const std::string value(i % 5 == 0 ? 3000 : 30, 'v');
    batch.put(as_bytes(std::to_string(i % 4)), as_bytes(value));
    if (!store.commit(batch)) return;
    const Status status = i % 3 == 2 ? store.flush() : store.wait_for(Durability::kOs);
    if (!status) return;
    os.run(steps);
  }
}

struct Kind {
  EngineKind engine;
  bool log;
};
constexpr Kind kKinds[] = {{EngineKind::kLsm, true},
                           {EngineKind::kMemory, true},
                           {EngineKind::kMemory, false},
                           {EngineKind::kBitcask, true},
                           {EngineKind::kBtree, true}};

// True when the disk had no call left to fail.
bool closes_on_failing_disk(const Kind& kind, uint64_t failing, Code code) {
  SimulatedOs os(seed() + failing);
  Result<std::shared_ptr<Store>> store = Store::open(os, options_of(kind.engine, kind.log));
  require(static_cast<bool>(store));
  os.fail_call(failing, code, kForEver);
  write_some(**store, os, 4);
  const Status closed = (*store)->close();
  expect(closed || os.failed_count() > 0);
  expect(os.open_count() == 0);
  expect((*store)->close().code() == Code::kOk && os.open_count() == 0);
  return os.failed_count() == 0;
}

const Case closed("close() leaves no file open, whenever the disk began to fail", [] {
  for (const Kind& kind : kKinds) {
    for (const Code code : {Code::kIo, Code::kNoSpace}) {
      uint64_t failing = 1;
      while (failing < kCallsMax && !closes_on_failing_disk(kind, failing, code)) failing += 3;
      expect(failing > 20 && failing < kCallsMax);
    }
  }
});

const Case reading("a store opened for reading leaves no file open when it is closed", [] {
  SimulatedOs os(seed());
  StoreOptions options = options_of(EngineKind::kLsm, true);
  {
    Result<std::shared_ptr<Store>> store = Store::open(os, options);
    require(static_cast<bool>(store));
    write_some(**store, os);
    expect_ok((*store)->close());
  }
  options.read_only = true;
  Result<std::shared_ptr<Store>> store = Store::open(os, options);
  require(static_cast<bool>(store));
  expect(os.open_count() > 1);
  expect_ok((*store)->close());
  expect(os.open_count() == 0);
  bool found = false;
  std::string value;
  expect((*store)->get_apart(as_bytes("1"), UINT64_MAX, 0, found, value).code() == Code::kClosed);
});

// Opens what a close or a crash left, with the disk failing one call later each time.
void open_on_failing_disk(const Kind& kind, bool is_clean) {
  SimulatedOs os(seed());
  const StoreOptions options = options_of(kind.engine, kind.log);
  {
    Result<std::shared_ptr<Store>> store = Store::open(os, options);
    require(static_cast<bool>(store));
    write_some(**store, os);
    if (is_clean) expect_ok((*store)->close());
    if (!is_clean) os.go_down_at_call(0);
  }
  if (!is_clean) os.restart();
  uint64_t failing = 1;
  for (; failing < kCallsMax; ++failing) {
    os.fail_call(failing, Code::kIo);
    Result<std::shared_ptr<Store>> store = Store::open(os, options);
    if (store) break;
    expect(os.open_count() == 0);
  }
  expect(failing > 10 && failing < kCallsMax);
}

const Case failed("an opening that fails leaves no file open, wherever it failed", [] {
  for (const Kind& kind : kKinds) {
    for (const bool is_clean : {true, false}) open_on_failing_disk(kind, is_clean);
  }
});

}  // namespace
}  // namespace varve::test

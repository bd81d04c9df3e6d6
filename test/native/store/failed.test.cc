// A store that a failure has stopped, on a simulated machine.
#include <string>

#include "base/os/os_simulated.h"
#include "store/store.h"
#include "test.h"

namespace varve::test {
namespace {

constexpr uint64_t kCallsMax = 3000;
constexpr uint64_t kForEver = 1'000'000;  // Calls.

// Fills a few runs, on a disk that fails from some call on; true when none was left to fail.
bool leaves_the_disk_alone(uint64_t failing) {
  SimulatedOs os(seed() + failing);
  StoreOptions options;
  options.directory = "/data";
  options.memory_bytes = uint64_t{8} << 20;
  options.table_bytes = 4096;
  options.holder = "a test";
  Result<std::shared_ptr<Store>> store = Store::open(os, options);
  require(static_cast<bool>(store));
  os.fail_call(failing, Code::kIo, kForEver);
  for (int i = 0; i < 8; ++i) {
    Batch batch((*store)->hash_seed());
    for (const char* key : {"a", "b", "c"}) batch.put(as_bytes(key), as_bytes(std::to_string(i)));
    const Result<uint64_t> commit = (*store)->commit(batch);
    const Status status = commit ? (*store)->flush() : commit.error();
    if (!status) break;
    os.run(20);
  }
  if ((*store)->error()) return os.failed_count() == 0;
  os.run(200);
  const uint64_t calls = os.call_count();
  for (int i = 0; i < 20; ++i) os.run(100);
  expect(os.call_count() == calls);
  return false;
}

const Case quiet("a store that has failed does not try again and again", [] {
  uint64_t failing = 1;
  while (failing < kCallsMax && !leaves_the_disk_alone(failing)) ++failing;
  expect(failing > 20 && failing < kCallsMax);
});

}  // namespace
}  // namespace varve::test

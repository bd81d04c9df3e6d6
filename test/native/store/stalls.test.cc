#include "store/store.h"

#include "test.h"

namespace varve {
namespace {

using test::expect;

constexpr uint64_t kMs = 1'000'000;
constexpr uint64_t kSecond = 1000 * kMs;

const test::Case bound("writers held for 50 ms of a second are one stall, told once", [] {
  Stalls stalls;
  expect(!stalls.add(StallReason::kFlush, 20 * kMs, 5 * kSecond));
  expect(!stalls.add(StallReason::kFlush, 29 * kMs, 5 * kSecond + 100 * kMs));
  expect(stalls.last().number == 0);
  expect(stalls.add(StallReason::kMaintenance, 1 * kMs, 5 * kSecond + 200 * kMs));
  expect(!stalls.add(StallReason::kFlush, 45 * kMs, 5 * kSecond + 300 * kMs));
  const Stall last = stalls.last();
  expect(last.number == 1 && last.reason == StallReason::kFlush);
  expect(last.held_ns == 95 * kMs && last.longest_ns == 45 * kMs && last.wait_count == 4);
});

const test::Case windows("what was held in another second does not count", [] {
  Stalls stalls;
  for (uint64_t second = 1; second < 100; ++second) {
    expect(!stalls.add(StallReason::kFlush, 49 * kMs, second * kSecond));
  }
  expect(stalls.add(StallReason::kMaintenance, 60 * kMs, 200 * kSecond));
  expect(stalls.add(StallReason::kMaintenance, 70 * kMs, 201 * kSecond));
  expect(stalls.last().number == 2 && stalls.last().reason == StallReason::kMaintenance);
  expect(stalls.last().held_ns == 70 * kMs);
});

const test::Case early("a commit held since before the clock began is a stall like another", [] {
  Stalls stalls;
  expect(stalls.add(StallReason::kFlush, 50 * kMs, 10 * kMs));
  expect(stalls.last().held_ns == 50 * kMs);
});

}  // namespace
}  // namespace varve

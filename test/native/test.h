// test/native/test.h — the whole test harness: a case is a sentence that is true and a function
// that shows it.
//
//   static const test::Case torn_tail("a torn tail is dropped and everything before it survives",
//   [] {
//     expect(reader.next()->commit == 3);
//   });
//
// expect() records a failure with its line and goes on; require() ends the process, for what the
// rest needs.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/status.h"

namespace varve::test {

struct Case {
  Case(std::string sentence, std::function<void()> body, const char* file = __builtin_FILE());
};

void expect(bool holds, const char* file = __builtin_FILE(), int line = __builtin_LINE());
void expect_ok(const Status& status, const char* file = __builtin_FILE(),
               int line = __builtin_LINE());
void require(bool holds, const char* file = __builtin_FILE(), int line = __builtin_LINE());
// Failed expectations of the case that runs.
int failure_count();
// The seed of this run (--seed=N, default 1): mix it into every random test; a failure prints it.
uint64_t seed();
// How many seeds a simulation test should try (--seeds=N, default 200).
uint64_t seed_count();
// An empty directory of this test's own on the real disk, removed at the end of the run.
std::string scratch_directory();

}  // namespace varve::test

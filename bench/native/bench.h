// bench/native/bench.h — native measurements: a registered name and a function that prints its own table.
// core_bench [filter]
#pragma once

#include <functional>

namespace varve::bench {

struct Bench {
  Bench(const char* name, std::function<void()> body);
};

// CPU nanoseconds of this thread since some moment.
double thread_cpu_ns();

}  // namespace varve::bench

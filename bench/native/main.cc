// bench/native/main.cc — runs the measurements whose name contains the filter, each for some rounds.
// core_bench [filter] [--rounds=N]
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <vector>

#include "bench.h"

namespace varve::bench {
namespace {

constexpr int kRounds = 5;
constexpr int kRoundsMax = 1000;

struct Registered {
  const char* name;
  std::function<void(Table&)> body;
};

std::vector<Registered>& all() {
  static std::vector<Registered> list;
  return list;
}

void run(const Registered& one, int rounds) {
  std::printf("\n## %s: median (least–most) of %d rounds\n\n", one.name, rounds);
  std::fflush(stdout);
  Table table;
  for (int round = 0; round < rounds; ++round) one.body(table);
  table.print();
}

}  // namespace

Bench::Bench(const char* name, std::function<void(Table&)> body) {
  all().push_back({name, std::move(body)});
}

double thread_cpu_ns() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

int run_matching(const char* filter, int rounds) {
  int count = 0;
  for (const Registered& one : all()) {
    if (std::strstr(one.name, filter) == nullptr) continue;
    run(one, rounds);
    ++count;
  }
  if (count > 0) return 0;
  std::fprintf(stderr, "core_bench: nothing is named like '%s'; there are:", filter);
  for (const Registered& one : all()) std::fprintf(stderr, " %s", one.name);
  std::fprintf(stderr, "\n");
  return 1;
}

}  // namespace varve::bench

int main(int count, char** arguments) {
  const char* filter = "";
  int rounds = varve::bench::kRounds;
  for (int i = 1; i < count; ++i) {
    if (std::strncmp(arguments[i], "--rounds=", 9) != 0) {
      filter = arguments[i];
      continue;
    }
    rounds = std::atoi(arguments[i] + 9);
    if (rounds >= 1 && rounds <= varve::bench::kRoundsMax) continue;
    std::fprintf(stderr, "core_bench: %s: expected 1 to %d\n", arguments[i],
                 varve::bench::kRoundsMax);
    return 1;
  }
  return varve::bench::run_matching(filter, rounds);
}

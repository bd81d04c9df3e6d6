#include <cstdio>
#include <cstring>
#include <ctime>
#include <vector>

#include "bench.h"

namespace varve::bench {

struct Registered {
  const char* name;
  std::function<void()> body;
};

static std::vector<Registered>& all() {
  static std::vector<Registered> list;
  return list;
}

Bench::Bench(const char* name, std::function<void()> body) {
  all().push_back({name, std::move(body)});
}

double thread_cpu_ns() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

}  // namespace varve::bench

int main(int count, char** arguments) {
  for (const auto& one : varve::bench::all()) {
    if (count > 1 && !std::strstr(one.name, arguments[1])) continue;
    std::printf("## %s\n", one.name);
    one.body();
  }
  return 0;
}

// pure/simd/simd.cc — which tables this CPU can run, and which one of them the process runs.
#include "pure/simd/simd.h"

#include <cstdlib>
#include <cstring>

namespace varve {
namespace {

bool runs_sse42() {
#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
  return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul");
#else
  return true;
#endif
}

struct Tables {
  Kernels list[kTablesMax] = {};
  size_t count = 0;

  Tables() {
    fill_scalar(list[count++]);
    add(fill_neon, true);
    add(fill_sse42, runs_sse42());
  }

  void add(bool (*fill)(Kernels&), bool runs) {
    list[count] = list[count - 1];
    if (runs && fill(list[count])) ++count;
  }
};

const Tables& tables() {
  static const Tables all;
  return all;
}

// The last table is the best one; a name that this CPU has no table for means scalar.
const Kernels* choose() {
  const char* const forced = std::getenv("VARVE_SIMD");
  const Tables& all = tables();
  if (forced == nullptr) return &all.list[all.count - 1];
  for (size_t index = 0; index < all.count; ++index) {
    if (std::strcmp(forced, all.list[index].name) == 0) return &all.list[index];
  }
  return &all.list[0];
}

}  // namespace

const Kernels& kernels() {
  static const Kernels* const chosen = choose();
  return *chosen;
}

size_t all_kernels(const Kernels* (&to)[kTablesMax]) {
  const Tables& all = tables();
  for (size_t index = 0; index < all.count; ++index) to[index] = &all.list[index];
  return all.count;
}

}  // namespace varve

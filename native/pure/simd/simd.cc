// pure/simd/simd.cc — which tables this CPU can run, and which one of them the process runs.
#include "pure/simd/simd.h"

#include <cstdlib>
#include <cstring>

namespace varve {
namespace {

struct Cpu {
  bool sse42 = true;  // A compiler that cannot ask builds for CPUs that have it.
  bool avx2 = false;
  bool avx512 = false;
  bool popcnt512 = false;
};

Cpu look_at_cpu() {
  Cpu cpu;
#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
  cpu.sse42 = __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt") &&
              __builtin_cpu_supports("pclmul");
  cpu.avx2 = cpu.sse42 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
             __builtin_cpu_supports("bmi2");
  cpu.avx512 = cpu.avx2 && __builtin_cpu_supports("avx512f") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("avx512dq");
  cpu.popcnt512 = cpu.avx512 && __builtin_cpu_supports("avx512vpopcntdq");
#endif
  return cpu;
}

struct Tables {
  Kernels list[kTablesMax] = {};
  size_t count = 0;

  Tables() {
    const Cpu cpu = look_at_cpu();
    fill_scalar(list[count++]);
    add(fill_neon, true);
    add(fill_sse42, cpu.sse42);
    add(fill_avx2, cpu.avx2);
    add(fill_avx512, cpu.avx512);
    add(fill_popcnt512, cpu.popcnt512);
  }

  void add(bool (*fill)(Kernels&), bool runs) {
    if (!runs) return;
    Kernels next = list[count - 1];
    if (fill(next)) list[count++] = next;
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

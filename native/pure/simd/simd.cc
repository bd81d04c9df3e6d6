#include "pure/simd/simd.h"

#include <cstdlib>
#include <cstring>

namespace varve {
namespace {

bool runs_sse42() {
#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
  return __builtin_cpu_supports("sse4.2");
#else
  return kernels_sse42() != nullptr;
#endif
}

const Kernels* choose() {
  const char* const forced = std::getenv("VARVE_SIMD");
  const Kernels* const wide[] = {kernels_neon(), runs_sse42() ? kernels_sse42() : nullptr};
  for (const Kernels* filling : wide) {
    if (filling == nullptr) continue;
    if (forced == nullptr || std::strcmp(forced, filling->name) == 0) return filling;
  }
  return kernels_scalar();
}

}  // namespace

const Kernels& kernels() {
  static const Kernels* const chosen = choose();
  return *chosen;
}

}  // namespace varve

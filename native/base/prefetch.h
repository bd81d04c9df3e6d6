// base/prefetch.h — asks the CPU for a cache line before it is needed. Any address will do, even a
// bad one.
#pragma once

#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
#endif

namespace varve {

inline void prefetch(const void* at) {
#if defined(_MSC_VER) && !defined(__clang__)
#if defined(_M_X64)
  _mm_prefetch(static_cast<const char*>(at), _MM_HINT_T0);
#else
  __prefetch(at);
#endif
#else
  __builtin_prefetch(at);
#endif
}

}  // namespace varve

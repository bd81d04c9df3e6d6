#include "base/check.h"

#include <bit>
#include <cstdio>
#include <cstdlib>

namespace varve {

static_assert(std::endian::native == std::endian::little, "load/store in bytes.h copy as they are");

void check_failed(const char* file, int line) {
  std::fprintf(stderr, "varve: an invariant does not hold at %s:%d\n", file, line);
  std::abort();
}

}  // namespace varve

// pure/codec/prefix.h — what two keys begin with in common.
#pragma once

#include <algorithm>

#include "base/bytes.h"
#include "pure/simd/simd.h"

namespace varve {

inline size_t shared_prefix(Bytes a, Bytes b) {
  return kernels().shared_prefix(a.data(), b.data(), std::min(a.size(), b.size()));
}

}  // namespace varve

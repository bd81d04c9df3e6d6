// store/history.h — how much of the past a store keeps readable.
#pragma once

#include <cstdint>

#include "storage/manifest/manifest.h"

namespace varve {

enum class Keep : uint8_t { kNone = 0, kAge = 1, kCommits = 2, kForever = 3 };

struct HistoryPolicy {
  Keep keep = Keep::kNone;
  uint64_t amount = 0;  // Milliseconds before the newest commit, or commits.

  bool operator==(const HistoryPolicy&) const = default;
};

inline HistoryPolicy policy_of(const ManifestHistory& history) {
  return {static_cast<Keep>(history.keep), history.amount};
}

}  // namespace varve

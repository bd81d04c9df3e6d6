// engine/retention.h — which old versions must stay.
//
// A view is promised at every commit number that a snapshot holds, and at every one from the
// horizon on. A version is asked for while one of them lies between its own commit and the one that
// superseded it: the next version of its key, or a range deletion.
//
//   commit      3        7             12
//   versions    a ────── b ─────────── c ──▶
//   held            5                        a is asked for; b is, when the horizon is below 12
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"

namespace varve {

struct Edit;
struct RangeDeletion;

struct Retention {
  uint64_t horizon = UINT64_MAX;  // Views below it are not promised anything but by `held`.
  std::vector<uint64_t> held;     // Ascending: commit numbers that snapshots hold.

  bool operator==(const Retention&) const = default;
  bool asks_for(uint64_t commit, uint64_t superseded) const;
  // What it asks of data that ends at `absorbed`: whoever holds that or more sees the newest alone.
  Retention at_rest(uint64_t absorbed) const;
};

// By the oldest of the range deletions that lies over an edit and is newer; 0: none.
uint64_t deleted_at(std::span<const RangeDeletion> deletions, const Edit& edit);

}  // namespace varve

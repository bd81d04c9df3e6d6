#include "engine/retention.h"

#include <algorithm>

#include "engine/engine.h"

namespace varve {

bool Retention::asks_for(uint64_t commit, uint64_t superseded) const {
  if (superseded > horizon) return true;
  const auto next = std::lower_bound(held.begin(), held.end(), commit);
  return next != held.end() && *next < superseded;
}

Retention Retention::at_rest(uint64_t absorbed) const {
  Retention retention = *this;
  std::erase_if(retention.held, [&](uint64_t commit) { return commit >= absorbed; });
  if (retention.horizon >= absorbed) retention.horizon = UINT64_MAX;
  return retention;
}

uint64_t deleted_at(std::span<const RangeDeletion> deletions, const Edit& edit) {
  uint64_t oldest = 0;
  for (const RangeDeletion& deletion : deletions) {
    if (deletion.commit <= edit.commit || (oldest != 0 && deletion.commit >= oldest)) continue;
    if (compare(edit.key, deletion.begin) < 0) continue;
    if (deletion.end.empty() || compare(edit.key, deletion.end) < 0) oldest = deletion.commit;
  }
  return oldest;
}

}  // namespace varve

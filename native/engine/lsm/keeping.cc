#include "engine/lsm/keeping.h"

#include <algorithm>

namespace varve {

bool is_asked_for(const Retention& retention, uint64_t commit, uint64_t superseded) {
  if (superseded > retention.horizon) return true;
  const auto held = std::lower_bound(retention.held.begin(), retention.held.end(), commit);
  return held != retention.held.end() && *held < superseded;
}

uint64_t Keeping::deleted_at(const Edit& edit) const {
  uint64_t oldest = 0;
  for (const RangeDeletion& deletion : deletions_) {
    if (deletion.commit <= edit.commit || (oldest != 0 && deletion.commit >= oldest)) continue;
    if (compare(edit.key, deletion.begin) < 0) continue;
    if (deletion.end.empty() || compare(edit.key, deletion.end) < 0) oldest = deletion.commit;
  }
  return oldest;
}

Status Keeping::add(const Edit& edit, const Out& out) {
  Edit kept = edit;
  if (edit.superseded == 0) {  // It comes from current.
    if (!any_key_ || !equal(edit.key, as_bytes(key_))) {
      key_.assign(as_text(edit.key));
      any_key_ = true;
      newer_ = 0;
    }
    const uint64_t deleted = deletions_.empty() ? 0 : deleted_at(edit);
    const bool by_newer = deleted == 0 || (newer_ != 0 && newer_ < deleted);
    kept.superseded = by_newer ? newer_ : deleted;
    newer_ = edit.commit;
    const bool hides_nothing = edit.kind == EditKind::kDelete && bottom_;
    if (hides_nothing && edit.commit <= retention_.horizon) return Status::ok();
  }
  const bool is_wanted =
      kept.superseded == 0 || is_asked_for(retention_, kept.commit, kept.superseded);
  return is_wanted ? out(kept) : Status::ok();
}

std::vector<RangeDeletion> Keeping::kept_deletions() const {
  std::vector<RangeDeletion> kept;
  for (const RangeDeletion& deletion : deletions_) {
    if (!bottom_ || deletion.commit > retention_.horizon) kept.push_back(deletion);
  }
  return kept;
}

}  // namespace varve

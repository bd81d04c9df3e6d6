#include "engine/lsm/keeping.h"

#include <algorithm>

namespace varve {

Status Keeping::add(const Edit& edit, const Out& out) {
  Edit kept = edit;
  if (edit.superseded == 0) {  // It comes from current.
    if (!any_key_ || !equal(edit.key, as_bytes(key_))) {
      key_.assign(as_text(edit.key));
      any_key_ = true;
      newer_ = 0;
    }
    const uint64_t deleted = deleted_at(deletions_, edit);
    const bool by_newer = deleted == 0 || (newer_ != 0 && newer_ < deleted);
    kept.superseded = by_newer ? newer_ : deleted;
    newer_ = edit.commit;
    const bool hides_nothing = edit.kind == EditKind::kDelete && bottom_;
    if (hides_nothing && edit.commit <= retention_.horizon) return Status::ok();
  }
  const bool is_wanted = kept.superseded == 0 || retention_.asks_for(kept.commit, kept.superseded);
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

#include "engine/lsm/keeping.h"

#include <algorithm>

namespace varve {

bool Keeping::asked_for(uint64_t commit, uint64_t successor) const {
  if (successor > retention_.horizon) return true;
  const auto held = std::lower_bound(retention_.held.begin(), retention_.held.end(), commit);
  return held != retention_.held.end() && *held < successor;
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
  if (!any_key_ || !equal(edit.key, as_bytes(key_))) {
    key_.assign(as_text(edit.key));
    any_key_ = true;
    newer_ = 0;
    waiting_ = false;
  }
  const uint64_t deleted = deletions_.empty() ? 0 : deleted_at(edit);
  const uint64_t successor = newer_ == 0    ? deleted
                             : deleted == 0 ? newer_
                                            : std::min(newer_, deleted);
  newer_ = edit.commit;
  if (successor != 0 && !asked_for(edit.commit, successor)) return Status::ok();
  // Of deletions with nothing but deletions between them the oldest hides as much as all.
  if (edit.kind == EditKind::kDelete && bottom_ && edit.commit <= retention_.horizon) {
    waiting_ = true;
    waiting_edit_ = edit;
    waiting_edit_.key = as_bytes(key_);
    waiting_edit_.value = {};
    return Status::ok();
  }
  if (waiting_) {
    waiting_ = false;
    if (Status status = out(waiting_edit_); !status) return status;
  }
  return out(edit);
}

bool Keeping::keeps(const RangeDeletion& deletion) const {
  if (!bottom_) return true;
  const bool held = !retention_.held.empty() && retention_.held.front() < deletion.commit;
  return held || deletion.commit > retention_.horizon;
}

}  // namespace varve

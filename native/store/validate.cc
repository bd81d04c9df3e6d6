// store/validate.cc — whether the conditions of a commit still hold: asked by the sequencer, under
// its lock, and so never of the disk.
//
// Nobody wrote since: they hold, at once. Else two memories are asked, whichever reaches back far
// enough: the recent writes, which are kept while transactions are open; and the memtables, for the
// keys of a commit that comes right after its read.
#include "store/store.h"

namespace varve {

uint64_t Store::begin_transaction() {
  return recent_.begin([this] { return hold(); });
}

void Store::end_transaction(uint64_t commit) {
  recent_.end(commit);
  release(commit);
}

Status Store::check_conditions(Conditions& conditions) const {
  conditions.settle();
  const Lock held(commit_mutex_);
  return validate(conditions, held);
}

Status Store::validate(Conditions& conditions, const Lock& held) const {
  check(held.owns_lock());
  if (conditions.since() >= visible()) return Status::ok();
  if (std::optional<Conflict> found = recent_.find(conditions)) {
    conditions.conflict = std::move(*found);
  } else if (conditions.since() >= flushed_through_ && conditions.ranges().empty()) {
    conditions.conflict = find_in_memtables(conditions, held);
  } else {
    conditions.conflict = {ConflictReason::kTooOld, {}};
  }
  switch (conditions.conflict.reason) {
    case ConflictReason::kNone: return Status::ok();
    case ConflictReason::kTooOld:
      return {Code::kConflict, "store: what was written since commit " +
                                   std::to_string(conditions.since()) +
                                   " is not remembered any more: it is too old to write by"};
    default:
      return {Code::kConflict, "store: another commit has written meanwhile what this one is by"};
  }
}

// Everything later than `flushed_through_` is in memtables.
Lookup Store::newest_in_memtables(Bytes key, uint64_t hash, const Lock& held) const {
  check(held.owns_lock());
  const Parts& parts = *parts_.load(std::memory_order_relaxed);
  Lookup newest = parts.active->get(key, hash, UINT64_MAX);
  for (size_t i = 0; newest.found == Found::kAbsent && i < parts.sealed.size(); ++i) {
    newest = parts.sealed[i]->get(key, hash, UINT64_MAX);
  }
  return newest;
}

Conflict Store::find_in_memtables(const Conditions& conditions, const Lock& held) const {
  for (const Conditions::Key& key : conditions.keys()) {
    const Bytes bytes = conditions.bytes_of(key);
    const Lookup newest = newest_in_memtables(bytes, key.hash, held);
    if (newest.found == Found::kAbsent || newest.edit.commit <= key.since) continue;
    return {ConflictReason::kWritten, std::string(as_text(bytes))};
  }
  return {};
}

}  // namespace varve

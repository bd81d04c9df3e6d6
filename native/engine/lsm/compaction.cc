#include "engine/lsm/compaction.h"

namespace varve {
namespace {

std::vector<LevelCursor> cursors_of(const CompactionInput& input) {
  std::vector<LevelCursor> cursors;
  for (const LsmVersion::Tables& tables : input.sources)
    cursors.emplace_back(tables, CacheUse::kTake);
  return cursors;
}

}  // namespace

std::vector<RangeDeletion> Compaction::deletions_of(const CompactionInput& input) {
  std::vector<RangeDeletion> deletions;
  for (const LsmVersion::Tables& tables : input.sources) {
    for (const auto& table : tables) {
      const auto& own = table->range_deletions();
      deletions.insert(deletions.end(), own.begin(), own.end());
    }
  }
  return deletions;
}

Compaction::Compaction(Outside outside, CompactionInput input, const Retention& retention)
    : input_(std::move(input)),
      retention_(retention),
      keeping_(retention, deletions_of(input_), input_.bottom),
      merge_(cursors_of(input_)),
      current_(std::move(outside.current), keeping_.kept_deletions()),
      history_(std::move(outside.history)),
      moving_(std::move(outside.values)) {
  if (!is_unread()) merge_.seek_first();
}

Status Compaction::write(const Edit& edit) {
  const Result<Edit> kept = moved(edit);
  if (!kept) return kept.error();
  return edit.superseded == 0 ? current_.add(*kept, merge_.is_warm()) : history_.add(*kept);
}

// The edit with its value in a new file, if the one that it lies in is to be emptied.
Result<Edit> Compaction::moved(const Edit& edit) {
  if (input_.emptied.empty() || (edit.flags & kFlagSeparateValue) == 0) return edit;
  const Result<ValueReference> reference = reference_of(edit);
  if (!reference) return reference.error();
  const auto share = input_.emptied.find(reference->file);
  if (share == input_.emptied.end()) return edit;
  moved_bytes_ += reference->stored_bytes;
  return moving_.move(edit, *share->second.file);
}

Result<Progress> Compaction::step(uint64_t budget_bytes) {
  if (is_unread()) return Progress::kIdle;
  const auto out = [this](const Edit& edit) { return write(edit); };
  for (uint64_t done = 0; merge_.valid() && done < budget_bytes;) {
    const Edit& edit = merge_.edit();
    const uint64_t size = edit.key.size() + edit.value.size();
    const uint64_t moved_before = moved_bytes_;
    if (Status status = keeping_.add(edit, out); !status) return status;
    const uint64_t read = size + moved_bytes_ - moved_before;
    done += read;
    read_bytes_ += read;
    merge_.next();
  }
  if (merge_.valid()) return Progress::kMore;
  if (Status status = merge_.status(); !status) return status;
  if (Status status = current_.finish(); !status) return status;
  if (Status status = history_.finish(); !status) return status;
  if (Status status = moving_.finish(); !status) return status;
  return Progress::kIdle;
}

void Compaction::abandon() {
  current_.abandon();
  history_.abandon();
  moving_.abandon();
}

}  // namespace varve

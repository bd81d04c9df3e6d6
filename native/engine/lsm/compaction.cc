#include "engine/lsm/compaction.h"

#include <algorithm>

namespace varve {
namespace {

std::vector<LevelCursor> cursors_of(const CompactionInput& input) {
  std::vector<LevelCursor> cursors;
  for (const LsmVersion::Tables& tables : input.sources) cursors.emplace_back(tables, false);
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
    : outside_(std::move(outside)),
      input_(std::move(input)),
      deletions_(deletions_of(input_)),
      keeping_(retention, deletions_, input_.bottom),
      merge_(cursors_of(input_)),
      moving_(outside_.values) {
  merge_.seek_first();
}

// A table of the target level holds the range deletions between its first key and the next table's:
// no two overlap.
Status Compaction::end_table(Bytes next_key) {
  std::vector<RangeDeletion> clipped;
  for (RangeDeletion deletion : deletions_) {
    if (!keeping_.keeps(deletion)) continue;
    if (compare(deletion.begin, as_bytes(table_begin_)) < 0)
      deletion.begin = as_bytes(table_begin_);
    const bool beyond =
        !next_key.empty() && (deletion.end.empty() || compare(deletion.end, next_key) > 0);
    if (beyond) deletion.end = next_key;
    if (deletion.end.empty() || compare(deletion.begin, deletion.end) < 0)
      clipped.push_back(deletion);
  }
  if (!writer_ && clipped.empty()) return Status::ok();
  if (!writer_) {
    if (Status status = begin_table(); !status) return status;
  }
  for (const RangeDeletion& deletion : clipped) writer_->add(deletion);
  const Result<TableInfo> info = writer_->finish();
  writer_.reset();
  if (!info) return info.error();
  outputs_.push_back(*info);
  written_bytes_ += info->file_bytes;
  table_begin_.assign(as_text(next_key));
  return Status::ok();
}

Status Compaction::begin_table() {
  TableOptions options = outside_.table;
  options.number = writer_number_ = outside_.next_number();
  Result<std::unique_ptr<TableWriter>> writer =
      TableWriter::create(outside_.os, table_path(outside_.directory, writer_number_), options);
  if (!writer) return writer.error();
  writer_ = std::move(*writer);
  return Status::ok();
}

// For one table.
bool Compaction::is_enough() const {
  return writer_->size_bytes() >= outside_.table_bytes ||
         writer_->held_bytes() >= outside_.held_bytes_max;
}

Status Compaction::write(const Edit& edit) {
  const bool new_key = !equal(edit.key, as_bytes(last_key_));
  if (writer_ && new_key && is_enough()) {
    if (Status status = end_table(edit.key); !status) return status;
  }
  if (!writer_) {
    if (Status status = begin_table(); !status) return status;
  }
  last_key_.assign(as_text(edit.key));
  const Result<Edit> kept = moved(edit);
  return kept ? writer_->add(*kept) : kept.error();
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
  if (Status status = end_table({}); !status) return status;
  if (Status status = moving_.finish(); !status) return status;
  return Progress::kIdle;
}

void Compaction::abandon() {
  writer_.reset();
  moving_.abandon();
  std::vector<uint64_t> numbers;
  for (const TableInfo& info : outputs_) numbers.push_back(info.number);
  if (writer_number_ != 0) numbers.push_back(writer_number_);
  for (const uint64_t number : numbers) {
    const Status status = outside_.os.remove(table_path(outside_.directory, number));
    (void)status;  // The last may be among the outputs already; the next open removes what is left.
  }
}

}  // namespace varve

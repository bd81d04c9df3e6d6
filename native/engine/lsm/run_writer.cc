#include "engine/lsm/run_writer.h"

namespace varve {

bool RunWriter::is_enough() const {
  return writer_->size_bytes() >= outside_.table_bytes ||
         writer_->held_bytes() >= outside_.held_bytes_max;
}

Status RunWriter::begin_table() {
  TableOptions options = outside_.table;
  options.number = writer_number_ = outside_.next_number();
  Result<std::unique_ptr<TableWriter>> writer =
      TableWriter::create(outside_.os, table_path(outside_.directory, writer_number_), options);
  if (!writer) return writer.error();
  writer_ = std::move(*writer);
  return Status::ok();
}

// A table holds the range deletions between its first key and the next table's: no two overlap.
Status RunWriter::end_table(Bytes next_key) {
  std::vector<RangeDeletion> clipped;
  for (RangeDeletion deletion : deletions_) {
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
  KeptBlocks kept = writer_->take_kept();
  writer_.reset();
  if (!info) return info.error();
  kept_.push_back(std::move(kept));
  made_.push_back(*info);
  written_bytes_ += info->file_bytes;
  table_begin_.assign(as_text(next_key));
  return Status::ok();
}

Status RunWriter::add(const Edit& edit, bool is_warm) {
  const bool new_key = !equal(edit.key, as_bytes(last_key_));
  if (writer_ && new_key && is_enough()) {
    if (Status status = end_table(edit.key); !status) return status;
  }
  if (!writer_) {
    if (Status status = begin_table(); !status) return status;
  }
  last_key_.assign(as_text(edit.key));
  return writer_->add(edit, is_warm);
}

Status RunWriter::finish() { return end_table({}); }

void RunWriter::abandon() {
  writer_.reset();
  std::vector<uint64_t> numbers;
  for (const TableInfo& info : made_) numbers.push_back(info.number);
  if (writer_number_ != 0) numbers.push_back(writer_number_);
  for (const uint64_t number : numbers) {
    const Status status = outside_.os.remove(table_path(outside_.directory, number));
    (void)status;  // The last may be among those made already; the next open removes what is left.
  }
  made_.clear();
  kept_.clear();
  writer_number_ = 0;
}

}  // namespace varve

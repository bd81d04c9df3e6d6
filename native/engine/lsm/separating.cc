#include "engine/lsm/separating.h"

namespace varve {

Status Separating::begin_file() {
  if (writer_ && writer_->size_bytes() >= outside_.file_bytes) {
    if (Status status = end_file(); !status) return status;
  }
  if (writer_) return Status::ok();
  ValueOptions options = outside_.values;
  options.number = writer_number_ = outside_.next_number();
  Result<std::unique_ptr<ValueWriter>> writer =
      ValueWriter::create(outside_.os, values_path(outside_.directory, writer_number_), options);
  if (!writer) return writer.error();
  writer_ = std::move(*writer);
  return Status::ok();
}

// A file whose only value turned out to be damaged has none, and goes again.
Status Separating::end_file() {
  const bool is_empty = writer_->empty();
  const Result<ValueFileInfo> info = is_empty ? ValueFileInfo{} : writer_->finish();
  writer_.reset();
  if (!info) return info.error();
  const uint64_t number = writer_number_;
  writer_number_ = 0;
  if (is_empty) return outside_.os.remove(values_path(outside_.directory, number));
  made_.push_back(*info);
  written_bytes_ += info->file_bytes;
  return Status::ok();
}

Edit Separating::referring(const Edit& edit, const ValueReference& reference) {
  encode_value_reference(reference, reference_);
  Edit referring = edit;
  referring.flags |= kFlagSeparateValue;
  referring.value = Bytes(reference_, sizeof reference_);
  return referring;
}

Result<Edit> Separating::separate(const Edit& edit) {
  if (Status status = begin_file(); !status) return status;
  const Result<ValueReference> reference = writer_->add(edit.value, edit.commit);
  if (!reference) return reference.error();
  return referring(edit, *reference);
}

Result<Edit> Separating::move(const Edit& edit, const ValueFile& from) {
  const Result<ValueReference> reference = reference_of(edit);
  if (!reference) return reference.error();
  if (Status status = begin_file(); !status) return status;
  const Result<ValueReference> moved = writer_->move(from, *reference, edit.commit);
  if (moved) return referring(edit, *moved);
  if (moved.code() != Code::kCorrupt) return moved.error();
  from.note_damage();
  return edit;
}

Status Separating::finish() { return writer_ ? end_file() : Status::ok(); }

void Separating::abandon() {
  writer_.reset();
  std::vector<uint64_t> numbers;
  for (const ValueFileInfo& info : made_) numbers.push_back(info.number);
  if (writer_number_ != 0) numbers.push_back(writer_number_);
  for (const uint64_t number : numbers) {
    const Status status = outside_.os.remove(values_path(outside_.directory, number));
    (void)status;  // What stays, the next open removes.
  }
  made_.clear();
  writer_number_ = 0;
}

}  // namespace varve

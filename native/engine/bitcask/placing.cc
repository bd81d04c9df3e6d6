#include "engine/bitcask/placing.h"

#include <algorithm>

#include "base/check.h"

namespace varve::bitcask {
namespace {

Row row_of(const Listed& entry, uint32_t file, uint32_t ordinal) {
  const RowKind kind = entry.kind == EditKind::kPut ? RowKind::kPut : RowKind::kDelete;
  return {entry.commit, kind, file, entry.offset, ordinal, entry.value_bytes, entry.expires_ms};
}

}  // namespace

// ---- segments

// Where it cannot be, nothing is found in it, and its edits are written out.
Status Placing::adopt(uint64_t segment) {
  const std::string from = segment_path(out_.directory, segment);
  const Result<std::unique_ptr<File>> file = out_.os.open(from, OpenMode::kRead);
  if (!file) return Status::ok();
  const Result<uint64_t> size = (*file)->size();
  if (!size) return size.error();
  MadeFile made;
  made.info = {out_.next_number(), segment, *size, 0, 0, run_.commit_first, run_.commit_last};
  const std::string path = data_path(out_.directory, made.info.number);
  if (Status linked = out_.os.link(from, path); !linked) {
    return linked.code() == Code::kNoSpace ? std::move(linked) : Status::ok();
  }
  linked_.push_back(made.info.number);
  const Result<std::shared_ptr<DataFile>> opened =
      DataFile::open(out_.os, out_.directory, made.info, out_.identity, nullptr);
  if (!opened && opened.code() != Code::kCorrupt) return opened.error();
  bool is_any = false;
  if (opened) {
    if (Status status = read_segment(**opened, made, is_any); !status) return status;
  }
  if (is_any) {
    files_.push_back(std::move(made));
    return Status::ok();
  }
  const Status removed = out_.os.remove(path);
  (void)removed;  // A leftover, whose number is not used again.
  return Status::ok();
}

Status Placing::read_segment(const DataFile& file, MadeFile& made, bool& is_any) {
  uint64_t first = UINT64_MAX;
  uint64_t last = 0;
  uint64_t end = made.info.file_bytes;
  const auto on_edit = [&](uint64_t commit, const LogEdit& edit, uint64_t offset) {
    first = std::min(first, commit);
    last = std::max(last, commit);
    if (edit.kind == LogEditKind::kRangeDeletion) {
      made.range_commits.push_back(commit);
      return Status::ok();
    }
    made.info.edit_bytes += edit_bytes(edit.key.size(), edit.value.size(), edit.expires_ms != 0);
    const EditKind kind = edit.kind == LogEditKind::kPut ? EditKind::kPut : EditKind::kDelete;
    Found found{found_keys_.size(),
                static_cast<uint32_t>(edit.key.size()),
                static_cast<uint32_t>(files_.size()),
                {}};
    found.entry = {
        {}, commit, kind, edit.expires_ms, offset, static_cast<uint32_t>(edit.value.size())};
    append(found_keys_, edit.key);
    found_.push_back(found);
    return Status::ok();
  };
  // Behind the last record there is room that was never used.
  const auto on_end = [&](uint64_t offset, const std::string&) {
    end = offset;
    return false;
  };
  if (Status status = file.walk(on_edit, on_end); !status) return status;
  is_any = last != 0;
  if (!is_any) return Status::ok();
  made.info.file_bytes = end;
  made.info.commit_first = first;
  made.info.commit_last = last;
  return Status::ok();
}

// ---- keys

Status Placing::place() {
  for (const uint64_t segment : run_.segments) {
    if (Status status = adopt(segment); !status) return status;
  }
  std::sort(found_.begin(), found_.end(), [&](const Found& a, const Found& b) {
    const int order = compare(key(a), key(b));
    return order != 0 ? order < 0 : a.entry.commit > b.entry.commit;
  });
  while (run_.edits != nullptr && run_.edits->valid()) {
    if (Status status = place_key(); !status) return status;
  }
  if (run_.edits != nullptr) {
    if (Status status = run_.edits->status(); !status) return status;
  }
  if (found_at_ != found_.size()) {
    return Status::corrupt("bitcask: a segment holds what is not in the run");
  }
  if (Status status = write_ranges(); !status) return status;
  if (Status status = end_file(); !status) return status;
  for (MadeFile& made : files_) {
    made.info.entry_count = made.hint.entry_count();
    const Result<uint64_t> written =
        made.hint.write(out_.os, out_.directory, made.info, out_.identity);
    if (!written) return written.error();
    made.hint_bytes = *written;
    written_bytes_ += *written + (made.info.segment == 0 ? made.info.file_bytes : 0);
    made.hint = HintWriter();
  }
  return Status::ok();
}

// All versions of the key that the run stands at.
Status Placing::place_key() {
  const bool is_full = writer_ != nullptr && writer_->info().edit_bytes >= out_.file_bytes_max;
  if (is_full) {
    if (Status status = end_file(); !status) return status;
  }
  const Edit& first = run_.edits->edit();
  Change change{keys_.size(), static_cast<uint32_t>(first.key.size()), 0, 0, rows_.size(), 0};
  append(keys_, first.key);
  const auto own_key = [&] { return as_bytes(keys_).subspan(change.key_at, change.key_bytes); };
  const size_t begin = found_at_;
  while (found_at_ < found_.size() && equal(key(found_[found_at_]), own_key())) ++found_at_;
  size_t at = begin;
  uint64_t newer = 0;
  for (; run_.edits->valid() && equal(run_.edits->edit().key, own_key()); run_.edits->next()) {
    const Edit& edit = run_.edits->edit();
    taken_bytes_ += edit.key.size() + edit.value.size();
    const uint64_t deleted = deleted_at(run_.range_deletions, edit);
    const bool is_by_newer = deleted == 0 || (newer != 0 && newer < deleted);
    const uint64_t superseded = is_by_newer ? newer : deleted;
    const bool is_newest = newer == 0;
    newer = edit.commit;
    const bool is_wanted = superseded == 0 || (is_newest && edit.kind == EditKind::kDelete) ||
                           retention_.asks_for(edit.commit, superseded);
    while (at < found_at_ && found_[at].entry.commit > edit.commit) ++at;
    const bool is_placed = at < found_at_ && found_[at].entry.commit == edit.commit;
    if (!is_wanted) continue;
    if (is_placed)
      found_[at].is_kept = true;
    else if (Status status = write_out(edit); !status)
      return status;
  }
  list(begin, found_at_, change);
  const auto own_rows = rows_.begin() + static_cast<ptrdiff_t>(change.rows_at);
  std::sort(own_rows, rows_.end(), [](const Row& a, const Row& b) { return a.commit > b.commit; });
  change.row_count = static_cast<uint32_t>(rows_.size() - change.rows_at);
  const bool is_any = change.row_count > 0 || change.dead_files > 0;
  if (is_any) changes_.push_back(change);
  return Status::ok();
}

// What lies in segments: rows. Of each file the newest is in the hint, whatever is kept, and is a
// row with anything that is. Segments follow each other by commit, so what lies in one is together.
void Placing::list(size_t begin, size_t end, Change& change) {
  while (begin < end) {
    size_t behind = begin;
    bool is_any_kept = false;
    for (; behind < end && found_[behind].file == found_[begin].file; ++behind) {
      is_any_kept = is_any_kept || found_[behind].is_kept;
    }
    found_[begin].is_kept = is_any_kept;
    if (!is_any_kept) {
      if (found_[begin].entry.kind == EditKind::kPut) {
        ++change.dead_files;
        change.dead_commit = found_[begin].entry.commit;
      }
      list_one(found_[begin]);
    }
    for (; begin < behind; ++begin) {
      if (found_[begin].is_kept) rows_.push_back(list_one(found_[begin]));
    }
  }
}

Row Placing::list_one(const Found& found) {
  HintWriter& hint = files_[found.file].hint;
  const uint32_t ordinal = static_cast<uint32_t>(hint.entry_count());
  Listed entry = found.entry;
  entry.key = key(found);
  hint.add(entry);
  return row_of(entry, found.file, ordinal);
}

// ---- what no segment holds

Status Placing::begin_file() {
  if (writer_ != nullptr) return Status::ok();
  writer_ =
      std::make_unique<DataWriter>(out_.os, out_.directory, out_.next_number(), out_.identity);
  writer_file_ = static_cast<uint32_t>(files_.size());
  files_.emplace_back();
  files_.back().info.number = writer_->info().number;
  return Status::ok();
}

Status Placing::write_out(const Edit& edit) {
  if (Status status = begin_file(); !status) return status;
  const Result<uint64_t> offset = writer_->add(edit);
  if (!offset) return offset.error();
  const bool is_put = edit.kind == EditKind::kPut;
  const Listed entry{edit.key,  edit.commit,
                     edit.kind, edit.expires_ms,
                     *offset,   is_put ? static_cast<uint32_t>(edit.value.size()) : 0};
  HintWriter& hint = files_[writer_file_].hint;
  rows_.push_back(row_of(entry, writer_file_, static_cast<uint32_t>(hint.entry_count())));
  hint.add(entry);
  return Status::ok();
}

// Behind the last entry: those of a segment are in its hint, the others in the last file.
Status Placing::write_ranges() {
  std::vector<RangeDeletion> unplaced;
  for (const RangeDeletion& deletion : run_.range_deletions) {
    const auto made = std::find_if(files_.begin(), files_.end(), [&](const MadeFile& file) {
      return file.info.segment != 0 &&
             std::binary_search(file.range_commits.begin(), file.range_commits.end(),
                                deletion.commit);
    });
    if (made == files_.end())
      unplaced.push_back(deletion);
    else
      made->hint.add_range(deletion);
  }
  if (unplaced.empty()) return Status::ok();
  if (Status status = begin_file(); !status) return status;
  for (const RangeDeletion& deletion : unplaced) {
    if (Status status = writer_->add_range(deletion); !status) return status;
    files_[writer_file_].hint.add_range(deletion);
  }
  return Status::ok();
}

Status Placing::end_file() {
  if (writer_ == nullptr) return Status::ok();
  const std::unique_ptr<DataWriter> writer = std::move(writer_);
  if (Status status = writer->finish(); !status) return status;
  files_[writer_file_].info = writer->info();
  return Status::ok();
}

void Placing::abandon() {
  writer_.reset();
  std::vector<uint64_t> numbers = linked_;
  for (const MadeFile& made : files_) numbers.push_back(made.info.number);
  for (const uint64_t number : numbers) remove_data_file(out_.os, out_.directory, number);
}

}  // namespace varve::bitcask

#include "storage/log/follow.h"

#include <algorithm>

#include "pure/codec/crc32c.h"

namespace varve {
namespace {

constexpr size_t kReadBytes = size_t{256} << 10;

}  // namespace

Status LogFollower::not_kept(uint64_t oldest) const {
  return {Code::kTruncated, "log: the commits after " + std::to_string(last_) +
                                " are not kept any more; the oldest that can be followed from is " +
                                std::to_string(oldest)};
}

Status LogFollower::lost(uint64_t before) const {
  return {Code::kLost, "log: commit " + std::to_string(last_) +
                           " did not survive a crash; the last before it that did is " +
                           std::to_string(before)};
}

Status LogFollower::missing() const {
  return Status::corrupt("log: the commit after " + std::to_string(last_) +
                         " is in none of its segments");
}

// At least so many bytes from the next record on, or all that there are: no room is made for what a
// header says beyond the end of the file.
Status LogFollower::fill(size_t size) {
  const bool is_near = offset_ >= buffer_at_ && offset_ + size <= buffer_at_ + buffer_.size();
  if (is_near) return Status::ok();
  if (size > kReadBytes) {
    const Result<uint64_t> file_bytes = file_->size();
    if (!file_bytes) return file_bytes.error();
    size = std::min<uint64_t>(size, *file_bytes - std::min(*file_bytes, offset_));
  }
  buffer_.resize(std::max(size, kReadBytes));
  buffer_at_ = offset_;
  const MutableBytes into(reinterpret_cast<uint8_t*>(buffer_.data()), buffer_.size());
  const Result<size_t> got = file_->read_at(offset_, into);
  buffer_.resize(got ? *got : 0);
  return got ? Status::ok() : got.error();
}

// The header of the next record, with its whole body in the buffer; or the end of what this segment
// holds, now.
Result<LogFollower::At> LogFollower::load_record(RecordHeader& header) {
  const auto rest = [&] { return as_bytes(buffer_).subspan(offset_ - buffer_at_); };
  if (Status status = fill(kRecordHeaderBytes); !status) return status;
  std::optional<RecordHeader> found = decode_record_header(rest());
  const auto is_whole = [&] {
    if (!found || found->life_tag != life_tag_) return false;
    const Bytes bytes = rest();
    return bytes.size() >= kRecordHeaderBytes + found->body_bytes &&
           crc32c(bytes.subspan(kRecordHeaderBytes, found->body_bytes)) == found->body_checksum;
  };
  if (!is_whole()) {  // What was buffered may be older than what has been written since.
    buffer_.clear();
    if (Status status = fill(kRecordHeaderBytes); !status) return status;
    found = decode_record_header(rest());
    if (!found || found->life_tag != life_tag_) return At::kEnd;
    const size_t size = kRecordHeaderBytes + found->body_bytes;
    if (rest().size() < size) {
      if (Status status = fill(size); !status) return status;
    }
    if (!is_whole()) return At::kEnd;
  }
  header = *found;
  return At::kRecord;
}

// Stands at the beginning of a segment. One that is not there, or not ours any more, has no record.
Result<LogFollower::First> LogFollower::open_segment(uint64_t number) {
  First first;
  file_.reset();
  buffer_.clear();
  number_ = number;
  const std::string path = segment_path(log_.directory(), number);
  Result<std::unique_ptr<File>> file = os_.open(path, OpenMode::kRead);
  if (!file && file.code() == Code::kNotFound) return first;
  if (!file) return file.error();
  file_ = std::move(*file);
  offset_ = 0;
  if (Status status = fill(kSegmentHeaderBytes); !status) return status;
  if (buffer_.size() < kSegmentHeaderBytes) return first;
  const Result<SegmentHeader> header =
      decode_segment_header(as_bytes(buffer_).first(kSegmentHeaderBytes), path);
  if (!header || header->number != number) return first;
  life_tag_ = header->life_tag();
  offset_ = kSegmentHeaderBytes;
  const Result<At> at = load_record(first.header);
  if (!at) return at.error();
  first.is_there = *at == At::kRecord;
  return first;
}

// The newest segment whose first record follows on a commit at or before the last; false when the
// log has no record at all.
Result<bool> LogFollower::find() {
  std::vector<uint64_t> numbers = log_.segments();
  uint64_t oldest = 0;
  bool is_any = false;
  for (auto number = numbers.rbegin(); number != numbers.rend(); ++number) {
    const Result<First> first = open_segment(*number);
    if (!first) return first.error();
    if (!first->is_there) continue;
    if (first->header.previous <= last_) return true;
    oldest = first->header.previous;
    is_any = true;
  }
  number_ = 0;
  file_.reset();
  if (is_any) return not_kept(oldest);
  return false;
}

// To the next segment; false when there is none, yet.
Result<bool> LogFollower::go_on() {
  const uint64_t ended = number_;
  const uint64_t ended_offset = offset_;
  for (const uint64_t number : log_.segments()) {
    if (number <= ended) continue;
    const Result<First> first = open_segment(number);
    if (!first) return first.error();
    if (first->is_there) return true;
  }
  if (number_ == ended) return false;
  const Result<First> back = open_segment(ended);
  if (!back) return back.error();
  offset_ = ended_offset;
  return false;
}

Status LogFollower::read(uint64_t through, uint64_t budget_bytes, const OnRecord& on_record) {
  bool has_sought = false;
  for (uint64_t taken = 0; last_ < through && taken < budget_bytes;) {
    if (number_ == 0) {
      const Result<bool> found = find();
      if (!found) return found.error();
      if (!*found) return not_kept(through);
    }
    RecordHeader header;
    const Result<At> at = load_record(header);
    if (!at) return at.error();
    const bool is_cut = *at == At::kRecord && header.commit > last_ && header.previous > last_;
    if (*at == At::kEnd || is_cut) {
      const Result<bool> more = go_on();
      if (!more) return more.error();
      if (*more) continue;
      if (has_sought) return missing();
      has_sought = true;  // The segment may have gone: its place is looked for once more.
      number_ = 0;
      continue;
    }
    if (header.commit > through) return Status::ok();
    if (header.commit > last_) {
      if (header.previous < last_) return lost(header.previous);
      const size_t body_at = offset_ - buffer_at_ + kRecordHeaderBytes;
      Status status = on_record(header, as_bytes(buffer_).subspan(body_at, header.body_bytes));
      if (!status) return status;
      taken += kRecordHeaderBytes + header.body_bytes;
      last_ = header.commit;
      has_sought = false;
    }
    offset_ += record_bytes(header.body_bytes);
  }
  return Status::ok();
}

}  // namespace varve

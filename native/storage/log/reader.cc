#include "storage/log/reader.h"

#include <algorithm>

#include "pure/codec/crc32c.h"

namespace varve {
namespace {

struct Scan {
  Os& os;
  const LogSource& source;
  const OnRecord& on_record;
  LogRecovery& out;
};

// The record at `offset`, if it is whole and of this life.
std::optional<RecordHeader> record_at(Bytes file, uint64_t offset, uint64_t life_tag) {
  const std::optional<RecordHeader> header = decode_record_header(file.subspan(offset));
  if (!header || header->life_tag != life_tag) return std::nullopt;
  if (header->body_bytes > file.size() - offset - kRecordHeaderBytes) return std::nullopt;
  const Bytes body = file.subspan(offset + kRecordHeaderBytes, header->body_bytes);
  if (crc32c(body) != header->body_checksum) return std::nullopt;
  return header;
}

// A record counts when it follows on the last that did. What lies at or below `absorbed` rests in
// the engine, and its segments go one by one in any order: gaps among such records are no gaps.
bool follows(const Scan& scan, const RecordHeader& header) {
  if (header.commit <= scan.source.absorbed) return true;
  if (scan.out.last_commit > scan.source.absorbed) return header.previous == scan.out.last_commit;
  return header.previous <= scan.source.absorbed;
}

Status take(Scan& scan, const RecordHeader& header, Bytes body) {
  scan.out.last_commit = std::max(scan.out.last_commit, header.commit);
  scan.out.last_time_ms = std::max(scan.out.last_time_ms, header.time_ms);
  if (header.commit <= scan.source.absorbed) return Status::ok();
  return scan.on_record(header, body);
}

void note_gap(Scan& scan, const RecordHeader& header) {
  const uint64_t last = std::max(scan.out.last_commit, scan.source.absorbed);
  scan.out.corrupt = true;
  if (!scan.out.what.empty()) scan.out.what += "; ";
  scan.out.what += "log: between commits " + std::to_string(last) + " and " +
                   std::to_string(header.commit) + " some are lost";
}

// Good records that do not follow on are beyond a gap: they do not count, but their marks tell what
// was once synced.
Status scan_records(Scan& scan, Bytes file, const SegmentHeader& segment, RecoveredSegment& found) {
  const uint64_t life_tag = segment.life_tag();
  bool gap = false;
  for (uint64_t offset = kSegmentHeaderBytes; offset + kRecordHeaderBytes <= file.size();) {
    const std::optional<RecordHeader> header = record_at(file, offset, life_tag);
    if (!header) {
      gap = true;
      offset += 8;
      continue;
    }
    scan.out.durable_mark = std::max(scan.out.durable_mark, header->durable_mark);
    const uint64_t end = offset + record_bytes(header->body_bytes);
    if (scan.source.whole_commits && !follows(scan, *header)) note_gap(scan, *header);
    if (scan.source.whole_commits || (!gap && follows(scan, *header))) {
      const Bytes body = file.subspan(offset + kRecordHeaderBytes, header->body_bytes);
      if (Status status = take(scan, *header, body); !status) return status;
      found.last_commit = header->commit;
      found.last_time_ms = header->time_ms;
      found.good_bytes = end;
      scan.out.cut_segment = found.number;
      scan.out.cut_offset = end;
    } else {
      gap = true;
      ++scan.out.cut_records;
    }
    offset = end;
  }
  return Status::ok();
}

// The first whole record of any life above what the engine holds, in a file whose header is gone.
std::optional<uint64_t> find_newer_record(const Scan& scan, Bytes file) {
  for (uint64_t offset = 0; offset + kRecordHeaderBytes <= file.size(); offset += 8) {
    const std::optional<RecordHeader> header = decode_record_header(file.subspan(offset));
    if (!header || header->commit <= scan.source.absorbed) continue;
    if (record_at(file, offset, header->life_tag)) return offset;
  }
  return std::nullopt;
}

void note_damage(Scan& scan, const std::string& what) {
  scan.out.corrupt = true;
  if (!scan.out.what.empty()) scan.out.what += "; ";
  scan.out.what += "log: " + what;
}

// A segment's header and all of its bytes are durable before a record is written to it, and only
// absorbed ones are used again. No crash leaves records behind a bad header or in a short file.
void check_whole(Scan& scan, const std::string& path, Bytes file, uint64_t size,
                 const Result<SegmentHeader>& header, const RecoveredSegment& found) {
  if (!header) {
    if (const std::optional<uint64_t> at = find_newer_record(scan, file)) {
      note_damage(scan, "the header of " + path + " is damaged, but a commit lies at byte " +
                            std::to_string(*at));
    }
  } else if (size < header->size_bytes && found.last_commit != 0 &&
             found.number >= scan.source.cut_below) {
    note_damage(scan, path + " ends at byte " + std::to_string(size) + ", but had " +
                          std::to_string(header->size_bytes));
  }
}

Result<std::string> read_file(Os& os, const std::string& path) {
  Result<std::unique_ptr<File>> file = os.open(path, OpenMode::kRead);
  if (!file) return file.error();
  const Result<uint64_t> size = (*file)->size();
  if (!size) return size.error();
  (*file)->will_read(0, *size);
  std::string bytes(*size, '\0');
  const Result<size_t> got =
      (*file)->read_at(0, MutableBytes(reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()));
  if (!got) return got.error();
  bytes.resize(*got);
  return bytes;
}

Status scan_segment(Scan& scan, uint64_t number) {
  const LogCut& cut = scan.source.cut;
  if (cut.segment != 0 && number > cut.segment && number < cut.resume) return Status::ok();
  const std::string path = segment_path(scan.source.directory, number);
  Result<std::string> bytes = read_file(scan.os, path);
  if (!bytes) return bytes.error();
  RecoveredSegment found{number, 0, bytes->size(), kSegmentHeaderBytes};
  if (number == cut.segment && bytes->size() > cut.offset) bytes->resize(cut.offset);
  const Bytes file = as_bytes(*bytes);
  const Result<SegmentHeader> header =
      decode_segment_header(file.first(std::min<size_t>(file.size(), kSegmentHeaderBytes)), path);
  if (!header && header.code() == Code::kNewerFormat) return header.error();
  const bool ours = header && header->number == number &&
                    (scan.source.any_store ||
                     std::memcmp(header->mark.identity, scan.source.mark.identity, 16) == 0);
  if (ours) {
    if (Status status = scan_records(scan, file, *header, found); !status) return status;
  }
  if (ours || !header) check_whole(scan, path, file, found.size_bytes, header, found);
  scan.out.segments.push_back(found);
  return Status::ok();
}

// What the first record tells: of this segment when it began, of the one before it how it ended.
Status peek_segment(Scan& scan, uint64_t number) {
  const std::string path = segment_path(scan.source.directory, number);
  Result<std::unique_ptr<File>> file = scan.os.open(path, OpenMode::kRead);
  if (!file) return file.error();
  const Result<uint64_t> size = (*file)->size();
  if (!size) return size.error();
  uint8_t bytes[kSegmentHeaderBytes + kRecordHeaderBytes] = {};
  const Result<size_t> got = (*file)->read_at(0, bytes);
  if (!got) return got.error();
  RecoveredSegment found{number, 0, *size, kSegmentHeaderBytes};
  const std::optional<RecordHeader> first =
      decode_record_header(Bytes(bytes).subspan(kSegmentHeaderBytes));
  if (first) {
    found.last_commit = std::min(first->commit, scan.source.absorbed);
    found.last_time_ms = first->time_ms;
    if (!scan.out.older.empty()) {
      scan.out.older.back().last_commit = std::min(first->previous, scan.source.absorbed);
      scan.out.older.back().last_time_ms = first->time_ms;
    }
  }
  scan.out.older.push_back(found);
  return Status::ok();
}

Status write_again(Os& os, const std::string& path, uint64_t size) {
  Result<std::unique_ptr<File>> file = os.open(path, OpenMode::kWrite);
  if (!file) return file.error();
  std::vector<uint8_t> bytes(size);
  const Result<size_t> got = (*file)->read_at(0, bytes);
  if (!got) return got.error();
  if (Status status = (*file)->write_at(0, Bytes(bytes).first(*got)); !status) return status;
  return (*file)->sync();
}

}  // namespace

Result<LogRecovery> recover_log(Os& os, const LogSource& source, const OnRecord& on_record) {
  const Result<std::vector<DirectoryEntry>> entries = os.list(source.directory);
  if (!entries) return entries.error();
  std::vector<uint64_t> numbers;
  for (const DirectoryEntry& entry : *entries) {
    const uint64_t number = segment_number(entry.name);
    if (number != 0) numbers.push_back(number);
  }
  std::sort(numbers.begin(), numbers.end());

  LogRecovery out;
  // What the cut says of numbers below `resume` must never be said of a newer segment.
  // A segment below the floor would not be read: so none is begun there, though all files are gone.
  out.next_number = std::max({out.next_number, source.cut.resume, source.floor});
  Scan scan{os, source, on_record, out};
  for (const uint64_t number : numbers) {
    out.next_number = std::max(out.next_number, number + 1);
    const bool is_older = number < source.floor;
    Status status = is_older ? peek_segment(scan, number) : scan_segment(scan, number);
    if (!status) return status;
  }
  out.last_commit = std::max(out.last_commit, source.absorbed);
  const uint64_t synced = std::max(out.durable_mark, source.must_reach);
  if (out.last_commit < synced && !source.any_store) {
    const std::string where = out.cut_segment == 0
                                  ? source.directory
                                  : segment_path(source.directory, out.cut_segment) + " at byte " +
                                        std::to_string(out.cut_offset);
    note_damage(scan, "commits through " + std::to_string(synced) +
                          " were durable, but the log is good only through " +
                          std::to_string(out.last_commit) + "; it breaks in " + where);
  }
  return out;
}

Status settle_log(Os& os, const LogSource& source, const LogRecovery& found) {
  const uint64_t synced = std::max(found.durable_mark, source.absorbed);
  for (const RecoveredSegment& segment : found.segments) {
    if (segment.last_commit <= synced) continue;
    const std::string path = segment_path(source.directory, segment.number);
    if (Status status = write_again(os, path, segment.good_bytes); !status) return status;
  }
  return Status::ok();
}

}  // namespace varve

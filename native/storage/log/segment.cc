#include "storage/log/segment.h"

#include <algorithm>
#include <vector>

#include "pure/codec/crc32c.h"

namespace varve {
namespace {

constexpr char kMagic[] = "VARVELOG";
constexpr size_t kZeroBytes = size_t{256} << 10;

Status write_zeros(File& file, uint64_t size) {
  const std::vector<uint8_t> zeros(std::min<uint64_t>(size, kZeroBytes));
  for (uint64_t at = 0; at < size; at += zeros.size()) {
    const size_t part = static_cast<size_t>(std::min<uint64_t>(zeros.size(), size - at));
    if (Status status = file.write_at(at, Bytes(zeros.data(), part)); !status) return status;
  }
  return Status::ok();
}

Status make_zeros(File& file, uint64_t size, const Recycling& recycling) {
  if (!recycling.path.empty()) return Status::ok();
  if (recycling.is_wanted) return write_zeros(file, size);
  const Result<bool> allocated = file.allocate(size);
  if (!allocated) return allocated.error();
  return *allocated ? Status::ok() : write_zeros(file, size);
}

// All of a new segment is really written: a disk without room for it need not be filled to know.
Status check_room(Os& os, const std::string& directory, uint64_t size) {
  const Result<uint64_t> free = os.free_bytes(directory);
  if (!free || *free >= size) return Status::ok();  // Who cannot be asked is tried.
  return {Code::kNoSpace, "log: a segment of " + std::to_string(size) + " bytes in " + directory +
                              ", where " + std::to_string(*free) + " are free"};
}

}  // namespace

void encode_segment_header(const SegmentHeader& header, uint8_t* to) {
  std::memset(to, 0, kSegmentHeaderBytes);
  std::memcpy(to, kMagic, 8);
  store<uint32_t>(to + 12, kSegmentHeaderBytes);
  std::memcpy(to + 16, header.mark.identity, 16);
  std::memcpy(to + 32, header.life, 16);
  std::memcpy(to + 48, header.mark.lineage, 16);
  store<uint64_t>(to + 64, header.number);
  store<uint64_t>(to + 72, header.size_bytes);
  store<uint64_t>(to + 104, header.first_commit);
  store<uint32_t>(to + 124, crc32c(Bytes(to, 124)));
}

Result<SegmentHeader> decode_segment_header(Bytes bytes, const std::string& path) {
  if (bytes.size() < kSegmentHeaderBytes || std::memcmp(bytes.data(), kMagic, 8) != 0) {
    return Status::corrupt("log: " + path + " has no segment header");
  }
  const uint8_t* const at = bytes.data();
  if (load<uint32_t>(at + 124) != crc32c(bytes.first(124))) {
    return Status::corrupt("log: the header checksum of " + path + " fails");
  }
  if (load<uint16_t>(at + 8) != 0 || load<uint16_t>(at + 10) != 0 || load<uint32_t>(at + 80) != 0) {
    return Status(Code::kNewerFormat, "log: " + path + " was written by a newer version");
  }
  SegmentHeader header;
  std::memcpy(header.mark.identity, at + 16, 16);
  std::memcpy(header.life, at + 32, 16);
  std::memcpy(header.mark.lineage, at + 48, 16);
  header.number = load<uint64_t>(at + 64);
  header.size_bytes = load<uint64_t>(at + 72);
  header.first_commit = load<uint64_t>(at + 104);
  return header;
}

std::string segment_path(const std::string& directory, uint64_t number) {
  std::string digits = std::to_string(number);
  if (digits.size() < 8) digits.insert(0, 8 - digits.size(), '0');
  return directory + "/" + digits + ".log";
}

uint64_t segment_number(const std::string& name) {
  if (name.size() < 12 || name.size() > 24 || !name.ends_with(".log")) return 0;
  uint64_t number = 0;
  for (size_t i = 0; i < name.size() - 4; ++i) {
    if (name[i] < '0' || name[i] > '9') return 0;
    number = number * 10 + static_cast<uint64_t>(name[i] - '0');
  }
  return number;
}

Result<std::shared_ptr<Segment>> prepare_segment(Os& os, const std::string& directory,
                                                 const StoreMark& mark, uint64_t number,
                                                 uint64_t size_bytes, uint64_t first_commit,
                                                 const Recycling& recycling) {
  const std::string path = segment_path(directory, number);
  auto segment = std::make_shared<Segment>();
  const bool is_new = recycling.path.empty();
  if (is_new) {
    if (Status status = check_room(os, directory, size_bytes); !status) return status;
  } else {
    if (Status status = os.rename(recycling.path, path); !status) return status;
  }
  Result<std::unique_ptr<File>> file = os.open(path, is_new ? OpenMode::kCreate : OpenMode::kWrite);
  if (!file) return file.error();
  segment->file = std::move(*file);
  segment->header.mark = mark;
  segment->header.number = number;
  segment->header.size_bytes = size_bytes;
  segment->header.first_commit = first_commit;
  os.random(MutableBytes(segment->header.life, 16));

  Status status = make_zeros(*segment->file, size_bytes, recycling);
  uint8_t header[kSegmentHeaderBytes];
  encode_segment_header(segment->header, header);
  if (status) status = segment->file->write_at(0, Bytes(header, sizeof header));
  if (status) status = segment->file->sync();
  if (status) status = os.sync_directory(directory);
  if (status) return segment;
  segment->file.reset();
  const Status removed =
      os.remove(path);  // Half a segment is no use; a failure leaves an idle file.
  (void)removed;
  return status;
}

}  // namespace varve

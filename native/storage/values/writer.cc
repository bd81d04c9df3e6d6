// storage/values/writer.cc — writes a value file, one value behind the other, its header last.
#include <algorithm>

#include "pure/codec/compress.h"
#include "pure/codec/crc32c.h"
#include "storage/values/layout.h"
#include "storage/values/values.h"

namespace varve {
namespace {

constexpr size_t kWriteBytes = size_t{1} << 20;

}  // namespace

Result<std::unique_ptr<ValueWriter>> ValueWriter::create(Os& os, const std::string& path,
                                                         const ValueOptions& options) {
  Result<std::unique_ptr<File>> file = os.open(path, OpenMode::kCreate);
  if (!file) return file.error();
  std::unique_ptr<ValueWriter> writer(new ValueWriter(std::move(*file), options));
  writer->info_.number = options.number;
  writer->info_.commit_first = UINT64_MAX;
  writer->buffer_.assign(kValueHeaderBytes, '\0');
  return writer;
}

ValueReference ValueWriter::place(uint64_t stored_bytes, uint64_t value_bytes) {
  ValueReference reference;
  reference.file = options_.number;
  reference.offset = size_bytes() + kValueHeadBytes;
  reference.stored_bytes = stored_bytes;
  reference.value_bytes = value_bytes;
  return reference;
}

void ValueWriter::append_head(const ValueReference& reference) {
  uint8_t head[kValueHeadBytes] = {};
  store<uint64_t>(head, reference.stored_bytes);
  store<uint64_t>(head + 8, reference.value_bytes);
  head[16] = reference.is_compressed ? kValueCompressed : kValuePlain;
  store<uint32_t>(head + 40, reference.checksum);
  const uint32_t seed = static_cast<uint32_t>(reference.offset - kValueHeadBytes);
  store<uint32_t>(head + 44, crc32c(Bytes(head, 44), seed));
  append(buffer_, Bytes(head, sizeof head));
}

Status ValueWriter::flush_buffer() {
  if (Status status = file_->write_at(written_, as_bytes(buffer_)); !status) return status;
  written_ += buffer_.size();
  buffer_.clear();
  return Status::ok();
}

// What would fill the buffer goes around it.
Status ValueWriter::write(Bytes stored) {
  if (stored.size() < kWriteBytes) {
    append(buffer_, stored);
    return buffer_.size() >= kWriteBytes ? flush_buffer() : Status::ok();
  }
  if (Status status = flush_buffer(); !status) return status;
  if (Status status = file_->write_at(written_, stored); !status) return status;
  written_ += stored.size();
  return Status::ok();
}

void ValueWriter::count(uint64_t commit) {
  ++info_.value_count;
  info_.commit_first = std::min(info_.commit_first, commit);
  info_.commit_last = std::max(info_.commit_last, commit);
}

Result<ValueReference> ValueWriter::add(Bytes value, uint64_t commit) {
  compressed_.clear();
  // What saves less than an eighth is not worth unpacking.
  const bool is_smaller = options_.compress && value.size() <= kCompressBytesMax &&
                          compress(value, value.size() / 8 * 7, compressed_);
  const Bytes stored = is_smaller ? as_bytes(compressed_) : value;
  ValueReference reference = place(stored.size(), value.size());
  reference.is_compressed = is_smaller;
  reference.checksum = crc32c(stored);
  append_head(reference);
  if (Status status = write(stored); !status) return status;
  count(commit);
  return reference;
}

// The bytes are seen twice: before the first of them is written, they are known to be good.
Result<ValueReference> ValueWriter::move(const ValueFile& from, const ValueReference& reference,
                                         uint64_t commit) {
  uint32_t checksum = 0;
  Status status = from.read_pieces(reference, [&](Bytes piece) {
    checksum = crc32c(piece, checksum);
    return Status::ok();
  });
  // Nothing was written so far: a failure is that of the file it comes from.
  if (!status || checksum != reference.checksum) {
    const std::string what = status ? "is damaged" : "cannot be read: " + status.message();
    return Status::corrupt("values: a value of " + from.path() + " at byte " +
                           std::to_string(reference.offset) + " " + what);
  }
  ValueReference moved = place(reference.stored_bytes, reference.value_bytes);
  moved.is_compressed = reference.is_compressed;
  moved.checksum = checksum;
  append_head(moved);
  status = from.read_pieces(reference, [&](Bytes piece) { return write(piece); });
  if (!status) return status;
  count(commit);
  return moved;
}

Result<ValueFileInfo> ValueWriter::finish() {
  check(!empty());
  if (Status status = flush_buffer(); !status) return status;
  info_.file_bytes = written_;
  uint8_t header[kValueHeaderBytes] = {};
  std::memcpy(header, kValuesMagic, 8);
  store<uint32_t>(header + 12, kValueHeaderBytes);
  std::memcpy(header + 16, options_.store_identity, 16);
  store<uint64_t>(header + 32, options_.number);
  store<uint64_t>(header + 48, info_.file_bytes);
  store<uint64_t>(header + 56, info_.value_count);
  store<uint64_t>(header + 64, info_.commit_first);
  store<uint64_t>(header + 72, info_.commit_last);
  store<uint32_t>(header + 124, crc32c(Bytes(header, 124)));
  if (Status status = file_->write_at(0, Bytes(header, sizeof header)); !status) return status;
  if (Status status = file_->sync(); !status) return status;
  return info_;
}

}  // namespace varve

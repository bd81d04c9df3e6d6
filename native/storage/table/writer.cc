// storage/table/writer.cc — writes a table from sorted versions, in one pass and in order.
#include <algorithm>

#include "pure/codec/compress.h"
#include "pure/codec/crc32c.h"
#include "pure/codec/hash.h"
#include "storage/table/layout.h"
#include "storage/table/point_index.h"
#include "storage/table/table.h"

namespace varve {
namespace {

constexpr size_t kWriteBytes = size_t{256} << 10;
constexpr size_t kBufferBytes = kWriteBytes + (kWriteBytes >> 2);
// What is held until the end: of a key its hash and slot, in vectors that double, and then its
// place in the point index; of a block its entry in the other.
constexpr uint64_t kHeldByKey = 32;
constexpr uint64_t kHeldByBlock = 96;
constexpr size_t kKeysAtOnce = 4096;  // That the budget is told of.

}  // namespace

Result<std::unique_ptr<TableWriter>> TableWriter::create(Os& os, const std::string& path,
                                                         const TableOptions& options) {
  Result<std::unique_ptr<File>> file = os.open(path, OpenMode::kCreate);
  if (!file) return file.error();
  std::unique_ptr<TableWriter> writer(new TableWriter(std::move(*file), options));
  writer->info_.number = options.number;
  writer->info_.commit_first = UINT64_MAX;
  if (options.cache != nullptr) writer->kept_ = KeptBlocks(*options.cache);
  writer->buffer_.reserve(kBufferBytes);
  writer->hold(kBufferBytes);
  return writer;
}

TableWriter::~TableWriter() {
  if (options_.cache != nullptr) options_.cache->charge(-static_cast<int64_t>(held_bytes_));
}

void TableWriter::hold(uint64_t bytes) {
  held_bytes_ += bytes;
  if (options_.cache != nullptr) options_.cache->charge(static_cast<int64_t>(bytes));
}

// What a block has when it is written. One that is to be compressed gets half as much again: the
// longer it is, the more of it has been there before.
uint64_t TableWriter::full_block_bytes() const {
  return options_.compress ? options_.block_bytes * uint64_t{3} / 2 : options_.block_bytes;
}

Status TableWriter::add(const Edit& edit, bool is_warm) {
  if ((edit.flags & kFlagSeparateValue) != 0) {
    const std::optional<ValueReference> reference = decode_value_reference(edit.value);
    if (!reference) return Status::invalid("table: an entry with a value apart and no reference");
    count_value_use(*reference, value_uses_);
  }
  const bool new_key = info_.entry_count == 0 || !equal(edit.key, as_bytes(last_key_));
  if (new_key && block_.size_bytes() >= full_block_bytes()) {
    if (Status status = finish_block(); !status) return status;
  }
  if (!new_key && block_.size_bytes() >= options_.block_bytes * 8) {
    // A long chain goes on in the next.
    if (Status status = finish_block(); !status) return status;
  }
  if (block_.empty()) begin_block(edit.key);
  if (new_key) {
    if (info_.entry_count == 0) info_.smallest = as_text(edit.key);
    last_key_ = as_text(edit.key);
    if (hashes_.size() % kKeysAtOnce == 0) hold(kKeysAtOnce * kHeldByKey);
    hashes_.push_back(hash64(edit.key, options_.hash_seed));
    slots_.push_back(static_cast<uint32_t>(block_.count()));
    slot_max_ = std::max(slot_max_, static_cast<uint32_t>(block_.count()));
  }
  block_.add(edit);
  if (is_warm) ++warm_count_;
  ++info_.entry_count;
  info_.key_bytes += edit.key.size();
  info_.value_bytes += edit.value.size();
  if (edit.kind == EditKind::kDelete) ++info_.delete_count;
  info_.commit_first = std::min(info_.commit_first, edit.commit);
  info_.commit_last = std::max(info_.commit_last, edit.commit);
  info_.superseded_last = std::max(info_.superseded_last, edit.superseded);
  return Status::ok();
}

void TableWriter::add(const RangeDeletion& deletion) {
  range_deletions_.push_back(
      {std::string(as_text(deletion.begin)), std::string(as_text(deletion.end)), deletion.commit});
  info_.commit_first = std::min(info_.commit_first, deletion.commit);
  info_.commit_last = std::max(info_.commit_last, deletion.commit);
}

Status TableWriter::flush_buffer() {
  if (Status status = file_->write_at(written_, as_bytes(buffer_)); !status) return status;
  written_ += buffer_.size();
  buffer_.clear();
  return Status::ok();
}

Status TableWriter::write_part(const std::string& part, uint64_t* offset, uint8_t compression) {
  *offset = written_ + buffer_.size();
  uint8_t trailer[kBlockTrailerBytes] = {};
  trailer[4] = compression;
  const uint32_t sum = crc32c(as_bytes(part), static_cast<uint32_t>(*offset));
  store<uint32_t>(trailer, crc32c(Bytes(trailer + 4, 4), sum));
  buffer_ += part;
  append(buffer_, Bytes(trailer, sizeof trailer));
  return buffer_.size() >= kWriteBytes ? flush_buffer() : Status::ok();
}

void TableWriter::begin_block(Bytes first_key) {
  const bool is_first = info_.entry_count == 0;
  first_keys_.push_back(static_cast<uint32_t>(hashes_.size()));
  separator_ = is_first ? std::string(as_text(first_key))
                        : shortest_separator(as_bytes(last_key_), first_key);
}

Status TableWriter::finish_block() {
  if (block_.empty()) return Status::ok();
  BlockPlace place;
  const bool is_warm = warm_count_ * 2 >= block_.count();
  warm_count_ = 0;
  const std::string bytes = block_.finish();
  if (options_.cache != nullptr && (is_warm || options_.fills_cache)) {
    kept_.add(static_cast<uint32_t>(blocks_.size()), as_bytes(bytes), is_warm);
  }
  compressed_.clear();
  // What saves less than an eighth is not worth unpacking.
  const bool is_smaller =
      options_.compress && compress(as_bytes(bytes), bytes.size() / 8 * 7, compressed_);
  const std::string& stored = is_smaller ? compressed_ : bytes;
  place.size = static_cast<uint32_t>(stored.size());
  place.raw_size = static_cast<uint32_t>(bytes.size());
  const uint8_t compression = is_smaller ? kCompressed : kPlain;
  if (Status status = write_part(stored, &place.offset, compression); !status) return status;
  hold(kHeldByBlock + separator_.size());
  blocks_.push_back({place, std::move(separator_)});
  return Status::ok();
}

// The parts, then the top over them.
Status TableWriter::write_block_index() {
  part_bits_ = std::min(index_part_bits(blocks_), options_.part_bits_max);
  std::vector<IndexEntry> parts;
  const std::span<const IndexEntry> all = blocks_;
  for (size_t at = 0; at < all.size(); at += size_t{1} << part_bits_) {
    const auto some = all.subspan(at, std::min(all.size() - at, size_t{1} << part_bits_));
    const std::string part = encode_index_part(some);
    const uint32_t size = static_cast<uint32_t>(part.size());
    IndexEntry entry{{0, size, size}, some.front().separator};
    if (Status status = write_part(part, &entry.place.offset); !status) return status;
    parts.push_back(std::move(entry));
  }
  const std::string top = parts.empty() ? std::string() : encode_index_part(parts);
  top_size_ = static_cast<uint32_t>(top.size());
  return write_part(top, &top_at_);
}

std::string TableWriter::encode_range_deletions() const {
  std::string to;
  for (const OwnedDeletion& deletion : range_deletions_) {
    append<uint64_t>(to, deletion.commit);
    append<uint32_t>(to, static_cast<uint32_t>(deletion.begin.size()));
    append<uint32_t>(to, static_cast<uint32_t>(deletion.end.size()));
    append(to, as_bytes(deletion.begin));
    append(to, as_bytes(deletion.end));
  }
  return to;
}

std::string TableWriter::encode_point_index() {
  layout_ = point_layout(blocks_.size(), slot_max_, options_.fingerprint_bits_min);
  first_keys_.push_back(static_cast<uint32_t>(hashes_.size()));
  for (uint64_t block = 0; block < blocks_.size(); ++block) {
    for (uint32_t key = first_keys_[block]; key < first_keys_[block + 1]; ++key) {
      const uint64_t place = block << layout_.slot_bits | slots_[key];
      slots_[key] = static_cast<uint32_t>(place >> layout_.coarse_bits);
    }
  }
  PointIndex index = fill_point_index(hashes_, slots_, layout_.location_bits);
  index_is_whole_ = index.is_whole;
  return std::move(index.bytes);
}

std::string TableWriter::encode_footer() const {
  std::string to(kTableFooterBytes, '\0');
  uint8_t* const at = reinterpret_cast<uint8_t*>(to.data());
  std::memcpy(at, kTableMagic, 8);
  store<uint32_t>(at + 12, kTableFooterBytes);
  std::memcpy(at + 16, options_.store_identity, 16);
  store<uint64_t>(at + 32, options_.number);
  const uint64_t numbers[] = {info_.commit_first,         info_.commit_last, info_.entry_count,
                              info_.range_deletion_count, info_.key_bytes,   info_.value_bytes,
                              info_.delete_count};
  for (size_t i = 0; i < 7; ++i) store<uint64_t>(at + 48 + i * 8, numbers[i]);
  store<uint64_t>(at + 104, ranges_at_);
  store<uint32_t>(at + 112, ranges_size_);
  store<uint64_t>(at + 116, top_at_);
  store<uint32_t>(at + 124, top_size_);
  store<uint64_t>(at + 128, points_at_);
  store<uint64_t>(at + 136, points_size_);
  store<uint32_t>(at + 144, static_cast<uint32_t>(blocks_.size()));
  store<uint32_t>(at + 148, layout_.location_bits);
  store<uint32_t>(at + 152, layout_.slot_bits);
  store<uint32_t>(at + 172, layout_.coarse_bits);
  store<uint32_t>(at + 176, index_is_whole_ ? 0 : kIndexNotWhole);
  store<uint32_t>(at + 180, part_bits_);
  store<uint32_t>(at + 188, crc32c(Bytes(at, 188)));
  return to;
}

Result<TableInfo> TableWriter::finish() {
  check(!empty());
  if (Status status = finish_block(); !status) return status;
  info_.largest = last_key_;
  if (info_.entry_count == 0) info_.smallest = range_deletions_.front().begin;
  for (const OwnedDeletion& deletion : range_deletions_) {
    info_.smallest = std::min(info_.smallest, deletion.begin);
    info_.largest = std::max(info_.largest, deletion.end);
    info_.unbounded = info_.unbounded || deletion.end.empty();
  }
  info_.range_deletion_count = range_deletions_.size();
  for (const auto& [file, use] : value_uses_) info_.value_uses.push_back(use);
  const std::string ranges = encode_range_deletions();
  const std::string points = encode_point_index();
  ranges_size_ = static_cast<uint32_t>(ranges.size());
  points_size_ = points.size();
  if (Status status = write_part(ranges, &ranges_at_); !status) return status;
  if (Status status = write_block_index(); !status) return status;
  if (Status status = write_part(points, &points_at_); !status) return status;
  buffer_ += encode_footer();
  if (Status status = flush_buffer(); !status) return status;
  if (Status status = file_->sync(); !status) return status;
  info_.file_bytes = written_;
  return info_;
}

}  // namespace varve

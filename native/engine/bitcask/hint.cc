#include "engine/bitcask/hint.h"

#include <algorithm>

#include "pure/codec/crc32c.h"
#include "pure/codec/prefix.h"
#include "pure/codec/varint.h"

namespace varve::bitcask {
namespace {

constexpr char kMagic[] = "VARVEHNT";
constexpr size_t kHintHeaderBytes = 128;
constexpr size_t kBlockHeadBytes = 8;
constexpr size_t kBlockBytes = size_t{16} << 10;  // A block ends beyond it,
// and so may be longer by one entry: two keys, as of a range deletion, and some numbers.
constexpr size_t kBlockBytesMax = kBlockBytes + 2 * kStoredKeyBytesMax + 128;
constexpr size_t kReadBytes = size_t{64} << 10;

constexpr uint8_t kKindMask = 3;
constexpr uint8_t kKindRange = 3;
constexpr uint8_t kExpires = 4;

}  // namespace

// ---- writing

void HintWriter::end_block() {
  if (block_.empty()) return;
  append<uint32_t>(blocks_, static_cast<uint32_t>(block_.size()));
  append<uint32_t>(blocks_, crc32c(as_bytes(block_), block_count_++));
  blocks_ += block_;
  block_.clear();
}

void HintWriter::begin(Bytes key, uint8_t kind) {
  if (block_.size() >= kBlockBytes) end_block();
  const size_t shared = block_.empty() ? 0 : shared_prefix(as_bytes(key_), key);
  append<uint8_t>(block_, kind);
  append_varint(block_, shared);
  append_varint(block_, key.size() - shared);
  append(block_, key.subspan(shared));
  key_.assign(as_text(key));
}

void HintWriter::add(const Listed& entry) {
  const bool expires = entry.expires_ms != 0;
  begin(entry.key,
        static_cast<uint8_t>(static_cast<uint8_t>(entry.kind) | (expires ? kExpires : 0)));
  append_varint(block_, entry.commit);
  append_varint(block_, entry.offset);
  append_varint(block_, entry.value_bytes);
  if (expires) append_varint(block_, entry.expires_ms);
  ++entry_count_;
}

void HintWriter::add_range(const RangeDeletion& deletion) {
  begin(deletion.begin, kKindRange);
  append_varint(block_, deletion.commit);
  append_varint(block_, deletion.end.size());
  append(block_, deletion.end);
  ++range_count_;
}

Result<uint64_t> HintWriter::write(Os& os, const std::string& directory,
                                   const ManifestDataFile& info, const Identity& identity) {
  end_block();
  uint8_t header[kHintHeaderBytes] = {};
  std::memcpy(header, kMagic, 8);
  store<uint32_t>(header + 12, kHintHeaderBytes);
  std::copy(identity.begin(), identity.end(), header + 16);
  const uint64_t numbers[] = {info.number,    info.file_bytes,   entry_count_,    range_count_,
                              blocks_.size(), info.commit_first, info.commit_last};
  for (size_t i = 0; i < 7; ++i) store(header + 32 + i * 8, numbers[i]);
  store<uint32_t>(header + 124, crc32c(Bytes(header, 124)));
  const std::string path = hint_path(directory, info.number);
  const std::string unfinished = path + ".new";
  const Status removed = os.remove(unfinished);  // Left by an attempt that failed.
  if (!removed && removed.code() != Code::kNotFound) return removed.copy();
  const Result<std::unique_ptr<File>> file = os.open(unfinished, OpenMode::kCreate);
  if (!file) return file.error();
  Status status = (*file)->write_at(0, Bytes(header, sizeof header));
  if (status && !blocks_.empty()) status = (*file)->write_at(sizeof header, as_bytes(blocks_));
  if (status) status = (*file)->sync();
  if (status) status = os.rename(unfinished, path);
  if (!status) return status;
  return kHintHeaderBytes + blocks_.size();
}

// ---- reading

Status HintReader::damage(const char* what) const {
  return Status::corrupt("bitcask: " + path_ + ": " + what);
}

Result<std::unique_ptr<HintReader>> HintReader::open(std::unique_ptr<File> file, std::string path,
                                                     const ManifestDataFile& info,
                                                     const Identity& identity) {
  std::unique_ptr<HintReader> reader(new HintReader(std::move(file), std::move(path), info));
  if (Status status = reader->read_header(identity); !status) return status;
  return reader;
}

Status HintReader::read_header(const Identity& identity) {
  uint8_t header[kHintHeaderBytes];
  const Result<size_t> got = file_->read_at(0, header);
  if (!got) return got.error();
  const Result<uint64_t> size = file_->size();
  if (!size) return size.error();
  file_bytes_ = *size;
  if (*got < sizeof header || std::memcmp(header, kMagic, 8) != 0 ||
      load<uint32_t>(header + 124) != crc32c(Bytes(header, 124))) {
    return damage("it has no good header");
  }
  if (load<uint32_t>(header + 8) != 0 || load<uint32_t>(header + 88) != 0) {
    return {Code::kNewerFormat, "bitcask: " + path_ + " was written by a newer version"};
  }
  uint64_t numbers[7];
  for (size_t i = 0; i < 7; ++i) numbers[i] = load<uint64_t>(header + 32 + i * 8);
  const bool is_of_file = std::equal(identity.begin(), identity.end(), header + 16) &&
                          numbers[0] == info_.number && numbers[1] == info_.file_bytes &&
                          numbers[5] == info_.commit_first && numbers[6] == info_.commit_last;
  if (!is_of_file) return damage("it is the hint of another file");
  entry_count_ = numbers[2];
  range_count_ = numbers[3];
  const uint64_t count_max = info_.file_bytes / kEditHeaderBytes;
  if (entry_count_ > count_max || range_count_ > count_max) return damage("it lists too much");
  if (file_bytes_ != kHintHeaderBytes + numbers[4]) return damage("it is not as long as it was");
  offset_ = kHintHeaderBytes;
  return Status::ok();
}

// So many bytes at the next block, or all that there are.
Result<Bytes> HintReader::fill(size_t size) {
  const bool is_there = offset_ >= buffer_at_ && offset_ + size <= buffer_at_ + buffer_.size();
  if (!is_there) {
    buffer_.resize(std::max(size, kReadBytes));
    buffer_at_ = offset_;
    const MutableBytes into(reinterpret_cast<uint8_t*>(buffer_.data()), buffer_.size());
    const Result<size_t> got = file_->read_at(offset_, into);
    buffer_.resize(got ? *got : 0);
    if (!got) return got.error();
  }
  const Bytes bytes = as_bytes(buffer_).subspan(offset_ - buffer_at_);
  return bytes.first(std::min(size, bytes.size()));
}

Status HintReader::load_block() {
  Result<Bytes> bytes = fill(kBlockHeadBytes);
  if (!bytes) return bytes.error();
  if (bytes->size() < kBlockHeadBytes) return damage("it ends within a block");
  const size_t size = load<uint32_t>(bytes->data());
  const uint32_t checksum = load<uint32_t>(bytes->data() + 4);
  if (size == 0 || size > kBlockBytesMax) return damage("a block of an impossible size");
  bytes = fill(kBlockHeadBytes + size);
  if (!bytes) return bytes.error();
  if (bytes->size() < kBlockHeadBytes + size) return damage("it ends within a block");
  rest_ = bytes->subspan(kBlockHeadBytes);
  if (crc32c(rest_, block_count_) != checksum) return damage("the checksum of a block fails");
  ++block_count_;
  offset_ += kBlockHeadBytes + size;
  begins_block_ = true;
  return Status::ok();
}

// The kind and key at the front of what is left.
bool HintReader::take_key(uint8_t& kind) {
  const bool is_first = std::exchange(begins_block_, false);
  kind = rest_[0];
  rest_ = rest_.subspan(1);
  uint64_t shared = 0;
  uint64_t size = 0;
  if (!take_varint(rest_, shared) || !take_varint(rest_, size)) return false;
  if (shared > (is_first ? 0 : key_.size()) || size > rest_.size()) return false;
  if (shared + size > kStoredKeyBytesMax) return false;
  order_ = compare(as_bytes(key_).subspan(shared), rest_.first(size));
  key_.resize(shared);
  key_.append(as_text(rest_.first(size)));
  rest_ = rest_.subspan(size);
  return true;
}

bool HintReader::take_entry(uint8_t kind, Listed& entry) {
  const uint8_t edit_kind = kind & kKindMask;
  if ((kind & ~(kKindMask | kExpires)) != 0 || edit_kind == 0 || edit_kind == kKindRange) {
    return false;
  }
  entry = {as_bytes(key_), 0, static_cast<EditKind>(edit_kind), 0, 0, 0};
  const bool expires = (kind & kExpires) != 0;
  if (!take_varint(rest_, entry.commit) || !take_varint(rest_, entry.offset) ||
      !take_varint(rest_, entry.value_bytes) ||
      (expires && !take_varint(rest_, entry.expires_ms))) {
    return false;
  }
  const bool is_delete = entry.kind == EditKind::kDelete;
  if (is_delete && (entry.value_bytes != 0 || expires)) return false;
  if (expires && entry.expires_ms == 0) return false;
  if (entry.commit < info_.commit_first || entry.commit > info_.commit_last) return false;
  return entry.offset >= kDataHeaderBytes && entry.offset <= info_.file_bytes &&
         entry.bytes() <= info_.file_bytes - entry.offset;
}

Result<bool> HintReader::next(Listed& entry) {
  if (read_count_ == entry_count_) return false;
  if (rest_.empty()) {
    if (Status status = load_block(); !status) return status;
  }
  uint8_t kind = 0;
  if (!take_key(kind) || !take_entry(kind, entry)) return damage("an entry that cannot be");
  const bool is_behind = order_ < 0 || (order_ == 0 && entry.commit < commit_);
  if (read_count_ != 0 && !is_behind) return damage("entries out of order");
  commit_ = entry.commit;
  ++read_count_;
  return true;
}

Result<std::vector<OwnedRange>> HintReader::ranges() {
  check(read_count_ == entry_count_);
  std::vector<OwnedRange> found;
  for (uint64_t i = 0; i < range_count_; ++i) {
    if (rest_.empty()) {
      if (Status status = load_block(); !status) return status;
    }
    uint8_t kind = 0;
    OwnedRange range;
    uint64_t end_bytes = 0;
    const bool is_whole = take_key(kind) && kind == kKindRange &&
                          take_varint(rest_, range.commit) && take_varint(rest_, end_bytes) &&
                          end_bytes <= rest_.size();
    if (!is_whole) return damage("a range deletion that cannot be");
    if (range.commit < info_.commit_first || range.commit > info_.commit_last) {
      return damage("a range deletion of another commit");
    }
    range.begin = key_;
    range.end.assign(as_text(rest_.first(end_bytes)));
    rest_ = rest_.subspan(end_bytes);
    found.push_back(std::move(range));
  }
  if (!rest_.empty() || offset_ != file_bytes_) return damage("more than it says it holds");
  return found;
}

// ---- one or the other

Result<std::unique_ptr<Listing>> Listing::open(Os& os, const std::string& directory,
                                               const DataFile& file, const Identity& identity,
                                               bool from_data, std::vector<VerifyProblem>& damage) {
  auto listing = std::make_unique<Listing>();
  if (!from_data) {
    const std::string path = hint_path(directory, file.info().number);
    Result<std::unique_ptr<File>> opened = os.open(path, OpenMode::kRead);
    if (!opened && opened.code() != Code::kNotFound) return opened.error();
    if (opened) {
      Result<std::unique_ptr<HintReader>> hint =
          HintReader::open(std::move(*opened), path, file.info(), identity);
      if (!hint && hint.code() != Code::kCorrupt) return hint.error();
      if (hint) listing->hint_ = std::move(*hint);
    }
  }
  if (listing->hint_) return listing;
  if (Status status = listing->rebuild(file, damage); !status) return status;
  return listing;
}

Status Listing::rebuild(const DataFile& file, std::vector<VerifyProblem>& damage) {
  const auto on_edit = [&](uint64_t commit, const LogEdit& edit, uint64_t offset) {
    if (edit.kind == LogEditKind::kRangeDeletion) {
      ranges_.push_back({std::string(as_text(edit.key)), std::string(as_text(edit.value)), commit});
      return Status::ok();
    }
    const EditKind kind = edit.kind == LogEditKind::kPut ? EditKind::kPut : EditKind::kDelete;
    Row row{keys_.size(), static_cast<uint32_t>(edit.key.size()), {}};
    row.entry = {
        {}, commit, kind, edit.expires_ms, offset, static_cast<uint32_t>(edit.value.size())};
    append(keys_, edit.key);
    rebuilt_.push_back(row);
    return Status::ok();
  };
  const auto on_damage = [&](uint64_t offset, const std::string& what) {
    damage.push_back({file.path(), offset, what});
    return true;
  };
  if (Status status = file.walk(on_edit, on_damage); !status) return status;
  std::sort(rebuilt_.begin(), rebuilt_.end(), [&](const Row& a, const Row& b) {
    const int order = compare(listed(a).key, listed(b).key);
    return order != 0 ? order < 0 : a.entry.commit > b.entry.commit;
  });
  return Status::ok();
}

Listed Listing::listed(const Row& row) const {
  Listed entry = row.entry;
  entry.key = as_bytes(keys_).subspan(row.key_at, row.key_bytes);
  return entry;
}

Result<bool> Listing::next(Listed& entry) {
  if (hint_) return hint_->next(entry);
  if (at_ == rebuilt_.size()) return false;
  entry = listed(rebuilt_[at_++]);
  return true;
}

Result<std::vector<OwnedRange>> Listing::ranges() {
  if (hint_) return hint_->ranges();
  return ranges_;
}

Status verify_file(Os& os, const std::string& directory, const DataFile& file,
                   const Identity& identity, std::vector<VerifyProblem>& problems) {
  const auto on_edit = [](uint64_t, const LogEdit&, uint64_t) { return Status::ok(); };
  const auto on_damage = [&](uint64_t offset, const std::string& what) {
    problems.push_back({file.path(), offset, what});
    return true;
  };
  if (Status walked = file.walk(on_edit, on_damage); !walked) return walked;
  const std::string path = hint_path(directory, file.info().number);
  Result<std::unique_ptr<File>> opened = os.open(path, OpenMode::kRead);
  if (opened.code() == Code::kNotFound) return Status::ok();
  if (!opened) return opened.error();
  const Result<std::unique_ptr<HintReader>> hint =
      HintReader::open(std::move(*opened), path, file.info(), identity);
  Status status = hint.error();
  Listed entry;
  for (bool more = true; status && more;) {
    const Result<bool> next = (*hint)->next(entry);
    status = next.error();
    more = next && *next;
  }
  if (status) status = (*hint)->ranges().error();
  if (status.code() != Code::kCorrupt) return status;
  problems.push_back({path, 0, status.message()});
  return Status::ok();
}

HintWriter Listing::hint() const {
  HintWriter writer;
  for (const Row& row : rebuilt_) writer.add(listed(row));
  for (const OwnedRange& range : ranges_) {
    writer.add_range({as_bytes(range.begin), as_bytes(range.end), range.commit});
  }
  return writer;
}

}  // namespace varve::bitcask

#include "engine/bitcask/data_file.h"

#include <algorithm>

#include "pure/codec/crc32c.h"

namespace varve::bitcask {
namespace {

constexpr char kMagic[] = "VARVEDAT";
constexpr size_t kBatchHeadBytes = 16;
constexpr size_t kCommitBytes = 8;
constexpr size_t kBatchBytes = size_t{32} << 10;    // A batch ends beyond it.
constexpr size_t kBufferBytes = size_t{1} << 20;    // Written at once,
constexpr size_t kWindowBytes = size_t{256} << 10;  // and read, at least.
constexpr uint32_t kHandleCount = 64;

std::string numbered(const std::string& directory, uint64_t number, const char* suffix) {
  std::string digits = std::to_string(number);
  if (digits.size() < 8) digits.insert(0, 8 - digits.size(), '0');
  return directory + "/" + digits + suffix;
}

uint64_t number_in(const std::string& name, std::string_view suffix) {
  const size_t digits = name.size() - std::min(name.size(), suffix.size());
  if (digits < 8 || digits > 19 || !name.ends_with(suffix)) return 0;
  uint64_t number = 0;
  for (size_t i = 0; i < digits; ++i) {
    if (name[i] < '0' || name[i] > '9') return 0;
    number = number * 10 + static_cast<uint64_t>(name[i] - '0');
  }
  return number;
}

// Reads a file from front to back.
class Window {
 public:
  Window(File& file, uint64_t file_bytes) : file_(file), end_(file_bytes) {}

  // So many bytes from an offset on; fewer where the file ends. Borrowed until the next call.
  Result<Bytes> at(uint64_t offset, uint64_t size) {
    size = std::min(size, end_ - std::min(offset, end_));
    if (offset < at_ || offset + size > at_ + bytes_.size()) {
      const uint64_t wanted = std::max<uint64_t>(size, kWindowBytes);
      bytes_.resize(std::min(wanted, end_ - std::min(offset, end_)));
      at_ = offset;
      const MutableBytes into(reinterpret_cast<uint8_t*>(bytes_.data()), bytes_.size());
      const Result<size_t> got = file_.read_at(offset, into);
      bytes_.resize(got ? *got : 0);
      if (!got) return got.error();
      size = std::min<uint64_t>(size, bytes_.size());
    }
    return as_bytes(bytes_).subspan(offset - at_, size);
  }

 private:
  File& file_;
  const uint64_t end_;
  std::string bytes_;
  uint64_t at_ = 0;
};

struct Body {           // Of a record or a batch.
  uint64_t commit = 0;  // 0: each edit has its own.
  size_t head_bytes = 0;
  Bytes bytes;
};

std::optional<uint32_t> decode_batch_head(Bytes head) {
  if (head.size() < kBatchHeadBytes || load<uint32_t>(head.data() + 8) != 0) return std::nullopt;
  if (load<uint32_t>(head.data() + 12) != crc32c(head.first(12))) return std::nullopt;
  const uint32_t body_bytes = load<uint32_t>(head.data());
  if (body_bytes == 0) return std::nullopt;
  return body_bytes;
}

Result<std::optional<Body>> batch_at(Window& window, uint64_t offset) {
  Result<Bytes> head = window.at(offset, kBatchHeadBytes);
  if (!head) return head.error();
  const std::optional<uint32_t> body_bytes = decode_batch_head(*head);
  if (!body_bytes) return std::optional<Body>();
  const uint32_t checksum = load<uint32_t>(head->data() + 4);
  const Result<Bytes> whole = window.at(offset, kBatchHeadBytes + uint64_t{*body_bytes});
  if (!whole) return whole.error();
  if (whole->size() < kBatchHeadBytes + *body_bytes) return std::optional<Body>();
  const Bytes bytes = whole->subspan(kBatchHeadBytes);
  if (crc32c(bytes) != checksum) return std::optional<Body>();
  return std::optional<Body>({0, kBatchHeadBytes, bytes});
}

Result<std::optional<Body>> record_at(Window& window, uint64_t offset, uint64_t life_tag,
                                      const ManifestDataFile& info) {
  const Result<Bytes> head = window.at(offset, kRecordHeaderBytes);
  if (!head) return head.error();
  const std::optional<RecordHeader> header = decode_record_header(*head);
  if (!header || header->life_tag != life_tag) return std::optional<Body>();
  if (header->commit < info.commit_first || header->commit > info.commit_last) {
    return std::optional<Body>();
  }
  const Result<Bytes> whole = window.at(offset, kRecordHeaderBytes + uint64_t{header->body_bytes});
  if (!whole) return whole.error();
  if (whole->size() < kRecordHeaderBytes + header->body_bytes) return std::optional<Body>();
  const Bytes bytes = whole->subspan(kRecordHeaderBytes);
  if (crc32c(bytes) != header->body_checksum) return std::optional<Body>();
  return std::optional<Body>({header->commit, kRecordHeaderBytes, bytes});
}

// What is wrong with the edits, or with whom they are handed to.
struct BodyEnd {
  Status damage;
  Status refusal;
};

BodyEnd walk_body(const Body& body, uint64_t offset, const DataFile::OnEdit& on_edit) {
  Bytes rest = body.bytes;
  while (!rest.empty()) {
    uint64_t commit = body.commit;
    if (commit == 0) {
      if (rest.size() < kCommitBytes) return {Status::corrupt("a cut entry"), {}};
      commit = load<uint64_t>(rest.data());
      if (commit == 0 || commit > kCommitMax) {
        return {Status::corrupt("an entry of an impossible commit"), {}};
      }
      rest = rest.subspan(kCommitBytes);
    }
    EditReader reader(rest);
    LogEdit edit;
    const Result<bool> more = reader.next(edit);
    if (!more) return {more.error(), {}};
    if (!*more) return {Status::corrupt("a commit without an edit"), {}};
    const size_t at = static_cast<size_t>(rest.data() - body.bytes.data());
    if (Status status = on_edit(commit, edit, offset + body.head_bytes + at); !status) {
      return {{}, std::move(status)};
    }
    rest = rest.subspan(edit_bytes(edit.key.size(), edit.value.size(), edit.expires_ms != 0));
  }
  return {};
}

}  // namespace

std::string data_path(const std::string& directory, uint64_t number) {
  return numbered(directory, number, ".data");
}
std::string hint_path(const std::string& directory, uint64_t number) {
  return numbered(directory, number, ".hint");
}
uint64_t data_number(const std::string& name) { return number_in(name, ".data"); }
uint64_t hint_number(const std::string& name) { return number_in(name, ".hint"); }
uint64_t unfinished_hint_number(const std::string& name) {
  return number_in(name, kUnfinishedHint);
}

void remove_data_file(Os& os, const std::string& directory, uint64_t number) {
  for (const char* const suffix : {".data", ".hint", kUnfinishedHint}) {
    const Status status = os.remove(numbered(directory, number, suffix));
    (void)status;  // It may not be there.
  }
}

// ---- reading

Status DataFile::damage(uint64_t offset, const std::string& what) const {
  return Status::corrupt("bitcask: " + path_ + " at byte " + std::to_string(offset) + ": " + what);
}

Result<std::shared_ptr<DataFile>> DataFile::open(Os& os, const std::string& directory,
                                                 const ManifestDataFile& info,
                                                 const Identity& identity, Cache* cache) {
  const std::string path = data_path(directory, info.number);
  Result<std::unique_ptr<File>> file = os.open(path, OpenMode::kRead);
  if (file.code() == Code::kNotFound) {
    return Status::corrupt("bitcask: " + path + " is missing");
  }
  if (!file) return file.error();
  std::shared_ptr<DataFile> opened(new DataFile(path, info, std::move(*file), cache));
  if (Status status = opened->check_header(identity); !status) return status;
  return opened;
}

void DataFile::expect_entries(uint64_t count) {
  check(cache_ != nullptr && handles_.empty());
  handles_ = cache_->make_handles((count + kHandleCount - 1) / kHandleCount);
  cache_->charge(static_cast<int64_t>(handles_.size_bytes()));
}

DataFile::~DataFile() {
  if (cache_ == nullptr) return;
  cache_->charge(-static_cast<int64_t>(handles_.size_bytes()));
  cache_->drop(handles_);
}

Status DataFile::check_header(const Identity& identity) {
  const Result<uint64_t> size = file_->size();
  if (!size) return size.error();
  if (*size < info_.file_bytes || info_.file_bytes < kDataHeaderBytes) {
    return damage(*size, "it is cut, and had " + std::to_string(info_.file_bytes));
  }
  uint8_t bytes[kDataHeaderBytes];
  const Result<size_t> got = file_->read_at(0, bytes);
  if (!got) return got.error();
  if (*got < sizeof bytes) return damage(0, "its header is cut");
  if (info_.segment != 0) {
    const Result<SegmentHeader> header = decode_segment_header(bytes, path_);
    if (!header) return header.error();
    const bool is_ours = std::equal(identity.begin(), identity.end(), header->mark.identity);
    if (!is_ours || header->number != info_.segment) return damage(0, "it is another's segment");
    life_tag_ = header->life_tag();
    return Status::ok();
  }
  if (std::memcmp(bytes, kMagic, 8) != 0 ||
      varve::load<uint32_t>(bytes + 124) != crc32c(Bytes(bytes, 124))) {
    return damage(0, "it has no good header");
  }
  if (varve::load<uint32_t>(bytes + 8) != 0 || varve::load<uint32_t>(bytes + 40) != 0) {
    return {Code::kNewerFormat, "bitcask: " + path_ + " was written by a newer version"};
  }
  const bool is_ours = std::equal(identity.begin(), identity.end(), bytes + 16);
  if (!is_ours || varve::load<uint64_t>(bytes + 32) != info_.number)
    return damage(0, "it is another's");
  return Status::ok();
}

Status DataFile::read_entry(const ValuePlace& place, MutableBytes into) const {
  if (place.offset > info_.file_bytes || into.size() > info_.file_bytes - place.offset) {
    return damage(place.offset, "an entry beyond the end");
  }
  const Result<size_t> got = file_->read_at(place.offset, into);
  if (!got) return got.error();
  return *got == into.size() ? Status::ok() : damage(place.offset, "a cut entry");
}

Result<Bytes> DataFile::check_entry(Bytes bytes, Bytes key, const ValuePlace& place) const {
  EditReader reader(bytes);
  LogEdit edit;
  const Result<bool> is_there = reader.next(edit);
  if (!is_there) return damage(place.offset, is_there.error().message());
  const bool is_it = *is_there && edit.kind == LogEditKind::kPut && equal(edit.key, key) &&
                     edit.value.size() == place.value_bytes &&
                     (edit.expires_ms != 0) == place.expires;
  if (!is_it) return damage(place.offset, "another entry than is listed there");
  return edit.value;
}

std::optional<Bytes> DataFile::find(Bytes key, const ValuePlace& place) const {
  CachedBlock* const group = Cache::find(handles_[place.ordinal / kHandleCount]);
  if (group == nullptr) return std::nullopt;
  CachedBlock* const block = Cache::find(group->inner(place.ordinal % kHandleCount));
  if (block == nullptr) return std::nullopt;
  return block->bytes().subspan(edit_bytes(key.size(), 0, place.expires));
}

Result<Bytes> DataFile::load(Bytes key, const ValuePlace& place) const {
  if (const std::optional<Bytes> there = find(key, place)) return *there;
  const uint64_t bytes = edit_bytes(key.size(), place.value_bytes, place.expires);
  Cache::Loading loading = cache_->make(static_cast<uint32_t>(bytes));
  const MutableBytes into(loading->filling(), bytes);
  if (Status status = read_entry(place, into); !status) return status;
  if (const Result<Bytes> value = check_entry(into, key, place); !value) return value.error();
  BlockHandle& handle = handles_[place.ordinal / kHandleCount];
  CachedBlock* group = Cache::find(handle);
  if (group == nullptr) group = cache_->insert(handle, cache_->make(0, kHandleCount), 0);
  CachedBlock* const block =
      cache_->insert(group->inner(place.ordinal % kHandleCount), std::move(loading),
                     static_cast<uint32_t>(bytes), group);
  return block->bytes().subspan(edit_bytes(key.size(), 0, place.expires));
}

Status DataFile::read(Bytes key, const ValuePlace& place, MutableBytes into,
                      std::string& room) const {
  check(into.size() == place.value_bytes);
  room.resize(edit_bytes(key.size(), place.value_bytes, place.expires));
  const MutableBytes entry(reinterpret_cast<uint8_t*>(room.data()), room.size());
  if (Status status = read_entry(place, entry); !status) return status;
  const Result<Bytes> value = check_entry(entry, key, place);
  if (!value) return value.error();
  if (!into.empty()) std::memcpy(into.data(), value->data(), into.size());
  return Status::ok();
}

Status DataFile::read_raw(uint64_t offset, MutableBytes into) const {
  const Result<size_t> got = file_->read_at(offset, into);
  if (!got) return got.error();
  return *got == into.size() ? Status::ok() : damage(offset, "it is cut");
}

void DataFile::will_read(Bytes key, const ValuePlace& place) const {
  file_->will_read(place.offset, edit_bytes(key.size(), place.value_bytes, place.expires));
}

Status DataFile::walk(const OnEdit& on_edit, const OnDamage& on_damage) const {
  Window window(*file_, info_.file_bytes);
  bool is_damaged = false;
  for (uint64_t offset = kDataHeaderBytes; offset < info_.file_bytes;) {
    const Result<std::optional<Body>> body =
        info_.segment != 0 ? record_at(window, offset, life_tag_, info_) : batch_at(window, offset);
    if (!body) return body.error();
    if (!*body) {
      const char* const what = "bytes that are no entry, or whose checksum fails";
      if (!is_damaged && !on_damage(offset, what)) return Status::ok();
      is_damaged = true;
      offset += 8;
      continue;
    }
    is_damaged = false;
    const uint64_t bytes = round_up((*body)->head_bytes + (*body)->bytes.size(), 8);
    BodyEnd end = walk_body(**body, offset, on_edit);
    if (!end.damage && !on_damage(offset, end.damage.message())) return Status::ok();
    if (!end.refusal) return std::move(end.refusal);
    offset += bytes;
  }
  return Status::ok();
}

void DataFile::cut(Os& os) const {
  const Result<uint64_t> size = file_->size();
  if (!size || *size <= info_.file_bytes) return;
  const Result<std::unique_ptr<File>> file = os.open(path_, OpenMode::kWrite);
  if (!file) return;
  const Status status = (*file)->resize(info_.file_bytes);
  (void)status;  // What stays behind the entries is read by nobody; the next opening cuts it.
}

// ---- writing

Status DataWriter::append(uint64_t commit, const LogEdit& edit) {
  if (!file_) {
    Result<std::unique_ptr<File>> file = os_.open(path_, OpenMode::kCreate);
    if (!file) return file.error();
    file_ = std::move(*file);
    uint8_t header[kDataHeaderBytes] = {};
    std::memcpy(header, kMagic, 8);
    store<uint32_t>(header + 12, kDataHeaderBytes);
    std::copy(identity_.begin(), identity_.end(), header + 16);
    store<uint64_t>(header + 32, info_.number);
    store<uint32_t>(header + 124, crc32c(Bytes(header, 124)));
    varve::append(buffer_, Bytes(header, sizeof header));
    info_.commit_first = commit;
  }
  const uint64_t bytes = edit_bytes(edit.key.size(), edit.value.size(), edit.expires_ms != 0);
  const bool is_full =
      batch_.size() >= kBatchBytes || (!batch_.empty() && batch_.size() + bytes > kBufferBytes);
  if (is_full) {
    if (Status status = end_batch(); !status) return status;
  }
  varve::append<uint64_t>(batch_, commit);
  append_edit(batch_, edit);
  info_.commit_first = std::min(info_.commit_first, commit);
  info_.commit_last = std::max(info_.commit_last, commit);
  if (edit.kind != LogEditKind::kRangeDeletion) info_.edit_bytes += bytes;
  return Status::ok();
}

Result<uint64_t> DataWriter::add(const Edit& edit) {
  const bool is_put = edit.kind == EditKind::kPut;
  const LogEdit written{is_put ? LogEditKind::kPut : LogEditKind::kDelete, edit.expires_ms,
                        edit.key, is_put ? edit.value : Bytes()};
  if (Status status = append(edit.commit, written); !status) return status;
  ++info_.entry_count;
  const uint64_t bytes = edit_bytes(written.key.size(), written.value.size(), edit.expires_ms != 0);
  return buffer_at_ + buffer_.size() + kBatchHeadBytes + batch_.size() - bytes;
}

Status DataWriter::add_range(const RangeDeletion& deletion) {
  return append(deletion.commit, {LogEditKind::kRangeDeletion, 0, deletion.begin, deletion.end});
}

Status DataWriter::end_batch() {
  if (batch_.empty()) return Status::ok();
  uint8_t head[kBatchHeadBytes] = {};
  store<uint32_t>(head, static_cast<uint32_t>(batch_.size()));
  store<uint32_t>(head + 4, crc32c(as_bytes(batch_)));
  store<uint32_t>(head + 12, crc32c(Bytes(head, 12)));
  varve::append(buffer_, Bytes(head, sizeof head));
  buffer_ += batch_;
  buffer_.append(round_up(buffer_.size(), 8) - buffer_.size(), '\0');
  batch_.clear();
  return buffer_.size() >= kBufferBytes ? write_out() : Status::ok();
}

Status DataWriter::write_out() {
  if (Status status = file_->write_at(buffer_at_, as_bytes(buffer_)); !status) return status;
  buffer_at_ += buffer_.size();
  buffer_.clear();
  return Status::ok();
}

Status DataWriter::finish() {
  check(file_ != nullptr);
  if (Status status = end_batch(); !status) return status;
  if (Status status = write_out(); !status) return status;
  info_.file_bytes = buffer_at_;
  Status status = file_->sync();
  file_.reset();
  return status;
}

void DataWriter::abandon() {
  file_.reset();
  const Status status = os_.remove(path_);
  (void)status;  // What stays, the next opening removes.
}

}  // namespace varve::bitcask

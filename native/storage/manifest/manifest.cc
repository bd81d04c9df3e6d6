#include "storage/manifest/manifest.h"

#include <algorithm>

#include "pure/codec/crc32c.h"

namespace varve {
namespace {

constexpr char kMagic[] = "VARVEMAN";
constexpr std::string_view kUnfinished = ".new";  // Behind the name until all of it is on disk.
constexpr size_t kHeaderBytes = 64;
constexpr size_t kRecordHeadBytes = 8;
constexpr size_t kFieldHeadBytes = 8;
constexpr uint64_t kGrowthMin = uint64_t{256}
                                << 10;  // Written anew beyond this and twice the state.
constexpr uint64_t kRecordBytesMax = uint64_t{1} << 30;
constexpr uint16_t kCritical = 1;
constexpr size_t kValueFileFieldBytes = 5 * 8;
constexpr size_t kDataFileFieldBytes = 7 * 8;
constexpr size_t kValueUseBytes = 3 * 8;
constexpr size_t kHistoryBytes = 1 + 2 * 8;
constexpr size_t kGapBytes = 2 * 8;
constexpr uint64_t kGapLastMax = (uint64_t{1} << 53) - 1;  // As commits have it.
constexpr uint8_t kKeepMax = 3;

enum class Tag : uint16_t {
  kLineage = 1,
  kHashSeed = 2,
  kEngine = 3,
  kReservedThrough = 4,
  kIncarnation = 5,
  kCleanClose = 6,
  kCut = 7,
  kAbsorbed = 8,
  kNextTable = 9,
  kAddTable = 10,
  kRemoveTable = 11,
  kLogFloor = 12,
  kCheckpoint = 13,
  kAddValueFile = 14,
  kRemoveValueFile = 15,
  kHistory = 16,
  kTime = 17,
  kMayExpire = 18,
  kGaps = 19,
  kMayPrepare = 20,
  kAddDataFile = 23,
  kRemoveDataFile = 24,
  kLogCut = 25,
};

bool is_known(uint16_t tag) {
  const bool is_unused = tag == 21 || tag == 22;
  return tag >= 1 && tag <= static_cast<uint16_t>(Tag::kLogCut) && !is_unused;
}

std::string path_of(const std::string& directory, uint64_t number) {
  return directory + "/MANIFEST-" + std::to_string(number);
}

uint64_t number_of(const std::string& name) {
  constexpr std::string_view kStart = "MANIFEST-";
  if (!name.starts_with(kStart) || name.size() > kStart.size() + 18) return 0;
  uint64_t number = 0;
  for (const char c : name.substr(kStart.size())) {
    if (c < '0' || c > '9') return 0;
    number = number * 10 + static_cast<uint64_t>(c - '0');
  }
  return number;
}

// ---- fields out

void add_field(std::string& to, Tag tag, Bytes bytes) {
  append<uint16_t>(to, static_cast<uint16_t>(tag));
  append<uint16_t>(to, kCritical);
  append<uint32_t>(to, static_cast<uint32_t>(bytes.size()));
  append(to, bytes);
}

void add_number(std::string& to, Tag tag, uint64_t number) {
  uint8_t bytes[8];
  store(bytes, number);
  add_field(to, tag, Bytes(bytes, 8));
}

void add_table(std::string& to, const ManifestTable& table) {
  std::string bytes;
  const TableInfo& info = table.info;
  append<uint64_t>(bytes, info.number);
  append<uint8_t>(bytes, table.level);
  append<uint8_t>(bytes, static_cast<uint8_t>(table.place | (info.unbounded ? 0x80 : 0)));
  append<uint64_t>(bytes, table.run);
  for (const uint64_t number :
       {info.file_bytes, info.entry_count, info.range_deletion_count, info.key_bytes,
        info.value_bytes, info.delete_count, info.commit_first, info.commit_last}) {
    append<uint64_t>(bytes, number);
  }
  for (const std::string* key : {&info.smallest, &info.largest}) {
    append<uint32_t>(bytes, static_cast<uint32_t>(key->size()));
    append(bytes, as_bytes(*key));
  }
  append<uint32_t>(bytes, static_cast<uint32_t>(info.value_uses.size()));
  for (const ValueUse& use : info.value_uses) {
    for (const uint64_t number : {use.file, use.count, use.bytes}) append<uint64_t>(bytes, number);
  }
  if (table.place == kPlaceHistory) append<uint64_t>(bytes, info.superseded_last);
  add_field(to, Tag::kAddTable, as_bytes(bytes));
}

void add_value_file(std::string& to, const ValueFileInfo& info) {
  uint8_t bytes[kValueFileFieldBytes];
  const uint64_t numbers[] = {info.number, info.file_bytes, info.value_count, info.commit_first,
                              info.commit_last};
  for (size_t i = 0; i < 5; ++i) store(bytes + i * 8, numbers[i]);
  add_field(to, Tag::kAddValueFile, bytes);
}

void add_data_file(std::string& to, const ManifestDataFile& file) {
  uint8_t bytes[kDataFileFieldBytes];
  const uint64_t numbers[] = {file.number,     file.segment,      file.file_bytes, file.entry_count,
                              file.edit_bytes, file.commit_first, file.commit_last};
  for (size_t i = 0; i < 7; ++i) store(bytes + i * 8, numbers[i]);
  add_field(to, Tag::kAddDataFile, bytes);
}

void add_cut(std::string& to, const ManifestCut& cut) {
  uint8_t bytes[24];
  store(bytes, cut.segment);
  store(bytes + 8, cut.offset);
  store(bytes + 16, cut.resume);
  add_field(to, Tag::kCut, Bytes(bytes, 24));
}

void add_checkpoint(std::string& to, const ManifestCheckpoint& checkpoint) {
  uint8_t bytes[24];
  store(bytes, checkpoint.number);
  store(bytes + 8, checkpoint.file_bytes);
  store(bytes + 16, checkpoint.made_ms);
  add_field(to, Tag::kCheckpoint, Bytes(bytes, 24));
}

void add_history(std::string& to, const ManifestHistory& history) {
  uint8_t bytes[kHistoryBytes];
  bytes[0] = history.keep;
  store(bytes + 1, history.amount);
  store(bytes + 9, history.floor);
  add_field(to, Tag::kHistory, bytes);
}

void add_gaps(std::string& to, const std::vector<ManifestGap>& gaps) {
  check(gaps.size() <= kManifestGapsMax);
  std::string bytes;
  for (const ManifestGap& gap : gaps) {
    append<uint64_t>(bytes, gap.first);
    append<uint64_t>(bytes, gap.last);
  }
  add_field(to, Tag::kGaps, as_bytes(bytes));
}

std::string encode_state(const ManifestState& state) {
  std::string to;
  add_field(to, Tag::kLineage, state.lineage);
  add_number(to, Tag::kHashSeed, state.hash_seed);
  add_field(to, Tag::kEngine, Bytes(&state.engine, 1));
  add_number(to, Tag::kReservedThrough, state.reserved_through);
  add_field(to, Tag::kIncarnation, state.incarnation);
  add_number(to, Tag::kCleanClose, state.clean_close);
  add_cut(to, state.cut);
  add_number(to, Tag::kAbsorbed, state.absorbed);
  add_number(to, Tag::kNextTable, state.next_table);
  add_number(to, Tag::kLogFloor, state.log_floor);
  if (state.log_cut != 0) add_number(to, Tag::kLogCut, state.log_cut);
  if (state.checkpoint.number != 0) add_checkpoint(to, state.checkpoint);
  if (state.history.keep != 0 || state.history.floor != 0) add_history(to, state.history);
  if (!state.gaps.empty()) add_gaps(to, state.gaps);
  if (state.time_ms != 0) add_number(to, Tag::kTime, state.time_ms);
  if (state.may_expire) add_field(to, Tag::kMayExpire, {});
  if (state.may_prepare) add_field(to, Tag::kMayPrepare, {});
  for (const auto& [number, info] : state.value_files) add_value_file(to, info);
  for (const auto& [number, table] : state.tables) add_table(to, table);
  for (const auto& [number, file] : state.data_files) add_data_file(to, file);
  return to;
}

std::string encode_edit(const ManifestEdit& edit) {
  std::string to;
  if (edit.lineage) add_field(to, Tag::kLineage, *edit.lineage);
  if (edit.incarnation) add_field(to, Tag::kIncarnation, *edit.incarnation);
  if (edit.reserved_through) add_number(to, Tag::kReservedThrough, *edit.reserved_through);
  if (edit.clean_close) add_number(to, Tag::kCleanClose, *edit.clean_close);
  if (edit.cut) add_cut(to, *edit.cut);
  if (edit.absorbed) add_number(to, Tag::kAbsorbed, *edit.absorbed);
  if (edit.next_table) add_number(to, Tag::kNextTable, *edit.next_table);
  if (edit.log_floor) add_number(to, Tag::kLogFloor, *edit.log_floor);
  if (edit.checkpoint) add_checkpoint(to, *edit.checkpoint);
  if (edit.history) add_history(to, *edit.history);
  if (edit.gaps) add_gaps(to, *edit.gaps);
  if (edit.time_ms) add_number(to, Tag::kTime, *edit.time_ms);
  if (edit.may_expire) add_field(to, Tag::kMayExpire, {});
  if (edit.may_prepare) add_field(to, Tag::kMayPrepare, {});
  for (const uint64_t number : edit.remove_tables) add_number(to, Tag::kRemoveTable, number);
  for (const uint64_t number : edit.remove_value_files) {
    add_number(to, Tag::kRemoveValueFile, number);
  }
  for (const ValueFileInfo& info : edit.add_value_files) add_value_file(to, info);
  for (const ManifestTable& table : edit.add_tables) add_table(to, table);
  for (const uint64_t number : edit.remove_data_files) {
    add_number(to, Tag::kRemoveDataFile, number);
  }
  for (const ManifestDataFile& file : edit.add_data_files) add_data_file(to, file);
  return to;
}

std::string encode_record(const std::string& fields) {
  std::string record;
  const uint32_t size = static_cast<uint32_t>(fields.size());
  append<uint32_t>(record, size);
  append<uint32_t>(record, crc32c(as_bytes(fields), size));
  record += fields;
  return record;
}

// ---- fields in

bool read_value_uses(Bytes rest, TableInfo& info) {
  if (rest.size() < 4) return false;
  const uint64_t count = load<uint32_t>(rest.data());
  rest = rest.subspan(4);
  if (rest.size() != count * kValueUseBytes) return false;
  for (; !rest.empty(); rest = rest.subspan(kValueUseBytes)) {
    info.value_uses.push_back({load<uint64_t>(rest.data()), load<uint64_t>(rest.data() + 8),
                               load<uint64_t>(rest.data() + 16)});
  }
  return true;
}

bool read_table(Bytes bytes, ManifestTable& table) {
  constexpr size_t kFixed = 8 + 2 + 8 + 8 * 8;
  if (bytes.size() < kFixed + 8) return false;
  const uint8_t* const at = bytes.data();
  TableInfo& info = table.info;
  info.number = load<uint64_t>(at);
  table.level = at[8];
  table.place = at[9] & 0x7f;
  info.unbounded = (at[9] & 0x80) != 0;
  table.run = load<uint64_t>(at + 10);
  uint64_t* const numbers[] = {&info.file_bytes,   &info.entry_count, &info.range_deletion_count,
                               &info.key_bytes,    &info.value_bytes, &info.delete_count,
                               &info.commit_first, &info.commit_last};
  for (size_t i = 0; i < 8; ++i) *numbers[i] = load<uint64_t>(at + 18 + i * 8);
  Bytes rest = bytes.subspan(kFixed);
  for (std::string* key : {&info.smallest, &info.largest}) {
    if (rest.size() < 4 || load<uint32_t>(rest.data()) > rest.size() - 4) return false;
    const uint32_t size = load<uint32_t>(rest.data());
    key->assign(as_text(rest.subspan(4, size)));
    rest = rest.subspan(4 + size);
  }
  if (table.place == kPlaceHistory) {
    if (rest.size() < 8) return false;
    info.superseded_last = load<uint64_t>(rest.data() + rest.size() - 8);
    rest = rest.first(rest.size() - 8);
  }
  return read_value_uses(rest, info) && table.place <= kPlaceHistory;
}

bool read_value_file(Bytes bytes, ValueFileInfo& info) {
  if (bytes.size() != kValueFileFieldBytes) return false;
  uint64_t* const numbers[] = {&info.number, &info.file_bytes, &info.value_count,
                               &info.commit_first, &info.commit_last};
  for (size_t i = 0; i < 5; ++i) *numbers[i] = load<uint64_t>(bytes.data() + i * 8);
  return info.file_bytes >= kValueHeaderBytes;
}

bool read_data_file(Bytes bytes, ManifestDataFile& file) {
  if (bytes.size() != kDataFileFieldBytes) return false;
  uint64_t* const numbers[] = {&file.number,      &file.segment,    &file.file_bytes,
                               &file.entry_count, &file.edit_bytes, &file.commit_first,
                               &file.commit_last};
  for (size_t i = 0; i < 7; ++i) *numbers[i] = load<uint64_t>(bytes.data() + i * 8);
  return file.number != 0 && file.commit_first <= file.commit_last &&
         file.edit_bytes <= file.file_bytes && file.entry_count <= file.edit_bytes;
}

bool read_history(Bytes bytes, ManifestHistory& history) {
  if (bytes.size() != kHistoryBytes || bytes[0] > kKeepMax) return false;
  history = {bytes[0], load<uint64_t>(bytes.data() + 1), load<uint64_t>(bytes.data() + 9)};
  return true;
}

bool read_gaps(Bytes bytes, std::vector<ManifestGap>& gaps) {
  if (bytes.size() % kGapBytes != 0 || bytes.size() / kGapBytes > kManifestGapsMax) return false;
  gaps.clear();
  uint64_t behind = 1;  // The first number that the next gap may begin with.
  for (; !bytes.empty(); bytes = bytes.subspan(kGapBytes)) {
    const ManifestGap gap{load<uint64_t>(bytes.data()), load<uint64_t>(bytes.data() + 8)};
    if (gap.first < behind || gap.last < gap.first || gap.last > kGapLastMax) return false;
    gaps.push_back(gap);
    behind = gap.last + 1;
  }
  return true;
}

bool apply_field(ManifestState& state, Tag tag, Bytes bytes) {
  const auto number = [&](uint64_t& to) {
    if (bytes.size() != 8) return false;
    to = load<uint64_t>(bytes.data());
    return true;
  };
  const auto sixteen = [&](std::array<uint8_t, 16>& to) {
    if (bytes.size() != 16) return false;
    std::copy(bytes.begin(), bytes.end(), to.begin());
    return true;
  };
  uint64_t removed = 0;
  switch (tag) {
    case Tag::kLineage: return sixteen(state.lineage);
    case Tag::kHashSeed: return number(state.hash_seed);
    case Tag::kEngine: state.engine = bytes.size() == 1 ? bytes[0] : 0; return state.engine != 0;
    case Tag::kReservedThrough: return number(state.reserved_through);
    case Tag::kIncarnation: return sixteen(state.incarnation);
    case Tag::kCleanClose: return number(state.clean_close);
    case Tag::kCut:
      if (bytes.size() != 24) return false;
      state.cut = {load<uint64_t>(bytes.data()), load<uint64_t>(bytes.data() + 8),
                   load<uint64_t>(bytes.data() + 16)};
      return true;
    case Tag::kAbsorbed: return number(state.absorbed);
    case Tag::kNextTable: return number(state.next_table);
    case Tag::kLogFloor: return number(state.log_floor);
    case Tag::kLogCut:
      return number(state.log_cut);
    case Tag::kCheckpoint:
      if (bytes.size() != 24) return false;
      state.checkpoint = {load<uint64_t>(bytes.data()), load<uint64_t>(bytes.data() + 8),
                          load<uint64_t>(bytes.data() + 16)};
      return true;
    case Tag::kRemoveTable: return number(removed) && state.tables.erase(removed) == 1;
    case Tag::kAddTable: {
      ManifestTable table;
      if (!read_table(bytes, table)) return false;
      return state.tables.emplace(table.info.number, table).second;
    }
    case Tag::kAddValueFile: {
      ValueFileInfo info;
      if (!read_value_file(bytes, info)) return false;
      return state.value_files.emplace(info.number, info).second;
    }
    case Tag::kAddDataFile: {
      ManifestDataFile file;
      if (!read_data_file(bytes, file)) return false;
      return state.data_files.emplace(file.number, file).second;
    }
    case Tag::kRemoveDataFile:
      return number(removed) && state.data_files.erase(removed) == 1;
    case Tag::kRemoveValueFile: return number(removed) && state.value_files.erase(removed) == 1;
    case Tag::kHistory: return read_history(bytes, state.history);
    case Tag::kGaps: return read_gaps(bytes, state.gaps);
    case Tag::kTime: return number(state.time_ms);
    case Tag::kMayExpire: state.may_expire = true; return bytes.empty();
    case Tag::kMayPrepare: state.may_prepare = true; return bytes.empty();
  }
  return false;
}

Status apply_fields(ManifestState& state, Bytes fields, const std::string& path) {
  while (!fields.empty()) {
    if (fields.size() < kFieldHeadBytes) return Status::corrupt("manifest: a cut field in " + path);
    const uint16_t tag = load<uint16_t>(fields.data());
    const uint16_t flags = load<uint16_t>(fields.data() + 2);
    const uint32_t size = load<uint32_t>(fields.data() + 4);
    if (size > fields.size() - kFieldHeadBytes)
      return Status::corrupt("manifest: a cut field in " + path);
    const Bytes bytes = fields.subspan(kFieldHeadBytes, size);
    fields = fields.subspan(kFieldHeadBytes + size);
    const bool known = is_known(tag);
    if (!known && (flags & kCritical) != 0) {
      return {Code::kNewerFormat,
              "manifest: " + path + " has a field of a newer version, " + std::to_string(tag)};
    }
    if (known && !apply_field(state, static_cast<Tag>(tag), bytes)) {
      return Status::corrupt("manifest: a field with tag " + std::to_string(tag) + " in " + path +
                             " does not fit");
    }
  }
  return Status::ok();
}

// What tables use of value files must be there.
Status check_value_uses(const ManifestState& state, const std::string& path) {
  std::map<uint64_t, uint64_t> left;
  for (const auto& [number, info] : state.value_files) left[number] = info.payload_bytes();
  for (const auto& [number, table] : state.tables) {
    for (const ValueUse& use : table.info.value_uses) {
      const auto file = left.find(use.file);
      if (file == left.end() || use.bytes > file->second) {
        return Status::corrupt("manifest: a table in " + path + " uses more of value file " +
                               std::to_string(use.file) + " than there is");
      }
      file->second -= use.bytes;
    }
  }
  return Status::ok();
}

// The fields of the whole record at the start of `bytes`.
std::optional<Bytes> record_at(Bytes bytes) {
  if (bytes.size() < kRecordHeadBytes) return std::nullopt;
  const uint32_t size = load<uint32_t>(bytes.data());
  if (size == 0 || size > kRecordBytesMax || size > bytes.size() - kRecordHeadBytes)
    return std::nullopt;
  const Bytes fields = bytes.subspan(kRecordHeadBytes, size);
  if (crc32c(fields, size) != load<uint32_t>(bytes.data() + 4)) return std::nullopt;
  return fields;
}

}  // namespace

Result<bool> Manifest::exists(Os& os, const std::string& directory) {
  const Result<std::vector<DirectoryEntry>> entries = os.list(directory);
  if (!entries) {
    if (entries.code() == Code::kNotFound) return false;
    return entries.error();
  }
  return std::any_of(entries->begin(), entries->end(),
                     [](const DirectoryEntry& entry) { return number_of(entry.name) != 0; });
}

Result<std::unique_ptr<Manifest>> Manifest::create(Os& os, const std::string& directory,
                                                   const ManifestState& state) {
  std::unique_ptr<Manifest> manifest(new Manifest(os, directory));
  manifest->state_ = state;
  if (Status status = manifest->write_anew(); !status) return status;
  return manifest;
}

bool Manifest::is_unfinished(const std::string& name) {
  const bool has_suffix = name.size() > kUnfinished.size() && name.ends_with(kUnfinished);
  return has_suffix && number_of(name.substr(0, name.size() - kUnfinished.size())) != 0;
}

bool Manifest::is_own(const std::string& name) {
  return number_of(name) != 0 || is_unfinished(name);
}

// Under the next number, which it is given when all of it is on disk: a manifest with its own name
// is a whole one. The one before goes last.
Status Manifest::write_anew(bool* may_count) {
  const uint64_t number = number_ + 1;
  const std::string path = path_of(directory_, number);
  uint8_t header[kHeaderBytes] = {};
  std::memcpy(header, kMagic, 8);
  store<uint32_t>(header + 12, kHeaderBytes);
  std::copy(state_.identity.begin(), state_.identity.end(), header + 16);
  store<uint32_t>(header + 60, crc32c(Bytes(header, 60)));
  std::string bytes;
  varve::append(bytes, Bytes(header, kHeaderBytes));
  bytes += encode_record(encode_state(state_));

  const std::string unfinished = path + std::string(kUnfinished);
  const Status removed = os_.remove(unfinished);  // Left by a crash while it was being made.
  if (!removed && removed.code() != Code::kNotFound) return removed.copy();
  Result<std::unique_ptr<File>> file = os_.open(unfinished, OpenMode::kCreate);
  if (!file) return file.error();
  if (Status status = (*file)->write_at(0, as_bytes(bytes)); !status) return status;
  if (Status status = (*file)->sync(); !status) return status;
  file_.reset();  // From here on the other one may be what counts.
  if (may_count != nullptr) *may_count = true;
  if (Status status = os_.rename(unfinished, path); !status) return status;
  if (Status status = os_.sync_directory(directory_); !status) return status;
  if (number_ != 0) {
    const Status old = os_.remove(path_of(directory_, number_));
    (void)old;  // A lower number does not count.
  }
  file_ = std::move(*file);
  number_ = number;
  used_bytes_ = snapshot_bytes_ = bytes.size();
  return Status::ok();
}

Status Manifest::append(const ManifestEdit& edit) {
  const std::unique_lock<std::mutex> held(mutex_);
  return own_ != nullptr ? own_->append(edit) : append_here(edit, held);
}

Status Manifest::append_here(const ManifestEdit& edit, const std::unique_lock<std::mutex>& held) {
  check(held.owns_lock());
  const std::string fields = encode_edit(edit);
  if (fields.empty()) return Status::ok();
  ManifestState next = state_;
  if (Status status = apply_fields(next, as_bytes(fields), "an edit"); !status) return status;
  if (Status status = check_value_uses(next, "an edit"); !status) return status;
  if (is_draft_) {
    state_ = std::move(next);
    return Status::ok();
  }
  if (!file_ || used_bytes_ > kGrowthMin + 2 * snapshot_bytes_) {
    std::swap(state_, next);
    Status status = write_anew();
    if (!status) std::swap(state_, next);
    return status;
  }
  const std::string record = encode_record(fields);
  Status status = file_->write_at(used_bytes_, as_bytes(record));
  if (status) status = file_->sync();
  if (!status) {
    file_.reset();
    return status;
  }
  used_bytes_ += record.size();
  state_ = std::move(next);
  return Status::ok();
}

// ---- drafts

std::unique_ptr<Manifest> Manifest::draft(uint8_t engine) {
  const std::unique_lock<std::mutex> held(mutex_);
  std::unique_ptr<Manifest> draft(new Manifest(os_, directory_));
  draft->is_draft_ = true;
  ManifestState& state = draft->state_;
  state.identity = state_.identity;
  state.lineage = state_.lineage;
  state.hash_seed = state_.hash_seed;
  state.engine = engine;
  state.next_table = state_.next_table;
  return draft;
}

// A failure before the new file gets its name leaves the old state; one behind that is made good by
// writing the old state over it. Only where that fails, too, nobody knows.
Status Manifest::adopt(Manifest& draft, bool& is_certain) {
  const std::unique_lock<std::mutex> draft_held(draft.mutex_);
  const std::unique_lock<std::mutex> held(mutex_);
  check(draft.is_draft_ && draft.own_ == nullptr);
  is_certain = true;
  ManifestState next = state_;
  const ManifestState& made = draft.state_;
  next.engine = made.engine;
  next.absorbed = made.absorbed;
  next.time_ms = std::max(made.time_ms, made.absorbed == state_.absorbed ? state_.time_ms : 0);
  next.next_table = std::max(next.next_table, made.next_table);
  // Whoever adopted segments has cut them; what is below the floor may stay for feeds.
  if (!state_.data_files.empty()) next.log_cut = state_.log_floor;
  next.checkpoint = made.checkpoint;
  next.tables = made.tables;
  next.value_files = made.value_files;
  next.data_files = made.data_files;
  std::swap(state_, next);
  bool may_count = false;
  if (Status status = write_anew(&may_count); !status) {
    std::swap(state_, next);
    is_certain = !may_count || static_cast<bool>(write_anew());
    return status;
  }
  draft.own_ = this;
  return Status::ok();
}

void Manifest::close() {
  const std::unique_lock<std::mutex> held(mutex_);
  file_.reset();
}

Result<std::unique_ptr<Manifest>> Manifest::open(Os& os, const std::string& directory) {
  const Result<std::vector<DirectoryEntry>> entries = os.list(directory);
  if (!entries) return entries.error();
  std::vector<uint64_t> numbers;
  for (const DirectoryEntry& entry : *entries) {
    if (const uint64_t number = number_of(entry.name); number != 0) numbers.push_back(number);
  }
  if (numbers.empty()) return Status(Code::kNotFound, "manifest: none in " + directory);
  std::unique_ptr<Manifest> manifest(new Manifest(os, directory));
  manifest->number_ = *std::max_element(numbers.begin(), numbers.end());
  if (Status status = manifest->read(manifest->number_); !status) return status;
  return manifest;
}

Status Manifest::read(uint64_t number) {
  const std::string path = path_of(directory_, number);
  Result<std::unique_ptr<File>> file = os_.open(path, OpenMode::kRead);
  if (!file) return file.error();
  const Result<uint64_t> size = (*file)->size();
  if (!size) return size.error();
  std::string bytes(*size, '\0');
  const Result<size_t> got =
      (*file)->read_at(0, MutableBytes(reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()));
  if (!got) return got.error();
  const Bytes all = as_bytes(bytes).first(*got);
  if (all.size() < kHeaderBytes || std::memcmp(all.data(), kMagic, 8) != 0 ||
      load<uint32_t>(all.data() + 60) != crc32c(all.first(60))) {
    return Status::corrupt("manifest: " + path + " has no good header");
  }
  if (load<uint32_t>(all.data() + 8) != 0 || load<uint32_t>(all.data() + 32) != 0) {
    return {Code::kNewerFormat, "manifest: " + path + " was written by a newer version"};
  }
  std::copy(all.begin() + 16, all.begin() + 32, state_.identity.begin());

  Bytes rest = all.subspan(kHeaderBytes);
  bool first = true;
  while (const std::optional<Bytes> fields = record_at(rest)) {
    if (Status status = apply_fields(state_, *fields, path); !status) return status;
    rest = rest.subspan(kRecordHeadBytes + fields->size());
    first = false;
  }
  if (first) return Status::corrupt("manifest: the state in " + path + " is damaged");
  if (state_.engine == 0) return Status::corrupt("manifest: " + path + " names no engine");
  if (Status status = check_value_uses(state_, path); !status) return status;
  for (size_t skip = 1; skip + kRecordHeadBytes < rest.size(); ++skip) {
    if (record_at(rest.subspan(skip))) {
      return Status::corrupt("manifest: " + path + " is damaged at byte " +
                             std::to_string(all.size() - rest.size()));
    }
  }
  return Status::ok();  // file_ stays null: the first append writes the state anew, behind no torn
                        // tail.
}

}  // namespace varve

#include "store/prepared_record.h"

#include "pure/codec/number.h"

namespace varve {
namespace {

constexpr size_t kHeaderBytes = 32;
constexpr uint8_t kVersion = 0;

void append_sized(std::string& to, Bytes bytes) {
  append(to, static_cast<uint32_t>(bytes.size()));
  append(to, bytes);
}

// Takes what a record consists of from its front, and says where it is wrong.
class RecordReader {
 public:
  explicit RecordReader(Bytes bytes) : rest_(bytes), size_(bytes.size()) {}

  bool take32(uint32_t& value) {
    Bytes bytes;
    if (!take(4, bytes)) return false;
    value = load<uint32_t>(bytes.data());
    return true;
  }
  bool take(size_t size, Bytes& bytes) {
    if (size > rest_.size()) return false;
    bytes = rest_.first(size);
    rest_ = rest_.subspan(size);
    return true;
  }
  bool take_sized(Bytes& bytes) {
    uint32_t size = 0;
    return take32(size) && take(size, bytes);
  }
  Bytes rest() const { return rest_; }
  Status damage(const char* what) const {
    return Status::corrupt("prepared transaction: " + std::string(what) + " at offset " +
                           std::to_string(size_ - rest_.size()));
  }

 private:
  Bytes rest_;
  size_t size_;
};

struct Header {
  uint32_t key_count = 0;
  uint32_t range_count = 0;
  uint32_t addition_count = 0;
  uint32_t edit_bytes = 0;
};

Status read_header(RecordReader& reader, PreparedRecord& record, Header& header) {
  Bytes bytes;
  if (!reader.take(kHeaderBytes, bytes)) return reader.damage("no whole header");
  if (bytes[0] != kVersion || bytes[1] != 0) {
    return {Code::kNewerFormat, "prepared transaction: written by a newer version"};
  }
  const bool is_zero =
      load<uint16_t>(bytes.data() + 2) == 0 && load<uint32_t>(bytes.data() + 28) == 0;
  if (!is_zero) return reader.damage("a header with what no writer writes");
  header = {load<uint32_t>(bytes.data() + 4), load<uint32_t>(bytes.data() + 8),
            load<uint32_t>(bytes.data() + 12), load<uint32_t>(bytes.data() + 24)};
  record.time_ms = load<uint64_t>(bytes.data() + 16);
  return Status::ok();
}

Status read_reads(RecordReader& reader, const Header& header, PreparedRecord& record) {
  for (uint32_t i = 0; i < header.key_count; ++i) {
    Bytes key;
    const bool is_whole = reader.take_sized(key) && key.size() <= kStoredKeyBytesMax;
    if (!is_whole) return reader.damage("a key of a wrong size");
    record.keys_read.push_back(key);
  }
  for (uint32_t i = 0; i < header.range_count; ++i) {
    uint32_t begin_bytes = 0;
    uint32_t end_bytes = 0;
    KeyRange range;
    const bool is_whole = reader.take32(begin_bytes) && reader.take32(end_bytes) &&
                          reader.take(begin_bytes, range.begin) &&
                          reader.take(end_bytes, range.end);
    if (!is_whole) return reader.damage("a range of a wrong size");
    const KeyRange* const before = i == 0 ? nullptr : &record.ranges_read.back();
    const bool is_behind =
        before == nullptr || (!before->end.empty() && compare(before->end, range.begin) < 0);
    if (!is_behind || !is_before_end(range.begin, range.end)) {
      return reader.damage("a range that is empty or out of order");
    }
    record.ranges_read.push_back(range);
  }
  return Status::ok();
}

struct Addition {
  uint32_t index = 0;
  Bytes addend;
};

Status read_additions(RecordReader& reader, const Header& header,
                      std::vector<Addition>& additions) {
  for (uint32_t i = 0; i < header.addition_count; ++i) {
    Addition addition;
    const bool is_whole = reader.take32(addition.index) && reader.take_sized(addition.addend);
    if (!is_whole) return reader.damage("an addition of a wrong size");
    std::string sum;
    if (!add_numbers({}, addition.addend, sum)) return reader.damage("an addition of no number");
    if (i > 0 && addition.index <= additions.back().index) {
      return reader.damage("additions out of order");
    }
    additions.push_back(addition);
  }
  return Status::ok();
}

Status read_changes(RecordReader& reader, const Header& header,
                    const std::vector<Addition>& additions, PreparedRecord& record) {
  if (reader.rest().size() != header.edit_bytes) return reader.damage("edits of a wrong size");
  EditReader edits(reader.rest());
  size_t next_addition = 0;
  while (true) {
    PreparedRecord::Change change;
    const Result<bool> more = edits.next(change.edit);
    if (!more) return Status::corrupt("prepared transaction: " + more.error().message());
    if (!*more) break;
    const bool is_addition =
        next_addition < additions.size() && additions[next_addition].index == record.changes.size();
    if (is_addition && change.edit.kind != LogEditKind::kPut) {
      return reader.damage("an addition that is no put");
    }
    if (is_addition) change.addend = additions[next_addition++].addend;
    record.changes.push_back(change);
  }
  if (next_addition != additions.size()) return reader.damage("an addition to no edit");
  return Status::ok();
}

}  // namespace

std::string prepared_key(std::string_view id) { return kPreparedBegin + std::string(id); }

bool is_prepared_key(Bytes key) { return as_text(key).starts_with(kPreparedBegin); }

std::string encode_prepared(uint64_t time_ms, const Conditions& read, const Batch& edits) {
  std::string additions;
  uint32_t addition_count = 0;
  for (uint32_t i = 0; i < edits.items().size(); ++i) {
    const Batch::Item& item = edits.items()[i];
    if (item.addition == 0) continue;
    append(additions, i);
    append_sized(additions, as_bytes(edits.addition(item).by));
    ++addition_count;
  }
  std::string to;
  append(to, uint32_t{kVersion});
  append(to, static_cast<uint32_t>(read.keys().size()));
  append(to, static_cast<uint32_t>(read.ranges().size()));
  append(to, addition_count);
  append(to, time_ms);
  append(to, static_cast<uint32_t>(edits.body_bytes()));
  append(to, uint32_t{0});
  for (const Conditions::Key& key : read.keys()) append_sized(to, read.bytes_of(key));
  for (size_t i = 0; i < read.ranges().size(); ++i) {
    const KeyRange range = read.ranges().range(i);
    append(to, static_cast<uint32_t>(range.begin.size()));
    append(to, static_cast<uint32_t>(range.end.size()));
    append(to, range.begin);
    append(to, range.end);
  }
  to += additions;
  append(to, edits.body());
  return to;
}

Result<PreparedRecord> decode_prepared(Bytes bytes) {
  RecordReader reader(bytes);
  PreparedRecord record;
  Header header;
  std::vector<Addition> additions;
  if (Status status = read_header(reader, record, header); !status) return status;
  if (Status status = read_reads(reader, header, record); !status) return status;
  if (Status status = read_additions(reader, header, additions); !status) return status;
  if (Status status = read_changes(reader, header, additions, record); !status) return status;
  return record;
}

}  // namespace varve

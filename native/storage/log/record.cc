#include "storage/log/record.h"

#include "pure/codec/crc32c.h"

namespace varve {

void encode_record_header(const RecordHeader& header, uint8_t* to) {
  check(header.commit <= kCommitMax);
  store<uint32_t>(to, header.body_bytes);
  store<uint32_t>(to + 4, kRecordKindCommit);
  store<uint64_t>(to + 8, header.life_tag);
  store<uint64_t>(to + 16, header.commit);
  store<uint64_t>(to + 24, header.time_ms);
  store<uint64_t>(to + 32, header.durable_mark);
  store<uint64_t>(to + 40, header.previous);
  store<uint32_t>(to + 48, header.body_checksum);
  store<uint32_t>(to + 52, crc32c(Bytes(to, 52)));
}

std::optional<RecordHeader> decode_record_header(Bytes bytes) {
  if (bytes.size() < kRecordHeaderBytes) return std::nullopt;
  const uint8_t* const at = bytes.data();
  if (load<uint32_t>(at + 4) != kRecordKindCommit) return std::nullopt;
  if (load<uint32_t>(at + 52) != crc32c(bytes.first(52))) return std::nullopt;
  RecordHeader header;
  header.body_bytes = load<uint32_t>(at);
  header.life_tag = load<uint64_t>(at + 8);
  header.commit = load<uint64_t>(at + 16);
  header.time_ms = load<uint64_t>(at + 24);
  header.durable_mark = load<uint64_t>(at + 32);
  header.previous = load<uint64_t>(at + 40);
  header.body_checksum = load<uint32_t>(at + 48);
  if (header.commit == 0 || header.commit > kCommitMax) return std::nullopt;
  if (header.previous >= header.commit) return std::nullopt;
  return header;
}

void append_edit(std::string& body, const LogEdit& edit) {
  const bool expires = edit.expires_ms != 0;
  uint8_t head[kEditHeaderBytes + 8];
  head[0] = static_cast<uint8_t>(edit.kind);
  head[1] = expires ? kLogFlagExpiry : 0;
  store<uint16_t>(head + 2, 0);
  store<uint32_t>(head + 4, static_cast<uint32_t>(edit.key.size()));
  store<uint32_t>(head + 8, static_cast<uint32_t>(edit.value.size()));
  store<uint32_t>(head + 12, crc32c(edit.value));
  store<uint64_t>(head + 16, edit.expires_ms);
  append(body, Bytes(head, kEditHeaderBytes + (expires ? 8 : 0)));
  append(body, edit.key);
  append(body, edit.value);
}

Status EditReader::damage(const char* what) const {
  return Status::corrupt(std::string("log: ") + what + " at byte " +
                         std::to_string(size_ - rest_.size()) + " of a record");
}

Result<bool> EditReader::next(LogEdit& edit) {
  if (rest_.empty()) return false;
  if (rest_.size() < kEditHeaderBytes) return damage("a cut edit");
  const uint8_t* const at = rest_.data();
  const uint8_t kind = at[0];
  const uint8_t flags = at[1];
  if (kind < 1 || kind > 3) return damage("an unknown kind of edit");
  if ((flags & ~kLogFlagExpiry) != 0) return damage("an unknown flag of an edit");
  if (load<uint16_t>(at + 2) != 0) return damage("reserved bytes in use by an edit");
  const bool expires = flags != 0;
  const size_t head = kEditHeaderBytes + (expires ? 8 : 0);
  const uint64_t key_size = load<uint32_t>(at + 4);
  const uint64_t value_size = load<uint32_t>(at + 8);
  if (key_size > kStoredKeyBytesMax || head + key_size + value_size > rest_.size()) {
    return damage("an edit that runs past its record");
  }
  edit.kind = static_cast<LogEditKind>(kind);
  edit.expires_ms = expires ? load<uint64_t>(at + 16) : 0;
  edit.key = rest_.subspan(head, key_size);
  edit.value = rest_.subspan(head + key_size, value_size);
  if (expires && (edit.expires_ms == 0 || edit.kind != LogEditKind::kPut)) {
    return damage("an expiry of nothing");
  }
  if (edit.kind == LogEditKind::kDelete && !edit.value.empty()) {
    return damage("a deletion with a value");
  }
  if (crc32c(edit.value) != load<uint32_t>(at + 12)) {
    return damage("a value whose checksum fails, in the edit");
  }
  rest_ = rest_.subspan(head + key_size + value_size);
  return true;
}

Status check_edits(Bytes body) {
  EditReader reader(body);
  LogEdit edit;
  while (true) {
    const Result<bool> more = reader.next(edit);
    if (!more) return more.error();
    if (!*more) return Status::ok();
  }
}

}  // namespace varve

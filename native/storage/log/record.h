// storage/log/record.h — the bytes of one commit in the log: a record header and self-verifying
// edits.
//
// Invariants
//   - nothing that decode_* or EditReader hands out has an unverified checksum.
//   - encoding never allocates but in the string it appends to.
// Bytes: FORMAT.md
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/status.h"

namespace varve {

inline constexpr size_t kRecordHeaderBytes = 56;
inline constexpr size_t kEditHeaderBytes = 16;
inline constexpr size_t kStoredKeyBytesMax =
    65536 + 16;  // A user's 64 KiB and the store's own prefix.
inline constexpr uint64_t kBodyBytesMax = UINT32_MAX;
inline constexpr uint64_t kCommitMax = (uint64_t{1} << 53) - 1;
inline constexpr uint8_t kRecordKindCommit = 1;

enum class LogEditKind : uint8_t { kPut = 1, kDelete = 2, kRangeDeletion = 3 };

inline constexpr uint8_t kLogFlagExpiry = 2;

struct RecordHeader {
  uint32_t body_bytes = 0;
  uint64_t life_tag = 0;
  uint64_t commit = 0;
  uint64_t time_ms = 0;
  uint64_t durable_mark = 0;
  uint64_t previous = 0;  // The commit before this one.
  uint32_t body_checksum = 0;
};

void encode_record_header(const RecordHeader& header, uint8_t* to);
// Nothing when the bytes are not a whole, good header.
std::optional<RecordHeader> decode_record_header(Bytes bytes);

struct LogEdit {
  LogEditKind kind = LogEditKind::kPut;
  uint64_t expires_ms = 0;
  Bytes key;
  Bytes value;  // The end of the range, for a range deletion.
};

void append_edit(std::string& body, const LogEdit& edit);

// Reads the edits of one body, in order. The Bytes of an edit are borrowed from the body. What it
// takes is what append_edit() writes, to the byte.
class EditReader {
 public:
  explicit EditReader(Bytes body) : rest_(body), size_(body.size()) {}
  // False at the end. An error names the offset within the body.
  Result<bool> next(LogEdit& edit);

 private:
  Status damage(const char* what) const;

  Bytes rest_;
  size_t size_;
};

// Whether all edits of a body are whole: for those who take all of them or none.
Status check_edits(Bytes body);

// The bytes a record with this body takes in a segment, padding included.
inline uint64_t record_bytes(uint64_t body_bytes) {
  return round_up(kRecordHeaderBytes + body_bytes, 8);
}

}  // namespace varve

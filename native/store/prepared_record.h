// store/prepared_record.h — a prepared transaction as it rests: what it has read, what it will
// write.
//
// Invariants
//   - what decode_prepared() hands out is what encode_prepared() could have written.
// Bytes: FORMAT.md
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "store/batch.h"
#include "store/conditions.h"

namespace varve {

inline constexpr size_t kPreparedIdBytesMax = 256;

// Under which key: 01 p and the id. All of them lie between these two.
inline constexpr char kPreparedBegin[] = "\x01p";
inline constexpr char kPreparedEnd[] = "\x01q";
std::string prepared_key(std::string_view id);
bool is_prepared_key(Bytes key);

// All Bytes are borrowed from what was decoded.
struct PreparedRecord {
  struct Change {
    LogEdit edit;
    Bytes addend;  // Not empty: the edit is a put of what is there and this.
  };
  uint64_t time_ms = 0;
  std::vector<Bytes> keys_read;
  std::vector<KeyRange> ranges_read;
  std::vector<Change> changes;
};

// The batch is finished, and the conditions have settled.
std::string encode_prepared(uint64_t time_ms, const Conditions& read, const Batch& edits);
// kCorrupt with the offset; kNewerFormat.
Result<PreparedRecord> decode_prepared(Bytes bytes);

}  // namespace varve

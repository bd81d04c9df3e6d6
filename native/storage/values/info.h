// storage/values/info.h — what is known of a value file without reading it, and where a value lies.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "base/bytes.h"

namespace varve {

inline constexpr size_t kValueHeaderBytes = 128;  // Of a file.
inline constexpr size_t kValueHeadBytes = 48;     // Of a value.
inline constexpr size_t kValueReferenceBytes = 40;

struct ValueFileInfo {
  uint64_t number = 0;
  uint64_t file_bytes = 0;
  uint64_t value_count = 0;
  uint64_t commit_first = 0;
  uint64_t commit_last = 0;

  uint64_t payload_bytes() const { return file_bytes - kValueHeaderBytes; }
};

// What a table refers to of one value file.
struct ValueUse {
  uint64_t file = 0;
  uint64_t count = 0;
  uint64_t bytes = 0;  // With the heads: all uses together are at most the file's payload_bytes().
};

// What an entry of a table has in the place of a value that lies apart.
struct ValueReference {
  uint64_t file = 0;
  uint64_t offset = 0;
  uint64_t stored_bytes = 0;
  uint64_t value_bytes = 0;
  uint32_t checksum = 0;
  bool is_compressed = false;

  uint64_t used_bytes() const { return stored_bytes + kValueHeadBytes; }
};

// Adds one more reference to what is used of its file.
inline void count_value_use(const ValueReference& reference, std::map<uint64_t, ValueUse>& uses) {
  ValueUse& use = uses[reference.file];
  use.file = reference.file;
  ++use.count;
  use.bytes += reference.used_bytes();
}

void encode_value_reference(const ValueReference& reference, uint8_t* to);
std::optional<ValueReference> decode_value_reference(Bytes bytes);

}  // namespace varve

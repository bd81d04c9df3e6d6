// layer/collection/keys.h — where a collection lies among the keys of its store.
//
// Documents stand under the id of their collection, entries under the id of their index; both ids
// are drawn where those of sublevels are, so none is ever used twice.
//
// Bytes: FORMAT.md, layer/KEYSPACE.md
#pragma once

#include <string>

#include "base/bytes.h"

namespace varve::collection {

inline constexpr char kSystem = 0x01;
inline constexpr char kNameTag = 'c';        // Name → id.
inline constexpr char kDefinitionTag = 'd';  // Id → definition.
inline constexpr char kRowsTag = 'r';        // Id → how many row numbers were given out.
inline constexpr char kSequenceTag = 's';    // Id → how many numbers of its sequence.
inline constexpr char kProgressTag = 'b';    // Index → the last document that its building has met.
inline constexpr char kRewriteTag = 'w';     // Id → the last document that its rewriting has met.
inline constexpr char kReferrerTag = 'f';    // Name and an id → nothing: that one refers to it.
inline constexpr char kDocuments = 0x14;
inline constexpr char kEntries = 0x15;
inline constexpr char kRows = 0x16;    // Row → key, where an index names documents by their rows.
inline constexpr char kSample = 0x17;  // Level and row → key, of one document in many: sample.h.
inline constexpr char kPacked = 0x13;  // Such an index: layer/blocks.

inline constexpr size_t kIdBytes = 4;
inline constexpr size_t kPrefixBytes = 1 + kIdBytes;  // Of documents, entries and rows.

inline void append_big32(std::string& to, uint32_t number) {
  for (int shift = 24; shift >= 0; shift -= 8) to += static_cast<char>(number >> shift & 0xff);
}

inline std::string prefix_of(char first, uint32_t id) {
  std::string key(1, first);
  append_big32(key, id);
  return key;
}

inline void append_big64(std::string& to, uint64_t number) {
  append_big32(to, static_cast<uint32_t>(number >> 32));
  append_big32(to, static_cast<uint32_t>(number));
}

inline std::string row_key(uint32_t collection, uint64_t row) {
  std::string key = prefix_of(kRows, collection);
  append_big64(key, row);
  return key;
}

inline std::string system_key(char tag, uint32_t id) {
  std::string key{kSystem, tag};
  append_big32(key, id);
  return key;
}

// All definitions lie behind this, by the ids of their collections.
inline std::string definitions_begin() { return {kSystem, kDefinitionTag}; }

inline std::string name_key(Bytes encoded_name) {
  std::string key{kSystem, kNameTag};
  append(key, encoded_name);
  return key;
}

// All that refer to a collection lie behind this, by their ids.
inline std::string referrers_key(Bytes nested_name) {
  std::string key{kSystem, kReferrerTag};
  append(key, nested_name);
  return key;
}

// The first key behind all that begin so; empty when there is none.
inline std::string end_of(std::string prefix) {
  while (!prefix.empty() && static_cast<uint8_t>(prefix.back()) == 0xff) prefix.pop_back();
  if (!prefix.empty()) prefix.back() = static_cast<char>(static_cast<uint8_t>(prefix.back()) + 1);
  return prefix;
}

}  // namespace varve::collection

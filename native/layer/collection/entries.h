// layer/collection/entries.h — what an ordered index holds of a document: keys, made of its fields.
//
//   15 | index id | part | part | … | document's key     → row, size of the document's key
//   15 | index id | part | part | …                       → row, 0, document's key      unique
//
// A part is a field's ordered key as it stands in an array, so that it ends by itself; of a
// descending part all bits are turned. An entry of a unique index does not name its document in its
// key, so that two documents meet in one key, and a condition on that key decides who was first.
// One with a null among its parts is like one that is not unique: nulls do not collide.
//
// Bytes: FORMAT.md
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "layer/collection/definition.h"

namespace varve::collection {

inline constexpr size_t kEntriesMax = 65536;     // Of one document in one index.
inline constexpr size_t kEntryBytesMax = 65536;  // Of its key.

struct Entry {
  std::string key;
  bool is_unique = false;  // The document's key is in the value.
};

// Whether an index, of whatever kind, holds the document.
bool is_indexed(const IndexDefinition& index, const Document& document);

// By rising key, each once. TOO_LARGE above the limit.
Status make_entries(const IndexDefinition& index, const Document& document, Bytes document_key,
                    std::vector<Entry>& to);
std::string entry_value(const Entry& entry, uint64_t row, Bytes document_key);

// What an entry says. Borrowed from its key and value.
struct EntryView {
  uint64_t row = 0;
  Bytes document_key;
  Bytes parts;
};
std::optional<EntryView> read_entry(Bytes key, Bytes value);
// For messages: "Rome", 12.
std::string parts_to_text(const Schema& schema, const IndexDefinition& index, Bytes parts);

}  // namespace varve::collection

// layer/collection/definition.h — what the catalog says of a collection: its schemas and indexes.
//
// A definition is one value under the id of its collection, so a change of it is one put, and every
// commit that writes documents has the condition that nobody has put it since: so no writer, on
// whatever thread, can miss an index that another one has added.
//
//   name ──▶ id ──▶ definition: schemas by version, indexes by id ──▶ entries
//
// Invariants
//   - one that was read is whole: kinds and states are known.
//   - no document is of a version below `oldest_version`. While documents are rewritten, those of
//   older versions than the newest have no entries in indexes that name one of `rewritten_columns`:
//   such an index is complete when all are rewritten.
//   - what is shared is never changed; another commit's definition is another object.
// Threads: any may read one.      Bytes: FORMAT.md
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "layer/collection/filter.h"

namespace varve::collection {

inline constexpr size_t kPartsMax = 16;
inline constexpr size_t kSchemasMax = 4096;

enum class IndexState : uint8_t { kBuilding = 1, kReady = 2 };

struct PartDefinition {
  uint32_t field = 0;  // A column of the newest schema.
  bool is_descending = false;
  bool is_each = false;  // An entry for each element of an array.
};

struct IndexDefinition {
  uint32_t id = 0;
  IndexKind kind = IndexKind::kOrdered;
  IndexState state = IndexState::kReady;
  bool is_unique = false;
  std::string name;
  std::string fields;  // Of its parts, for messages: "city, age".
  std::vector<PartDefinition> parts;
  std::optional<Filter> filter;  // It has entries only of documents for which this holds.
  std::string filter_bytes;
  uint32_t languages = 0;    // Of texts: pure/text/language.h
  std::string stop_words;    // Of texts, with spaces between.
  bool holds_boxes = false;  // Of places.
  uint32_t version_min = 0;  // Documents of older versions have no entries; 0: all have.

  // Documents by their rows, in blocks: layer/blocks.
  bool is_packed() const { return kind != IndexKind::kOrdered; }
  bool is_ready() const { return state == IndexState::kReady; }
};

struct KeyDefinition {
  bool is_tuple = false;
  std::vector<uint32_t> fields;  // Columns; empty: nothing is known of them.
};

// A field that names a document of another collection by its key.
struct ReferenceDefinition {
  uint32_t field = 0;
  std::string path;
  std::string target;  // A name.
  OnDelete on_delete = OnDelete::kRestrict;
};

struct Definition {
  uint32_t id = 0;
  uint64_t commit = 0;  // That put it.
  std::string name;
  KeyDefinition key;
  std::vector<std::string> schemas;  // By version, the first is version 1.
  SchemaSet schema_set;              // The same, read.
  std::vector<IndexDefinition> indexes;
  std::vector<ReferenceDefinition> references;  // Of the newest schema.
  uint32_t oldest_version = 1;
  bool is_rewriting = false;  // What is older than the newest version is being written anew.
  // Of the newest schema: what they hold in older documents has still to be converted.
  std::vector<uint32_t> rewritten_columns;

  static Result<std::shared_ptr<Definition>> read(Bytes bytes, uint64_t commit);
  std::string write() const;
  const IndexDefinition* index_of(uint32_t index_id) const;
  // The key of a document, for messages.
  std::string shown_key(Bytes document_key) const;
  // Whether documents are found by their rows.
  bool has_rows() const;
  uint32_t newest_version() const { return static_cast<uint32_t>(schemas.size()); }
  // Documents that are written are of this version at least.
  uint32_t written_version_min() const { return is_rewriting ? newest_version() : oldest_version; }
  bool is_rewritten(uint32_t column) const;
};

}  // namespace varve::collection

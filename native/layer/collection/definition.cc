#include "layer/collection/definition.h"

#include <algorithm>

#include "pure/codec/record/record_key.h"
#include "pure/codec/varint.h"

namespace varve::collection {
namespace {

constexpr uint8_t kVersion = 0;
constexpr uint8_t kUniqueFlag = 1;
constexpr uint8_t kPartialFlag = 2;
constexpr uint8_t kDescendingFlag = 1;
constexpr uint8_t kEachFlag = 2;

Status corrupt() { return Status::corrupt("collection: bytes that are no definition"); }

bool take_byte(Bytes& from, uint8_t& byte) {
  if (from.empty()) return false;
  byte = from[0];
  from = from.subspan(1);
  return true;
}

bool take_text(Bytes& from, std::string& text) {
  Bytes taken;
  if (!take_sized(from, taken)) return false;
  text = as_text(taken);
  return true;
}

void append_text(std::string& to, const std::string& text) {
  append_varint(to, text.size());
  to += text;
}

bool take_part(Bytes& from, PartDefinition& part) {
  uint8_t flags = 0;
  if (!take_byte(from, flags) || (flags & ~(kDescendingFlag | kEachFlag)) != 0) return false;
  part.is_descending = (flags & kDescendingFlag) != 0;
  part.is_each = (flags & kEachFlag) != 0;
  return take_varint(from, part.field);
}

void append_part(std::string& to, const PartDefinition& part) {
  to += static_cast<char>((part.is_descending ? kDescendingFlag : 0) |
                          (part.is_each ? kEachFlag : 0));
  append_varint(to, part.field);
}

Status take_filter(Bytes& from, IndexDefinition& index) {
  if (!take_text(from, index.filter_bytes)) return corrupt();
  Result<Filter> filter = Filter::read(as_bytes(index.filter_bytes));
  if (!filter) return filter.error();
  if (filter->asks_words()) {
    return Status::invalid("index \"" + index.name + "\": its condition cannot match words");
  }
  index.filter = std::move(*filter);
  return Status::ok();
}

bool is_kind(IndexKind kind) { return kind >= IndexKind::kOrdered && kind <= IndexKind::kGeo; }

// Whether its parts are what the kind can be on.
bool fits_kind(const Schema& schema, IndexDefinition& index) {
  if (!index.is_packed()) return true;
  if (index.is_unique) return false;
  if (index.kind == IndexKind::kText) return true;
  const PartDefinition& part = index.parts.front();
  if (index.parts.size() != 1 || part.is_descending) return false;
  if (index.kind == IndexKind::kBitmap) return true;
  if (part.is_each || part.field >= schema.columns().size()) return false;
  const Type* const type = schema.column(part.field).type;
  index.holds_boxes = type != nullptr && type->tag == TypeTag::kBox;
  return index.holds_boxes || (type != nullptr && type->tag == TypeTag::kPoint);
}

Status take_index(Bytes& from, IndexDefinition& index) {
  uint8_t kind = 0, state = 0, flags = 0;
  if (!take_varint(from, index.id) || !take_byte(from, kind) || !take_byte(from, state) ||
      !take_byte(from, flags) || !take_text(from, index.name) || !take_text(from, index.fields)) {
    return corrupt();
  }
  index.kind = static_cast<IndexKind>(kind);
  index.state = static_cast<IndexState>(state);
  index.is_unique = (flags & kUniqueFlag) != 0;
  const bool is_known = is_kind(index.kind) &&
                        (index.state == IndexState::kBuilding || index.is_ready()) &&
                        (flags & ~(kUniqueFlag | kPartialFlag)) == 0;
  if (!is_known) {
    return {Code::kNewerFormat, "collection: index \"" + index.name + "\" is of an unknown kind"};
  }
  uint32_t count = 0;
  if (!take_varint(from, count) || count == 0 || count > kPartsMax) return corrupt();
  index.parts.resize(count);
  for (PartDefinition& part : index.parts) {
    if (!take_part(from, part)) return corrupt();
  }
  if (index.kind == IndexKind::kText &&
      (!take_varint(from, index.languages) || !take_text(from, index.stop_words))) {
    return corrupt();
  }
  return (flags & kPartialFlag) != 0 ? take_filter(from, index) : Status::ok();
}

void append_index(std::string& to, const IndexDefinition& index) {
  append_varint(to, index.id);
  to += static_cast<char>(index.kind);
  to += static_cast<char>(index.state);
  to += static_cast<char>((index.is_unique ? kUniqueFlag : 0) | (index.filter ? kPartialFlag : 0));
  append_text(to, index.name);
  append_text(to, index.fields);
  append_varint(to, index.parts.size());
  for (const PartDefinition& part : index.parts) append_part(to, part);
  if (index.kind == IndexKind::kText) {
    append_varint(to, index.languages);
    append_text(to, index.stop_words);
  }
  if (index.filter) append_text(to, index.filter_bytes);
}

bool names_one_of(const IndexDefinition& index, const std::vector<uint32_t>& columns) {
  const auto is_named = [&](uint32_t column) {
    const auto is_it = [&](const PartDefinition& part) { return part.field == column; };
    return std::any_of(index.parts.begin(), index.parts.end(), is_it) ||
           (index.filter && index.filter->names(column));
  };
  return std::any_of(columns.begin(), columns.end(), is_named);
}

Status take_rewriting(Bytes& from, Definition& to) {
  uint8_t is_rewriting = 0;
  if (!take_varint(from, to.oldest_version) || !take_byte(from, is_rewriting) ||
      to.oldest_version == 0 || to.oldest_version > to.newest_version() || is_rewriting > 1) {
    return corrupt();
  }
  to.is_rewriting = is_rewriting == 1;
  if (!to.is_rewriting) return Status::ok();
  const size_t known = to.schema_set.newest().columns().size();
  uint32_t count = 0;
  if (!take_varint(from, count) || count > known) return corrupt();
  to.rewritten_columns.resize(count);
  for (uint32_t& column : to.rewritten_columns) {
    if (!take_varint(from, column) || column >= known) return corrupt();
  }
  for (IndexDefinition& index : to.indexes) {
    if (!names_one_of(index, to.rewritten_columns)) continue;
    if (index.is_ready()) return corrupt();
    index.version_min = to.newest_version();
  }
  return Status::ok();
}

KeyDefinition key_of_schema(const Schema& schema) {
  const KeyDescription& described = schema.description().key;
  KeyDefinition key;
  key.is_tuple = described.kind == KeyKind::kFields;
  for (const std::string& path : described.paths) {
    const uint32_t column = schema.find(path);
    if (column == kNoColumn) return {key.is_tuple, {}};
    key.fields.push_back(column);
  }
  return key;
}

std::vector<ReferenceDefinition> references_of(const Schema& schema) {
  std::vector<ReferenceDefinition> references;
  for (uint32_t number = 0; number < schema.columns().size(); ++number) {
    const Column& column = schema.column(number);
    if (column.type == nullptr || !column.type->reference) continue;
    const Reference& reference = *column.type->reference;
    references.push_back({number, column.path, reference.collection, reference.on_delete});
  }
  return references;
}

}  // namespace

Result<std::shared_ptr<Definition>> Definition::read(Bytes bytes, uint64_t commit) {
  auto made = std::make_shared<Definition>();
  made->commit = commit;
  uint8_t version = 0;
  if (!take_byte(bytes, version)) return corrupt();
  if (version != kVersion) {
    return Status(Code::kNewerFormat, "collection: a definition of a newer version");
  }
  uint32_t count = 0;
  if (!take_varint(bytes, made->id) || !take_text(bytes, made->name) ||
      !take_varint(bytes, count) || count == 0 || count > kSchemasMax) {
    return corrupt();
  }
  made->schemas.resize(count);
  for (std::string& schema : made->schemas) {
    if (!take_text(bytes, schema)) return corrupt();
  }
  Result<SchemaSet> schema_set = SchemaSet::read(made->schemas);
  if (!schema_set) return schema_set.error();
  made->schema_set = std::move(*schema_set);
  made->key = key_of_schema(made->schema_set.newest());
  made->references = references_of(made->schema_set.newest());
  if (!take_varint(bytes, count) || count > kIndexesMax) return corrupt();
  made->indexes.resize(count);
  for (IndexDefinition& index : made->indexes) {
    if (Status status = take_index(bytes, index); !status) return status;
    if (!fits_kind(made->schema_set.newest(), index)) return corrupt();
  }
  if (Status status = take_rewriting(bytes, *made); !status) return status;
  if (!bytes.empty()) return corrupt();
  return made;
}

std::string Definition::write() const {
  std::string bytes(1, static_cast<char>(kVersion));
  append_varint(bytes, id);
  append_text(bytes, name);
  append_varint(bytes, schemas.size());
  for (const std::string& schema : schemas) append_text(bytes, schema);
  append_varint(bytes, indexes.size());
  for (const IndexDefinition& index : indexes) append_index(bytes, index);
  append_varint(bytes, oldest_version);
  bytes += static_cast<char>(is_rewriting ? 1 : 0);
  if (!is_rewriting) return bytes;
  append_varint(bytes, rewritten_columns.size());
  for (const uint32_t column : rewritten_columns) append_varint(bytes, column);
  return bytes;
}

std::string Definition::shown_key(Bytes document_key) const {
  if (key.is_tuple || key.fields.empty()) return key_to_text(document_key);
  return typed_key_to_text(*schema_set.newest().column(key.fields[0]).type, document_key);
}

bool Definition::has_rows() const {
  return std::any_of(indexes.begin(), indexes.end(),
                     [](const IndexDefinition& one) { return one.is_packed(); });
}

bool Definition::is_rewritten(uint32_t column) const {
  return std::find(rewritten_columns.begin(), rewritten_columns.end(), column) !=
         rewritten_columns.end();
}

const IndexDefinition* Definition::index_of(uint32_t index_id) const {
  const auto found = std::find_if(indexes.begin(), indexes.end(),
                                  [&](const IndexDefinition& one) { return one.id == index_id; });
  return found == indexes.end() ? nullptr : &*found;
}

}  // namespace varve::collection

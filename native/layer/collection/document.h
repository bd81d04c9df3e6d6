// layer/collection/document.h — a stored document as conditions and indexes see it: a row number,
// and fields as ordered keys.
//
// A field is named by its column in the newest version of the schema. A record of an older version
// is read through its own: columns are found by the ids of their fields, whatever their names were,
// and what had no column then has the default of now, or is absent.
//
// Lifetime: a Document borrows the record's bytes and the schemas.
// Threads: one, for it has room to work in.      Bytes: pure/codec/record/FORMAT.md
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "pure/codec/key.h"
#include "pure/codec/record/record.h"

namespace varve::collection {

class SchemaSet {
 public:
  // Descriptions by version, the first is version 1.
  static Result<SchemaSet> read(const std::vector<std::string>& descriptions);

  const Schema& newest() const { return *versions_.back().schema; }
  uint32_t newest_version() const { return static_cast<uint32_t>(versions_.size()); }
  // Null: there is no such version.
  const Schema* schema(uint32_t version) const;
  std::span<const Schema* const> schemas() const { return schemas_; }
  // The column that the newest version has under this number; kNoColumn where there was none.
  uint32_t column(uint32_t version, uint32_t number) const {
    const std::vector<uint32_t>& columns = versions_[version - 1].columns;
    if (columns.empty()) return number < newest_columns_ ? number : kNoColumn;
    return number < columns.size() ? columns[number] : kNoColumn;
  }
  const RecordView* defaults() const { return defaults_ ? &*defaults_ : nullptr; }

 private:
  struct Version {
    std::shared_ptr<const Schema> schema;
    std::vector<uint32_t> columns;  // By number in the newest; empty: they are the same.
  };

  std::vector<Version> versions_;
  std::vector<const Schema*> schemas_;  // Of these.
  uint32_t newest_columns_ = 0;
  std::optional<RecordView> defaults_;
};

class Document {
 public:
  explicit Document(const SchemaSet& schemas) : schemas_(schemas) {}

  // CORRUPT when these bytes are no record of the collection.
  Status open(Bytes stored);
  const RecordView& record() const { return record_; }
  uint64_t row() const { return record_.row(); }
  Item item(uint32_t field) const;
  // A float64 or a date where it lies, without an item; nothing where it is of another type, or may
  // be absent.
  std::optional<double> plain_double(uint32_t field, TypeTag tag) const {
    const uint32_t number = schemas_.column(record_.schema().version(), field);
    if (number == kNoColumn) return std::nullopt;
    const Column& column = record_.schema().column(number);
    if (!column.is_plain_double || column.type->tag != tag) return std::nullopt;
    return record_.plain_double(column);
  }

  // The key of a field as it stands in an array; that of null where it is absent or has none.
  void append_key(uint32_t field, std::string& to) const { append_key(item(field), to); }
  static void append_key(const Item& item, std::string& to);
  // Of each element of an array, or of each name in a map, until `visit` answers false.
  void each_key(uint32_t field, const std::function<bool(Bytes key)>& visit) const;
  // Room for a key, for whoever is at work on this document.
  std::string& room() const { return room_; }

 private:
  const SchemaSet& schemas_;
  RecordView record_;
  mutable std::string room_;
};

inline bool is_null_key(Bytes key) { return key.size() == 1 && key[0] == kNullKeyTag; }

}  // namespace varve::collection

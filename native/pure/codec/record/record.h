// pure/codec/record/record.h — a document's bytes, read field by field, without JavaScript.
//
//   description.h   what was declared          schema.h   where that lies
//   record.h        a field of a record        rules.h    whether a document may be written
//   record_key.h    a field as ordered key: how indexes are made
//   slots.h         the slots and texts of a record, for walks over very many
//
// A RecordView looks at bytes and copies nothing. Opening one is a few steps whatever its size; so
// is each field. An Item is a value where it lies: a column's, or a member's of an array, map or
// union.
//
//   Result<RecordView> view = RecordView::open(stored, schema);
//   const Item age = view->item(schema.find("age"));
//   if (age.is_present() && age.number() >= 18) …
//   for (Members tags(view->item(tags_column)); tags.next();) use(tags.item().text());
//
// Invariants
//   - No function here reads outside the bytes it is given, however hostile they are: open() checks
//     what is fixed, and each item its own ends. What verify() refuses may read as anything within.
//   - verify() accepts exactly what lib/collection/ writes, but does not look into json (its
//     ends are checked; lib/value/decode.ts is as careful).
//   - A column that is absent, or in an object that is absent or null, is absent; it is null only
//     if it says so itself.
// Threads: a view belongs to whoever holds the bytes; views of the same bytes know nothing of each
// other.
// Bytes: FORMAT.md
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/status.h"
#include "pure/codec/record/schema.h"

namespace varve {

enum class Presence : uint8_t { kAbsent = 0, kNull = 1, kPresent = 2 };

// Units of a string: latin1, one byte each, or UTF-16LE.
struct Text {
  Bytes bytes;
  bool is_wide = false;

  size_t units() const { return is_wide ? bytes.size() / 2 : bytes.size(); }
};

// A value where it lies. Its accessors are for what its type says, and answer zero or nothing where
// it is not present.
class Item {
 public:
  Item() = default;
  Item(const Type* type, Presence presence) : type_(type), presence_(presence) {}
  Item(const Type* type, Bytes bytes, Text text, bool truth = false)
      : type_(type), presence_(Presence::kPresent), truth_(truth), bytes_(bytes), text_(text) {}

  const Type& type() const { return *type_; }
  Presence presence() const { return presence_; }
  bool is_present() const { return presence_ == Presence::kPresent; }

  bool truth() const { return truth_; }   // boolean
  int64_t integer() const;                // int32, int64
  double number() const;                  // int32, float64, date (milliseconds); int64 rounded
  uint32_t choice() const;                // enum: the number of the value
  double coordinate(size_t index) const;  // point: lat, lng; box: south, west, north, east
  Text text() const { return text_; }     // string; of others all strings within
  Bytes bytes() const { return bytes_; }  // bytes, uuid, vector, key, json: as they are

 private:
  const Type* type_ = nullptr;
  Presence presence_ = Presence::kAbsent;
  bool truth_ = false;
  Bytes bytes_;
  Text text_;
};

class RecordView {
 public:
  // CORRUPT when this is no record, or one of another version. The bytes and the schema must
  // outlive the view and its items.
  static Result<RecordView> open(Bytes stored, const Schema& schema);
  RecordView() = default;  // Of nothing, until look_at() has succeeded.
  // At a record of one of these schemas, the first of which is of version 1.
  Status look_at(Bytes stored, std::span<const Schema* const> versions) {
    return look_at(stored, versions, 1);
  }

  // The version that a record says it has; none where it is no record.
  static std::optional<uint32_t> version_of(Bytes stored);

  const Schema& schema() const { return *schema_; }
  bool has_row() const { return has_row_; }
  uint64_t row() const { return row_; }

  Presence presence(uint32_t column) const;
  Item item(uint32_t column) const;
  // The number of a column of its schema that is_plain_double.
  double plain_double(const Column& column) const { return load<double>(slots_ + column.slot_at); }

  // O(size): fine exactly when lib/collection/ could have written these bytes.
  Status verify() const;

 private:
  Status look_at(Bytes stored, std::span<const Schema* const> versions, uint32_t first_version);
  bool bit(uint32_t number) const { return (bits_[number >> 3] >> (number & 7) & 1) != 0; }
  size_t end_of(uint32_t number) const;
  Text text_of(uint32_t number) const;
  Bytes blob_of(uint32_t number) const;
  Presence presence_said(const Column& column) const;
  bool is_within_absent(const Column& column) const;
  Status verify_frame() const;
  Status verify_ends() const;
  Status verify_column(uint32_t number) const;

  const Schema* schema_ = nullptr;
  bool has_text_kind_ = false;
  bool has_row_ = false;
  uint8_t width_ = 1;
  uint64_t row_ = 0;
  const uint8_t* bits_ = nullptr;
  const uint8_t* slots_ = nullptr;
  const uint8_t* ends_ = nullptr;
  Bytes blobs_;
  Text text_;
};

// The members of an array, map or union, one after the other; of others there are none.
class Members {
 public:
  explicit Members(const Item& of);

  // False behind the last one, and where the bytes are not what was written: is_whole() tells.
  bool next();
  const Item& item() const { return item_; }
  // The key of a map's member; the number of a union's alternative.
  Text name() const { return name_; }
  uint32_t alternative() const { return alternative_; }
  uint32_t count() const { return count_; }
  bool is_whole() const { return is_whole_; }

 private:
  const Type* type_ = nullptr;
  Bytes bytes_;
  Text text_;
  uint32_t count_ = 0;
  uint32_t index_ = 0;
  uint32_t alternative_ = 0;
  bool is_whole_ = true;
  Item item_;
  Text name_;
};

// The record with this row number instead of the one it has, or none: for a writer that learns the
// row after the document was encoded. CORRUPT where it is no record.
Result<std::string> with_row(Bytes stored, uint64_t row);

// A record of these columns, made of items that lie in other records, maybe of older versions. What
// is absent and cannot be is null; INVALID where a column can hold neither that nor such an item.
Result<std::string> write_record(const Schema& schema, uint64_t row,
                                 const std::function<Item(uint32_t column)>& item_of);

}  // namespace varve

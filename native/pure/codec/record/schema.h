// pure/codec/record/schema.h — where each field of a description lies in a record.
//
// Fields become columns: an object is one, followed by those of its fields. A column is known by
// its number, which is good for one version alone, or by its path, names with dots between.
//
//   fields   id: uuid   address: object { city: string, at: point? }   tags: string[]
//   columns  0 id       1 address   2 address.city   3 address.at     4 tags
//   slots    16                                       16
//   text                            0                                 1
//   blobs                                                             0
//
// Columns point into the description, whose vectors keep their place when a schema is moved; it is
// not copied.
//
// Threads: read-only once it is made. A RecordView borrows it.
// Bytes: FORMAT.md
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "pure/codec/record/description.h"

namespace varve {

inline constexpr uint32_t kColumnsMax = 1024;
inline constexpr uint32_t kNoColumn = UINT32_MAX;

struct Column {
  std::string path;
  const Field* field = nullptr;  // None of the extra column, which is the last.
  const Type* type = nullptr;
  uint32_t parent = kNoColumn;  // The nearest object around it that may be absent or null.
  // Numbers of bits; kNoColumn where there is none.
  uint32_t absent_bit = kNoColumn;
  uint32_t null_bit = kNoColumn;
  uint32_t truth_bit = kNoColumn;
  uint32_t slot_at = 0;  // Behind the bits.
  uint32_t slot_bytes = 0;
  bool is_always = false;        // It is there in every record,
  bool is_plain_double = false;  // and is a double or a date.
  // Which of the texts and of the blobs; kNoColumn where it has none.
  uint32_t text = kNoColumn;
  uint32_t blob = kNoColumn;
};

// What number a slot or member of an int32 has, by its rules.
struct IntegerWidth {
  uint8_t bytes = 4;
  bool is_signed = true;
};
IntegerWidth width_of_int32(const Rules& rules);

// Bytes of a type where they are always as many, in a slot or as a member; 0 where they are not.
uint32_t fixed_bytes(const Type& type);

// Whether a value of the type can have strings.
bool has_text(const Type& type);

class Schema {
 public:
  // INVALID where the description says what cannot be: a path that leads nowhere, too many columns.
  static Result<std::shared_ptr<const Schema>> of(Description description, uint32_t version);

  Schema(Schema&&) = default;
  Schema& operator=(Schema&&) = delete;

  const Description& description() const { return description_; }
  uint32_t version() const { return version_; }
  const std::vector<Column>& columns() const { return columns_; }
  const Column& column(uint32_t number) const { return columns_[number]; }
  // kNoColumn where there is none.
  uint32_t find(std::string_view path) const;
  // Of a field of an older or newer version, by its id and those around it.
  uint32_t find(const Schema& other, uint32_t number) const;
  uint32_t extra() const { return extra_; }  // kNoColumn where nothing is kept.
  const std::string& defaults() const { return description_.defaults; }

  uint32_t bit_count() const { return bit_count_; }
  uint32_t bits_bytes() const { return bits_bytes_; }
  uint32_t slots_bytes() const { return slots_bytes_; }
  uint32_t fixed_bytes() const { return bits_bytes_ + slots_bytes_; }
  // Of the table of ends.
  uint32_t end_count() const {
    return (text_count_ > 0 ? text_count_ - 1 : 0) + (blob_count_ > 0 ? blob_count_ - 1 : 0);
  }
  uint32_t text_count() const { return text_count_; }
  uint32_t blob_count() const { return blob_count_; }

 private:
  friend class SchemaMaker;
  Schema() = default;

  Description description_;
  uint32_t version_ = 0;
  std::vector<Column> columns_;
  std::unordered_map<std::string_view, uint32_t> by_path_;
  uint32_t extra_ = kNoColumn;
  uint32_t bit_count_ = 0;
  uint32_t bits_bytes_ = 0;
  uint32_t slots_bytes_ = 0;
  uint32_t text_count_ = 0;
  uint32_t blob_count_ = 0;
};

}  // namespace varve

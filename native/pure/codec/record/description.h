// pure/codec/record/description.h — what a collection was declared to be, as the catalog keeps it.
//
//   bytes ──read_description()──▶ Description ──Schema::of()──▶ Schema: where each field lies
//
// lib/collection/description.ts writes these bytes. A description never changes once it is made;
// a collection that is declared anew gets another one, with the next version.
//
// Invariants
//   - What read_description() accepts is whole: types nest at most kTypeDepthMax deep, every enum
//     and union has its members, rules are those of their type, and rising.
//   - Names are UTF-8; whether paths of key and indexes lead to columns the Schema knows.
// Threads: read-only once it is read.
// Bytes: FORMAT.md
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"

namespace varve {

inline constexpr size_t kDescriptionBytesMax = size_t{1} << 20;
inline constexpr size_t kTypeDepthMax = 16;
inline constexpr size_t kTypesMax = 65536;
inline constexpr size_t kKeyPartsMax = 16;
inline constexpr size_t kIndexesMax = 64;
inline constexpr uint32_t kVectorDimensionsMax = 65536;
inline constexpr size_t kEnumValuesMax = 65536;

enum class TypeTag : uint8_t {
  kBoolean = 1,
  kInt32 = 2,
  kInt64 = 3,
  kFloat64 = 4,
  kString = 5,
  kBytes = 6,
  kDate = 7,
  kUuid = 8,
  kEnum = 9,
  kPoint = 10,
  kBox = 11,
  kVector = 12,
  kArray = 13,
  kMap = 14,
  kUnion = 15,
  kObject = 16,
  kJson = 17,
  kKey = 18,
};

enum class OnDelete : uint8_t { kRestrict = 1, kCascade = 2, kSetNull = 3 };

struct Reference {
  std::string collection;
  OnDelete on_delete = OnDelete::kRestrict;
};

// What a value must keep beyond its type. Only int64 uses the integers, only strings the pattern.
struct Rules {
  std::optional<double> least, greatest;
  std::optional<int64_t> least_integer, greatest_integer;
  std::optional<uint32_t> shortest, longest;
  std::string pattern, pattern_flags;  // Tested in JavaScript alone.
};

struct Field;

struct Type {
  TypeTag tag = TypeTag::kBoolean;
  bool is_optional = false;
  bool is_nullable = false;
  Rules rules;
  std::optional<Reference> reference;
  std::vector<std::string> values;  // Of an enum.
  uint32_t dimensions = 0;          // Of a vector.
  std::vector<Type> members;        // The type in an array or map, or the alternatives of a union.
  std::vector<Field> fields;        // Of an object.
};

struct Field {
  std::string name;
  uint32_t id = 0;  // The same in every version of a collection.
  bool has_default = false;
  bool is_filled = false;
  bool is_computed = false;
  bool is_hidden = false;
  Type type;
};

enum class KeyKind : uint8_t { kField = 1, kFields = 2 };
enum class Generated : uint8_t { kNo = 0, kUuid = 1, kSequence = 2 };

struct KeyDescription {
  KeyKind kind = KeyKind::kField;
  std::vector<std::string> paths;
  Generated generated = Generated::kNo;
};

enum class IndexKind : uint8_t { kOrdered = 1, kBitmap = 2, kText = 3, kGeo = 4 };

struct IndexPart {
  std::string path;
  bool is_descending = false;
};

struct IndexDescription {
  std::string name;
  IndexKind kind = IndexKind::kOrdered;
  bool is_unique = false;
  bool is_multiple = false;  // An entry for each element of an array.
  uint32_t revision = 0;
  std::vector<IndexPart> parts;
  std::string condition;  // JSON; empty: every document.
  std::string options;    // JSON; empty: none.
};

struct Description {
  std::string name;
  bool keeps_extra = false;
  std::vector<Field> fields;
  KeyDescription key;
  std::vector<IndexDescription> indexes;
  std::string defaults;  // A record; empty: no field has a default that is one.
};

// CORRUPT says what is wrong where; NEWER_FORMAT that a newer version of Varve wrote it.
Result<Description> read_description(Bytes bytes);

}  // namespace varve

// pure/codec/record/record_key.h — fields as ordered keys: what indexes are made of.
//
// The bytes are those that lib/key.ts makes of the same value (pure/codec/FORMAT.md): a boolean,
// number, date, string or bytes as itself, an int64 as a bigint, a uuid as its 16 bytes, an enum as
// its string, a key column as it is. What is absent or null is null. Places, arrays, maps, unions,
// objects, json and vectors have no key: lib/collection/key.ts is the same in TypeScript.
//
// Threads: none of its own.
#pragma once

#include <cstdint>
#include <string>

#include "pure/codec/key.h"
#include "pure/codec/record/record.h"

namespace varve {

// Where in a key the value stands: alone, or as an element of an array, which is closed.
enum class KeyPlace : uint8_t { kAlone = 0, kElement = 1 };

// Whether values of the type have keys.
bool has_key(const Type& type);

// Appends the key of one value; false, and nothing appended, where it has none.
[[nodiscard]] bool append_key(const Item& item, KeyPlace place, std::string& to);

// The key of a document by its description: that of its field, or an array of those of its fields.
Result<std::string> key_of(const RecordView& view);

// key_to_text() of a key that is known to be of the type: a uuid as users write it.
std::string typed_key_to_text(const Type& type, Bytes key);

// Appends the key of a number, as one of JavaScript.
void append_number_key(double number, std::string& to);
// As a bigint.
void append_integer_key(int64_t number, std::string& to);
// Units in either width, as WTF-8; an element escapes its zeros and is closed.
void append_text_key(Text text, KeyPlace place, std::string& to);
// The same of text that is UTF-8 already, as names in descriptions are.
void append_utf8_key(Bytes text, KeyPlace place, std::string& to);
void append_bytes_key(Bytes bytes, KeyPlace place, std::string& to);

}  // namespace varve

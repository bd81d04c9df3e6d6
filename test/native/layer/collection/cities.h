// test/native/layer/collection/cities.h — a collection of { id: int32, city: string } by id, as
// bytes.
#pragma once

#include <string>

#include "layer/collection/collection.h"
#include "layer/collection/keys.h"
#include "pure/codec/record/record_key.h"
#include "pure/codec/varint.h"
#include "test.h"

namespace varve::collection {

inline void append_text(std::string& to, const std::string& text) {
  append_varint(to, text.size());
  to += text;
}

// pure/codec/record/FORMAT.md: format, flags, name, fields, key, indexes.
inline std::string city_description() {
  std::string bytes(2, '\0');
  append_text(bytes, "cities");
  bytes += '\x02';
  const auto add_field = [&](const char* name, char id, TypeTag tag) {
    append_text(bytes, name);
    bytes += id;
    bytes += '\0';
    bytes += static_cast<char>(tag);
    bytes += '\0';
  };
  add_field("id", 1, TypeTag::kInt32);
  add_field("city", 2, TypeTag::kString);
  bytes += "\x01\x01";
  append_text(bytes, "id");
  bytes += std::string(2, '\0');
  return bytes;
}

inline std::string city_record(int32_t id, const std::string& city) {
  std::string head("\x08", 1);
  append(head, id);
  if (city.empty()) return '\x10' + head;
  return std::string("\x11") + static_cast<char>(head.size()) + head + city;
}

inline std::string city_key(int32_t id) {
  std::string key;
  append_number_key(id, key);
  return key;
}

inline std::string cities_name() {
  std::string name;
  append_utf8_key(as_bytes(std::string_view("cities")), KeyPlace::kAlone, name);
  return name;
}

inline Definition city_draft(bool has_index, bool is_unique) {
  Definition draft;
  draft.name = "cities";
  draft.schemas.push_back(city_description());
  if (!has_index) return draft;
  IndexDefinition index;
  index.name = "city";
  index.fields = "city";
  index.is_unique = is_unique;
  index.parts.push_back({1, false, false});
  draft.indexes.push_back(index);
  return draft;
}

inline DocumentWrite city_write(uint32_t collection, const std::string& key,
                                const std::string& record) {
  DocumentWrite write;
  write.collection = collection;
  write.key = as_bytes(key);
  write.record = as_bytes(record);
  return write;
}

}  // namespace varve::collection

#include "layer/collection/document.h"

#include "pure/codec/record/record_key.h"

namespace varve::collection {

Result<SchemaSet> SchemaSet::read(const std::vector<std::string>& descriptions) {
  SchemaSet set;
  for (size_t i = 0; i < descriptions.size(); ++i) {
    Result<Description> description = read_description(as_bytes(descriptions[i]));
    if (!description) return description.error();
    auto schema = Schema::of(std::move(*description), static_cast<uint32_t>(i + 1));
    if (!schema) return schema.error();
    set.schemas_.push_back(schema->get());
    set.versions_.push_back({std::move(*schema), {}});
  }
  check(!set.versions_.empty());
  const Schema& newest = set.newest();
  set.newest_columns_ = static_cast<uint32_t>(newest.columns().size());
  for (size_t i = 0; i + 1 < set.versions_.size(); ++i) {
    Version& version = set.versions_[i];
    for (uint32_t number = 0; number < newest.columns().size(); ++number) {
      version.columns.push_back(version.schema->find(newest, number));
    }
  }
  if (newest.defaults().empty()) return set;
  Result<RecordView> defaults = RecordView::open(as_bytes(newest.defaults()), newest);
  if (!defaults) return defaults.error();
  set.defaults_ = std::move(*defaults);
  return set;
}

const Schema* SchemaSet::schema(uint32_t version) const {
  return version == 0 || version > versions_.size() ? nullptr : versions_[version - 1].schema.get();
}

Status Document::open(Bytes stored) { return record_.look_at(stored, schemas_.schemas()); }

Item Document::item(uint32_t field) const {
  const uint32_t column = schemas_.column(record_.schema().version(), field);
  if (column != kNoColumn) return record_.item(column);
  const RecordView* const defaults = schemas_.defaults();
  const bool is_known = defaults != nullptr && field < schemas_.newest().columns().size();
  return is_known ? defaults->item(field) : Item();
}

void Document::append_key(const Item& item, std::string& to) {
  const bool is_made = item.is_present() && varve::append_key(item, KeyPlace::kElement, to);
  if (!is_made) to += static_cast<char>(kNullKeyTag);
}

void Document::each_key(uint32_t field, const std::function<bool(Bytes)>& visit) const {
  const Item one = item(field);
  if (!one.is_present()) return;
  Members members(one);
  for (std::string key; members.next(); key.clear()) {
    if (one.type().tag == TypeTag::kMap)
      append_text_key(members.name(), KeyPlace::kElement, key);
    else if (!varve::append_key(members.item(), KeyPlace::kElement, key))
      key.assign(1, static_cast<char>(kNullKeyTag));
    if (!visit(as_bytes(key))) return;
  }
}

}  // namespace varve::collection

// pure/codec/record/schema.cc — columns out of fields, and where they lie.
#include "pure/codec/record/schema.h"

#include <unordered_set>
#include <utility>

#include "pure/codec/record/record.h"
#include "pure/codec/record/record_key.h"

namespace varve {

IntegerWidth width_of_int32(const Rules& rules) {
  if (!rules.least || !rules.greatest) return {};
  const double least = *rules.least;
  const double greatest = *rules.greatest;
  if (least >= 0 && greatest <= 0xFF) return {1, false};
  if (least >= 0 && greatest <= 0xFFFF) return {2, false};
  if (least >= -0x80 && greatest <= 0x7F) return {1, true};
  if (least >= -0x8000 && greatest <= 0x7FFF) return {2, true};
  return {};
}

uint32_t fixed_bytes(const Type& type) {
  switch (type.tag) {
    case TypeTag::kInt32:
      return width_of_int32(type.rules).bytes;
    case TypeTag::kInt64:
    case TypeTag::kFloat64:
    case TypeTag::kDate:
      return 8;
    case TypeTag::kUuid:
    case TypeTag::kPoint:
      return 16;
    case TypeTag::kEnum:
      return type.values.size() > 256 ? 2 : 1;
    case TypeTag::kBox:
      return 32;
    default:
      return 0;
  }
}

bool has_text(const Type& type) {
  switch (type.tag) {
    case TypeTag::kString:
    case TypeTag::kMap:
    case TypeTag::kJson:
      return true;
    case TypeTag::kArray:
    case TypeTag::kUnion:
      for (const Type& member : type.members) {
        if (has_text(member)) return true;
      }
      return false;
    case TypeTag::kObject:
      for (const Field& field : type.fields) {
        if (has_text(field.type)) return true;
      }
      return false;
    default:
      return false;
  }
}

namespace {

bool has_blob(TypeTag tag) {
  switch (tag) {
    case TypeTag::kBytes:
    case TypeTag::kVector:
    case TypeTag::kArray:
    case TypeTag::kMap:
    case TypeTag::kUnion:
    case TypeTag::kJson:
    case TypeTag::kKey:
      return true;
    default:
      return false;
  }
}

// Of the extra column, which no field describes.
const Type& extra_type() {
  static const Type type = [] {
    Type made;
    made.tag = TypeTag::kJson;
    return made;
  }();
  return type;
}

}  // namespace

class SchemaMaker {
 public:
  explicit SchemaMaker(Schema& schema) : schema_(schema) {}

  Status make() {
    if (Status status = columns(schema_.description_.fields, "", kNoColumn); !status) return status;
    if (schema_.description_.keeps_extra) {
      schema_.extra_ = static_cast<uint32_t>(schema_.columns_.size());
      if (Status status = column("", nullptr, extra_type(), kNoColumn); !status) return status;
    }
    schema_.bits_bytes_ = (schema_.bit_count_ + 7) / 8;
    for (uint32_t number = 0; number < schema_.columns_.size(); ++number) {
      const std::string& path = schema_.columns_[number].path;
      if (number == schema_.extra_) continue;
      if (!schema_.by_path_.emplace(path, number).second) return invalid("two fields at ", path);
    }
    if (Status status = key(); !status) return status;
    for (const IndexDescription& index : schema_.description_.indexes) {
      if (Status status = parts(index); !status) return status;
    }
    return defaults();
  }

 private:
  static Status invalid(const char* what, const std::string& path) {
    return Status::invalid("description: " + (what + path));
  }

  Status columns(const std::vector<Field>& fields, const std::string& at, uint32_t parent) {
    for (const Field& field : fields) {
      const std::string path = at.empty() ? field.name : at + "." + field.name;
      const uint32_t number = static_cast<uint32_t>(schema_.columns_.size());
      if (Status status = column(path, &field, field.type, parent); !status) return status;
      if (field.type.tag != TypeTag::kObject) continue;
      const bool is_maybe = field.type.is_optional || field.type.is_nullable;
      Status status = columns(field.type.fields, path, is_maybe ? number : parent);
      if (!status) return status;
    }
    return Status::ok();
  }

  Status column(std::string path, const Field* field, const Type& type, uint32_t parent) {
    if (schema_.columns_.size() >= kColumnsMax) return invalid("too many fields", "");
    Column made;
    made.path = std::move(path);
    made.field = field;
    made.type = &type;
    made.parent = parent;
    if (type.is_optional) made.absent_bit = schema_.bit_count_++;
    if (type.is_nullable) made.null_bit = schema_.bit_count_++;
    if (type.tag == TypeTag::kBoolean) made.truth_bit = schema_.bit_count_++;
    made.slot_at = schema_.slots_bytes_;
    made.slot_bytes = fixed_bytes(type);
    schema_.slots_bytes_ += made.slot_bytes;
    const bool is_double = type.tag == TypeTag::kFloat64 || type.tag == TypeTag::kDate;
    made.is_always = parent == kNoColumn && !type.is_optional && !type.is_nullable;
    made.is_plain_double = is_double && made.is_always;
    if (type.tag != TypeTag::kObject && has_text(type)) made.text = schema_.text_count_++;
    if (has_blob(type.tag)) made.blob = schema_.blob_count_++;
    schema_.columns_.push_back(std::move(made));
    const bool is_known = field == nullptr || ids_.insert(field->id).second;
    return is_known ? Status::ok()
                    : invalid("two fields of one id: ", schema_.columns_.back().path);
  }

  Status key() const {
    const KeyDescription& key = schema_.description_.key;
    for (const std::string& path : key.paths) {
      const uint32_t number = schema_.find(path);
      if (number == kNoColumn && schema_.description_.keeps_extra) continue;
      if (number == kNoColumn) return invalid("no field for the key at ", path);
      const Column& column = schema_.column(number);
      if (!has_key(*column.type)) return invalid("no key can be made of ", path);
      const bool is_maybe = column.type->is_optional || column.type->is_nullable;
      if (is_maybe || column.parent != kNoColumn) return invalid("the key may be missing: ", path);
    }
    return Status::ok();
  }

  Status parts(const IndexDescription& index) const {
    for (const IndexPart& part : index.parts) {
      const uint32_t number = schema_.find(part.path);
      if (number == kNoColumn) return invalid("no field for an index at ", part.path);
      const Type* type = schema_.column(number).type;
      if (index.is_multiple && type->tag == TypeTag::kArray) type = &type->members[0];
      if (!fits(index.kind, *type)) return invalid("no index of its kind can be on ", part.path);
    }
    return Status::ok();
  }

  static bool fits(IndexKind kind, const Type& type) {
    if (kind == IndexKind::kText) return type.tag == TypeTag::kString;
    if (kind == IndexKind::kGeo) return type.tag == TypeTag::kPoint || type.tag == TypeTag::kBox;
    return has_key(type);
  }

  Status defaults() const {
    if (schema_.defaults().empty()) return Status::ok();
    const Result<RecordView> view = RecordView::open(as_bytes(schema_.defaults()), schema_);
    return view ? view->verify() : view.error();
  }

  Schema& schema_;
  std::unordered_set<uint32_t> ids_;
};

Result<std::shared_ptr<const Schema>> Schema::of(Description description, uint32_t version) {
  Schema schema;
  schema.description_ = std::move(description);
  schema.version_ = version;
  if (Status status = SchemaMaker(schema).make(); !status) return status;
  return std::make_shared<const Schema>(std::move(schema));
}

uint32_t Schema::find(std::string_view path) const {
  const auto found = by_path_.find(path);
  return found == by_path_.end() ? kNoColumn : found->second;
}

uint32_t Schema::find(const Schema& other, uint32_t number) const {
  const Field* const field = other.column(number).field;
  if (field == nullptr) return extra_;
  for (uint32_t own = 0; own < columns_.size(); ++own) {
    if (columns_[own].field != nullptr && columns_[own].field->id == field->id) return own;
  }
  return kNoColumn;
}

}  // namespace varve

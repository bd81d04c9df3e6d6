// pure/codec/record/description.cc — the walk over a description's bytes.
#include "pure/codec/record/description.h"

#include <cmath>

#include "pure/codec/varint.h"

namespace varve {
namespace {

constexpr uint8_t kFormat = 0;

constexpr uint8_t kKeepsExtra = 1;
constexpr uint8_t kHasDefaults = 2;

constexpr uint8_t kHasDefault = 1;
constexpr uint8_t kIsFilled = 2;
constexpr uint8_t kIsComputed = 4;
constexpr uint8_t kIsHidden = 8;

constexpr uint8_t kIsOptional = 1;
constexpr uint8_t kIsNullable = 2;
constexpr uint8_t kHasRules = 4;
constexpr uint8_t kHasReference = 8;

constexpr uint8_t kLeastRule = 1;
constexpr uint8_t kGreatestRule = 2;
constexpr uint8_t kShortestRule = 3;
constexpr uint8_t kLongestRule = 4;
constexpr uint8_t kPatternRule = 5;

constexpr uint8_t kIsUnique = 1;
constexpr uint8_t kIsMultiple = 2;
constexpr uint8_t kIsDescending = 1;

bool is_utf8(Bytes text) {
  for (size_t at = 0; at < text.size();) {
    const uint8_t lead = text[at];
    const size_t size = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if ((lead >= 0x80 && lead < 0xC2) || lead > 0xF4 || size > text.size() - at) return false;
    uint32_t code = size == 1 ? lead : lead & (0x7Fu >> size);
    for (size_t index = 1; index < size; ++index) {
      if ((text[at + index] & 0xC0) != 0x80) return false;
      code = code << 6 | (text[at + index] & 0x3F);
    }
    const bool is_surrogate = code >= 0xD800 && code <= 0xDFFF;
    if (is_surrogate || code > 0x10FFFF) return false;
    if ((size == 3 && code < 0x800) || (size == 4 && code < 0x10000)) return false;
    at += size;
  }
  return true;
}

// Which rules a type can have.
bool has_range(TypeTag tag) {
  return tag == TypeTag::kInt32 || tag == TypeTag::kInt64 || tag == TypeTag::kFloat64 ||
         tag == TypeTag::kDate;
}

bool has_size(TypeTag tag) {
  return tag == TypeTag::kString || tag == TypeTag::kBytes || tag == TypeTag::kArray ||
         tag == TypeTag::kMap;
}

// Takes one part after the other; the first that cannot be leaves its reason in `problem`.
class Reader {
 public:
  explicit Reader(Bytes bytes) : rest_(bytes) {}

  bool description(Description& to);
  const char* problem = nullptr;
  bool is_newer = false;

 private:
  bool fail(const char* what) {
    if (problem == nullptr) problem = what;
    return false;
  }
  bool byte(uint8_t& to);
  bool count(uint32_t& to, uint32_t most);
  bool text(std::string& to);
  // One more of many: each takes a byte at least, so that none are made room for that are not
  // there.
  bool fields(std::vector<Field>& to, size_t depth);
  bool field(Field& to, size_t depth);
  bool type(Type& to, size_t depth);
  bool parameters(Type& to, size_t depth);
  bool values(Type& to);
  bool members(Type& to, uint32_t count, size_t depth);
  bool rules(Type& to);
  bool rule(Type& to, uint8_t tag);
  bool bound(TypeTag tag, std::optional<double>& number, std::optional<int64_t>& integer);
  bool size_rule(std::optional<uint32_t>& to);
  bool reference(Type& to);
  bool key(KeyDescription& to);
  bool index(IndexDescription& to);
  bool parts(IndexDescription& to);
  bool defaults(std::string& to);

  Bytes rest_;
  size_t type_count_ = 0;
};

bool Reader::byte(uint8_t& to) {
  if (rest_.empty()) return fail("cut short");
  to = rest_[0];
  rest_ = rest_.subspan(1);
  return true;
}

bool Reader::count(uint32_t& to, uint32_t most) {
  if (!take_varint(rest_, to)) return fail("no count");
  return to <= most || fail("a count beyond its limit");
}

bool Reader::text(std::string& to) {
  uint32_t size = 0;
  if (!count(size, kDescriptionBytesMax)) return false;
  if (size > rest_.size()) return fail("cut short");
  const Bytes bytes = rest_.first(size);
  if (!is_utf8(bytes)) return fail("a text that is not UTF-8");
  to.assign(as_text(bytes));
  rest_ = rest_.subspan(size);
  return true;
}

bool Reader::description(Description& to) {
  uint8_t format = 0;
  uint8_t flags = 0;
  if (!byte(format)) return false;
  is_newer = format > kFormat;
  if (is_newer) return fail("of a newer format");
  if (!byte(flags) || !text(to.name)) return false;
  if ((flags & ~(kKeepsExtra | kHasDefaults)) != 0) return fail("unknown flags");
  if (to.name.empty()) return fail("without a name");
  to.keeps_extra = (flags & kKeepsExtra) != 0;
  if (!fields(to.fields, 0) || !key(to.key)) return false;
  uint32_t index_count = 0;
  if (!count(index_count, kIndexesMax)) return false;
  to.indexes.resize(index_count);
  for (IndexDescription& one : to.indexes) {
    if (!index(one)) return false;
  }
  if ((flags & kHasDefaults) != 0 && !defaults(to.defaults)) return false;
  return rest_.empty() || fail("bytes after its end");
}

bool Reader::fields(std::vector<Field>& to, size_t depth) {
  uint32_t field_count = 0;
  if (!count(field_count, kTypesMax)) return false;
  if (field_count > rest_.size()) return fail("cut short");
  for (uint32_t index = 0; index < field_count; ++index) {
    if (!field(to.emplace_back(), depth)) return false;
  }
  return true;
}

bool Reader::field(Field& to, size_t depth) {
  uint8_t flags = 0;
  if (!text(to.name) || !count(to.id, UINT32_MAX) || !byte(flags)) return false;
  if (to.name.empty()) return fail("a field without a name");
  if ((flags & ~(kHasDefault | kIsFilled | kIsComputed | kIsHidden)) != 0) {
    return fail("unknown flags of a field");
  }
  to.has_default = (flags & kHasDefault) != 0;
  to.is_filled = (flags & kIsFilled) != 0;
  to.is_computed = (flags & kIsComputed) != 0;
  to.is_hidden = (flags & kIsHidden) != 0;
  return type(to.type, depth);
}

bool Reader::type(Type& to, size_t depth) {
  if (depth >= kTypeDepthMax) return fail("nested too deep");
  if (++type_count_ > kTypesMax) return fail("too many types");
  uint8_t tag = 0;
  uint8_t flags = 0;
  if (!byte(tag) || !byte(flags)) return false;
  if (tag < static_cast<uint8_t>(TypeTag::kBoolean) || tag > static_cast<uint8_t>(TypeTag::kKey)) {
    return fail("an unknown type");
  }
  if ((flags & ~(kIsOptional | kIsNullable | kHasRules | kHasReference)) != 0) {
    return fail("unknown flags of a type");
  }
  to.tag = static_cast<TypeTag>(tag);
  to.is_optional = (flags & kIsOptional) != 0;
  to.is_nullable = (flags & kIsNullable) != 0;
  return parameters(to, depth) && ((flags & kHasRules) == 0 || rules(to)) &&
         ((flags & kHasReference) == 0 || reference(to));
}

bool Reader::parameters(Type& to, size_t depth) {
  uint32_t number = 0;
  switch (to.tag) {
    case TypeTag::kEnum:
      return values(to);
    case TypeTag::kVector:
      if (!count(to.dimensions, kVectorDimensionsMax)) return false;
      return to.dimensions > 0 || fail("a vector without dimensions");
    case TypeTag::kArray:
    case TypeTag::kMap:
      return members(to, 1, depth);
    case TypeTag::kUnion:
      if (!count(number, 255)) return false;
      return number >= 2 ? members(to, number, depth) : fail("a union of less than two");
    case TypeTag::kObject:
      if (!fields(to.fields, depth + 1)) return false;
      return !to.fields.empty() || fail("an object without fields");
    default:
      return true;
  }
}

bool Reader::values(Type& to) {
  uint32_t number = 0;
  if (!count(number, kEnumValuesMax)) return false;
  if (number == 0) return fail("an enum without values");
  if (number > rest_.size()) return fail("cut short");
  to.values.resize(number);
  for (std::string& value : to.values) {
    if (!text(value)) return false;
  }
  return true;
}

bool Reader::members(Type& to, uint32_t number, size_t depth) {
  to.members.resize(number);
  for (Type& member : to.members) {
    if (!type(member, depth + 1)) return false;
  }
  return true;
}

bool Reader::rules(Type& to) {
  uint32_t number = 0;
  if (!count(number, kPatternRule)) return false;
  if (number == 0) return fail("no rules");
  uint8_t last = 0;
  for (uint32_t index = 0; index < number; ++index) {
    uint8_t tag = 0;
    if (!byte(tag)) return false;
    if (tag <= last) return fail("rules out of order");
    if (!rule(to, tag)) return false;
    last = tag;
  }
  return true;
}

bool Reader::rule(Type& to, uint8_t tag) {
  switch (tag) {
    case kLeastRule:
      return bound(to.tag, to.rules.least, to.rules.least_integer);
    case kGreatestRule:
      return bound(to.tag, to.rules.greatest, to.rules.greatest_integer);
    case kShortestRule:
    case kLongestRule:
      if (!has_size(to.tag)) return fail("a rule of another type");
      return size_rule(tag == kShortestRule ? to.rules.shortest : to.rules.longest);
    case kPatternRule:
      if (to.tag != TypeTag::kString) return fail("a rule of another type");
      return text(to.rules.pattern) && text(to.rules.pattern_flags);
    default:
      return fail("an unknown rule");
  }
}

bool Reader::bound(TypeTag tag, std::optional<double>& number, std::optional<int64_t>& integer) {
  if (!has_range(tag)) return fail("a rule of another type");
  if (rest_.size() < 8) return fail("cut short");
  if (tag == TypeTag::kInt64) {
    integer = load<int64_t>(rest_.data());
  } else {
    number = load<double>(rest_.data());
    if (std::isnan(*number)) return fail("a bound that is no number");
  }
  rest_ = rest_.subspan(8);
  return true;
}

bool Reader::size_rule(std::optional<uint32_t>& to) {
  uint32_t size = 0;
  if (!count(size, INT32_MAX)) return false;
  to = size;
  return true;
}

bool Reader::reference(Type& to) {
  uint8_t on_delete = 0;
  Reference& made = to.reference.emplace();
  if (!text(made.collection) || !byte(on_delete)) return false;
  if (made.collection.empty()) return fail("a reference to nothing");
  if (on_delete < static_cast<uint8_t>(OnDelete::kRestrict) ||
      on_delete > static_cast<uint8_t>(OnDelete::kSetNull)) {
    return fail("an unknown rule of deletion");
  }
  made.on_delete = static_cast<OnDelete>(on_delete);
  return true;
}

bool Reader::key(KeyDescription& to) {
  uint8_t kind = 0;
  uint32_t number = 0;
  uint8_t generated = 0;
  if (!byte(kind) || !count(number, kKeyPartsMax)) return false;
  if (kind != static_cast<uint8_t>(KeyKind::kField) &&
      kind != static_cast<uint8_t>(KeyKind::kFields)) {
    return fail("an unknown kind of key");
  }
  to.kind = static_cast<KeyKind>(kind);
  if (number == 0 || (to.kind == KeyKind::kField && number != 1)) return fail("a key of no field");
  to.paths.resize(number);
  for (std::string& path : to.paths) {
    if (!text(path)) return false;
  }
  if (!byte(generated)) return false;
  if (generated > static_cast<uint8_t>(Generated::kSequence)) {
    return fail("a key made in an unknown way");
  }
  to.generated = static_cast<Generated>(generated);
  return true;
}

bool Reader::index(IndexDescription& to) {
  uint8_t kind = 0;
  uint8_t flags = 0;
  if (!text(to.name) || !byte(kind) || !byte(flags) || !count(to.revision, UINT32_MAX)) {
    return false;
  }
  if (to.name.empty()) return fail("an index without a name");
  if (kind < static_cast<uint8_t>(IndexKind::kOrdered) ||
      kind > static_cast<uint8_t>(IndexKind::kGeo)) {
    return fail("an unknown kind of index");
  }
  if ((flags & ~(kIsUnique | kIsMultiple)) != 0) return fail("unknown flags of an index");
  to.kind = static_cast<IndexKind>(kind);
  to.is_unique = (flags & kIsUnique) != 0;
  to.is_multiple = (flags & kIsMultiple) != 0;
  return parts(to) && text(to.condition) && text(to.options);
}

bool Reader::parts(IndexDescription& to) {
  uint32_t number = 0;
  if (!count(number, kKeyPartsMax)) return false;
  if (number == 0) return fail("an index on nothing");
  to.parts.resize(number);
  for (IndexPart& part : to.parts) {
    uint8_t flags = 0;
    if (!text(part.path) || !byte(flags)) return false;
    if ((flags & ~kIsDescending) != 0) return fail("unknown flags of a part");
    part.is_descending = (flags & kIsDescending) != 0;
  }
  return true;
}

bool Reader::defaults(std::string& to) {
  uint32_t size = 0;
  if (!count(size, kDescriptionBytesMax)) return false;
  if (size > rest_.size()) return fail("cut short");
  if (size == 0) return fail("no defaults");
  to.assign(as_text(rest_.first(size)));
  rest_ = rest_.subspan(size);
  return true;
}

}  // namespace

Result<Description> read_description(Bytes bytes) {
  if (bytes.size() > kDescriptionBytesMax) {
    return Status::corrupt("description: larger than any can be");
  }
  Reader reader(bytes);
  Description description;
  if (reader.description(description)) return description;
  const std::string what = std::string("description: ") + reader.problem;
  if (reader.is_newer) return Status(Code::kNewerFormat, what);
  return Status::corrupt(what);
}

}  // namespace varve

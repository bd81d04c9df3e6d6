// pure/codec/record/members.cc — members of arrays, maps and unions, one after the other.
#include "pure/codec/record/members.h"

#include "pure/codec/varint.h"

namespace varve {
namespace {

Text take_units(Text& text, size_t units) {
  const size_t size = text.is_wide ? 2 * units : units;
  const Text taken{text.bytes.first(size), text.is_wide};
  text.bytes = text.bytes.subspan(size);
  return taken;
}

bool take_text(Bytes& bytes, Text& text, Text& to) {
  uint32_t units = 0;
  if (!take_varint(bytes, units) || units > text.units()) return false;
  to = take_units(text, units);
  return true;
}

bool take_blob(Bytes& bytes, Bytes& to) {
  uint32_t size = 0;
  if (!take_varint(bytes, size) || size > bytes.size()) return false;
  to = bytes.first(size);
  bytes = bytes.subspan(size);
  return true;
}

bool take_fixed(Bytes& bytes, size_t size, Bytes& to) {
  if (size > bytes.size()) return false;
  to = bytes.first(size);
  bytes = bytes.subspan(size);
  return true;
}

bool take_presence(const Type& type, Bytes& bytes, Presence& to) {
  to = Presence::kPresent;
  if (!type.is_optional && !type.is_nullable) return true;
  if (bytes.empty() || bytes[0] > 2) return false;
  const uint8_t said = bytes[0];
  bytes = bytes.subspan(1);
  if (said == 0) return true;
  to = said == 1 ? Presence::kNull : Presence::kAbsent;
  return said == 1 ? type.is_nullable : type.is_optional;
}

// Passes over what an array, map, union or object has within.
bool pass_within(const Type& type, Bytes& bytes, Text& text) {
  if (type.tag == TypeTag::kObject) {
    for (const Field& field : type.fields) {
      Item item;
      if (!take_member(field.type, bytes, text, item)) return false;
    }
    return true;
  }
  MemberHead head;
  if (!take_member_head(type, bytes, head)) return false;
  for (uint32_t index = 0; index < head.count; ++index) {
    Text name;
    Item item;
    if (type.tag == TypeTag::kMap && !take_text(bytes, text, name)) return false;
    const Type& member = type.members[type.tag == TypeTag::kUnion ? head.alternative : 0];
    if (!take_member(member, bytes, text, item)) return false;
  }
  return true;
}

bool take_within(const Type& type, Bytes& bytes, Text& text, Item& to) {
  const Bytes bytes_before = bytes;
  const Text text_before = text;
  if (!pass_within(type, bytes, text)) return false;
  const size_t text_size = text_before.bytes.size() - text.bytes.size();
  to = Item(&type, bytes_before.first(bytes_before.size() - bytes.size()),
            {text_before.bytes.first(text_size), text.is_wide});
  return true;
}

bool take_json(const Type& type, Bytes& bytes, Text& text, Item& to) {
  Text strings;
  Bytes head;
  if (!take_text(bytes, text, strings) || !take_blob(bytes, head)) return false;
  to = Item(&type, head, strings);
  return !head.empty();
}

}  // namespace

bool take_member_head(const Type& type, Bytes& bytes, MemberHead& to) {
  if (type.tag == TypeTag::kUnion) {
    if (bytes.empty() || bytes[0] >= type.members.size()) return false;
    to.alternative = bytes[0];
    to.count = 1;
    bytes = bytes.subspan(1);
    return true;
  }
  // Each member takes a byte at least.
  return take_varint(bytes, to.count) && to.count <= bytes.size();
}

bool take_member(const Type& type, Bytes& bytes, Text& text, Item& to) {
  Presence is = Presence::kPresent;
  if (!take_presence(type, bytes, is)) return false;
  if (is != Presence::kPresent) {
    to = Item(&type, is);
    return true;
  }
  Bytes taken;
  Text string;
  switch (type.tag) {
    case TypeTag::kBoolean:
      if (!take_fixed(bytes, 1, taken) || taken[0] > 1) return false;
      to = Item(&type, {}, {}, taken[0] == 1);
      return true;
    case TypeTag::kString:
      if (!take_text(bytes, text, string)) return false;
      to = Item(&type, {}, string);
      return true;
    case TypeTag::kBytes:
    case TypeTag::kKey:
      if (!take_blob(bytes, taken)) return false;
      break;
    case TypeTag::kVector:
      if (!take_fixed(bytes, size_t{4} * type.dimensions, taken)) return false;
      break;
    case TypeTag::kArray:
    case TypeTag::kMap:
    case TypeTag::kUnion:
    case TypeTag::kObject:
      return take_within(type, bytes, text, to);
    case TypeTag::kJson:
      return take_json(type, bytes, text, to);
    default:
      if (!take_fixed(bytes, fixed_bytes(type), taken)) return false;
  }
  to = Item(&type, taken, {});
  return true;
}

Members::Members(const Item& of) : bytes_(of.bytes()), text_(of.text()) {
  if (!of.is_present()) return;
  const TypeTag tag = of.type().tag;
  if (tag != TypeTag::kArray && tag != TypeTag::kMap && tag != TypeTag::kUnion) return;
  type_ = &of.type();
  MemberHead head;
  is_whole_ = take_member_head(*type_, bytes_, head);
  count_ = is_whole_ ? head.count : 0;
  alternative_ = head.alternative;
}

bool Members::next() {
  if (index_ == count_) {
    is_whole_ = is_whole_ && bytes_.empty() && text_.bytes.empty();
    return false;
  }
  ++index_;
  const Type& member = type_->members[type_->tag == TypeTag::kUnion ? alternative_ : 0];
  const bool has_name = type_->tag != TypeTag::kMap || take_text(bytes_, text_, name_);
  is_whole_ = has_name && take_member(member, bytes_, text_, item_);
  if (!is_whole_) index_ = count_ = 0;
  return is_whole_;
}

}  // namespace varve

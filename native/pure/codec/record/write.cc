// pure/codec/record/write.cc — a record made of items that lie in others: of an older version, or
// with another field set.
//
// Nothing is decoded: bits and numbers are put in their slots, texts and blobs are run together as
// they are. So the bytes are those that lib/collection/ would have written of the same values.
#include <algorithm>
#include <cstring>
#include <vector>

#include "pure/codec/record/record.h"
#include "pure/codec/varint.h"

namespace varve {
namespace {

constexpr uint8_t kWithoutText = 0x10;
constexpr uint8_t kNarrow = 0x11;
constexpr uint8_t kWide = 0x12;
constexpr uint32_t kRowFlag = 4;
constexpr uint32_t kVersionShift = 3;

// Whether the bytes of a value of one type are those of the same value of the other.
bool has_same_bytes(const Type& a, const Type& b) {
  const bool is_alike = a.tag == b.tag && a.dimensions == b.dimensions &&
                        fixed_bytes(a) == fixed_bytes(b) && a.members.size() == b.members.size() &&
                        a.fields.size() == b.fields.size() && a.values.size() <= b.values.size();
  if (!is_alike || !std::equal(a.values.begin(), a.values.end(), b.values.begin())) return false;
  if (a.tag == TypeTag::kInt32 &&
      width_of_int32(a.rules).is_signed != width_of_int32(b.rules).is_signed) {
    return false;
  }
  const auto is_same_member = [](const Type& one, const Type& other) {
    const bool has_mark = one.is_optional || one.is_nullable;
    return has_mark == (other.is_optional || other.is_nullable) && has_same_bytes(one, other);
  };
  for (size_t i = 0; i < a.members.size(); ++i) {
    if (!is_same_member(a.members[i], b.members[i])) return false;
  }
  for (size_t i = 0; i < a.fields.size() && a.tag != TypeTag::kObject; ++i) {
    if (!is_same_member(a.fields[i].type, b.fields[i].type)) return false;
  }
  return true;
}

void store_sized(uint8_t* at, uint32_t number, size_t width) {
  if (width == 1)
    *at = static_cast<uint8_t>(number);
  else if (width == 2)
    varve::store<uint16_t>(at, static_cast<uint16_t>(number));
  else
    varve::store<uint32_t>(at, number);
}

bool is_number(TypeTag tag) {
  return tag == TypeTag::kInt32 || tag == TypeTag::kInt64 || tag == TypeTag::kFloat64;
}

// A number in a slot that is wider than its own; false where it has no place there.
bool put_number(const Item& item, const Type& type, uint8_t* slot) {
  const bool is_whole = item.type().tag != TypeTag::kFloat64;
  if (type.tag == TypeTag::kFloat64) {
    if (item.type().tag == TypeTag::kInt64) return false;
    varve::store<double>(slot, item.number());
    return true;
  }
  if (!is_whole) return false;
  if (type.tag == TypeTag::kInt64) {
    varve::store<int64_t>(slot, item.integer());
    return true;
  }
  const IntegerWidth width = width_of_int32(type.rules);
  store_sized(slot, static_cast<uint32_t>(static_cast<int32_t>(item.integer())), width.bytes);
  const Item written(&type, Bytes(slot, width.bytes), {});
  return written.integer() == item.integer();
}

class RecordWriter {
 public:
  explicit RecordWriter(const Schema& schema)
      : schema_(schema), fixed_(size_t{schema.bits_bytes()} + schema.slots_bytes()) {}

  Status add(uint32_t number, const Item& item) {
    const Column& column = schema_.column(number);
    presence_.push_back(Presence::kAbsent);
    const bool is_within_absent = is_in_nothing(column);
    const bool is_there = item.is_present() && !is_within_absent;
    if (is_there) {
      presence_.back() = Presence::kPresent;
      if (!put(column, item)) return misplaced(column);
    } else if (!is_within_absent) {
      const bool is_null = column.null_bit != kNoColumn &&
                           (item.presence() == Presence::kNull || column.absent_bit == kNoColumn);
      const uint32_t bit = is_null ? column.null_bit : column.absent_bit;
      if (bit == kNoColumn) return misplaced(column);
      presence_.back() = is_null ? Presence::kNull : Presence::kAbsent;
      set(bit);
    }
    if (column.text != kNoColumn) text_ends_.push_back(units_);
    if (column.blob != kNoColumn) blob_ends_.push_back(static_cast<uint32_t>(blobs_.size()));
    return Status::ok();
  }

  std::string finish(uint64_t row) {
    if (!text_ends_.empty()) text_ends_.pop_back();
    if (!blob_ends_.empty()) blob_ends_.pop_back();
    std::vector<uint32_t> ends = text_ends_;
    ends.insert(ends.end(), blob_ends_.begin(), blob_ends_.end());
    const uint32_t greatest = ends.empty() ? 0 : *std::max_element(ends.begin(), ends.end());
    const uint32_t code = greatest <= 0xFF ? 0 : greatest <= 0xFFFF ? 1 : 2;
    const size_t width = size_t{1} << code;
    std::string head;
    append_varint(head, schema_.version() << kVersionShift | kRowFlag | code);
    append_varint(head, row);
    append(head, Bytes(fixed_));
    for (const uint32_t end : ends) {
      uint8_t bytes[4];
      store_sized(bytes, end, width);
      append(head, Bytes(bytes, width));
    }
    head += blobs_;
    const bool is_wide =
        std::any_of(texts_.begin(), texts_.end(), [](const Text& text) { return text.is_wide; });
    std::string made(1, static_cast<char>(units_ == 0 ? kWithoutText : is_wide ? kWide : kNarrow));
    if (units_ > 0) append_varint(made, head.size());
    made += head;
    for (const Text& text : texts_) append_text(text, is_wide, made);
    return made;
  }

 private:
  static void append_text(Text text, bool is_wide, std::string& to) {
    if (text.is_wide == is_wide) return append(to, text.bytes);
    for (const uint8_t unit : text.bytes) {
      to += static_cast<char>(unit);
      to += '\0';
    }
  }

  bool is_in_nothing(const Column& column) const {
    for (uint32_t above = column.parent; above != kNoColumn; above = schema_.column(above).parent) {
      if (presence_[above] != Presence::kPresent) return true;
    }
    return false;
  }

  bool put(const Column& column, const Item& item) {
    const Type& type = *column.type;
    if (item.truth() && column.truth_bit != kNoColumn) set(column.truth_bit);
    uint8_t* const slot = fixed_.data() + schema_.bits_bytes() + column.slot_at;
    const bool is_same = has_same_bytes(item.type(), type);
    if (!is_same && !(is_number(item.type().tag) && is_number(type.tag))) return false;
    if (!is_same) return put_number(item, type, slot);
    if (column.slot_bytes > 0) {
      if (item.bytes().size() != column.slot_bytes) return false;
      std::memcpy(slot, item.bytes().data(), column.slot_bytes);
    }
    if (column.blob != kNoColumn) append(blobs_, item.bytes());
    if (column.text != kNoColumn && item.text().units() > 0) {
      texts_.push_back(item.text());
      units_ += static_cast<uint32_t>(item.text().units());
    }
    return true;
  }

  void set(uint32_t bit) { fixed_[bit >> 3] |= static_cast<uint8_t>(1u << (bit & 7)); }

  static Status misplaced(const Column& column) {
    return Status::invalid("record: " + column.path +
                           " was stored otherwise, and has no place in the newest form");
  }

  const Schema& schema_;
  std::vector<uint8_t> fixed_;  // Bits and slots.
  std::vector<Presence> presence_;
  std::vector<Text> texts_;
  std::string blobs_;
  uint32_t units_ = 0;
  std::vector<uint32_t> text_ends_;
  std::vector<uint32_t> blob_ends_;
};

}  // namespace

Result<std::string> write_record(const Schema& schema, uint64_t row,
                                 const std::function<Item(uint32_t)>& item_of) {
  RecordWriter writer(schema);
  for (uint32_t number = 0; number < schema.columns().size(); ++number) {
    if (Status status = writer.add(number, item_of(number)); !status) return status;
  }
  return writer.finish(row);
}

}  // namespace varve

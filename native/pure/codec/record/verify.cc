// pure/codec/record/verify.cc — whether bytes are a record as one is written.
//
// Everything is looked at once at each level that it is nested in, so O(size × depth).
#include <algorithm>
#include <cmath>
#include <string>

#include "pure/codec/key.h"
#include "pure/codec/record/members.h"

namespace varve {
namespace {

constexpr double kDateMax = 8.64e15;
constexpr uint64_t kRowMax = (uint64_t{1} << 53) - 1;

bool is_within(double value, double most) { return value >= -most && value <= most; }

bool is_point(const Item& item) {
  return is_within(item.coordinate(0), 90) && is_within(item.coordinate(1), 180);
}

bool is_box(const Item& item) {
  return is_within(item.coordinate(0), 90) && is_within(item.coordinate(1), 180) &&
         is_within(item.coordinate(2), 90) && is_within(item.coordinate(3), 180) &&
         item.coordinate(0) <= item.coordinate(2);
}

bool is_fine(const Item& item);

bool are_members_fine(const Item& item) {
  Members members(item);
  while (members.next()) {
    if (!is_fine(members.item())) return false;
  }
  return members.is_whole();
}

bool are_fields_fine(const Item& item) {
  Bytes bytes = item.bytes();
  Text text = item.text();
  for (const Field& field : item.type().fields) {
    Item member;
    if (!take_member(field.type, bytes, text, member) || !is_fine(member)) return false;
  }
  return bytes.empty() && text.bytes.empty();
}

// A value that is there, by its type alone: rules are for rules.h.
bool is_fine(const Item& item) {
  if (!item.is_present()) return true;
  const double number = item.number();
  switch (item.type().tag) {
    case TypeTag::kFloat64:
      return !std::isnan(number);
    case TypeTag::kDate:
      return is_within(number, kDateMax) && number == std::trunc(number);
    case TypeTag::kEnum:
      return item.choice() < item.type().values.size();
    case TypeTag::kPoint:
      return is_point(item);
    case TypeTag::kBox:
      return is_box(item);
    case TypeTag::kVector:
      return item.bytes().size() == size_t{4} * item.type().dimensions;
    case TypeTag::kKey:
      return static_cast<bool>(validate_key(item.bytes()));
    case TypeTag::kArray:
    case TypeTag::kMap:
    case TypeTag::kUnion:
      return are_members_fine(item);
    case TypeTag::kObject:
      return are_fields_fine(item);
    default:
      return true;
  }
}

bool is_zero(const uint8_t* at, size_t size) {
  return std::all_of(at, at + size, [](uint8_t byte) { return byte == 0; });
}

}  // namespace

Status RecordView::verify_frame() const {
  if (has_row_ && row_ > kRowMax) return Status::corrupt("record: a row beyond what one can be");
  if (has_text_kind_ == text_.bytes.empty()) return Status::corrupt("record: of the wrong kind");
  if (schema_->text_count() == 0 && !text_.bytes.empty()) {
    return Status::corrupt("record: text, and no field has any");
  }
  if (schema_->blob_count() == 0 && !blobs_.empty()) {
    return Status::corrupt("record: bytes after its end");
  }
  const uint32_t used = schema_->bit_count() & 7;
  if (used != 0 && bits_[schema_->bits_bytes() - 1] >> used != 0) {
    return Status::corrupt("record: bits that nothing has");
  }
  return Status::ok();
}

Status RecordView::verify_ends() const {
  const uint32_t text_ends = std::max(schema_->text_count(), 1u) - 1;
  const uint32_t blob_ends = std::max(schema_->blob_count(), 1u) - 1;
  size_t greatest = 0;
  size_t last = 0;
  for (uint32_t number = 0; number < text_ends + blob_ends; ++number) {
    if (number == text_ends) last = 0;
    const size_t end = end_of(number);
    const size_t most = number < text_ends ? text_.units() : blobs_.size();
    if (end < last || end > most) return Status::corrupt("record: ends out of order");
    greatest = std::max(greatest, end);
    last = end;
  }
  const uint8_t needed = greatest <= 0xFF ? 1 : greatest <= 0xFFFF ? 2 : 4;
  return width_ == needed ? Status::ok() : Status::corrupt("record: ends wider than needed");
}

Status RecordView::verify_column(uint32_t number) const {
  const Column& column = schema_->column(number);
  const auto wrong = [&](const char* what) {
    return Status::corrupt("record: " + column.path + " " + what);
  };
  const Item found = item(number);
  if (number == schema_->extra()) {
    return !found.bytes().empty() || found.text().bytes.empty() ? Status::ok()
                                                                : wrong("has text alone");
  }
  if (found.is_present()) {
    const bool is_object = column.type->tag == TypeTag::kObject;
    if (column.type->tag == TypeTag::kJson && found.bytes().empty()) return wrong("is nothing");
    return is_object || is_fine(found) ? Status::ok() : wrong("is not of its type");
  }
  if (is_within_absent(column) && presence_said(column) != Presence::kPresent) {
    return wrong("says that it is absent, and so is what it is in");
  }
  const bool says_both = column.absent_bit != kNoColumn && bit(column.absent_bit) &&
                         column.null_bit != kNoColumn && bit(column.null_bit);
  const bool says_truth = column.truth_bit != kNoColumn && bit(column.truth_bit);
  const bool has_slot = !is_zero(slots_ + column.slot_at, column.slot_bytes);
  const bool has_text = column.text != kNoColumn && text_of(column.text).units() > 0;
  const bool has_blob = column.blob != kNoColumn && !blob_of(column.blob).empty();
  if (says_both || says_truth || has_slot || has_text || has_blob) {
    return wrong("has a value, and is not there");
  }
  return Status::ok();
}

Status RecordView::verify() const {
  if (Status status = verify_frame(); !status) return status;
  if (Status status = verify_ends(); !status) return status;
  for (uint32_t number = 0; number < schema_->columns().size(); ++number) {
    if (Status status = verify_column(number); !status) return status;
  }
  return Status::ok();
}

}  // namespace varve

// pure/codec/record/record.cc — opening a record, and finding its columns.
#include "pure/codec/record/record.h"

#include "pure/codec/varint.h"

namespace varve {
namespace {

constexpr uint8_t kWithoutText = 0x10;
constexpr uint8_t kNarrow = 0x11;
constexpr uint8_t kWide = 0x12;
constexpr uint32_t kWidthBits = 3;
constexpr uint32_t kRowFlag = 4;
constexpr uint32_t kVersionShift = 3;

// The frame of a stored value: what is head and what is text.
struct Frame {
  uint8_t kind = 0;
  Bytes head;
  Text text;
};

// As take_varint() does it, by copies: what the long way is given an address of is no more in
// registers, and every document that a query looks at comes by here.
template <typename Number>
bool take_number(Bytes& from, Number& number) {
  if (!from.empty() && from[0] < 0x80) {
    number = from[0];
    from = from.subspan(1);
    return true;
  }
  Bytes rest = from;
  Number taken = 0;
  if (!take_long_varint(rest, taken)) return false;
  from = rest;
  number = taken;
  return true;
}

inline bool take_frame(Bytes stored, Frame& to) {
  if (stored.empty()) return false;
  to.kind = stored[0];
  to.head = stored.subspan(1);
  if (to.kind == kWithoutText) return true;
  if (to.kind != kNarrow && to.kind != kWide) return false;
  uint32_t size = 0;
  if (!take_number(to.head, size) || size > to.head.size()) return false;
  to.text = {to.head.subspan(size), to.kind == kWide};
  to.head = to.head.first(size);
  return !to.text.is_wide || to.text.bytes.size() % 2 == 0;
}

uint32_t load_sized(const uint8_t* at, size_t width) {
  if (width == 1) return *at;
  return width == 2 ? load<uint16_t>(at) : load<uint32_t>(at);
}

Text subtext(Text text, size_t begin, size_t end) {
  const size_t unit = text.is_wide ? 2 : 1;
  return {text.bytes.subspan(begin * unit, (end - begin) * unit), text.is_wide};
}

}  // namespace

int64_t Item::integer() const {
  if (type_ == nullptr || bytes_.empty()) return 0;
  if (type_->tag == TypeTag::kInt64) return load<int64_t>(bytes_.data());
  if (type_->tag != TypeTag::kInt32) return 0;
  const uint8_t* const at = bytes_.data();
  const IntegerWidth width = width_of_int32(type_->rules);
  if (width.bytes == 1) return width.is_signed ? static_cast<int8_t>(*at) : *at;
  if (width.bytes == 2) return width.is_signed ? load<int16_t>(at) : load<uint16_t>(at);
  return load<int32_t>(at);
}

double Item::number() const {
  if (type_ == nullptr || bytes_.empty()) return 0;
  if (type_->tag == TypeTag::kFloat64 || type_->tag == TypeTag::kDate) {
    return load<double>(bytes_.data());
  }
  return static_cast<double>(integer());
}

uint32_t Item::choice() const {
  if (type_ == nullptr || type_->tag != TypeTag::kEnum || bytes_.empty()) return 0;
  return load_sized(bytes_.data(), bytes_.size());
}

double Item::coordinate(size_t index) const {
  if (bytes_.size() < 8 * (index + 1)) return 0;
  return load<double>(bytes_.data() + 8 * index);
}

std::optional<uint32_t> RecordView::version_of(Bytes stored) {
  Frame frame;
  uint32_t lead = 0;
  if (!take_frame(stored, frame) || !take_varint(frame.head, lead)) return std::nullopt;
  return lead >> kVersionShift;
}

Result<RecordView> RecordView::open(Bytes stored, const Schema& schema) {
  RecordView view;
  const Schema* const only = &schema;
  if (Status status = view.look_at(stored, {&only, 1}, schema.version()); !status) return status;
  return view;
}

Status RecordView::look_at(Bytes stored, std::span<const Schema* const> versions,
                           uint32_t first_version) {
  Frame frame;
  if (!take_frame(stored, frame)) return Status::corrupt("record: no frame");
  uint32_t lead = 0;
  Bytes rest = frame.head;
  if (!take_number(rest, lead)) return Status::corrupt("record: cut short");
  const uint32_t width_code = lead & kWidthBits;
  if (width_code > 2) return Status::corrupt("record: an unknown width");
  const uint32_t version = lead >> kVersionShift;
  if (version < first_version || version - first_version >= versions.size()) {
    return Status::corrupt("record: of version " + std::to_string(version) + ", not " +
                           std::to_string(first_version + versions.size() - 1));
  }
  const Schema& schema = *versions[version - first_version];
  schema_ = &schema;
  has_text_kind_ = frame.kind != kWithoutText;
  width_ = static_cast<uint8_t>(1u << width_code);
  has_row_ = (lead & kRowFlag) != 0;
  uint64_t row = 0;
  if (has_row_ && !take_number(rest, row)) return Status::corrupt("record: no row");
  row_ = row;
  const size_t fixed = schema.fixed_bytes();
  const size_t before_blobs = fixed + size_t{schema.end_count()} * width_;
  if (rest.size() < before_blobs) return Status::corrupt("record: cut short");
  bits_ = rest.data();
  slots_ = rest.data() + schema.bits_bytes();
  ends_ = rest.data() + fixed;
  blobs_ = rest.subspan(before_blobs);
  text_ = frame.text;
  return Status::ok();
}

// Texts and blobs share one table of ends, in which the last of each is missing.
size_t RecordView::end_of(uint32_t number) const {
  return load_sized(ends_ + size_t{number} * width_, width_);
}

Text RecordView::text_of(uint32_t number) const {
  const size_t units = text_.units();
  const size_t begin = number == 0 ? 0 : end_of(number - 1);
  const size_t end = number + 1 == schema_->text_count() ? units : end_of(number);
  if (begin > end || end > units) return {};
  return subtext(text_, begin, end);
}

Bytes RecordView::blob_of(uint32_t number) const {
  const uint32_t before = schema_->text_count() > 0 ? schema_->text_count() - 1 : 0;
  const size_t begin = number == 0 ? 0 : end_of(before + number - 1);
  const size_t end = number + 1 == schema_->blob_count() ? blobs_.size() : end_of(before + number);
  if (begin > end || end > blobs_.size()) return {};
  return blobs_.subspan(begin, end - begin);
}

// Whatever is around it.
Presence RecordView::presence_said(const Column& column) const {
  if (column.absent_bit != kNoColumn && bit(column.absent_bit)) return Presence::kAbsent;
  if (column.null_bit != kNoColumn && bit(column.null_bit)) return Presence::kNull;
  return Presence::kPresent;
}

bool RecordView::is_within_absent(const Column& column) const {
  for (uint32_t above = column.parent; above != kNoColumn; above = schema_->column(above).parent) {
    if (presence_said(schema_->column(above)) != Presence::kPresent) return true;
  }
  return false;
}

Presence RecordView::presence(uint32_t number) const {
  const Column& column = schema_->column(number);
  return is_within_absent(column) ? Presence::kAbsent : presence_said(column);
}

Item RecordView::item(uint32_t number) const {
  const Column& column = schema_->column(number);
  const Presence is = presence(number);
  if (is != Presence::kPresent) return {column.type, is};
  const Text text = column.text == kNoColumn ? Text{} : text_of(column.text);
  if (column.blob != kNoColumn) return {column.type, blob_of(column.blob), text};
  const Bytes slot(slots_ + column.slot_at, column.slot_bytes);
  return {column.type, slot, text, column.truth_bit != kNoColumn && bit(column.truth_bit)};
}

Result<std::string> with_row(Bytes stored, uint64_t row) {
  Frame frame;
  uint32_t lead = 0;
  if (!take_frame(stored, frame)) return Status::corrupt("record: no frame");
  Bytes rest = frame.head;
  uint64_t old_row = 0;
  if (!take_varint(rest, lead)) return Status::corrupt("record: cut short");
  if ((lead & kRowFlag) != 0 && !take_varint(rest, old_row)) {
    return Status::corrupt("record: no row");
  }
  std::string head;
  append_varint(head, lead | kRowFlag);
  append_varint(head, row);
  append(head, rest);
  std::string made(1, static_cast<char>(frame.kind));
  if (frame.kind != kWithoutText) append_varint(made, head.size());
  made += head;
  append(made, frame.text.bytes);
  return made;
}

}  // namespace varve

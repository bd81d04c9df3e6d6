#include "layer/collection/packed.h"

#include <algorithm>

#include "layer/blocks/stored_kinds.h"
#include "layer/collection/entries.h"
#include "layer/collection/keys.h"
#include "pure/codec/record/record_key.h"

namespace varve::collection {
namespace {

// Beside the parts of an index (layer/blocks/keys.h).
constexpr char kValuePart = 5;
constexpr char kLastNumberPart = 6;
constexpr size_t kValueBytesMax = 1024;

std::string number_bytes(uint32_t number) {
  uint8_t bytes[4];
  store<uint32_t>(bytes, number);
  return std::string(as_text(Bytes(bytes, 4)));
}

Status too_large(const IndexDefinition& index, const std::string& what) {
  return {Code::kTooLarge, "index \"" + index.name + "\" on " + index.fields + ": " + what};
}

bool by_key(const PackedEntry& a, const PackedEntry& b) { return a.key < b.key; }
bool is_same(const PackedEntry& a, const PackedEntry& b) { return a.key == b.key; }

// ---- bitmaps

Status add_member(const IndexDefinition& index, uint32_t value, uint64_t row,
                  std::vector<PackedEntry>& to) {
  const std::string prefix = packed_prefix(index.id);
  const uint64_t member = member_of(value, row);
  LooseEntry added = StoredMembers::entry(prefix, member, Change::kAdd);
  LooseEntry removed = StoredMembers::entry(prefix, member, Change::kRemove);
  to.push_back({std::move(added.key), std::move(added.value), std::move(removed.value)});
  return Status::ok();
}

Status make_members(const IndexDefinition& index, const Document& document, ValueNumbers& numbers,
                    std::vector<PackedEntry>& to) {
  const uint64_t row = document.row();
  if (row > kRowMax) return too_large(index, "row numbers are above 2^40");
  if (Status status = add_member(index, kEveryValue, row, to); !status) return status;
  Status failed;
  const auto add = [&](Bytes value) {
    if (value.size() > kValueBytesMax) {
      failed = too_large(index, "a value takes more than " + std::to_string(kValueBytesMax) +
                                    " bytes; declare it 'ordered'");
      return false;
    }
    const Result<uint32_t> number = numbers.take(index, value);
    failed = number ? add_member(index, *number, row, to) : number.error();
    return static_cast<bool>(failed);
  };
  const PartDefinition& part = index.parts.front();
  if (part.is_each) {
    document.each_key(part.field, add);
    return failed;
  }
  std::string key;
  document.append_key(part.field, key);
  add(as_bytes(key));
  return failed;
}

// ---- texts

// Whatever of it is no character is read as one that says so.
void append_line(Text text, bool& is_any, std::string& to) {
  if (is_any) to += '\n';
  is_any = true;
  std::string key;
  append_text_key(text, KeyPlace::kAlone, key);
  to.append(key, 1);  // Behind the tag.
}

bool append_lines(const Item& item, bool is_any, std::string& to) {
  if (!item.is_present()) return is_any;
  if (item.type().tag == TypeTag::kString) {
    append_line(item.text(), is_any, to);
    return is_any;
  }
  if (item.type().tag != TypeTag::kArray) return is_any;
  for (Members members(item); members.next();) {
    if (members.item().is_present() && members.item().type().tag == TypeTag::kString) {
      append_line(members.item().text(), is_any, to);
    }
  }
  return is_any;
}

Status make_text(const IndexDefinition& index, const Document& document,
                 std::vector<PackedEntry>& to) {
  if (document.row() > UINT32_MAX) return too_large(index, "row numbers are above 2^32");
  std::string text;
  bool is_any = false;
  for (const PartDefinition& part : index.parts) {
    is_any = append_lines(document.item(part.field), is_any, text);
  }
  if (!is_any) return Status::ok();
  if (text.size() > kTextBytesMax) {
    return too_large(index, "a text takes more than " + std::to_string(kTextBytesMax) + " bytes");
  }
  const std::string prefix = packed_prefix(index.id);
  const uint32_t id = static_cast<uint32_t>(document.row());
  LooseEntry added = StoredTexts::entry(prefix, id, text);
  LooseEntry removed = StoredTexts::removal(prefix, id);
  to.push_back({std::move(added.key), std::move(added.value), std::move(removed.value)});
  return Status::ok();
}

// ---- places

template <geo::Holds kHolds>
Status make_place(const IndexDefinition& index, const Document& document,
                  std::vector<PackedEntry>& to) {
  if (document.row() > kRowMax) return too_large(index, "row numbers are above 2^40");
  const std::optional<Place> place = place_of(document.item(index.parts.front().field));
  if (!place) return Status::ok();
  using Kind = StoredPlaces<kHolds>;
  const std::string prefix = packed_prefix(index.id);
  const geo::Entry entry = {document.row(), place->box};
  LooseEntry added = Kind::entry(prefix, entry, Change::kAdd);
  LooseEntry removed = Kind::entry(prefix, entry, Change::kRemove);
  to.push_back({std::move(added.key), std::move(added.value), std::move(removed.value)});
  return Status::ok();
}

}  // namespace

std::string packed_prefix(uint32_t index) { return prefix_of(kPacked, index); }

// ---- numbers of values

std::string values_prefix(uint32_t index) { return packed_prefix(index) + kValuePart; }

Result<std::optional<uint32_t>> ValueNumbers::read(Bytes key) const {
  Lookup found;
  if (Status status = reads_.get(key, found); !status) return status;
  if (found.found != Found::kPut) return std::optional<uint32_t>();
  if (found.edit.value.size() != 4) return Status::corrupt("index: a number of a wrong size");
  return std::optional<uint32_t>(load<uint32_t>(found.edit.value.data()));
}

Result<std::optional<uint32_t>> ValueNumbers::find(const IndexDefinition& index,
                                                   Bytes value) const {
  std::string key = values_prefix(index.id);
  append(key, value);
  return read(as_bytes(key));
}

// The last number given out is a condition, as is the value's own: so two who meet a value at the
// same time are not both committed.
Result<uint32_t> ValueNumbers::take(const IndexDefinition& index, Bytes value) {
  std::string key = values_prefix(index.id);
  append(key, value);
  const std::string last_key = packed_prefix(index.id) + kLastNumberPart;
  const auto made = [&](const std::string& of) -> std::optional<uint32_t> {
    const auto found = made_.find(of);
    if (found == made_.end()) return std::nullopt;
    return load<uint32_t>(as_bytes(found->second).data());
  };
  if (const std::optional<uint32_t> own = made(key)) return *own;
  const Result<std::optional<uint32_t>> known = read(as_bytes(key));
  if (!known) return known.error();
  if (*known) return **known;
  std::optional<uint32_t> last = made(last_key);
  if (!last) {
    const Result<std::optional<uint32_t>> stored = read(as_bytes(last_key));
    if (!stored) return stored.error();
    last = stored->value_or(kEveryValue);
  }
  if (*last >= kValuesMax) {
    return too_large(index, "more than " + std::to_string(kValuesMax) +
                                " different values; declare it 'ordered'");
  }
  for (const Bytes one : {as_bytes(key), as_bytes(last_key)}) {
    Status status = reads_.transaction()->guard(one, reads_.view().commit());
    if (!status) return status;
  }
  const uint32_t number = *last + 1;
  made_[key] = number_bytes(number);
  made_[last_key] = number_bytes(number);
  return number;
}

// ---- a document

Status make_packed(const IndexDefinition& index, const Document& document, ValueNumbers& numbers,
                   std::vector<PackedEntry>& to) {
  to.clear();
  if (!is_indexed(index, document)) return Status::ok();
  Status made;
  switch (index.kind) {
    case IndexKind::kBitmap:
      made = make_members(index, document, numbers, to);
      break;
    case IndexKind::kText:
      made = make_text(index, document, to);
      break;
    case IndexKind::kGeo:
      made = index.holds_boxes ? make_place<geo::Holds::kBoxes>(index, document, to)
                               : make_place<geo::Holds::kPoints>(index, document, to);
      break;
    case IndexKind::kOrdered:
      break;
  }
  if (!made) return made;
  if (to.size() > kEntriesMax) {
    return too_large(index,
                     "more than " + std::to_string(kEntriesMax) + " entries of one document");
  }
  std::sort(to.begin(), to.end(), by_key);
  to.erase(std::unique(to.begin(), to.end(), is_same), to.end());
  return Status::ok();
}

}  // namespace varve::collection

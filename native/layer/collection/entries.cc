#include "layer/collection/entries.h"

#include <algorithm>

#include "layer/collection/keys.h"
#include "layer/collection/spans.h"
#include "pure/codec/record/record_key.h"
#include "pure/codec/varint.h"

namespace varve::collection {
namespace {

void turn(std::string& bytes, size_t from) {
  for (size_t i = from; i < bytes.size(); ++i) bytes[i] = static_cast<char>(~bytes[i]);
}

Status too_long(const IndexDefinition& index) {
  return {Code::kTooLarge, "index \"" + index.name + "\" on " + index.fields +
                               ": an entry takes more than " + std::to_string(kEntryBytesMax) +
                               " bytes"};
}

// Adds the part that every entry has, or begins an entry for each element.
class Maker {
 public:
  Maker(const IndexDefinition& index, const Document& document)
      : index_(index), document_(document) {
    begun_.push_back({prefix_of(kEntries, index.id), index.is_unique});
  }

  Status add_parts() {
    for (const PartDefinition& part : index_.parts) {
      if (part.is_each)
        add_each(part);
      else
        add_one(part);
      if (begun_.size() <= kEntriesMax) continue;
      return {Code::kTooLarge, "index \"" + index_.name + "\": more than " +
                                   std::to_string(kEntriesMax) + " entries of one document"};
    }
    return Status::ok();
  }

  std::vector<Entry>& entries() { return begun_; }

 private:
  void add_one(const PartDefinition& part) {
    std::string& room = document_.room();
    room.clear();
    document_.append_key(part.field, room);
    const bool is_null = is_null_key(as_bytes(room));
    if (part.is_descending) turn(room, 0);
    for (Entry& entry : begun_) {
      entry.key += room;
      if (is_null) entry.is_unique = false;
    }
  }

  void add_each(const PartDefinition& part) {
    std::vector<Entry> all;
    document_.each_key(part.field, [&](Bytes key) {
      for (const Entry& before : begun_) {
        all.push_back(before);
        const size_t from = all.back().key.size();
        append(all.back().key, key);
        if (part.is_descending) turn(all.back().key, from);
        if (is_null_key(key)) all.back().is_unique = false;
      }
      return all.size() <= kEntriesMax;
    });
    begun_ = std::move(all);
  }

  const IndexDefinition& index_;
  const Document& document_;
  std::vector<Entry> begun_;
};

// Where the part ends that the bytes begin with: those of null to true are one byte, numbers and
// dates nine, and what varies ends with a zero that is not escaped.
size_t part_bytes(Bytes parts) {
  if (parts.empty()) return 0;
  if (parts[0] <= kTrueKeyTag) return 1;
  if (parts[0] <= kDateKeyTag) return std::min<size_t>(parts.size(), 9);
  for (size_t i = 1; i < parts.size(); ++i) {
    if (parts[i] != 0) continue;
    if (i + 1 == parts.size() || parts[i + 1] != 0xff) return i + 1;
    ++i;
  }
  return parts.size();
}

}  // namespace

std::string parts_to_text(const Schema& schema, const IndexDefinition& index, Bytes parts) {
  std::string text;
  for (const PartDefinition& part : index.parts) {
    std::string bytes(as_text(parts));
    if (part.is_descending) turn(bytes, 0);
    size_t size = part_bytes(as_bytes(bytes));
    if (size == 9 && bytes.size() > 9 && static_cast<uint8_t>(bytes[9]) == kBigintMarker) {
      size = std::min<size_t>(bytes.size(), 11 + static_cast<uint8_t>(bytes[10]));
    }
    if (size == 0) break;
    if (!text.empty()) text += ", ";
    text += typed_key_to_text(*schema.column(part.field).type,
                              as_bytes(alone(as_bytes(bytes).subspan(0, size))));
    parts = parts.subspan(std::min(size, parts.size()));
  }
  return text;
}

bool is_indexed(const IndexDefinition& index, const Document& document) {
  return document.record().schema().version() >= index.version_min &&
         (!index.filter || index.filter->matches(document));
}

Status make_entries(const IndexDefinition& index, const Document& document, Bytes document_key,
                    std::vector<Entry>& to) {
  to.clear();
  if (!is_indexed(index, document)) return Status::ok();
  Maker maker(index, document);
  if (Status status = maker.add_parts(); !status) return status;
  to = std::move(maker.entries());
  for (Entry& entry : to) {
    if (!entry.is_unique) append(entry.key, document_key);
    if (entry.key.size() > kEntryBytesMax) return too_long(index);
  }
  const auto by_key = [](const Entry& a, const Entry& b) { return a.key < b.key; };
  const auto is_same = [](const Entry& a, const Entry& b) { return a.key == b.key; };
  std::sort(to.begin(), to.end(), by_key);
  to.erase(std::unique(to.begin(), to.end(), is_same), to.end());
  return Status::ok();
}

std::string entry_value(const Entry& entry, uint64_t row, Bytes document_key) {
  std::string value;
  append_varint(value, row);
  append_varint(value, entry.is_unique ? 0 : document_key.size());
  if (entry.is_unique) append(value, document_key);
  return value;
}

std::optional<EntryView> read_entry(Bytes key, Bytes value) {
  EntryView view;
  uint32_t key_bytes = 0;
  if (!take_varint(value, view.row) || !take_varint(value, key_bytes)) return {};
  if (key.size() < kPrefixBytes || key_bytes > key.size() - kPrefixBytes) return {};
  const size_t parts_bytes = key.size() - kPrefixBytes - key_bytes;
  view.parts = key.subspan(kPrefixBytes, parts_bytes);
  view.document_key = key_bytes == 0 ? value : key.subspan(kPrefixBytes + parts_bytes);
  if (view.document_key.empty()) return {};
  return view;
}

}  // namespace varve::collection

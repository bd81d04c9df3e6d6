#include "layer/collection/entries.h"

#include <algorithm>

#include "layer/collection/keys.h"
#include "pure/codec/key.h"
#include "pure/codec/varint.h"

namespace varve::collection {
namespace {

void turn(std::string& bytes, size_t from) {
  for (size_t i = from; i < bytes.size(); ++i) bytes[i] = static_cast<char>(~bytes[i]);
}

// Adds the part that every entry has, or begins an entry for each element.
class Maker {
 public:
  Maker(const IndexDefinition& index, const Document& document) : index_(index), document_(document) {
    begun_.push_back({prefix_of(kEntries, index.id), index.is_unique});
  }

  Status add_parts() {
    for (const IndexPart& part : index_.parts) {
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
  void add_one(const IndexPart& part) {
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

  void add_each(const IndexPart& part) {
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

}  // namespace

Status make_entries(const IndexDefinition& index, const Document& document, Bytes document_key,
                    std::vector<Entry>& to) {
  to.clear();
  if (index.filter && !index.filter->matches(document)) return Status::ok();
  Maker maker(index, document);
  if (Status status = maker.add_parts(); !status) return status;
  to = std::move(maker.entries());
  for (Entry& entry : to) {
    if (!entry.is_unique) append(entry.key, document_key);
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

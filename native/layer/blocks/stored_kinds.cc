#include "layer/blocks/stored_kinds.h"

#include "pure/geo/serial.h"

namespace varve {
namespace {

constexpr size_t kTreeStateBytes = 16;

Status corrupt(const char* what) { return Status::corrupt(std::string("index: ") + what); }

bool is_change(uint8_t byte) { return byte <= static_cast<uint8_t>(Change::kAdd); }

std::string loose_key(const std::string& prefix, std::initializer_list<uint64_t> parts) {
  std::string key = key_of_part(prefix, StoredPart::kLoose);
  for (const uint64_t part : parts) {
    uint8_t bytes[8];
    store_big64(bytes, part);
    append(key, Bytes(bytes, 8));
  }
  return key;
}

uint32_t number_of_key(Bytes key) {
  uint32_t number = 0;
  for (const uint8_t byte : key) number = number << 8 | byte;
  return number;
}

void put_entry(Batch& batch, const LooseEntry& entry) {
  batch.put(as_bytes(entry.key), as_bytes(entry.value));
}

std::string change_byte(Change change) { return std::string(1, static_cast<char>(change)); }

size_t place_bytes(geo::Holds holds) { return holds == geo::Holds::kPoints ? 16 : 32; }

bool adds(Bytes value) { return value[0] == static_cast<uint8_t>(Change::kAdd); }

Result<uint64_t> read_member(Bytes key, Bytes value) {
  if (key.size() == 8 && value.size() == 1 && is_change(value[0])) return load_big64(key.data());
  return corrupt("a loose member is none");
}

Result<geo::Entry> read_place(geo::Holds holds, Bytes key, Bytes value) {
  if (key.size() != 16 || value.size() != 1 + place_bytes(holds) || !is_change(value[0])) {
    return corrupt("a loose place is none");
  }
  const auto number = [&](size_t index) { return load<double>(value.data() + 1 + index * 8); };
  const bool is_point = holds == geo::Holds::kPoints;
  const geo::Box box = {number(0), number(1), number(is_point ? 0 : 2), number(is_point ? 1 : 3)};
  const uint64_t id = load_big64(key.data() + 8);
  if (geo::is_place(box, holds) && id <= geo::kIdMax) return geo::Entry{id, box};
  return corrupt("a loose place is none");
}

Result<uint32_t> read_text(Bytes key, Bytes value) {
  const bool is_entry = key.size() == 4 && !value.empty() && is_change(value[0]);
  if (is_entry && (adds(value) || value.size() == 1)) return number_of_key(key);
  return corrupt("a loose text is none");
}

}  // namespace

// ---- members

Status StoredMembers::attach(Bytes state, Blocks& blocks, std::optional<Bitmap>& to) {
  Result<Bitmap> bitmap = Bitmap::attach(state, blocks);
  if (!bitmap) return bitmap.error();
  to.emplace(std::move(*bitmap));
  return Status::ok();
}

Status StoredMembers::apply(Bytes key, Bytes value, Bitmap& bitmap) {
  const Result<uint64_t> member = read_member(key, value);
  if (!member) return member.error();
  put_back({*member, adds(value)}, bitmap);
  return Status::ok();
}

Result<StoredMembers::Before> StoredMembers::before(Bytes key, Bytes value, const Bitmap& bitmap) {
  const Result<uint64_t> member = read_member(key, value);
  if (!member) return member.error();
  return Before{*member, bitmap.has(*member)};
}

void StoredMembers::put_back(const Before& before, Bitmap& bitmap) {
  if (before.was_there) {
    bitmap.add(before.member);
  } else {
    bitmap.remove(before.member);
  }
}

LooseEntry StoredMembers::entry(const std::string& prefix, uint64_t member, Change change) {
  return {loose_key(prefix, {member}), change_byte(change)};
}

void StoredMembers::put(Batch& batch, const std::string& prefix, uint64_t member, Change change) {
  put_entry(batch, entry(prefix, member, change));
}

// ---- places

template <geo::Holds kHolds>
Status StoredPlaces<kHolds>::attach(Bytes state, Blocks& blocks, std::optional<geo::Tree>& to) {
  geo::TreeState tree;
  if (!state.empty()) {
    if (state.size() != kTreeStateBytes) return corrupt("the state of a tree has a wrong size");
    tree = {load<uint32_t>(state.data()), load<uint32_t>(state.data() + 4),
            load<uint64_t>(state.data() + 8)};
    if (tree.height > geo::kHeightMax || (tree.height == 0) != (tree.count == 0)) {
      return corrupt("the state of a tree is none");
    }
  }
  to.emplace(blocks, kHolds, tree);
  return Status::ok();
}

template <geo::Holds kHolds>
Status StoredPlaces<kHolds>::apply(Bytes key, Bytes value, geo::Tree& tree) {
  const Result<geo::Entry> entry = read_place(kHolds, key, value);
  if (!entry) return entry.error();
  if (adds(value)) {
    tree.insert(*entry);
  } else {
    tree.remove(*entry);
  }
  return Status::ok();
}

template <geo::Holds kHolds>
Result<typename StoredPlaces<kHolds>::Before> StoredPlaces<kHolds>::before(Bytes key, Bytes value,
                                                                           const geo::Tree& tree) {
  const Result<geo::Entry> entry = read_place(kHolds, key, value);
  if (!entry) return entry.error();
  return Before{*entry, tree.named_as(*entry)};
}

template <geo::Holds kHolds>
void StoredPlaces<kHolds>::put_back(const Before& before, geo::Tree& tree) {
  if (before.other) {
    tree.insert(*before.other);
  } else {
    tree.remove(before.entry);
  }
}

template <geo::Holds kHolds>
void StoredPlaces<kHolds>::save(geo::Tree& tree, std::string& state) {
  uint8_t bytes[kTreeStateBytes];
  store<uint32_t>(bytes, tree.state().root);
  store<uint32_t>(bytes + 4, tree.state().height);
  store<uint64_t>(bytes + 8, tree.state().count);
  append(state, Bytes(bytes, kTreeStateBytes));
}

template <geo::Holds kHolds>
LooseEntry StoredPlaces<kHolds>::entry(const std::string& prefix, const geo::Entry& entry,
                                       Change change) {
  const geo::EntryKey key = geo::key_of(entry);
  uint8_t value[33] = {static_cast<uint8_t>(change)};
  store<double>(value + 1, entry.box.south);
  store<double>(value + 9, entry.box.west);
  store<double>(value + 17, entry.box.north);
  store<double>(value + 25, entry.box.east);
  return {loose_key(prefix, {key.cell, key.id}),
          std::string(as_text(Bytes(value, 1 + place_bytes(kHolds))))};
}

template <geo::Holds kHolds>
void StoredPlaces<kHolds>::put(Batch& batch, const std::string& prefix, const geo::Entry& place,
                               Change change) {
  put_entry(batch, entry(prefix, place, change));
}

template struct StoredPlaces<geo::Holds::kPoints>;
template struct StoredPlaces<geo::Holds::kBoxes>;

// ---- texts

Status StoredTexts::attach(Bytes state, Blocks& blocks, std::optional<TextIndex>& to) const {
  TextOptions given = options;
  given.compacts = false;  // That would be more than a commit takes.
  to.emplace(blocks, std::move(given));
  return state.empty() ? Status::ok() : to->restore(state);
}

Status StoredTexts::apply(Bytes key, Bytes value, TextIndex& index) {
  const Result<uint32_t> id = read_text(key, value);
  if (!id) return id.error();
  index.remove(*id);
  if (!adds(value)) return Status::ok();
  const Status added = index.add(*id, as_text(value.subspan(1)));
  index.settle();
  return added.copy();
}

Result<StoredTexts::Before> StoredTexts::before(Bytes key, Bytes value, const TextIndex& index) {
  const Result<uint32_t> id = read_text(key, value);
  if (!id) return id.error();
  return Before{*id, index.number_of(*id)};
}

void StoredTexts::put_back(const Before& before, TextIndex& index) {
  index.remove(before.id);
  if (before.number != 0) index.bring_back(before.id, before.number);
}

bool StoredTexts::wants_rebuild(const TextIndex& index) const {
  const TextStats stats = index.stats();
  return stats.removed_count > stats.document_count + removed_min;
}

LooseEntry StoredTexts::entry(const std::string& prefix, uint32_t id, std::string_view utf8) {
  std::string value = change_byte(Change::kAdd);
  value += utf8;
  return {key_of_part(prefix, StoredPart::kLoose, id), std::move(value)};
}

LooseEntry StoredTexts::removal(const std::string& prefix, uint32_t id) {
  return {key_of_part(prefix, StoredPart::kLoose, id), change_byte(Change::kRemove)};
}

void StoredTexts::put(Batch& batch, const std::string& prefix, uint32_t id, std::string_view utf8) {
  const uint8_t change = static_cast<uint8_t>(Change::kAdd);
  const std::string key = key_of_part(prefix, StoredPart::kLoose, id);
  batch.put(as_bytes(key), {Bytes(&change, 1), as_bytes(utf8)});
}

void StoredTexts::remove(Batch& batch, const std::string& prefix, uint32_t id) {
  put_entry(batch, removal(prefix, id));
}

}  // namespace varve

#include "engine/btree/page.h"

#include <algorithm>

#include "base/check.h"
#include "pure/codec/crc32c.h"
#include "pure/codec/varint.h"

namespace varve::btree {
namespace {

constexpr uint64_t kPlaceMask = (uint64_t{1} << 48) - 1;
constexpr uint32_t kHasValues = uint32_t{1} << 31;
constexpr uint32_t kWeightMax = kHasValues - 1;
constexpr uint64_t kCommitMask = (uint64_t{1} << (8 * kCommitBytes)) - 1;

// Of a row's first byte.
constexpr uint8_t kRowDeletion = 1;
constexpr uint8_t kRowApart = 2;
constexpr uint8_t kRowExpires = 4;
constexpr uint8_t kRowSuperseded = 8;
constexpr uint8_t kRowFlags = 16;
constexpr uint8_t kRowKnown = 31;

constexpr uint8_t kPageHistory = 1;  // Of a page's flags.

// Four bytes of a key as a number that orders as they do.
uint32_t head_of_key(Bytes suffix) {
  uint32_t head = 0;
  for (size_t i = 0; i < 4; ++i) head = head << 8 | (i < suffix.size() ? suffix[i] : 0);
  return head;
}

void append_commit(std::string& to, uint64_t commit) {
  to.append(reinterpret_cast<const char*>(&commit), kCommitBytes);
}

uint64_t read_commit(const uint8_t* from) {
  uint64_t commit = 0;
  std::memcpy(&commit, from, kCommitBytes);
  return commit;
}

// The size of a row before its value; 0 if its first byte says what nobody here knows.
size_t row_head_bytes(uint8_t meta) {
  if ((meta & ~kRowKnown) != 0) return 0;
  size_t size = 1 + kCommitBytes;
  if ((meta & kRowFlags) != 0) size += 1;
  if ((meta & kRowExpires) != 0) size += 8;
  if ((meta & kRowSuperseded) != 0) size += kCommitBytes;
  return size;
}

bool is_row(Bytes payload) {
  if (payload.empty()) return false;
  const size_t head = row_head_bytes(payload[0]);
  if (head == 0 || payload.size() < head) return false;
  return (payload[0] & kRowApart) == 0 || payload.size() == head + kApartBytes;
}

size_t shared_bytes(Bytes a, Bytes b) {
  const size_t size = std::min(a.size(), b.size());
  size_t shared = 0;
  while (shared < size && a[shared] == b[shared]) ++shared;
  return shared;
}

size_t item_bytes(size_t suffix_size, size_t payload_size) {
  return varint_size(suffix_size) + suffix_size + payload_size + 8;
}

size_t round_to_pages(size_t bytes, uint32_t page_bytes) { return round_up(bytes, page_bytes); }

std::string begin_page(const PageHead& head, size_t bytes, uint32_t page_bytes) {
  const size_t size = round_to_pages(bytes, page_bytes);
  check(size / page_bytes <= UINT16_MAX);
  std::string page(size, '\0');
  uint8_t* const at = reinterpret_cast<uint8_t*>(page.data());
  at[4] = static_cast<uint8_t>(head.type);
  at[5] = head.tree == TreeKind::kHistory ? kPageHistory : 0;
  store<uint16_t>(at + 6, head.level);
  store<uint64_t>(at + 8, head.commit);
  store<uint32_t>(at + 20, static_cast<uint32_t>(size / page_bytes));
  return page;
}

// Whether the items of a node lie within it.
bool is_node(Bytes page, bool is_leaf) {
  const uint64_t count = load<uint32_t>(page.data() + 40);
  const uint64_t prefix = load<uint32_t>(page.data() + 44);
  if (count == 0 || count > page.size() / 8 || prefix > page.size()) return false;
  const uint64_t items = kPageHeadBytes + prefix + 8 * count;
  if (items > page.size()) return false;
  const uint8_t* const ends = page.data() + kPageHeadBytes + prefix + 4 * count;
  const Bytes room = page.subspan(items);
  uint64_t begin = 0;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t end = load<uint32_t>(ends + 4 * i);
    if (end < begin || end > room.size()) return false;
    Bytes item = room.subspan(begin, end - begin);
    uint32_t suffix = 0;
    if (!take_varint(item, suffix) || suffix > item.size()) return false;
    const Bytes payload = item.subspan(suffix);
    if (is_leaf ? !is_row(payload) : payload.size() != kReferenceBytes) return false;
    begin = end;
  }
  return true;
}

}  // namespace

// ---- references

void append_reference(std::string& to, const PageRef& ref) {
  append<uint64_t>(to, ref.place | uint64_t{ref.units} << 48);
  append<uint32_t>(to, ref.checksum);
  append<uint32_t>(to, ref.weight | (ref.has_values ? kHasValues : 0));
  append<uint64_t>(to, ref.oldest);
}

PageRef read_reference(const uint8_t* from) {
  PageRef ref;
  const uint64_t place = load<uint64_t>(from);
  ref.place = place & kPlaceMask;
  ref.units = static_cast<uint16_t>(place >> 48);
  ref.checksum = load<uint32_t>(from + 8);
  const uint32_t weight = load<uint32_t>(from + 12);
  ref.weight = weight & kWeightMax;
  ref.has_values = (weight & kHasValues) != 0;
  ref.oldest = load<uint64_t>(from + 16);
  return ref;
}

void add_child(PageRef& node, const PageRef& child) {
  const uint64_t weight = uint64_t{node.weight} + child.weight;
  node.weight = static_cast<uint32_t>(std::min<uint64_t>(weight, kWeightMax));
  node.oldest = std::min(node.oldest, child.oldest);
  node.has_values = node.has_values || child.has_values;
}

uint32_t place_seed(uint64_t extent_number, uint32_t index) {
  uint8_t bytes[12];
  store(bytes, extent_number);
  store(bytes + 8, index);
  return crc32c(bytes);
}

// ---- nodes

NodeView::NodeView(const uint8_t* page) : page_(page), count_(load<uint32_t>(page + 40)) {
  prefix_ = Bytes(page + kPageHeadBytes, load<uint32_t>(page + 44));
  heads_ = prefix_.data() + prefix_.size();
  ends_ = heads_ + size_t{count_} * 4;
  items_ = ends_ + size_t{count_} * 4;
}

NodeView::Item NodeView::item(uint32_t i) const {
  const uint8_t* at = items_ + (i == 0 ? 0 : end(i - 1));
  if (*at < 0x80) return {Bytes(at + 1, *at), at + 1 + *at};
  Bytes rest(at, kVarint32BytesMax);
  uint32_t size = 0;
  const bool any = take_varint(rest, size);
  check(any);
  return {Bytes(rest.data(), size), rest.data() + size};
}

Bytes NodeView::suffix(uint32_t i) const { return item(i).suffix; }

Bytes NodeView::payload(uint32_t i) const {
  const uint8_t* const begin = item(i).payload;
  return Bytes(begin, static_cast<size_t>(items_ + end(i) - begin));
}

void NodeView::copy_key(uint32_t i, std::string& to) const {
  to.assign(as_text(prefix_));
  to.append(as_text(suffix(i)));
}

int NodeView::compare_key(uint32_t i, Bytes key) const {
  const size_t shared = std::min(prefix_.size(), key.size());
  const int order = compare(prefix_.first(shared), key.first(shared));
  if (order != 0) return order;
  if (key.size() < prefix_.size()) return 1;
  return compare(suffix(i), key.subspan(shared));
}

bool NodeView::key_equals(uint32_t i, Bytes key) const {
  if (key.size() < prefix_.size() || !equal(key.first(prefix_.size()), prefix_)) return false;
  return equal(key.subspan(prefix_.size()), suffix(i));
}

uint32_t NodeView::lower_bound(Bytes key) const {
  const size_t shared = std::min(prefix_.size(), key.size());
  const int order = compare(key.first(shared), prefix_.first(shared));
  if (order != 0) return order < 0 ? 0 : count_;
  if (key.size() < prefix_.size()) return 0;
  const Bytes rest = key.subspan(shared);
  const uint32_t head = head_of_key(rest);
  uint32_t begin = 0;
  uint32_t end = count_;
  while (begin < end) {
    const uint32_t middle = begin + (end - begin) / 2;
    const uint32_t other = load<uint32_t>(heads_ + size_t{middle} * 4);
    const bool is_below = other != head ? other < head : compare(suffix(middle), rest) < 0;
    (is_below ? begin : end) = is_below ? middle + 1 : middle;
  }
  return begin;
}

uint32_t NodeView::child_of(Bytes key) const {
  const uint32_t at = lower_bound(key);
  if (at < count_ && key_equals(at, key)) return at;
  return at == 0 ? 0 : at - 1;
}

void Pending::add(Bytes key, Bytes payload) {
  items_.push_back(
      {text_.size(), static_cast<uint32_t>(key.size()), static_cast<uint32_t>(payload.size())});
  append(text_, key);
  append(text_, payload);
  bytes_ += item_bytes(key.size(), payload.size());
}

Bytes Pending::key(size_t i) const {
  return as_bytes(text_).subspan(place(i).at, place(i).key_size);
}

Bytes Pending::payload(size_t i) const {
  return as_bytes(text_).subspan(place(i).at + place(i).key_size, place(i).payload_size);
}

size_t Pending::bytes(size_t i) const {
  return item_bytes(place(i).key_size, place(i).payload_size);
}

void Pending::drop_front(size_t count) {
  for (size_t i = 0; i < count; ++i) bytes_ -= bytes(i);
  first_ += count;
  if (empty()) return clear();
  const size_t dead = place(0).at;
  if (dead < text_.size() / 2) return;
  text_.erase(0, dead);
  items_.erase(items_.begin(), items_.begin() + static_cast<ptrdiff_t>(first_));
  first_ = 0;
  for (Place& one : items_) one.at -= dead;
}

void Pending::clear() {
  text_.clear();
  items_.clear();
  first_ = 0;
  bytes_ = 0;
}

size_t node_bytes(const Pending& items, size_t begin, size_t end) {
  const size_t prefix = shared_bytes(items.key(begin), items.key(end - 1));
  size_t bytes = kPageHeadBytes + prefix;
  for (size_t i = begin; i < end; ++i) {
    bytes += item_bytes(items.key(i).size() - prefix, items.payload(i).size());
  }
  return bytes;
}

std::string encode_node(const PageHead& head, const Pending& items, size_t begin, size_t end,
                        uint32_t page_bytes) {
  check(begin < end);
  const size_t count = end - begin;
  const size_t prefix = shared_bytes(items.key(begin), items.key(end - 1));
  std::string page = begin_page(head, node_bytes(items, begin, end), page_bytes);
  uint8_t* const at = reinterpret_cast<uint8_t*>(page.data());
  store<uint32_t>(at + 40, static_cast<uint32_t>(count));
  store<uint32_t>(at + 44, static_cast<uint32_t>(prefix));
  if (prefix != 0) std::memcpy(at + kPageHeadBytes, items.key(begin).data(), prefix);
  uint8_t* const heads = at + kPageHeadBytes + prefix;
  uint8_t* const ends = heads + 4 * count;
  uint8_t* const first = ends + 4 * count;
  uint8_t* to = first;
  for (size_t i = 0; i < count; ++i) {
    const Bytes suffix = items.key(begin + i).subspan(prefix);
    const Bytes payload = items.payload(begin + i);
    store(heads + 4 * i, head_of_key(suffix));
    to = put_varint(to, suffix.size());
    to = std::copy(suffix.begin(), suffix.end(), to);
    to = std::copy(payload.begin(), payload.end(), to);
    store(ends + 4 * i, static_cast<uint32_t>(to - first));
  }
  return page;
}

// ---- rows

void encode_row(const Edit& edit, std::string& to) {
  const bool is_apart = (edit.flags & kFlagSeparateValue) != 0;
  const uint8_t flags = static_cast<uint8_t>(edit.flags & ~kFlagSeparateValue);
  uint8_t meta = edit.kind == EditKind::kDelete ? kRowDeletion : 0;
  if (is_apart) meta |= kRowApart;
  if (edit.expires_ms != 0) meta |= kRowExpires;
  if (edit.superseded != 0) meta |= kRowSuperseded;
  if (flags != 0) meta |= kRowFlags;
  to.clear();
  to += static_cast<char>(meta);
  append_commit(to, edit.commit);
  if (flags != 0) to += static_cast<char>(flags);
  if (edit.expires_ms != 0) append<uint64_t>(to, edit.expires_ms);
  if (edit.superseded != 0) append_commit(to, edit.superseded);
  append(to, edit.value);
}

void decode_row(Bytes payload, Edit& edit) {
  const uint8_t* at = payload.data();
  const uint8_t meta = *at++;
  edit.kind = (meta & kRowDeletion) != 0 ? EditKind::kDelete : EditKind::kPut;
  edit.flags = (meta & kRowApart) != 0 ? kFlagSeparateValue : 0;
  edit.commit = read_commit(at);
  at += kCommitBytes;
  if ((meta & kRowFlags) != 0) edit.flags |= static_cast<uint8_t>(*at++ & ~kFlagSeparateValue);
  edit.expires_ms = 0;
  if ((meta & kRowExpires) != 0) {
    edit.expires_ms = load<uint64_t>(at);
    at += 8;
  }
  edit.superseded = 0;
  if ((meta & kRowSuperseded) != 0) {
    edit.superseded = read_commit(at);
    at += kCommitBytes;
  }
  edit.value = Bytes(at, static_cast<size_t>(payload.data() + payload.size() - at));
}

// ---- pieces

std::string encode_piece(const PageHead& head, const PageRef& next, Bytes bytes,
                         uint32_t page_bytes) {
  std::string page = begin_page(head, kPieceHeadBytes + bytes.size(), page_bytes);
  uint8_t* const at = reinterpret_cast<uint8_t*>(page.data());
  store<uint32_t>(at + 40, static_cast<uint32_t>(bytes.size()));
  std::string reference;
  append_reference(reference, next);
  std::memcpy(at + kPageHeadBytes, reference.data(), kReferenceBytes);
  if (!bytes.empty()) std::memcpy(at + kPieceHeadBytes, bytes.data(), bytes.size());
  return page;
}

PageRef next_piece(const uint8_t* page) { return read_reference(page + kPageHeadBytes); }

Bytes piece_bytes(const uint8_t* page) {
  return Bytes(page + kPieceHeadBytes, load<uint32_t>(page + 40));
}

// ---- whole pages

uint32_t page_checksum(Bytes page, uint32_t seed) { return crc32c(page.subspan(4), seed); }

void seal_page(std::string& page, uint32_t seed) {
  store(reinterpret_cast<uint8_t*>(page.data()), page_checksum(as_bytes(page), seed));
}

PageHead head_of(const uint8_t* page) {
  PageHead head;
  head.type = static_cast<PageType>(page[4]);
  head.tree = (page[5] & kPageHistory) != 0 ? TreeKind::kHistory : TreeKind::kCurrent;
  head.level = load<uint16_t>(page + 6);
  head.commit = load<uint64_t>(page + 8);
  head.units = load<uint32_t>(page + 20);
  head.count = load<uint32_t>(page + 40);
  return head;
}

const char* read_page(Bytes page, uint32_t seed, bool* is_newer) {
  if (page.size() < kPieceHeadBytes) return "is too small";
  if (load<uint32_t>(page.data()) != page_checksum(page, seed)) return "has a wrong checksum";
  const bool is_plain = load<uint32_t>(page.data() + 16) == 0;
  const bool is_known = page[4] >= 1 && page[4] <= static_cast<uint8_t>(PageType::kSpace);
  if (!is_plain || !is_known || (page[5] & ~kPageHistory) != 0) {
    if (is_newer != nullptr) *is_newer = true;
    return "is of a newer version";
  }
  const PageHead head = head_of(page.data());
  switch (head.type) {
    case PageType::kLeaf:
      return head.level == 0 && is_node(page, true) ? nullptr : "is no leaf";
    case PageType::kInner:
      return head.level >= 1 && head.level <= kLevelMax && is_node(page, false)
                 ? nullptr
                 : "is no inner node";
    default:
      return head.count <= page.size() - kPieceHeadBytes ? nullptr : "has more bytes than room";
  }
}

// ---- keys of history

// A zero byte is followed by 0xff, the end by 0x00: so a key sorts before what it begins.
void append_history_key(std::string& to, Bytes key, uint64_t commit) {
  for (const uint8_t byte : key) {
    to += static_cast<char>(byte);
    if (byte == 0) to += '\xff';
  }
  to.append(2, '\0');
  uint8_t tail[8];
  store_big64(tail, ~std::min(commit, kCommitMask));
  to.append(reinterpret_cast<const char*>(tail), 8);
}

bool read_history_key(Bytes from, std::string& key, uint64_t& commit) {
  key.clear();
  size_t at = 0;
  for (; at + 1 < from.size(); ++at) {
    if (from[at] != 0) {
      key += static_cast<char>(from[at]);
      continue;
    }
    ++at;
    if (from[at] == 0) break;
    if (from[at] != 0xff) return false;
    key += '\0';
  }
  if (at + 1 + 8 != from.size()) return false;
  commit = ~load_big64(from.data() + at + 1);
  return true;
}

}  // namespace varve::btree

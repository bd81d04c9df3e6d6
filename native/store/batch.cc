#include "store/batch.h"

#include <bit>

#include "pure/codec/crc32c.h"
#include "pure/codec/hash.h"

namespace varve {

Status Batch::fits(uint64_t edit_bytes) const {
  if (body_.size() + kEditHeaderBytes + edit_bytes <= bytes_max_) return Status::ok();
  return {Code::kTooLarge, "the edits of a commit must take at most " + std::to_string(bytes_max_) +
                               " bytes together"};
}

void Batch::add(LogEditKind kind, Bytes key, size_t value_bytes, uint64_t expires_ms) {
  check(key.size() <= kStoredKeyBytesMax && value_bytes <= UINT32_MAX);
  check(body_.size() <= kBodyBytesMax);
  Item item;
  item.hash = kind == LogEditKind::kRangeDeletion ? 0 : hash64(key, hash_seed_);
  item.offset = static_cast<uint32_t>(body_.size());
  item.key_bytes = static_cast<uint32_t>(key.size());
  item.value_bytes = static_cast<uint32_t>(value_bytes);
  item.kind = kind;
  item.has_expiry = expires_ms != 0;
  has_expiry_ = has_expiry_ || item.has_expiry;
  items_.push_back(item);
  payload_bytes_ += key.size() + value_bytes;

  uint8_t head[kEditHeaderBytes + 8] = {};
  head[0] = static_cast<uint8_t>(kind);
  head[1] = item.has_expiry ? kLogFlagExpiry : 0;
  store<uint32_t>(head + 4, item.key_bytes);
  store<uint32_t>(head + 8, item.value_bytes);
  store<uint64_t>(head + 16, expires_ms);
  append(body_, Bytes(head, kEditHeaderBytes + (item.has_expiry ? 8 : 0)));
  append(body_, key);
}

void Batch::put(Bytes key, std::initializer_list<Bytes> value_parts, uint64_t expires_ms) {
  size_t value_bytes = 0;
  for (const Bytes part : value_parts) value_bytes += part.size();
  add(LogEditKind::kPut, key, value_bytes, expires_ms);
  const size_t value_at = body_.size();
  for (const Bytes part : value_parts) append(body_, part);
  const uint32_t checksum = crc32c(as_bytes(body_).subspan(value_at));
  store<uint32_t>(reinterpret_cast<uint8_t*>(body_.data()) + items_.back().offset + 12, checksum);
}

void Batch::add_to(Bytes key, Bytes by, Bytes sum, uint64_t since, uint64_t expires_ms) {
  put(key, sum, expires_ms);
  additions_.push_back({std::string(as_text(by)), since, {}, 0});
  items_.back().addition = static_cast<uint32_t>(additions_.size());
}

void Batch::sum_anew() {
  rebuild();
  for (Addition& addition : additions_) addition.sum.clear();
  body_checksum_ = crc32c(body());
}

void Batch::erase(Bytes key) { add(LogEditKind::kDelete, key, 0, 0); }

void Batch::erase_silently(Bytes key) {
  erase(key);
  items_.back().is_silent = true;
}

void Batch::erase_range(Bytes begin, Bytes end) {
  any_ranges_ = true;
  add(LogEditKind::kRangeDeletion, begin, end.size(), 0);
  append(body_, end);
  uint8_t* const edit = reinterpret_cast<uint8_t*>(body_.data()) + items_.back().offset;
  store<uint32_t>(edit + 12, crc32c(end));
}

void Batch::clear() {
  body_.clear();
  items_.clear();
  additions_.clear();
  payload_bytes_ = 0;
  any_dropped_ = false;
  any_ranges_ = false;
  is_distinct_ = false;
  has_expiry_ = false;
}

void Batch::give_back_room() {
  check(empty());
  std::string().swap(body_);
  std::vector<Item>().swap(items_);
  std::vector<Addition>().swap(additions_);
  std::vector<uint32_t>().swap(seen_);
}

void Batch::rewind(const Mark& mark) {
  check(mark.item_count <= items_.size() && mark.body_bytes <= body_.size());
  items_.resize(mark.item_count);
  body_.resize(mark.body_bytes);
  additions_.resize(mark.addition_count);
  payload_bytes_ = mark.payload_bytes;
}

LogEdit Batch::edit(const Item& item) const {
  const size_t head = kEditHeaderBytes + (item.has_expiry ? 8 : 0);
  const Bytes bytes =
      as_bytes(body_).subspan(item.offset, head + item.key_bytes + item.value_bytes);
  LogEdit edit;
  edit.kind = item.kind;
  edit.expires_ms = item.has_expiry ? load<uint64_t>(bytes.data() + 16) : 0;
  edit.key = bytes.subspan(head, item.key_bytes);
  edit.value = bytes.subspan(head + item.key_bytes);
  return edit;
}

void Batch::drop_deleted() {
  for (size_t i = 1; i < items_.size(); ++i) {
    if (items_[i].kind == LogEditKind::kRangeDeletion) drop_in_range(i);
  }
}

// Point edits that were added before the range deletion.
void Batch::drop_in_range(size_t range_index) {
  const LogEdit range = edit(items_[range_index]);
  const Bytes begin = range.key;
  const Bytes end = range.value;
  for (size_t i = 0; i < range_index; ++i) {
    Item& item = items_[i];
    if (item.kind == LogEditKind::kRangeDeletion || item.dropped) continue;
    const Bytes key = edit(item).key;
    if (compare(key, begin) < 0 || (!end.empty() && compare(key, end) >= 0)) continue;
    item.dropped = true;
    any_dropped_ = true;
  }
}

void Batch::drop_superseded() {
  const size_t slot_count = std::bit_ceil(items_.size() * 2);
  seen_.assign(slot_count, 0);
  for (uint32_t i = 0; i < items_.size(); ++i) {
    Item& item = items_[i];
    if (item.kind == LogEditKind::kRangeDeletion || item.dropped) continue;
    size_t slot = item.hash & (slot_count - 1);
    while (seen_[slot] != 0) {
      Item& earlier = items_[seen_[slot] - 1];
      if (earlier.hash == item.hash && equal(edit(earlier).key, edit(item).key)) {
        earlier.dropped = true;
        any_dropped_ = true;
        break;
      }
      slot = (slot + 1) & (slot_count - 1);
    }
    seen_[slot] = i + 1;
  }
}

void Batch::rebuild() {
  std::string body;
  std::vector<Item> items;
  payload_bytes_ = 0;
  for (Item item : items_) {
    if (item.dropped) continue;
    LogEdit kept = edit(item);
    if (item.addition != 0 && !addition(item).sum.empty()) {
      kept.value = as_bytes(addition(item).sum);
      kept.expires_ms = addition(item).expires_ms;
      item.has_expiry = kept.expires_ms != 0;
      has_expiry_ = has_expiry_ || item.has_expiry;
      item.value_bytes = static_cast<uint32_t>(kept.value.size());
    }
    item.offset = static_cast<uint32_t>(body.size());
    append_edit(body, kept);
    items.push_back(item);
    payload_bytes_ += kept.key.size() + kept.value.size();
  }
  body_.swap(body);
  items_.swap(items);
  any_dropped_ = false;
}

void Batch::finish() {
  if (any_ranges_) drop_deleted();
  if (items_.size() > 1 && !is_distinct_) drop_superseded();
  if (any_dropped_) rebuild();
  body_checksum_ = crc32c(body());
}

}  // namespace varve

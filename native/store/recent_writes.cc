#include "store/recent_writes.h"

#include <algorithm>

namespace varve {
namespace {

constexpr size_t kChunkBytes = size_t{64} << 10;
constexpr size_t kTextShare = 5;  // A record has 25 bytes of text or more, and 96 of table or less.
constexpr size_t kSlotsMin = 256;
constexpr size_t kSlotsKept = 1 << 14;  // A larger table is given back when nobody is open.
constexpr size_t kRecordHeadBytes = 24;
constexpr uint32_t kNoEnd = UINT32_MAX;  // Of a record that is no range deletion.

}  // namespace

// commit u64, hash u64, key size u32, end size u32 (kNoEnd for a key alone), key, end
struct RecentWrites::Record {
  uint64_t commit = 0;
  bool is_range_deletion = false;
  Bytes key;  // Or where the range begins.
  Bytes end;
};

uint64_t RecentWrites::begin(const std::function<uint64_t()>& hold) {
  const Lock held(mutex_);
  // First the count, then the newest commit: whoever becomes visible after that sees the count.
  open_count_.fetch_add(1, std::memory_order_seq_cst);
  const uint64_t since = hold();
  if (open_.empty()) floor_ = std::max(floor_, since);
  if (open_.empty() || open_.back().since != since) open_.push_back({since, 0});
  ++open_.back().count;
  return since;
}

void RecentWrites::end(uint64_t since) {
  const Lock held(mutex_);
  const auto found =
      std::lower_bound(open_.begin(), open_.end(), since,
                       [](const Open& open, uint64_t at) { return open.since < at; });
  check(found != open_.end() && found->since == since && found->count > 0);
  --found->count;
  while (!open_.empty() && open_.front().count == 0) open_.pop_front();
  open_count_.fetch_sub(1, std::memory_order_seq_cst);
  if (open_.empty() && !chunks_.empty()) drop_unneeded(held);
}

void RecentWrites::add(const Batch& batch, uint64_t commit, uint64_t own) {
  const Lock held(mutex_);
  if (open_.empty() || commit <= floor_) return;
  if (open_.size() == 1 && open_.front().count == 1 && open_.front().since == own) {
    floor_ = commit;
    return;
  }
  for (const Batch::Item& item : batch.items()) {
    if (!item.is_silent) add_record(batch, item, commit, held);
  }
  while (text_bytes_ > bytes_max_ / kTextShare) {
    drop_oldest(held);
    ++dropped_count_;
  }
}

void RecentWrites::add_record(const Batch& batch, const Batch::Item& item, uint64_t commit,
                              const Lock& held) {
  const LogEdit edit = batch.edit(item);
  const bool is_range_deletion = edit.kind == LogEditKind::kRangeDeletion;
  const size_t bytes =
      kRecordHeadBytes + edit.key.size() + (is_range_deletion ? edit.value.size() : 0);
  if (chunks_.empty() || chunks_.back().text.size() + bytes > chunks_.back().text.capacity()) {
    drop_unneeded(held);
    chunks_.emplace_back();
    chunks_.back().text.reserve(std::max(kChunkBytes, bytes));
    text_bytes_ += chunks_.back().text.capacity();
  }
  Chunk& chunk = chunks_.back();
  append(chunk.text, commit);
  append(chunk.text, item.hash);
  append(chunk.text, static_cast<uint32_t>(edit.key.size()));
  append(chunk.text, is_range_deletion ? static_cast<uint32_t>(edit.value.size()) : kNoEnd);
  append(chunk.text, edit.key);
  if (is_range_deletion) append(chunk.text, edit.value);
  chunk.commit_last = commit;
  if (is_range_deletion)
    last_range_deletion_ = commit;
  else
    enter(item.hash, commit, held);
}

void RecentWrites::enter(uint64_t hash, uint64_t commit, const Lock& held) {
  if (used_count_ * 2 >= slots_.size()) rebuild(held);
  size_t slot = hash & (slots_.size() - 1);
  while (slots_[slot].commit != 0 && slots_[slot].hash != hash)
    slot = (slot + 1) & (slots_.size() - 1);
  if (slots_[slot].commit == 0) ++used_count_;
  slots_[slot] = {hash, commit};
}

// What nobody asks for any more goes; the table is then at most a third full.
void RecentWrites::rebuild(const Lock& held) {
  check(held.owns_lock());
  const uint64_t needed = open_.empty() ? floor_ : std::max(floor_, open_.front().since);
  std::vector<Slot> kept;
  for (const Slot& slot : slots_) {
    if (slot.commit > needed) kept.push_back(slot);
  }
  size_t size = kSlotsMin;
  while (size < kept.size() * 3) size *= 2;
  slots_.assign(size, {});
  slots_.shrink_to_fit();
  used_count_ = kept.size();
  for (const Slot& one : kept) {
    size_t slot = one.hash & (size - 1);
    while (slots_[slot].commit != 0) slot = (slot + 1) & (size - 1);
    slots_[slot] = one;
  }
}

void RecentWrites::drop_unneeded(const Lock& held) {
  check(held.owns_lock());
  const uint64_t needed = open_.empty() ? UINT64_MAX : open_.front().since;
  while (!chunks_.empty() && chunks_.front().commit_last <= needed) drop_oldest(held);
  if (!open_.empty() || slots_.size() <= kSlotsKept) return;
  std::vector<Slot>().swap(slots_);
  used_count_ = 0;
}

void RecentWrites::drop_oldest(const Lock& held) {
  check(held.owns_lock());
  floor_ = std::max(floor_, chunks_.front().commit_last);
  text_bytes_ -= chunks_.front().text.capacity();
  chunks_.pop_front();
}

uint64_t RecentWrites::newest(uint64_t hash, const Lock& held) const {
  check(held.owns_lock());
  if (slots_.empty()) return 0;
  size_t slot = hash & (slots_.size() - 1);
  for (; slots_[slot].commit != 0; slot = (slot + 1) & (slots_.size() - 1)) {
    if (slots_[slot].hash == hash) return slots_[slot].commit;
  }
  return 0;
}

uint64_t RecentWrites::size_bytes(const Lock& held) const {
  check(held.owns_lock());
  return text_bytes_ + slots_.size() * sizeof(Slot);
}

std::optional<Conflict> RecentWrites::find(const Conditions& conditions) const {
  const Lock held(mutex_);
  const uint64_t since = conditions.since();
  if (open_.empty() || open_.front().since > since || floor_ > since) return std::nullopt;
  Conflict conflict = find_key(conditions, held);
  if (conflict.reason == ConflictReason::kNone && last_range_deletion_ > since)
    conflict = find_deleted(conditions, held);
  if (conflict.reason == ConflictReason::kNone && !conditions.ranges().empty())
    conflict = find_in_ranges(conditions, held);
  return conflict;
}

Conflict RecentWrites::find_key(const Conditions& conditions, const Lock& held) const {
  for (const Conditions::Key& key : conditions.keys()) {
    if (newest(key.hash, held) <= key.since) continue;
    return {ConflictReason::kWritten, std::string(as_text(conditions.bytes_of(key)))};
  }
  return {};
}

template <class Visit>
void RecentWrites::each_since(uint64_t since, const Visit& visit) const {
  const auto first =
      std::partition_point(chunks_.begin(), chunks_.end(),
                           [since](const Chunk& chunk) { return chunk.commit_last <= since; });
  for (auto chunk = first; chunk != chunks_.end(); ++chunk) {
    const Bytes text = as_bytes(chunk->text);
    for (size_t at = 0; at < text.size();) {
      const uint8_t* const head = text.data() + at;
      const uint32_t key_bytes = load<uint32_t>(head + 16);
      const uint32_t end_bytes = load<uint32_t>(head + 20);
      Record record;
      record.commit = load<uint64_t>(head);
      record.is_range_deletion = end_bytes != kNoEnd;
      record.key = text.subspan(at + kRecordHeadBytes, key_bytes);
      at += kRecordHeadBytes + key_bytes;
      if (record.is_range_deletion) {
        record.end = text.subspan(at, end_bytes);
        at += end_bytes;
      }
      if (record.commit > since && !visit(record)) return;
    }
  }
}

// Range deletions are few: they are made one set, and each key is looked up in that. A key with a
// later commit of its own is held against all of them, which may refuse a commit too many.
Conflict RecentWrites::find_deleted(const Conditions& conditions, const Lock& held) const {
  check(held.owns_lock());
  KeyIntervals deleted;
  each_since(conditions.since(), [&](const Record& record) {
    if (record.is_range_deletion) deleted.add(record.key, record.end);
    return true;
  });
  deleted.settle();
  for (const Conditions::Key& key : conditions.keys()) {
    const Bytes bytes = conditions.bytes_of(key);
    if (deleted.covers(bytes)) return {ConflictReason::kWritten, std::string(as_text(bytes))};
  }
  return {};
}

Conflict RecentWrites::find_in_ranges(const Conditions& conditions, const Lock& held) const {
  check(held.owns_lock());
  Conflict conflict;
  each_since(conditions.ranges_since(), [&](const Record& record) {
    std::optional<Bytes> shared;
    if (record.is_range_deletion)
      shared = conditions.ranges().first_shared(record.key, record.end);
    else if (conditions.ranges().covers(record.key))
      shared = record.key;
    if (!shared) return true;
    conflict = {ConflictReason::kWritten, std::string(as_text(*shared))};
    return false;
  });
  return conflict;
}

RecentWritesStats RecentWrites::stats() const {
  const Lock held(mutex_);
  return {open_count_.load(), size_bytes(held), dropped_count_};
}

}  // namespace varve

#include "store/prepared.h"

#include <algorithm>

#include "pure/codec/number.h"

namespace varve {
namespace {

constexpr uint64_t kEntryBytes = 256;    // About what one takes beside its keys,
constexpr uint64_t kHeldKeyBytes = 128;  // and a key beside its bytes.

HeldKey held(Bytes key, const PreparedInfo& by) { return {std::string(as_text(key)), by.id}; }

}  // namespace

const PreparedInfo* Prepared::find(std::string_view id) const {
  const auto found = all_.find(id);
  return found == all_.end() ? nullptr : &found->second.info;
}

std::vector<PreparedInfo> Prepared::list() const {
  std::vector<PreparedInfo> infos;
  for (const auto& [id, entry] : all_) infos.push_back(entry.info);
  return infos;
}

uint64_t Prepared::bytes_of(std::string_view id, const PreparedRecord& record) {
  uint64_t bytes = kEntryBytes + 2 * id.size();
  for (const Bytes key : record.keys_read) bytes += kHeldKeyBytes + key.size();
  for (const KeyRange& range : record.ranges_read)
    bytes += kHeldKeyBytes + range.begin.size() + range.end.size();
  for (const PreparedRecord::Change& change : record.changes) {
    const bool is_range = change.edit.kind == LogEditKind::kRangeDeletion;
    bytes += kHeldKeyBytes + change.edit.key.size() + (is_range ? change.edit.value.size() : 0);
  }
  return bytes;
}

Prepared::As Prepared::as_of(Bytes addend) {
  if (addend.empty()) return As::kWritten;
  return is_bigint(addend) ? As::kBigintAdded : As::kNumberAdded;
}

std::optional<HeldKey> Prepared::find_written(const Batch& edits) const {
  for (const Batch::Item& item : edits.items()) {
    const LogEdit edit = edits.edit(item);
    const Bytes addend = item.addition == 0 ? Bytes() : as_bytes(edits.addition(item).by);
    std::optional<HeldKey> found = edit.kind == LogEditKind::kRangeDeletion
                                       ? find_range(edit.key, edit.value, As::kWritten)
                                       : find_key(edit.key, as_of(addend));
    if (found) return found;
  }
  return std::nullopt;
}

std::optional<HeldKey> Prepared::find_read(const Conditions& read) const {
  for (const Conditions::Key& key : read.keys()) {
    std::optional<HeldKey> found = find_key(read.bytes_of(key), As::kRead);
    if (found) return found;
  }
  for (size_t i = 0; i < read.ranges().size(); ++i) {
    const KeyRange range = read.ranges().range(i);
    std::optional<HeldKey> found = find_range(range.begin, range.end, As::kRead);
    if (found) return found;
  }
  return std::nullopt;
}

std::optional<HeldKey> Prepared::find_key(Bytes key, As wanted) const {
  if (const auto found = keys_.find(as_text(key)); found != keys_.end()) {
    for (const Holder& holder : found->second) {
      if (!go_together(holder.as, wanted)) return held(key, holder.entry->info);
    }
  }
  for (const Entry* const entry : with_ranges_) {
    const bool is_read = wanted != As::kRead && entry->read.covers(key);
    if (is_read || entry->deleted.covers(key)) return held(key, entry->info);
  }
  return std::nullopt;
}

std::optional<HeldKey> Prepared::find_range(Bytes begin, Bytes end, As wanted) const {
  for (auto at = keys_.lower_bound(as_text(begin)); at != keys_.end(); ++at) {
    const Bytes key = as_bytes(at->first);
    if (!is_before_end(key, end)) break;
    for (const Holder& holder : at->second) {
      if (!go_together(holder.as, wanted)) return held(key, holder.entry->info);
    }
  }
  for (const Entry* const entry : with_ranges_) {
    std::optional<Bytes> shared = entry->deleted.first_shared(begin, end);
    if (!shared && wanted != As::kRead) shared = entry->read.first_shared(begin, end);
    if (shared) return held(*shared, entry->info);
  }
  return std::nullopt;
}

// A key that one holds in two ways is like one that it writes: nobody else may change it.
void Prepared::hold(Entry& entry, Bytes key, As as) {
  const auto at = keys_.try_emplace(std::string(as_text(key))).first;
  for (Holder& holder : at->second) {
    if (holder.entry != &entry) continue;
    if (holder.as != as) holder.as = As::kWritten;
    return;
  }
  at->second.push_back({&entry, as});
  entry.keys.push_back(at);
}

void Prepared::add(std::string_view id, uint64_t commit, const PreparedRecord& record) {
  const auto [at, is_new] = all_.try_emplace(std::string(id));
  check(is_new);
  Entry& entry = at->second;
  entry.info = {std::string(id), commit, record.time_ms};
  entry.bytes = bytes_of(id, record);
  bytes_ += entry.bytes;
  for (const Bytes key : record.keys_read) hold(entry, key, As::kRead);
  for (const KeyRange& range : record.ranges_read) entry.read.add(range.begin, range.end);
  for (const auto& [edit, addend] : record.changes) {
    if (edit.kind == LogEditKind::kRangeDeletion)
      entry.deleted.add(edit.key, edit.value);
    else
      hold(entry, edit.key, as_of(addend));
  }
  entry.read.settle();
  entry.deleted.settle();
  if (!entry.read.empty() || !entry.deleted.empty()) with_ranges_.push_back(&entry);
}

void Prepared::remove(std::string_view id) {
  const auto at = all_.find(id);
  check(at != all_.end());
  const Entry& entry = at->second;
  const auto is_own = [&](const Holder& holder) { return holder.entry == &entry; };
  for (const Keys::iterator& key : entry.keys) {
    std::erase_if(key->second, is_own);
    if (key->second.empty()) keys_.erase(key);
  }
  std::erase(with_ranges_, &entry);
  bytes_ -= entry.bytes;
  all_.erase(at);
}

}  // namespace varve

#include "store/conditions.h"

#include <algorithm>

namespace varve {
namespace {

constexpr size_t kScannedMax = 12;      // So many keys are looked through one by one.
constexpr size_t kKeptSlots = 1 << 12;  // A larger table is given back by clear().

}  // namespace

void Conditions::clear() {
  keys_.clear();
  text_.clear();
  if (slots_.size() > kKeptSlots) {
    std::vector<Key>().swap(keys_);
    std::string().swap(text_);
    std::vector<uint32_t>().swap(slots_);
  }
  slots_.clear();
  ranges_.clear();
  since_ = UINT64_MAX;
  ranges_since_ = UINT64_MAX;
  conflict.reason = ConflictReason::kNone;
  conflict.key.clear();
  opened_at = UINT64_MAX;
  passes_prepared = false;
}

Conditions::Key* Conditions::find(Bytes key, uint64_t hash) {
  const auto is_it = [&](const Key& one) { return one.hash == hash && equal(bytes_of(one), key); };
  if (slots_.empty()) {
    const auto found = std::find_if(keys_.begin(), keys_.end(), is_it);
    return found == keys_.end() ? nullptr : &*found;
  }
  for (size_t slot = hash & (slots_.size() - 1); slots_[slot] != 0;
       slot = (slot + 1) & (slots_.size() - 1)) {
    if (is_it(keys_[slots_[slot] - 1])) return &keys_[slots_[slot] - 1];
  }
  return nullptr;
}

void Conditions::add_key(Bytes key, uint64_t hash, uint64_t since) {
  since_ = std::min(since_, since);
  if (Key* const known = find(key, hash); known != nullptr) {
    known->since = std::min(known->since, since);
    return;
  }
  check(text_.size() <= UINT32_MAX - key.size());
  keys_.push_back(
      {hash, since, static_cast<uint32_t>(text_.size()), static_cast<uint32_t>(key.size())});
  append(text_, key);
  if (keys_.size() <= kScannedMax) return;
  if (slots_.size() < keys_.size() * 2) return grow();
  size_t slot = hash & (slots_.size() - 1);
  while (slots_[slot] != 0) slot = (slot + 1) & (slots_.size() - 1);
  slots_[slot] = static_cast<uint32_t>(keys_.size());
}

void Conditions::grow() {
  slots_.assign(std::max<size_t>(64, slots_.size() * 2), 0);
  for (size_t i = 0; i < keys_.size(); ++i) {
    size_t slot = keys_[i].hash & (slots_.size() - 1);
    while (slots_[slot] != 0) slot = (slot + 1) & (slots_.size() - 1);
    slots_[slot] = static_cast<uint32_t>(i + 1);
  }
}

void Conditions::add_range(Bytes begin, Bytes end, uint64_t since) {
  since_ = std::min(since_, since);
  ranges_since_ = std::min(ranges_since_, since);
  ranges_.add(begin, end);
}

void Conditions::add(Conditions& others) {
  others.settle();
  for (const Key& key : others.keys_) add_key(others.bytes_of(key), key.hash, key.since);
  for (size_t i = 0; i < others.ranges_.size(); ++i) {
    const KeyRange range = others.ranges_.range(i);
    add_range(range.begin, range.end, others.ranges_since_);
  }
}

void Conditions::add_writes(const Batch& batch, uint64_t since) {
  for (const Batch::Item& item : batch.items()) {
    if (item.addition != 0) continue;
    const LogEdit edit = batch.edit(item);
    if (item.kind == LogEditKind::kRangeDeletion)
      add_range(edit.key, edit.value, since);
    else
      add_key(edit.key, item.hash, since);
  }
}

uint64_t Conditions::size_bytes() const {
  return keys_.size() * sizeof(Key) + text_.size() + slots_.size() * sizeof(uint32_t) +
         ranges_.bytes();
}

}  // namespace varve

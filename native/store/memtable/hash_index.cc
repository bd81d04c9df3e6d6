#include "store/memtable/hash_index.h"

#include "base/bits.h"

namespace varve::memtable {

namespace {

constexpr uint64_t kAddressMask = (uint64_t{1} << 48) - 1;

Entry* entry_of(uint64_t slot) {
  return reinterpret_cast<Entry*>(static_cast<uintptr_t>(slot & kAddressMask));
}

size_t bucket_of(uint64_t hash, size_t bucket_count) { return (hash >> 16) & (bucket_count - 1); }

}  // namespace

HashIndex::HashIndex(Memory& memory) : memory_(memory) {
  const Directory* const first = make_directory(1);
  for (size_t i = 0; i < 2; ++i) {
    first->segments[i].store(make_segment(1), std::memory_order_relaxed);
  }
  directory_.store(first, std::memory_order_release);
}

HashIndex::Segment* HashIndex::make_segment(uint32_t depth) {
  uint8_t* const at = memory_.allocate(sizeof(Segment), alignof(Segment));
  Segment* const segment = std::construct_at(reinterpret_cast<Segment*>(at));
  segment->count = 0;
  segment->depth = depth;
  return segment;
}

const HashIndex::Directory* HashIndex::make_directory(uint32_t depth) {
  const size_t count = size_t{1} << depth;
  const size_t size = sizeof(Directory) + count * sizeof(std::atomic<Segment*>);
  uint8_t* const at = memory_.allocate(size, 64);
  Directory* const directory = std::construct_at(reinterpret_cast<Directory*>(at));
  directory->depth = depth;
  directory->segments = reinterpret_cast<std::atomic<Segment*>*>(at + sizeof(Directory));
  for (size_t i = 0; i < count; ++i) std::construct_at(directory->segments + i, nullptr);
  return directory;
}

HashIndex::Segment* HashIndex::segment_of(uint64_t hash) const {
  const Directory* const directory = directory_.load(std::memory_order_acquire);
  return directory->segments[hash >> (64 - directory->depth)].load(std::memory_order_acquire);
}

void HashIndex::prefetch(uint64_t hash) const {
  const size_t bucket = bucket_of(hash, kSlotCount / kBucketSlots);
  varve::prefetch(&segment_of(hash)->slots[bucket * kBucketSlots]);
}

Entry* HashIndex::find(Bytes key, uint64_t hash) const {
  constexpr size_t kBucketCount = kSlotCount / kBucketSlots;
  const uint64_t fingerprint = hash << 48;
  const Segment* segment = segment_of(hash);
  while (segment != nullptr) {
    size_t bucket = bucket_of(hash, kBucketCount);
    bool ended = false;
    for (size_t tried = 0; tried < kBucketCount && !ended; ++tried) {
      const std::atomic<uint64_t>* const slots = segment->slots + bucket * kBucketSlots;
      for (size_t i = 0; i < kBucketSlots; ++i) {
        const uint64_t slot = slots[i].load(std::memory_order_acquire);
        if (slot == 0) {
          ended = true;
          break;
        }
        if ((slot & ~kAddressMask) != fingerprint) continue;
        Entry* const entry = entry_of(slot);
        // Its first version and value lie right behind: let their lines come together with the
        // key's.
        varve::prefetch(reinterpret_cast<const uint8_t*>(entry) + 64);
        varve::prefetch(reinterpret_cast<const uint8_t*>(entry) + 128);
        if (equal(entry->key(), key)) return entry;
      }
      bucket = (bucket + 1) & (kBucketCount - 1);
    }
    segment = segment->overflow.load(std::memory_order_acquire);
  }
  return nullptr;
}

void HashIndex::insert(Entry* entry) {
  check((reinterpret_cast<uintptr_t>(entry) & ~static_cast<uintptr_t>(kAddressMask)) == 0);
  ++entry_count_;
  Segment* segment = segment_of(entry->hash);
  if (segment->count >= kEntriesMax && may_split(*segment)) {
    split(segment, entry->hash);
    segment = segment_of(entry->hash);
  }
  insert_into(segment, entry);
}

// A directory four times as large as well-spread hashes would need means that they are not.
bool HashIndex::may_split(const Segment& segment) const {
  const Directory* const directory = directory_.load(std::memory_order_relaxed);
  if (segment.depth < directory->depth) return true;
  const uint64_t doubled = uint64_t{2} << directory->depth;
  return directory->depth < 40 && doubled <= 16 + 8 * (entry_count_ / kEntriesMax);
}

void HashIndex::insert_into(Segment* segment, Entry* entry) {
  while (segment->count >= kEntriesMax) {
    Segment* next = segment->overflow.load(std::memory_order_relaxed);
    if (next == nullptr) {
      next = make_segment(segment->depth);
      segment->overflow.store(next, std::memory_order_release);
    }
    segment = next;
  }
  const uint64_t slot = entry->hash << 48 | reinterpret_cast<uintptr_t>(entry);
  size_t at = bucket_of(entry->hash, kSlotCount / kBucketSlots) * kBucketSlots;
  while (segment->slots[at].load(std::memory_order_relaxed) != 0) at = (at + 1) & (kSlotCount - 1);
  segment->slots[at].store(slot, std::memory_order_release);
  ++segment->count;
}

void HashIndex::split(Segment* segment, uint64_t hash) {
  const uint32_t depth = segment->depth;
  const Directory* directory = directory_.load(std::memory_order_relaxed);
  if (depth == directory->depth) {
    const Directory* const doubled = make_directory(depth + 1);
    for (size_t i = 0; i < size_t{2} << depth; ++i) {
      doubled->segments[i].store(directory->segments[i / 2].load(std::memory_order_relaxed),
                                 std::memory_order_relaxed);
    }
    directory_.store(doubled, std::memory_order_release);
    directory = doubled;
  }

  splitting_.clear();
  for (Segment* from = segment; from != nullptr;
       from = from->overflow.load(std::memory_order_relaxed)) {
    for (const auto& slot : from->slots) {
      const uint64_t held = slot.load(std::memory_order_relaxed);
      if (held != 0) splitting_.push_back(entry_of(held));
    }
  }
  Segment* const halves[2] = {make_segment(depth + 1), make_segment(depth + 1)};
  constexpr size_t kAhead = 12;  // Entries fetched ahead: their hashes lie in them.
  for (size_t i = 0; i < splitting_.size(); ++i) {
    if (i + kAhead < splitting_.size()) varve::prefetch(splitting_[i + kAhead]);
    Entry* const entry = splitting_[i];
    insert_into(halves[(entry->hash >> (63 - depth)) & 1], entry);
  }

  const size_t covered = size_t{1} << (directory->depth - depth);
  const size_t first = (hash >> (64 - depth)) * covered;
  for (size_t i = 0; i < covered; ++i) {
    directory->segments[first + i].store(halves[i >= covered / 2 ? 1 : 0],
                                         std::memory_order_release);
  }
}

}  // namespace varve::memtable

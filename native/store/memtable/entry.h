// store/memtable/entry.h — a key and the chain of its versions, as they lie in the arena.
//
//   Entry   | newest 8 | hash 8 | key size 4 | 4 unused | key, padded to 8 |
//   Version | next 8 | jump 8 | stamp 8 | value size 4 | depth 4 | expiry 8 if any | value |
//
// `stamp` is commit << 11 | kind << 9 | has expiry << 8 | flags. The chain runs from newest to
// oldest through `next`; `jump` skips ahead by the skew-binary rule, so that any version is found
// in O(log versions) steps.
//
// Threads: all but `newest` is written before the entry or version is published, and never again.
#pragma once

#include <atomic>
#include <memory>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/check.h"
#include "engine/engine.h"

namespace varve::memtable {

// An arena that also knows what was taken of it.
class Memory {
 public:
  explicit Memory(std::shared_ptr<PageStock> stock) : arena_(std::move(stock)) {}
  uint8_t* allocate(size_t size, size_t align = 8) {
    const size_t taken = arena_.taken_bytes(size);
    used_.store(used_.load(std::memory_order_relaxed) + taken, std::memory_order_relaxed);
    return arena_.allocate(size, align);
  }
  size_t used_bytes() const { return used_.load(std::memory_order_relaxed); }

 private:
  Arena arena_;
  std::atomic<size_t> used_{0};  // Written by the one writer.
};

struct Version {
  const Version* next = nullptr;
  const Version* jump = nullptr;
  uint64_t stamp = 0;
  uint32_t value_size = 0;
  uint32_t depth = 0;

  uint64_t commit() const { return stamp >> 11; }
  bool has_expiry() const { return ((stamp >> 8) & 1) != 0; }
  EditKind kind() const { return static_cast<EditKind>((stamp >> 9) & 3); }
  Edit edit(Bytes key) const {
    const uint8_t* const tail = reinterpret_cast<const uint8_t*>(this + 1);
    const size_t at = has_expiry() ? 8 : 0;
    return {key,
            commit(),
            kind(),
            static_cast<uint8_t>(stamp),
            at == 0 ? 0 : load<uint64_t>(tail),
            Bytes(tail + at, value_size)};
  }
};
static_assert(sizeof(Version) == 32);

struct Entry {
  std::atomic<const Version*> newest{nullptr};
  uint64_t hash = 0;
  uint32_t key_size = 0;
  uint32_t unused = 0;

  Bytes key() const { return {reinterpret_cast<const uint8_t*>(this + 1), key_size}; }
  // The newest version at or below `commit`; null if all are newer.
  const Version* find(uint64_t commit) const {
    const Version* version = newest.load(std::memory_order_acquire);
    while (version != nullptr && version->commit() > commit) {
      const Version* const jump = version->jump;
      version = jump != nullptr && jump->commit() > commit ? jump : version->next;
    }
    return version;
  }
};
static_assert(sizeof(Entry) == 24);

inline constexpr size_t version_bytes(const Edit& edit) {
  return sizeof(Version) + (edit.expires_ms != 0 ? 8 : 0) + edit.value.size();
}

// Lays a version at `at`, in front of `next` (may be null). Not yet published.
inline const Version* write_version(uint8_t* at, const Edit& edit, const Version* next) {
  check(edit.commit < (uint64_t{1} << 53) && edit.value.size() <= UINT32_MAX);
  Version* const version = std::construct_at(reinterpret_cast<Version*>(at));
  const bool expires = edit.expires_ms != 0;
  version->stamp = edit.commit << 11 | static_cast<uint64_t>(edit.kind) << 9 |
                   static_cast<uint64_t>(expires) << 8 | edit.flags;
  version->value_size = static_cast<uint32_t>(edit.value.size());
  if (next != nullptr) {
    version->next = next;
    version->depth = next->depth + 1;
    const Version* const jump = next->jump;
    const bool equal_hops = jump != nullptr && jump->jump != nullptr &&
                            next->depth - jump->depth == jump->depth - jump->jump->depth;
    version->jump = equal_hops ? jump->jump : next;
  }
  uint8_t* tail = at + sizeof(Version);
  if (expires) {
    store(tail, edit.expires_ms);
    tail += 8;
  }
  if (!edit.value.empty()) std::memcpy(tail, edit.value.data(), edit.value.size());
  return version;
}

}  // namespace varve::memtable

#include "store/memtable/memtable.h"

#include <algorithm>
#include <bit>

#include "store/memtable/hash_index.h"
#include "store/memtable/order.h"
#include "store/memtable/range_set.h"
#include "store/memtable/walk.h"

namespace varve {

using memtable::Entry;
using memtable::HashIndex;
using memtable::Memory;
using memtable::Order;
using memtable::RangeSet;
using memtable::Version;
using memtable::version_bytes;
using memtable::Walk;
using memtable::write_version;

struct Memtable::Parts {
  Parts(uint64_t number, std::shared_ptr<PageStock> pages)
      : id(number), memory(std::move(pages)), index(memory), ranges(memory) {}

  const uint64_t id;
  Memory memory;
  HashIndex index;
  RangeSet ranges;
  Order order;
  std::atomic<uint64_t> edit_count{0};
  uint64_t commit_last = 0;  // Writer only.
};

namespace {

// One entry per key: the newest version at or below a commit.
class NewestCursor final : public EngineCursor {
 public:
  NewestCursor(Walk walk, const RangeSet& ranges, uint64_t commit)
      : walk_(std::move(walk)), ranges_(ranges), commit_(commit) {
    settle();
  }
  bool valid() const override { return walk_.valid(); }
  const Edit& edit() const override { return edit_; }
  void next() override {
    walk_.next();
    settle();
  }
  void seek(Bytes key) override {
    walk_.seek(key);
    settle();
  }
  Status status() const override { return Status::ok(); }

 private:
  // Goes on to the first entry that has a version in view.
  void settle() {
    for (; walk_.valid(); walk_.next()) {
      const Entry& entry = walk_.entry();
      const Version* const version = entry.find(commit_);
      if (version == nullptr) continue;
      edit_ = version->edit(entry.key());
      if (ranges_.empty()) return;
      const uint64_t hidden = ranges_.newest_over(edit_.key, commit_);
      if (hidden > edit_.commit) edit_ = {edit_.key, hidden, EditKind::kDelete, 0, 0, {}};
      return;
    }
  }

  Walk walk_;
  const RangeSet& ranges_;
  const uint64_t commit_;
  Edit edit_;
};

class VersionsCursor final : public EditCursor {
 public:
  VersionsCursor(Walk walk, uint64_t from, uint64_t to)
      : walk_(std::move(walk)), from_(from), to_(to) {
    if (walk_.valid()) version_ = walk_.entry().find(to_);
    settle();
  }
  bool valid() const override { return walk_.valid(); }
  const Edit& edit() const override { return edit_; }
  void next() override {
    // A commit that wrote a key twice shows its last word only.
    const uint64_t shown = edit_.commit;
    while (version_ != nullptr && version_->commit() == shown) version_ = version_->next;
    settle();
  }
  Status status() const override { return Status::ok(); }

 private:
  void settle() {
    while (walk_.valid() && (version_ == nullptr || version_->commit() <= from_)) {
      walk_.next();
      version_ = walk_.valid() ? walk_.entry().find(to_) : nullptr;
    }
    if (walk_.valid()) edit_ = version_->edit(walk_.entry().key());
  }

  Walk walk_;
  const uint64_t from_;
  const uint64_t to_;
  const Version* version_ = nullptr;
  Edit edit_;
};

}  // namespace

Memtable::Memtable(uint64_t id, std::shared_ptr<PageStock> pages)
    : parts_(std::make_unique<Parts>(id, std::move(pages))) {}
Memtable::Memtable(uint64_t id, size_t page_bytes)
    : Memtable(id, std::make_shared<PageStock>(page_bytes)) {}
Memtable::~Memtable() = default;

uint64_t Memtable::id() const { return parts_->id; }

void Memtable::put(const Edit& edit, uint64_t hash) {
  Parts& parts = *parts_;
  check(edit.commit >= parts.commit_last && edit.key.size() <= UINT32_MAX);
  parts.commit_last = edit.commit;
  parts.edit_count.store(parts.edit_count.load(std::memory_order_relaxed) + 1,
                         std::memory_order_release);
  if (Entry* const known = parts.index.find(edit.key, hash)) {
    uint8_t* const at = parts.memory.allocate(version_bytes(edit));
    const Version* const older = known->newest.load(std::memory_order_relaxed);
    known->newest.store(write_version(at, edit, older), std::memory_order_release);
    return;
  }

  const size_t version_at = sizeof(Entry) + round_up(edit.key.size(), 8);
  uint8_t* const at = parts.memory.allocate(version_at + version_bytes(edit));
  Entry* const entry = std::construct_at(reinterpret_cast<Entry*>(at));
  entry->hash = hash;
  entry->key_size = static_cast<uint32_t>(edit.key.size());
  if (!edit.key.empty()) std::memcpy(at + sizeof(Entry), edit.key.data(), edit.key.size());
  entry->newest.store(write_version(at + version_at, edit, nullptr), std::memory_order_release);
  parts.index.insert(entry);
  parts.order.append(entry);
}

void Memtable::delete_range(const RangeDeletion& deletion) {
  check(deletion.commit >= parts_->commit_last);
  parts_->commit_last = deletion.commit;
  parts_->ranges.add(deletion);
}

void Memtable::expect_scans(bool expected) { parts_->order.expect_scans(expected); }

void Memtable::prefetch(uint64_t hash) const { parts_->index.prefetch(hash); }

size_t Memtable::size_bytes() const {
  return parts_->memory.used_bytes() + parts_->order.size_bytes();
}

uint64_t Memtable::edit_count() const { return parts_->edit_count.load(std::memory_order_acquire); }

bool Memtable::empty() const { return edit_count() == 0 && parts_->ranges.empty(); }

size_t Memtable::cost(size_t key_size, size_t value_size) {
  const size_t laid = sizeof(Entry) + round_up(key_size, 8) + sizeof(Version) + 8 + value_size;
  return Arena::taken_bytes_max(laid) + HashIndex::kKeyBytesMax + Order::kKeyBytesMax;
}

size_t Memtable::range_cost(size_t begin_size, size_t end_size) {
  return begin_size + end_size + RangeSet::kDeletionBytesMax;
}

size_t Memtable::fixed_bytes(size_t page_bytes) { return Memtable(0, page_bytes).size_bytes(); }

size_t Memtable::page_bytes_for(size_t size_bytes) {
  return std::clamp(std::bit_floor(size_bytes / kPagesMin), Arena::kPageBytesMin, kHugePageBytes);
}

Lookup Memtable::get(Bytes key, uint64_t hash, uint64_t commit) const {
  Lookup answer;
  const Entry* const entry = parts_->index.find(key, hash);
  if (entry != nullptr) {
    if (const Version* const version = entry->find(commit)) {
      answer.edit = version->edit(entry->key());
      answer.found = answer.edit.kind == EditKind::kPut ? Found::kPut : Found::kDeleted;
    }
  }
  if (parts_->ranges.empty()) return answer;
  const uint64_t hidden = parts_->ranges.newest_over(key, commit);
  if (hidden <= answer.edit.commit) return answer;  // 0 if there is none.
  return {Found::kDeleted, {key, hidden, EditKind::kDelete, 0, 0, {}}};
}

bool Memtable::has_range_deletions() const { return !parts_->ranges.empty(); }

uint64_t Memtable::range_deletion_over(Bytes key, uint64_t commit) const {
  return parts_->ranges.newest_over(key, commit);
}

std::vector<RangeDeletion> Memtable::range_deletions() const { return parts_->ranges.all(); }

std::unique_ptr<EngineCursor> Memtable::scan(const KeyRange& range, uint64_t commit,
                                             Direction direction) const {
  return std::make_unique<NewestCursor>(Walk(parts_->order.order(), range, direction),
                                        parts_->ranges, commit);
}

std::unique_ptr<EditCursor> Memtable::versions(const KeyRange& range, uint64_t from,
                                               uint64_t to) const {
  return std::make_unique<VersionsCursor>(Walk(parts_->order.order(), range, Direction::kForward),
                                          from, to);
}

}  // namespace varve

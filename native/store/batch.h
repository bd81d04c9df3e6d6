// store/batch.h — the edits of one commit, gathered in the bytes that the log will hold.
//
// An edit is encoded once, straight into the body of the future log record; what the memtable needs
// beside it (hash and sizes) is kept in a list. finish() normalises: one last edit per key, and no
// put that a later range deletion of the same batch removed. Until then edits stand as they were
// added, so that the last of them can be taken back.
//
// An addition is a put that follows from what is there: beside the sum with what its caller read
// stand what is to be added and when that was read, so that the sequencer can make the sum anew
// (additions.cc). The log has never heard of it.
//
// A silent edit changes how something is stored and nothing that anybody is answered, so no
// condition is broken by it (recent_writes.h).
//
// Invariants
//   - after finish(), items() and body() say the same, and no key occurs twice among point edits.
// Threads: one.   Bytes: storage/log/FORMAT.md
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storage/log/log.h"

namespace varve {

class Batch {
 public:
  struct Item {
    uint64_t hash = 0;    // Of the key; 0 for range deletions.
    uint32_t offset = 0;  // Of the edit in the body.
    uint32_t key_bytes = 0;
    uint32_t value_bytes = 0;
    LogEditKind kind = LogEditKind::kPut;
    uint32_t addition = 0;  // Number from 1; 0: none.
    bool has_expiry = false;
    bool is_silent = false;
    bool dropped = false;  // Superseded within the batch; gone after finish().
  };

  explicit Batch(uint64_t hash_seed, uint64_t bytes_max = kBodyBytesMax)
      : hash_seed_(hash_seed), bytes_max_(bytes_max) {}

  // Whether an edit of so many bytes of key and value may be added: kTooLarge when a commit could
  // not have it. Asked before anything is copied; what a later edit supersedes counts, too.
  Status fits(uint64_t edit_bytes) const;

  // The value is the parts, one after the other.
  void put(Bytes key, std::initializer_list<Bytes> value_parts, uint64_t expires_ms = 0);
  void put(Bytes key, Bytes value, uint64_t expires_ms = 0) { put(key, {value}, expires_ms); }
  void erase(Bytes key);
  void erase_silently(Bytes key);
  void erase_range(Bytes begin, Bytes end);
  void clear();
  void give_back_room();  // Of an empty one: what it had grown to.

  struct Addition {
    std::string by;           // A value: pure/codec/number.h.
    uint64_t since = 0;       // The sum is with what was there as of this commit.
    std::string sum;          // Not empty: what sum_anew() puts in the place of the last sum,
    uint64_t expires_ms = 0;  // and this in the place of its expiry.
  };
  // A put of `sum`, for as long as nobody wrote the key after `since`.
  void add_to(Bytes key, Bytes by, Bytes sum, uint64_t since, uint64_t expires_ms);
  bool has_additions() const { return !additions_.empty(); }
  Addition& addition(const Item& item) { return additions_[item.addition - 1]; }
  const Addition& addition(const Item& item) const { return additions_[item.addition - 1]; }
  // Puts the sums in place that additions were given.
  void sum_anew();

  // Where a batch is, and back to there: what was added since is gone.
  struct Mark {
    size_t item_count = 0;
    size_t body_bytes = 0;
    uint64_t payload_bytes = 0;
    size_t addition_count = 0;
  };
  Mark mark() const { return {items_.size(), body_.size(), payload_bytes_, additions_.size()}; }
  void rewind(const Mark& mark);

  bool empty() const { return items_.empty(); }
  bool has_expiry() const { return has_expiry_; }  // A put of it expires, or one that it dropped.
  size_t size() const { return items_.size(); }
  uint64_t body_bytes() const { return body_.size(); }
  uint64_t payload_bytes() const { return payload_bytes_; }  // Keys and values alone.

  // Before finish(): whoever made it knows that no key has two point edits.
  void note_distinct() { is_distinct_ = true; }
  void finish();
  const std::vector<Item>& items() const { return items_; }
  Bytes body() const { return as_bytes(body_); }
  uint32_t body_checksum() const { return body_checksum_; }
  LogEdit edit(const Item& item) const;

 private:
  void add(LogEditKind kind, Bytes key, size_t value_bytes, uint64_t expires_ms);
  void drop_superseded();
  void drop_deleted();
  void drop_in_range(size_t range_index);
  void rebuild();

  const uint64_t hash_seed_;
  const uint64_t bytes_max_;
  std::string body_;
  std::vector<Item> items_;
  std::vector<Addition> additions_;
  std::vector<uint32_t> seen_;  // Open-addressed: index of an item + 1.
  uint64_t payload_bytes_ = 0;
  uint32_t body_checksum_ = 0;
  bool any_dropped_ = false;
  bool any_ranges_ = false;
  bool is_distinct_ = false;
  bool has_expiry_ = false;
};

}  // namespace varve

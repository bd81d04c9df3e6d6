// store/copying.h — what one version of an engine has, as parts of a copy for another engine.
//
// Each part is all there is of one stretch of keys, of the commits that were asked for: every
// version with its value, whatever place it lay in, and what of range deletions lies within the
// stretch. It is in memory, so that nothing of the old engine is held while the new one takes it
// in.
//
//     version    a@9  a@5 ended by 7   b@3 │ c@8 …        range deletion [a, z)@2
//     part       a@9  a deleted@7  a@5 b@3                [a, c)@2
//
// An engine may know what put an end to a version, and have forgotten the deletion itself: then
// there is one in the part, or the other engine would take the version for a living one.
//
// Invariants: all versions of a key are in one part; parts come in the order of keys, and meet.
// Threads: one. Reads happen inside a guard of the caller's.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"

namespace varve {

class Copying {
 public:
  // Commits above `after`. A part is about so large, and a key whose versions take more than the
  // second is kTooLarge.
  Copying(std::shared_ptr<const EngineVersion> from, uint64_t after, uint64_t part_bytes,
          uint64_t key_bytes_max)
      : from_(std::move(from)),
        after_(after),
        part_bytes_(part_bytes),
        key_bytes_max_(key_bytes_max) {}

  uint64_t absorbed() const { return from_->absorbed(); }
  uint64_t after() const { return after_; }
  bool is_whole() const { return is_whole_; }  // There is no further part.
  // Reads the next part, which takes the place of the last.
  Status read();
  // What of the version's bytes, about, is behind the last part.
  uint64_t bytes_left() const { return is_whole_ ? 0 : from_->size({as_bytes(low_), {}}); }
  uint64_t part_bytes() const { return bytes_.size(); }
  uint64_t part_edits() const { return rows_.size(); }
  // The last part, whose edits come from the cursor: both are borrowed until the next is read.
  Run run(EditCursor& edits) const;

 private:
  friend class PartCursor;
  struct Row {
    uint64_t commit;
    uint64_t expires_ms;
    uint64_t key_at;  // The value lies at `value_at`.
    uint64_t value_at;
    uint32_t key_bytes;
    uint32_t value_bytes;
    EditKind kind;
  };
  Bytes key(const Row& row) const { return as_bytes(bytes_).subspan(row.key_at, row.key_bytes); }
  bool is_ended_by_range(Bytes key, uint64_t commit) const;
  Status add_key(EditCursor& versions);
  Status add(const Edit& edit, uint64_t key_at);
  void clip(Bytes low, Bytes high);

  const std::shared_ptr<const EngineVersion> from_;
  const uint64_t after_;
  const uint64_t part_bytes_;
  const uint64_t key_bytes_max_;
  std::string low_;  // Where the next part begins.
  bool is_whole_ = false;
  std::vector<RangeDeletion> all_ranges_;  // Borrowed from the version.
  bool knows_ranges_ = false;
  // The part.
  std::string part_low_;
  std::string bytes_;
  std::vector<Row> rows_;
  std::vector<RangeDeletion> ranges_;
};

// Goes through a part.
class PartCursor final : public EditCursor {
 public:
  explicit PartCursor(const Copying& copying) : copying_(copying) { show(); }
  bool valid() const override { return at_ < copying_.rows_.size(); }
  const Edit& edit() const override { return edit_; }
  void next() override {
    ++at_;
    show();
  }
  Status status() const override { return Status::ok(); }

 private:
  void show();

  const Copying& copying_;
  size_t at_ = 0;
  Edit edit_;
};

}  // namespace varve

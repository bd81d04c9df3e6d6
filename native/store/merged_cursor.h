// store/merged_cursor.h — one ordered walk over memtables and engine.
//
// Sources are ordered newest first. Each shows at most one entry per key: a memtable its newest
// version at or below the view, deletions included; the engine only what lives. The newest source
// that has a key decides it; a range deletion in a newer memtable hides what lies in the older
// sources. A put that expired is shown by nobody.
//
// Invariants
//   - what is shown is a put, in key order of the direction, each key once.
// Threads: one; lives inside a View.
#pragma once

#include <memory>
#include <vector>

#include "engine/engine.h"
#include "store/memtable/memtable.h"

namespace varve {

class MergedCursor final : public EngineCursor {
 public:
  struct Source {
    std::unique_ptr<EngineCursor> cursor;
    const Memtable* ranges = nullptr;  // Set when this memtable has range deletions.
  };

  // `expired_ms`: what expires at it or before has expired.
  MergedCursor(std::vector<Source> sources, uint64_t commit, uint64_t expired_ms,
               Direction direction);

  bool valid() const override { return current_ != nullptr; }
  const Edit& edit() const override { return current_->edit(); }
  void next() override;
  void seek(Bytes key) override;
  size_t take_values(Bytes end, std::span<Bytes> values) override;
  Status status() const override;

 private:
  void settle();  // Chooses the next put that nothing hides.
  void step_past(Bytes key);
  bool hidden(size_t source, Bytes key) const;

  std::vector<Source> sources_;
  const uint64_t commit_;
  const uint64_t expired_ms_;
  const int sign_;  // 1 forward, -1 reverse.
  bool any_ranges_ = false;
  EngineCursor* current_ = nullptr;
  size_t current_index_ = 0;
};

}  // namespace varve

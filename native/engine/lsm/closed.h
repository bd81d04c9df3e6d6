// engine/lsm/closed.h — the version of an engine that was closed: it has no files, and answers
// kClosed.
//
// Threads: any.
#pragma once

#include "engine/engine.h"

namespace varve {

class ClosedVersion final : public EngineVersion {
 public:
  explicit ClosedVersion(uint64_t absorbed) : absorbed_(absorbed) {}

  Status get(Bytes key, uint64_t hash, uint64_t commit, bool may_block,
             Lookup& answer) const override;
  Status get_many(std::span<PointQuery> queries, uint64_t commit) const override;
  std::unique_ptr<EngineCursor> scan(const KeyRange& range, uint64_t commit,
                                     Direction direction) const override;
  std::unique_ptr<EditCursor> versions(const KeyRange& range, uint64_t from,
                                       uint64_t to) const override;
  std::vector<RangeDeletion> range_deletions(const KeyRange&, uint64_t, uint64_t) const override {
    return {};
  }
  Result<uint64_t> value_bytes(const Edit& edit) const override;
  Status read_value(const Edit& edit, MutableBytes into) const override;
  uint64_t size(const KeyRange&) const override { return 0; }
  uint64_t absorbed() const override { return absorbed_; }

 private:
  const uint64_t absorbed_;
};

}  // namespace varve

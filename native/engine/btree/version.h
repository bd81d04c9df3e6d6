// engine/btree/version.h — an immutable view of both trees and the facts.
//
// A view at or above absorbed() finds the newest version of a key in current, or nothing. An older
// one takes what current has if that is old enough, and else the newest in history that is: what
// put an end to it, if anything did, says whether it stands.
//
// Threads: any, inside an epoch guard.
#pragma once

#include <memory>
#include <mutex>
#include <set>

#include "engine/btree/cursor.h"
#include "engine/btree/facts.h"

namespace varve::btree {

// Everything that one version shows.
struct Image {
  TreeRoot current;
  TreeRoot history;
  std::shared_ptr<const Facts> facts = std::make_shared<const Facts>();
  std::shared_ptr<const Extents> extents = std::make_shared<const Extents>();
  uint64_t absorbed = 0;
  uint64_t time_ms = 0;
  uint64_t change = 1;     // That made it.
  bool is_closed = false;  // The engine is, and answers kClosed.
};

// The changes whose versions somebody may still read. Threads: any.
class Alive {
 public:
  void add(uint64_t change);
  void remove(uint64_t change);
  uint64_t oldest() const;  // UINT64_MAX: none.

 private:
  mutable std::mutex mutex_;
  std::multiset<uint64_t> changes_;
};

class BtreeVersion final : public EngineVersion, public std::enable_shared_from_this<BtreeVersion> {
 public:
  BtreeVersion(Image image, std::shared_ptr<const Pool> pool, std::shared_ptr<Alive> alive,
               uint64_t large_value_bytes);
  ~BtreeVersion() override { alive_->remove(image_.change); }

  const Image& image() const { return image_; }
  const Pool& pool() const { return *pool_; }
  TreeSource current() const {
    return {*pool_, *image_.extents, image_.current, TreeKind::kCurrent};
  }
  TreeSource history() const {
    return {*pool_, *image_.extents, image_.history, TreeKind::kHistory};
  }

  Status get(Bytes key, uint64_t hash, uint64_t commit, bool may_block,
             Lookup& answer) const override;
  Status get_many(std::span<PointQuery> queries, uint64_t commit) const override;
  std::unique_ptr<EngineCursor> scan(const KeyRange& range, uint64_t commit,
                                     Direction direction) const override;
  std::unique_ptr<EditCursor> versions(const KeyRange& range, uint64_t from,
                                       uint64_t to) const override;
  std::unique_ptr<EditCursor> versions_once(const KeyRange& range, uint64_t from,
                                            uint64_t to) const override;
  std::vector<RangeDeletion> range_deletions(const KeyRange& range, uint64_t from,
                                             uint64_t to) const override;
  Result<uint64_t> value_bytes(const Edit& edit) const override;
  Status read_value(const Edit& edit, MutableBytes into) const override;
  uint64_t size(const KeyRange& range) const override;
  uint64_t absorbed() const override { return image_.absorbed; }

 private:
  struct Walk {  // Of one key to its leaf.
    PointQuery* query;
    PageRef ref;
    const uint8_t* page;
  };
  Status find_leaf(Bytes key, bool may_block, const uint8_t*& page) const;
  Status answer_from(const uint8_t* leaf, Bytes key, uint64_t commit, bool may_block,
                     Lookup& answer) const;
  Status get_past(Bytes key, uint64_t commit, bool may_block, Lookup& answer) const;
  Status bring_value(bool may_block, Lookup& answer) const;
  Status get_group(std::span<PointQuery> group, uint64_t commit) const;
  Status step_down(std::span<Walk> walks, uint32_t level) const;
  Result<uint64_t> weight_before(Bytes key, bool is_end) const;

  const Image image_;
  const std::shared_ptr<const Pool> pool_;
  const std::shared_ptr<Alive> alive_;
  const uint64_t large_value_bytes_;
};

}  // namespace varve::btree

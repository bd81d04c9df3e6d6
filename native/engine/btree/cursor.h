// engine/btree/cursor.h — a walk over one tree, in both directions.
//
// It holds a page of each level. Going on from leaf to leaf it tells the machine of the leaves that
// come next, of more the longer it goes on, so that they are there when they are read: once it has
// waited for the disk, that is, for what the machine has in memory needs no telling.
//
// Threads: one; through the cache inside an epoch guard for as long as it is used.
#pragma once

#include <string>
#include <vector>

#include "engine/btree/page.h"
#include "engine/btree/pool.h"
#include "engine/btree/root.h"

namespace varve::btree {

// What it takes to read a tree. Borrowed.
struct TreeSource {
  const Pool& pool;
  const Extents& extents;
  const TreeRoot& root;
  TreeKind kind;
};

class TreeCursor {
 public:
  enum class Through : uint8_t { kCache, kCacheAlone, kDisk };  // kCacheAlone: it must not block.

  // Of pages that nothing was written into since the tree had taken in commit `after` it shows
  // nothing; such a walk goes forward alone.
  TreeCursor(const TreeSource& source, Through through, uint64_t after = 0)
      : source_(source), through_(through), after_(after) {}
  bool valid() const { return valid_; }
  const NodeView& leaf() const { return frames_.back().view; }
  uint32_t at() const { return frames_.back().at; }
  void copy_key(std::string& to) const { leaf().copy_key(at(), to); }
  Bytes payload() const { return leaf().payload(at()); }
  Status status() const { return status_.copy(); }

  void seek_first();
  void seek_last();
  void seek(Bytes key);         // The first at or above it.
  void seek_before(Bytes key);  // The last below it.
  void next();
  void previous();

 private:
  struct Frame {
    NodeView view;
    uint32_t at = 0;
    std::string own;  // The page, around the cache.
  };
  bool begin();
  Status find(const PageRef& ref, uint32_t kind, const uint8_t*& page);
  bool enter(const PageRef& ref, uint32_t level);
  bool enter_child();
  bool is_old() const;
  void walk(bool forward);
  bool go_down(bool forward);
  void look_ahead(Frame& parent, bool forward);

  const TreeSource source_;
  const Through through_;
  const uint64_t after_;
  std::vector<Frame> frames_;  // From the root down, a leaf last.
  size_t depth_ = 0;           // How many of them are in use.
  bool valid_ = false;
  Status status_;
  bool has_waited_ = false;  // For the disk.
  uint32_t steps_ = 0;       // From leaf to leaf, one way, since then.
  uint32_t announced_ = 0;  // Of the children that come next.
};

}  // namespace varve::btree

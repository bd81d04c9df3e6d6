// test/native/engine/btree/btree_subject.h — a B+tree for tests: a directory of its own, and pages
// and extents so small that a few hundred edits make a tree of several levels in several files.
#pragma once

#include "engine/btree/btree.h"
#include "engine/subject.h"
#include "hasty_os.h"

namespace varve::test {

struct BtreeGround {
  HastyOs os;
  EpochDomain epochs;
  BtreeOptions options;
  Eviction eviction = Eviction::kClock;
  uint64_t cache_bytes = uint64_t{8} << 20;
  std::unique_ptr<Manifest> manifest;
  std::unique_ptr<Cache> cache;
};

Subject open_btree_subject(btree::Writing writing = btree::Writing::kThrough,
                           Eviction eviction = Eviction::kClock);
inline BtreeGround& btree_ground(const Subject& subject) {
  return *static_cast<BtreeGround*>(subject.ground.get());
}
// Closes the engine, and opens it as a crash would have left it: nothing comes to rest before.
Status crash_btree(Subject& subject);

}  // namespace varve::test

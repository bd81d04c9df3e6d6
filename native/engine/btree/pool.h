// engine/btree/pool.h — pages in memory: those that were read, in the cache, and those that are
// not yet on the disk.
//
// A page is verified once, when it is loaded. Pages that a change made go to the disk with it
// (Writing::kThrough), or stay here as *dirty* until they are written: when there are too many of
// them, or by a checkpoint (kBack), or by maintenance soon after (kBehind). No page that the disk
// could need is ever written over, so it does not matter in which order dirty ones go.
//
// Invariants
//   - find() hands out only pages of the kind that is asked for, whoever put them there.
//   - a dirty page is found by every read until it is on the disk.
// Threads: any; pages are put and written by whoever changes the tree.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <shared_mutex>
#include <string>
#include <vector>

#include "engine/btree/btree.h"
#include "engine/btree/extent.h"
#include "engine/btree/page.h"

namespace varve::btree {

// A page's type, tree and level, as its bytes 4 to 7 have them.
inline uint32_t kind_of(PageType type, TreeKind tree = TreeKind::kCurrent, uint32_t level = 0) {
  return static_cast<uint32_t>(type) | static_cast<uint32_t>(tree) << 8 | level << 16;
}
inline uint32_t node_kind(TreeKind tree, uint32_t level) {
  return kind_of(level == 0 ? PageType::kLeaf : PageType::kInner, tree, level);
}

class Pool {
 public:
  Pool(const ExtentSite& site, Cache& cache, Writing writing);

  const ExtentSite& site() const { return site_; }
  Cache& cache() const { return cache_; }
  uint64_t slot_of(uint64_t place) const { return place >> bits_; }
  uint32_t index_of(uint64_t place) const {
    return static_cast<uint32_t>(place & (site_.extent_pages - 1));
  }
  uint64_t place_at(uint64_t slot, uint32_t index) const { return slot << bits_ | index; }

  // A page through the cache: borrowed until the caller's epoch guard is left. kWouldBlock if only
  // the disk has it, and it may not block.
  Status find(const Extents& extents, const PageRef& ref, uint32_t kind, bool may_block,
              const uint8_t*& page) const;
  // In memory already: null if not. Inside a guard.
  const uint8_t* peek(const Extents& extents, const PageRef& ref, uint32_t kind) const;
  // The same around the cache.
  Status read(const Extents& extents, const PageRef& ref, uint32_t kind, std::string& page) const;
  // Tells the machine of a page that find() would wait for. False when it is in memory.
  bool announce(const Extents& extents, const PageRef& ref) const;
  // Puts a new page into the cache, where its predecessor was. Inside a guard.
  void warm(const Extents& extents, const PageRef& ref, Bytes page) const;
  bool is_cached(const Extents& extents, uint64_t place) const;  // Inside a guard.

  // Takes a sealed page of a change; through: writes it, many side by side at once.
  Status put(const Extents& extents, uint64_t place, std::string page);
  Status flush(const Extents& extents);  // What put() still holds back.
  // Writes dirty pages until no more than so many bytes are left.
  Status write_dirty(const Extents& extents, uint64_t bytes_max);
  void drop_dirty(uint64_t place);  // Nobody needs it any more.
  void abandon() { buffer_.clear(); }
  uint64_t dirty_bytes() const { return dirty_bytes_.load(std::memory_order_relaxed); }
  uint64_t written_bytes() const { return written_bytes_.load(std::memory_order_relaxed); }
  uint64_t read_bytes() const { return read_bytes_.load(std::memory_order_relaxed); }

 private:
  Status check_page(const Extent& extent, const PageRef& ref, uint32_t kind, Bytes page) const;
  Status load(const Extent& extent, const PageRef& ref, uint32_t kind, MutableBytes into) const;
  Status extent_of(const Extents& extents, const PageRef& ref, const Extent*& extent) const;
  bool copy_dirty(uint64_t place, MutableBytes into) const;
  Status write_run(const Extents& extents, uint64_t place, Bytes pages);

  const ExtentSite site_;
  Cache& cache_;
  const Writing writing_;
  const uint32_t bits_;  // Of a place, for the index.
  mutable std::atomic<uint64_t> read_bytes_{0};
  std::atomic<uint64_t> written_bytes_{0}, dirty_bytes_{0};

  std::string buffer_;  // Pages side by side that are not written yet, from
  uint64_t buffer_place_ = 0;

  mutable std::shared_mutex dirty_mutex_;  // Guards what follows.
  std::map<uint64_t, std::string> dirty_;  // By place.
};

}  // namespace varve::btree

// engine/btree/tree_writer.h — one tree written anew where something changes, in key order.
//
// The old tree is walked from its root. A subtree that nobody wants to open stays as it is, with
// one reference. A leaf that is opened is filled anew by the plan; rows collect until a leaf is
// full, references until an inner node is, level by level:
//
//     rows ──▶ leaf ──▶ reference ──▶ inner node ──▶ reference ──▶ …         (levels_, from 0 up)
//
// What is too much for one page is cut in even parts, so that each has room for what comes between;
// but where keys only follow what was there, pages are filled one after the other. What is too
// little for a page waits, and the next one is opened to go with it.
//
// Invariants
//   - each old page is read and freed at most once; what is written is written once.
//   - separators are at most the first key of their page, and above every key of the one before.
// Threads: whoever changes the tree.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/btree/cursor.h"
#include "engine/btree/space.h"

namespace varve::btree {

// Above all keys: none.
using Bound = std::optional<Bytes>;
inline bool is_below(Bytes key, const Bound& bound) { return !bound || compare(key, *bound) < 0; }

struct TreePlan {
  // Whether a subtree, or a leaf, with keys from `low` on and below `high` must be opened. What
  // moves (see below) is, whatever is said here.
  std::function<bool(Bytes low, const Bound& high, const PageRef& ref, uint32_t level)> opens;
  // Hands out all rows of a leaf as it is to be, by key; null: there was none. False: nothing
  // changes, and what was handed out is the same.
  using Out = std::function<Status(Bytes key, Bytes payload)>;
  std::function<Result<bool>(const NodeView* old, const Bound& high, const Out& out)> fill;
  // Whether a page must go elsewhere.
  std::function<bool(uint64_t place)> moves = [](uint64_t) { return false; };
  bool is_tight = false;   // Every page is filled, whatever comes later.
  bool is_at_end = false;  // Set by fill(): all that is new follows what was there.
};

// What pages are written with.
struct WriteSite {
  Pool& pool;
  Space& space;
  uint64_t commit = 0;
  std::function<void(const PageRef& made, uint64_t replaced, Bytes page)> on_node;  // Null: nobody.
};

// Writes bytes as a chain of pieces; the reference to the first says how many pages there are.
// `places` gets where they lie; null: nobody asks.
Result<PageRef> write_pieces(const WriteSite& site, PageType type, Bytes bytes,
                             Stretches* places = nullptr);
// Reads all of them around the cache; `places` gets where they lie, as far as that is known.
Status read_pieces(const Pool& pool, const Extents& extents, const PageRef& first, PageType type,
                   std::string* bytes, Stretches* places);
size_t piece_bytes_max(const ExtentSite& site);

class TreeWriter {
 public:
  TreeWriter(const WriteSite& site, const TreeSource& old, TreePlan& plan)
      : site_(site), old_(old), plan_(plan) {}
  // The new tree; of its entry_count nothing is known here.
  Result<TreeRoot> run();

 private:
  struct Level {
    Pending items;
    std::string low;        // Of leaves: at most the first key of what is pending.
    uint64_t replaced = 0;  // A page that went into it.
  };
  Status visit(uint32_t level, Bytes low, const PageRef& ref, const Bound& high);
  Status visit_leaf(Bytes low, const PageRef& ref, const Bound& high);
  Status visit_inner(uint32_t level, Bytes low, const PageRef& ref, const Bound& high);
  bool is_pending(uint32_t level_max) const;
  Status add_child(uint32_t level, Bytes separator, const PageRef& ref);
  Status settle(uint32_t level, const Bound& high);
  Status write_front(uint32_t level, size_t count);
  Status write_full(uint32_t level);
  size_t count_within(uint32_t level) const;
  size_t count_of_share(uint32_t level) const;
  Status drain(uint32_t level, bool evenly);
  Result<TreeRoot> finish();
  uint32_t page_bytes() const { return site_.pool.site().page_bytes; }
  Level& level_at(uint32_t level);

  const WriteSite& site_;
  const TreeSource old_;
  TreePlan& plan_;
  std::deque<Level> levels_;  // What is here stays where it is.
};

}  // namespace varve::btree

// engine/btree/merging.h — what goes into the trees: a run, what it supersedes, and what
// maintenance finds to be moved or forgotten.
//
// Of one key, the newest version goes to current if it is a put that no range deletion hides. Every
// other is superseded, by the next newer one or by the oldest range deletion above it, whichever
// came first; and goes to history if retention asks for it. A deletion is kept there while it is
// above the horizon, to be told of: what it superseded says so itself.
//
// Threads: whoever changes the trees.
#pragma once

#include <optional>
#include <string>

#include "engine/btree/facts.h"
#include "engine/btree/tree_writer.h"
#include "engine/btree/version.h"

namespace varve::btree {

// A change to both trees under way.
class Merging {
 public:
  Merging(WriteSite site, const Image& from, const Facts& facts, const Retention& retention);

  // All edits of a run.
  Status absorb(EditCursor& edits);

  // A walk over one tree that stops when it has spent its budget; `resume` is where it goes on, and
  // empty when it came to the end. Of current what range deletions hide goes; of history what
  // nobody asks for. With `is_everything` each leaf is written anew, and full.
  struct Walk {
    TreeKind kind = TreeKind::kCurrent;
    bool is_everything = false;
    bool is_moving = false;  // What lies in extents that are to be emptied goes elsewhere.
    uint64_t budget_bytes = 0;
    std::string resume;
    bool is_whole = false;  // It came to the end.
  };
  Status walk(Walk& walk);

  Status finish();  // After the last: what is superseded is in history.
  const TreeRoot& current() const { return current_; }
  const TreeRoot& history() const { return history_; }
  bool any_change() const { return any_change_; }
  uint64_t taken_bytes() const { return taken_bytes_; }

 private:
  using Out = TreePlan::Out;
  Status merge_key(EditCursor& edits, std::optional<Bytes> old, const Out& out);
  Status put(const Edit& edit, const Out& out);
  Status keep(Bytes key, const Edit& edit, uint64_t superseded);
  bool is_kept(const Edit& edit, uint64_t superseded) const;
  Status add_history(Bytes key, const Edit& edit);
  Status flush_history();
  Result<Edit> with_value_apart(const Edit& edit, std::string& room);
  Status free_value(const Edit& edit);
  Status fill_run(EditCursor& edits, const NodeView* old, const Bound& high, const Out& out,
                  bool& is_at_end);
  Result<bool> fill_walk(const Walk& walk, const NodeView& old, const Out& out);
  Result<bool> fill_row(const Walk& walk, Bytes key, Bytes payload, const Out& out);
  Result<bool> move_value(Bytes key, const Edit& edit, const Out& out);
  Result<bool> is_value_to_move(const Edit& edit) const;
  Result<TreeRoot> write(const TreeRoot& old, TreeKind kind, TreePlan& plan);
  bool any_undone(Bytes low, const Bound& high) const;
  size_t inline_bytes_max() const { return site_.pool.site().page_bytes / 2; }

  const WriteSite site_;
  const Facts& facts_;
  const Retention& retention_;
  TreeRoot current_;
  TreeRoot history_;
  Pending superseded_;  // On its way to history.
  std::string payload_;
  std::string key_;
  uint64_t taken_bytes_ = 0;
  bool any_change_ = false;
};

}  // namespace varve::btree

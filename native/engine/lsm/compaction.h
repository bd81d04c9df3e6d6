// engine/lsm/compaction.h — one merge of tables into a run, a step at a time.
//
// What the newer versions of the sources supersede, and is still asked for, goes into a run of
// history. A merge of history has no other.
//
// Values that lie apart stay where they are, and their references go on; only those in files that
// are mostly dead move.
//
// Invariants: inputs are not changed; outputs count only once the engine has put them into the
// manifest. Threads: one.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/lsm/keeping.h"
#include "engine/lsm/picking.h"
#include "engine/lsm/run_writer.h"
#include "engine/lsm/separating.h"
#include "engine/lsm/version.h"

namespace varve {

class Compaction {
 public:
  struct Outside {  // What it needs of the engine.
    RunWriter::Outside current;
    RunWriter::Outside history;
    Separating::Outside values;
  };
  Compaction(Outside outside, CompactionInput input, const Retention& retention);

  // About so many bytes of input; kIdle when all is written.
  Result<Progress> step(uint64_t budget_bytes);  // Of what stays unread: kIdle at once.
  // After step() failed: the source that cannot be read, or null if the failure was another.
  const Table* unreadable() const { return merge_.unreadable(); }
  const CompactionInput& input() const { return input_; }
  const Retention& retention() const { return retention_; }
  const std::vector<TableInfo>& current() const { return current_.made(); }
  const std::vector<TableInfo>& history() const { return history_.made(); }
  const std::vector<ValueFileInfo>& value_files() const { return moving_.made(); }
  KeptBlocks take_kept(size_t table) { return current_.take_kept(table); }  // Of current().
  uint64_t read_bytes() const { return read_bytes_; }
  uint64_t written_bytes() const {
    return current_.written_bytes() + history_.written_bytes() + moving_.written_bytes();
  }
  void abandon();  // Removes what was written.

 private:
  bool is_unread() const { return input_.is_forgotten || input_.is_moved; }
  static std::vector<RangeDeletion> deletions_of(const CompactionInput& input);
  Status write(const Edit& edit);
  Result<Edit> moved(const Edit& edit);

  const CompactionInput input_;
  const Retention retention_;
  Keeping keeping_;
  VersionMerge merge_;
  RunWriter current_;
  RunWriter history_;
  Separating moving_;
  uint64_t read_bytes_ = 0;
  uint64_t moved_bytes_ = 0;  // Of values, which the budget of a step counts, too.
};

}  // namespace varve

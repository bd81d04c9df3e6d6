// engine/lsm/compaction.h — one merge of tables into a run, a step at a time.
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
#include "engine/lsm/separating.h"
#include "engine/lsm/version.h"

namespace varve {

class Compaction {
 public:
  struct Outside {  // What it needs of the engine.
    Os& os;
    std::string directory;
    TableOptions table;
    uint64_t table_bytes;
    uint64_t held_bytes_max;  // Of memory, by a table that is being written.
    Separating::Outside values;
    std::function<uint64_t()> next_number;
  };
  Compaction(Outside outside, CompactionInput input, const Retention& retention);

  // About so many bytes of input; kIdle when all is written.
  Result<Progress> step(uint64_t budget_bytes);
  // After step() failed: the source that cannot be read, or null if the failure was another.
  const Table* unreadable() const { return merge_.unreadable(); }
  const CompactionInput& input() const { return input_; }
  const std::vector<TableInfo>& outputs() const { return outputs_; }
  const std::vector<ValueFileInfo>& value_files() const { return moving_.made(); }
  uint64_t read_bytes() const { return read_bytes_; }
  uint64_t written_bytes() const { return written_bytes_ + moving_.written_bytes(); }
  void abandon();  // Removes what was written.

 private:
  static std::vector<RangeDeletion> deletions_of(const CompactionInput& input);
  Status write(const Edit& edit);
  bool is_enough() const;
  Result<Edit> moved(const Edit& edit);
  Status begin_table();
  Status end_table(Bytes next_key);

  const Outside outside_;
  const CompactionInput input_;
  const std::vector<RangeDeletion> deletions_;
  Keeping keeping_;
  VersionMerge merge_;
  Separating moving_;
  std::unique_ptr<TableWriter> writer_;
  uint64_t writer_number_ = 0;
  std::string table_begin_;  // Where the range deletions of the table being written begin.
  std::string last_key_;
  std::vector<TableInfo> outputs_;
  uint64_t read_bytes_ = 0;
  uint64_t moved_bytes_ = 0;  // Of values, which the budget of a step counts, too.
  uint64_t written_bytes_ = 0;
};

}  // namespace varve

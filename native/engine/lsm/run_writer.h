// engine/lsm/run_writer.h — writes a run: sorted versions into tables that do not overlap.
//
// Invariants: a key lies in one table; what was made counts only once the engine has put it into
// the manifest. Threads: one.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "storage/table/table.h"

namespace varve {

class RunWriter {
 public:
  struct Outside {  // What it needs of the engine.
    Os& os;
    std::string directory;
    TableOptions table;
    uint64_t table_bytes;     // Of a table, before another begins,
    uint64_t held_bytes_max;  // or so much of memory, while it is written.
    std::function<uint64_t()> next_number;
  };
  // The range deletions go into the tables over whose keys they lie.
  explicit RunWriter(Outside outside, std::vector<RangeDeletion> deletions = {})
      : outside_(std::move(outside)), deletions_(std::move(deletions)) {}

  // By (key, commit descending). `is_warm`: see TableWriter.
  Status add(const Edit& edit, bool is_warm = false);
  Status finish();
  // After finish(), and what each of them is to have in the cache.
  const std::vector<TableInfo>& made() const { return made_; }
  KeptBlocks take_kept(size_t table) { return std::move(kept_[table]); }
  uint64_t written_bytes() const { return written_bytes_; }
  void abandon();  // Removes what was written.

 private:
  bool is_enough() const;  // For one table.
  Status begin_table();
  Status end_table(Bytes next_key);

  const Outside outside_;
  const std::vector<RangeDeletion> deletions_;
  std::unique_ptr<TableWriter> writer_;
  uint64_t writer_number_ = 0;
  std::string table_begin_;  // Where the range deletions of the table being written begin.
  std::string last_key_;
  std::vector<TableInfo> made_;
  std::vector<KeptBlocks> kept_;
  uint64_t written_bytes_ = 0;
};

}  // namespace varve

// engine/lsm/value_files.h — the value files that a version may read, and what of each is alive.
//
// A value is alive as long as a table of the version refers to it. Each table knows how much it
// uses of which file (TableInfo::value_uses), so that the sum over the tables is what is alive, and
// nothing has to be kept in step with it.
//
// Threads: set up by one, then for all.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "engine/engine.h"
#include "storage/table/table.h"
#include "storage/values/values.h"

namespace varve {

using ValueFilePointer = std::shared_ptr<const ValueFile>;

struct ValueShare {
  ValueFilePointer file;
  uint64_t live_count = 0;
  uint64_t live_bytes = 0;  // With heads.

  uint64_t dead_bytes() const { return file->info().payload_bytes() - live_bytes; }
  // Whether what is left of the file should move, so that it can go. A damaged one would never go.
  bool is_wasteful(uint64_t dead_percent) const {
    return !file->is_damaged() && dead_bytes() > 0 &&
           dead_bytes() * 100 >= file->info().payload_bytes() * dead_percent;
  }
};

class ValueFiles {
 public:
  using Shares = std::map<uint64_t, ValueShare>;  // By number.

  void add(ValueFilePointer file) { shares_[file->info().number].file = std::move(file); }
  void remove(uint64_t number) { shares_.erase(number); }
  // What is alive, anew.
  void clear_uses();
  void count_uses(const TableInfo& table);

  const Shares& shares() const { return shares_; }
  bool empty() const { return shares_.empty(); }
  // Takes out, and returns, those that nothing uses.
  std::vector<ValueFilePointer> take_dead();
  uint64_t payload_bytes() const;
  uint64_t dead_bytes() const;
  // The file of a reference, which leads into it; kCorrupt when there is none.
  Result<ValueFilePointer> file_of(const ValueReference& reference) const;

 private:
  Shares shares_;
};

// The reference of an edit with kFlagSeparateValue.
Result<ValueReference> reference_of(const Edit& edit);

}  // namespace varve

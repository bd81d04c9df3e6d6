// storage/table/info.h — what is known of a table file without reading it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storage/values/info.h"

namespace varve {

struct TableInfo {
  uint64_t number = 0;
  uint64_t file_bytes = 0;
  uint64_t entry_count = 0;
  uint64_t range_deletion_count = 0;
  uint64_t key_bytes = 0;
  uint64_t value_bytes = 0;
  uint64_t delete_count = 0;
  uint64_t commit_first = 0;
  uint64_t commit_last = 0;
  uint64_t superseded_last = 0;  // In history: of what was superseded last. Else 0.
  std::string
      smallest;  // Range deletions included. With one that has no end, `largest` is empty and
  std::string largest;  // unbounded is set.
  bool unbounded = false;
  std::vector<ValueUse> value_uses;  // By file: what its entries refer to.
};

}  // namespace varve

// pure/text/tables.h — where the blocks of an index are: what no block holds, in an image behind
// the blocks, in a store as the state of the index.
//
// Threads: one.      Bytes: FORMAT.md
#pragma once

#include <string>

#include "pure/text/core.h"

namespace varve {

// What says how long each table is.
struct TableSizes {
  uint32_t document_cells = 0;  // Number 0 included.
  uint32_t term_count = 0;
  uint32_t leaf_count = 0;
  uint64_t log_bytes = 0;

  uint64_t bytes() const;
};

TableSizes table_sizes(const TextCore& core);
void append_tables(const TextCore& core, std::string& to);
// The tables are as long as the sizes say.
void assign_tables(Bytes tables, const TableSizes& sizes, TextCore& to);

// The index as blocks leave it: nothing is loose.
void write_state(const TextCore& core, std::string& to);
// Into a core whose blocks are those of the state: an index that nothing has been added to. What is
// no state, or is of an index of other words, is refused.
Status read_state(Bytes state, TextCore& to);

}  // namespace varve

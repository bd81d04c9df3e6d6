// binding/transaction.h — transactions by number: one that has ended is begun again under the same.
#pragma once

#include <vector>

#include "binding/arguments.h"
#include "binding/kv.h"

namespace varve {

// What a read is as of.
struct ReadAs {
  uint64_t commit = UINT64_MAX;        // The newest.
  uint64_t time_ms = 0;                // What expired by then is absent; 0: by now.
  Transaction* transaction = nullptr;  // Whose edits are over it.
};

// The argument at `index`: 0 the newest commit; 1 the one in register kView, at the time in
// kViewTime; above that a transaction's number and 2.
Status read_as(const Call& call, size_t index, ReadAs& as);

const std::vector<Method>& transaction_methods();        // Of a store.
const std::vector<Method>& transaction_level_methods();  // Of a keyspace.

}  // namespace varve

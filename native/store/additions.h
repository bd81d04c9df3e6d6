// store/additions.h — an addition to what lies under a key, as a commit of its own or within a
// transaction.
//
// It never conflicts. The caller reads what is there and adds; the sequencer then looks only for
// something newer in memory, and makes the sum anew if it finds it; what is committed is a plain
// put. Where what was read is older than all that is in memory, it is read again, outside of the
// lock.
#pragma once

#include <string>

#include "store/store.h"

namespace varve {

struct Sum {
  std::string value;
  uint64_t expires_ms = 0;  // When what is there does, and so the sum.
};

// What is there in the view, and `by`. kInvalid when that is no such number. May block.
Status read_sum(const Store::View& view, Bytes key, Bytes by, Sum& sum);

// The same, into the batch.
Status add_to(const Store::View& view, Batch& batch, Bytes key, Bytes by);

}  // namespace varve

// binding/kv.h — the functions of a keyspace, as tables of name and function, and what they share.
#pragma once

#include <string>
#include <vector>

#include "binding/arguments.h"

namespace varve {

struct Method {
  const char* name;
  napi_callback function;
};

const std::vector<Method>& kv_methods();     // get, put, delete, batches
const std::vector<Method>& past_methods();   // holds of older commits
const std::vector<Method>& version_methods();  // what a key had
const std::vector<Method>& cold_methods();   // gets that need the disk
const std::vector<Method>& range_methods();  // cursors, counts, many keys at once
const std::vector<Method>& feed_methods();   // feeds
const std::vector<Method>& care_methods();   // durability, holds, flush, compact, stats, close

// Leaves a stored value in the scratch and answers its text, the size of its head, or kGrow: then
// `has_room` is false, and the call is to be made again with a larger scratch. The value may lie in
// the scratch itself, from right before the data area on.
napi_value hand_value(const Call& call, Bytes value, bool& has_room);
// The value of an edit that the view answered, wherever it lies, as hand_value() does.
napi_value hand_edit(const Call& call, const Store::View& view, const Edit& edit);
// When a put expires, of the argument at `index`, 0 where it is missing: above 0 at that time,
// below 0 so much later than now.
uint64_t read_expiry(const Call& call, size_t index);
// begin lies in the key area with the size given at `index`, end in the data area with the size
// behind it (0: none).
bool read_range(const Call& call, size_t index, StoredRange& range);
std::string prefix_end(std::string prefix);

}  // namespace varve

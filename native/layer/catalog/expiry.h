// layer/catalog/expiry.h — values that expire: an index of them by time, and the sweep.
//
// A put with an expiry and its entry in the index are one commit. Reading does not need the index:
// a view leaves out what expired by its time. The sweep walks the index from its beginning and
// deletes what is due, on the condition that nobody wrote it since; feeds show such a commit like
// any other. An entry whose value was overwritten or deleted meanwhile is just removed when due.
//
// Threads: any.   Bytes: layer/KEYSPACE.md
#pragma once

#include "store/store.h"

namespace varve {

// The entry of a put with this expiry: a key without a value, put by the same commit.
std::string expiry_entry(Bytes key, uint64_t expires_ms);
uint64_t expiry_entry_bytes(Bytes key);  // Of key and value.

// One step of the sweep; says when the next is due.
Step sweep(Store& store);

// Takes the expiry from a key; false when it has none, or is not there.
Result<bool> persist(Store& store, Store::Reader& reader, Bytes key);

}  // namespace varve

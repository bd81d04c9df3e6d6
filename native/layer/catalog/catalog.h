// layer/catalog/catalog.h — names to ids: which sublevel has which prefix.
//
// A name gets its id, never used before, in one commit that holds both the name and the counter.
//
// Invariants
//   - two names never have one id, whichever thread asks: the counter is read and written under the
//   store's lock for names.
// Threads: any.   Bytes: layer/KEYSPACE.md
#pragma once

#include "store/store.h"

namespace varve {

// The id of the sublevel whose encoded path this is, given out now if it has none. 0: there is
// none, and this store is for reading only.
Result<uint32_t> sublevel_id(Store& store, Store::Reader& reader, Bytes path);

}  // namespace varve

// layer/catalog/catalog.h — names to ids: which sublevel has which prefix.
//
// A name gets its id, never used before, in one commit that holds both the name and the counter.
// Collections and their indexes draw theirs from the same counter.
//
// Invariants
//   - two names never have one id, whichever thread asks: the counter is read and written under the
//     store's lock for names.
// Threads: any.   Bytes: layer/KEYSPACE.md
#pragma once

#include "store/store.h"

namespace varve {

// The id of the sublevel whose encoded path this is, given out now if it has none. 0: there is
// none, and this store is for reading only.
Result<uint32_t> sublevel_id(Store& store, Store::Reader& reader, Bytes path);

// Ids for one commit, drawn while the store's lock for names is held until that is made.
class Ids {
 public:
  Ids(Store& store, Store::Reader& reader) : store_(store), reader_(reader) {}
  Result<uint32_t> draw();
  void put(Batch& batch) const;  // That they are given out.

 private:
  Store& store_;
  Store::Reader& reader_;
  uint32_t last_ = 0;
  bool is_drawn_ = false;
};

}  // namespace varve

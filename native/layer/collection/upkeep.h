// layer/collection/upkeep.h — the indexes of rows of a store that are folded in the background: one
// for each open store, whoever opened it and on however many threads.
//
// Invariants
//   - it is gone before its store is closed (Store::resident()).
// Threads: any.
#pragma once

#include <mutex>
#include <set>

#include "layer/blocks/folder.h"
#include "layer/collection/definition.h"
#include "pure/text/text.h"

namespace varve::collection {

class Upkeep {
 public:
  // That of the store; null when it is closed.
  static Upkeep* of(Store& store);
  Upkeep(Os& os, Store& store) : folder_(os, store) {}

  // Its indexes are folded from here on.
  void keep(const Definition& definition);
  void drop(const IndexDefinition& index);
  // There are new loose entries.
  void note(const IndexDefinition& index);

 private:
  void add(const IndexDefinition& index);

  std::mutex mutex_;  // Guards known_.
  std::set<uint32_t> known_;
  Folder folder_;
};

// How texts are cut into terms.
TextOptions text_options_of(const IndexDefinition& index);

}  // namespace varve::collection

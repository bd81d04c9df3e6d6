// layer/collection/upkeep.h — what is done in the background for the collections of a store, whoever
// opened it and on however many threads: indexes of rows are folded, and builds go on (builder.h).
//
// Invariants
//   - it is gone before its store is closed (Store::resident()).
// Threads: any.
#pragma once

#include <memory>
#include <mutex>
#include <set>

#include "layer/blocks/folder.h"
#include "layer/collection/builder.h"
#include "layer/collection/definition.h"
#include "pure/text/text.h"

namespace varve::collection {

class Upkeep {
 public:
  // That of the store; null when it is closed.
  static Upkeep* of(Store& store);
  Upkeep(Os& os, Store& store) : os_(os), store_(store), builder_(os, store) {}

  // Goes on with builds that an earlier opening left, where there may be any.
  static void go_on(Store& store, Store::Reader& reader);
  Builder& builder() { return builder_; }

  // Its indexes are folded from here on.
  void keep(const Definition& definition);
  void drop(const IndexDefinition& index);
  // There are new loose entries.
  void note(const IndexDefinition& index);

 private:
  void add(const IndexDefinition& index);

  Os& os_;
  Store& store_;
  std::mutex mutex_;  // Guards these.
  std::set<uint32_t> known_;
  std::unique_ptr<Folder> folder_;  // There is one from the first such index on.

  Builder builder_;
};

// How texts are cut into terms.
TextOptions text_options_of(const IndexDefinition& index);

}  // namespace varve::collection

// layer/collection/builder.h — goes on with the indexes of a store that are being built, whoever
// has opened it, and knows what is being made of documents that are there.
//
//   open ──▶ the definitions with such an index, if any ──▶ a worker: some documents a step
//
// A build of a caller's own (Collections::build()) comes first: while one is at work on a
// collection this one waits, so that the two don't meet. What a function of the declaration is
// needed for is left to JavaScript (rewriting.cc).
//
// Invariants
//   - one that cannot be built is left alone until the store is opened again; why is told.
// Threads: any. It ends with the step that it is in, and does so before its store is closed.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "store/store.h"

namespace varve::collection {

class Collections;
struct Definition;

// What is being made: an index, or newer forms of documents.
struct Building {
  uint32_t collection = 0;
  std::string name;
  std::string index;            // Empty: documents are rewritten.
  uint64_t document_count = 0;  // That were met since the store was opened.
  std::string failure;          // Why it does not go on.
};

class Builder {
 public:
  Builder(Os& os, Store& store);
  ~Builder();
  Builder(const Builder&) = delete;
  Builder& operator=(const Builder&) = delete;

  // Looks for what is to be built, and has it built; once.
  Status go_on(Store::Reader& reader);
  // A caller builds this collection's indexes now.
  void give_way(uint32_t collection);

  // ---- what is told
  void note(const Building& what, bool is_done);
  // What there is to be made by this definition, and by none before it.
  void expect(const Definition& definition);
  void forget(uint32_t collection);
  std::vector<Building> all() const;

 private:
  using Lock = std::unique_lock<std::mutex>;
  using Key = std::pair<uint32_t, std::string>;  // Collection and index.

  Step step();
  Status look(Store::Reader& reader);
  Status build(uint32_t collection, bool& is_done);
  void fail(uint32_t collection, const Status& why);
  bool is_given_way(const Lock& held, uint32_t collection) const;

  Os& os_;
  Store& store_;
  // The worker's own, from when there is one.
  std::deque<uint32_t> to_build_;
  std::unique_ptr<Store::Reader> reader_;
  std::unique_ptr<Collections> collections_;

  mutable std::mutex mutex_;  // Guards these.
  std::map<Key, Building> told_;
  std::map<uint32_t, uint64_t> given_way_ns_;  // When, by collection.
  bool has_begun_ = false;

  std::unique_ptr<Worker> worker_;  // Last: it ends before the rest.
};

}  // namespace varve::collection

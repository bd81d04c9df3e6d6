// binding/collection.h — collections by their ids, and queries under way by number.
//
// A query that is read asynchronously goes on in slices on threads of Node's pool, each of which
// leaves a page of documents that the JavaScript thread then takes. One within a transaction never
// does: its edits belong to the JavaScript thread.
//
// Invariants
//   - whoever touches an OpenQuery holds its mutex; one whose run is gone has ended, and touches
//     the store no more.
//   - the commit of a query is held until it ends.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "binding/kv.h"
#include "binding/transaction.h"
#include "layer/collection/aggregate.h"
#include "layer/collection/collection.h"
#include "layer/collection/inclusion.h"
#include "layer/collection/join.h"
#include "layer/collection/run.h"

namespace varve {

// Documents that a slice has brought, each with the number of the inclusion that it came by (0: it
// is the query's own), behind the document that it came with; or, of a join, rows: each with the
// number of its side, the first of which begins a row.
struct DocumentPage {
  std::string bytes;
  std::vector<size_t> ends;
  std::vector<uint32_t> inclusions;
  std::vector<double> scores;  // Of a query that has a score: layer/collection/score.h
  size_t taken = 0;
};

struct OpenQuery {
  std::mutex mutex;  // Guards everything below.
  std::unique_ptr<collection::Run> run;
  std::unique_ptr<collection::Join> join;            // Instead of a run.
  std::unique_ptr<collection::Aggregate> aggregate;  // Of the run's documents: a page is its rows.
  std::vector<collection::Inclusion> inclusions;
  bool is_explained = false;
  uint64_t kept_bytes_max = 0;
  uint64_t commit = 0;
  uint64_t time_ms = 0;
  bool holds = false;
  Transaction* transaction = nullptr;  // The same only while the serial is.
  uint64_t serial = 0;
  size_t edit_count = 0;
  std::unique_ptr<Store::Reader> reader;  // Of slices.
  DocumentPage page;
};

struct CollectionRoom {
  explicit CollectionRoom(Store& store) : collections(store) {}
  collection::Collections collections;
  std::vector<std::shared_ptr<OpenQuery>> queries;  // By number.
  std::string record;                               // Of a document that is written.
};

CollectionRoom& room_of(const Call& call);
// No slice is at work on them when it returns.
void end_queries(Handle& handle);

const std::vector<Method>& catalog_methods();     // Of a store.
const std::vector<Method>& collection_methods();  // Of a collection.
const std::vector<Method>& query_methods();       // Of a collection.

}  // namespace varve

#include "layer/collection/builder.h"

#include <algorithm>

#include "layer/collection/collection.h"
#include "layer/collection/keys.h"

namespace varve::collection {
namespace {

constexpr uint64_t kGiveWayNs = 1'000'000'000;  // A caller that builds is back sooner; a guess.
constexpr uint64_t kBusyNs = 50'000'000;        // Others write more than the disk takes.

bool is_to_be_built(const IndexDefinition& index) {
  return !index.is_ready() && index.version_min == 0;
}

}  // namespace

Builder::Builder(Os& os, Store& store) : os_(os), store_(store) {}
Builder::~Builder() { worker_.reset(); }

Status Builder::go_on(Store::Reader& reader) {
  {
    const Lock held(mutex_);
    if (has_begun_) return Status::ok();
    has_begun_ = true;
  }
  Status looked = look(reader);
  if (!to_build_.empty()) worker_ = os_.start("varve-build", [this] { return step(); });
  return looked;
}

void Builder::give_way(uint32_t collection) {
  const Lock held(mutex_);
  given_way_ns_[collection] = os_.now_ns();
}

bool Builder::is_given_way(const Lock& held, uint32_t collection) const {
  check(held.owns_lock());
  const auto at = given_way_ns_.find(collection);
  return at != given_way_ns_.end() && os_.now_ns() < at->second + kGiveWayNs;
}

// ---- what is told

void Builder::note(const Building& what, bool is_done) {
  const Lock held(mutex_);
  const Key key(what.collection, what.index);
  if (is_done) {
    told_.erase(key);
    return;
  }
  Building& known = told_[key];
  known.collection = what.collection;
  known.name = what.name;
  known.index = what.index;
  known.document_count += what.document_count;
  known.failure = what.failure;
}

void Builder::expect(const Definition& definition) {
  forget(definition.id);
  if (definition.is_rewriting) note({definition.id, definition.name, {}, 0, {}}, false);
  for (const IndexDefinition& index : definition.indexes) {
    if (!is_to_be_built(index)) continue;
    note({definition.id, definition.name, index.name, 0, {}}, false);
  }
}

void Builder::forget(uint32_t collection) {
  const Lock held(mutex_);
  std::erase_if(told_, [&](const auto& one) { return one.first.first == collection; });
}

std::vector<Building> Builder::all() const {
  const Lock held(mutex_);
  std::vector<Building> all;
  for (const auto& [key, building] : told_) all.push_back(building);
  return all;
}

// ---- the worker

Step Builder::step() {
  if (to_build_.empty()) {
    collections_.reset();
    reader_.reset();
    return Step::idle();
  }
  const uint32_t collection = to_build_.front();
  {
    const Lock held(mutex_);
    if (is_given_way(held, collection)) return Step{kGiveWayNs};
  }
  bool is_done = false;
  const Status built = build(collection, is_done);
  if (built && !is_done) return Step::again();
  const bool passes = built.code() == Code::kBusy || built.code() == Code::kConflict;
  if (passes) return Step{kBusyNs};
  if (!built) fail(collection, built);
  to_build_.pop_front();
  return Step::again();
}

// All definitions, one after the other.
Status Builder::look(Store::Reader& reader) {
  const Store::View view(reader);
  const std::string begin = definitions_begin();
  const std::string end = end_of(begin);
  const auto cursor = view.scan({as_bytes(begin), as_bytes(end)}, Direction::kForward);
  std::string room;
  for (; cursor->valid(); cursor->next()) {
    const Result<Bytes> bytes = view.value(cursor->edit(), room);
    if (!bytes) return bytes.error();
    const auto definition = Definition::read(*bytes, cursor->edit().commit);
    if (!definition) return definition.error();
    expect(**definition);
    const std::vector<IndexDefinition>& indexes = (*definition)->indexes;
    if (std::none_of(indexes.begin(), indexes.end(), is_to_be_built)) continue;
    to_build_.push_back((*definition)->id);
  }
  return cursor->status();
}

Status Builder::build(uint32_t collection, bool& is_done) {
  if (!collections_) {
    Result<std::unique_ptr<Store::Reader>> reader = Store::Reader::take(store_);
    if (!reader) return reader.error();
    reader_ = std::move(*reader);
    collections_ = std::make_unique<Collections>(store_);
  }
  const Result<BuildReport> report = collections_->build(*reader_, collection);
  if (!report) return report.error();
  is_done = report->is_done;
  return Status::ok();
}

void Builder::fail(uint32_t collection, const Status& why) {
  const Lock held(mutex_);
  for (auto& [key, building] : told_) {
    if (key.first == collection && !building.index.empty()) building.failure = why.message();
  }
}

}  // namespace varve::collection

// store/view.cc — reading: readers and views.
#include "pure/codec/hash.h"
#include "store/merged_cursor.h"
#include "store/store.h"

namespace varve {

Store::Reader::Reader(Store& store) : Reader(store, store.epochs_.take_slot()) {
  check(slot_ != nullptr);
}

Result<std::unique_ptr<Store::Reader>> Store::Reader::take(Store& store) {
  EpochDomain::Slot* const slot = store.epochs_.take_slot();
  if (slot != nullptr) return std::unique_ptr<Reader>(new Reader(store, slot));
  return Status(Code::kBusy, "store: " + std::to_string(EpochDomain::kSlotCountMax) +
                                 " handles and threads read it already");
}

Store::Reader::Reader(Store& store, EpochDomain::Slot* slot) : store_(store), slot_(slot) {
  if (slot == nullptr) return;
  const Lock held(store.readers_mutex_);
  store.readers_.insert(this);
}

Store::Reader::~Reader() {
  {
    const Lock held(store_.readers_mutex_);
    store_.readers_.erase(this);
    store_.past_gets_ += counts_.get_count.load(std::memory_order_relaxed);
    store_.past_scans_ += counts_.scan_count.load(std::memory_order_relaxed);
  }
  store_.epochs_.give_back(slot_);
}

Store::View::View(Reader& reader) : View(reader, UINT64_MAX) {}

// Parts first, then the engine: a flush publishes the engine's new version before it drops the
// memtable, so that nothing can be missed between the two. The commit comes last and counts only if
// no memtable was added meanwhile, so that every commit up to it is in what was taken.
Store::View::View(Reader& reader, uint64_t commit, uint64_t time_ms)
    : guard_(reader.store_.epochs_, *reader.slot_),
      store_(reader.store_),
      counts_(reader.counts_),
      time_ms_(time_ms) {
  while (true) {
    parts_ = store_.parts_.load(std::memory_order_seq_cst);
    engine_ = &store_.engine().version();
    commit_ = store_.visible_.load(std::memory_order_acquire);
    if (store_.parts_.load(std::memory_order_acquire) == parts_) break;
  }
  if (commit < commit_) commit_ = commit;
}

Status Store::View::get_as_of(Bytes key, uint64_t hash, uint64_t commit, bool may_block,
                              Lookup& answer) const {
  answer = parts_->active->get(key, hash, commit);
  for (size_t i = 0; answer.found == Found::kAbsent && i < parts_->sealed.size(); ++i) {
    answer = parts_->sealed[i]->get(key, hash, commit);
  }
  if (answer.found != Found::kAbsent) return Status::ok();
  return engine_->get(key, hash, commit, may_block, answer);
}

Status Store::View::get(Bytes key, bool may_block, Lookup& answer) const {
  return get(key, hash64(key, store_.hash_seed_), may_block, answer);
}

Status Store::View::get(Bytes key, uint64_t hash, bool may_block, Lookup& answer) const {
  counts_.add_get(hash);
  Status status = get_as_of(key, hash, commit_, may_block, answer);
  if (answer.found == Found::kDeleted) answer.found = Found::kAbsent;
  hide_expired(answer);
  return status;
}

Status Store::View::get_many(std::span<PointQuery> queries) const {
  const auto ask = [&](const Memtable& memtable) {
    if (memtable.empty()) return;
    for (const PointQuery& query : queries) memtable.prefetch(query.hash);
    for (PointQuery& query : queries) {
      if (query.answer.found != Found::kAbsent) continue;
      query.answer = memtable.get(query.key, query.hash, commit_);
    }
  };
  for (PointQuery& query : queries) {
    query.hash = hash64(query.key, store_.hash_seed_);
    counts_.add_get(query.hash);
  }
  ask(*parts_->active);
  for (const auto& memtable : parts_->sealed) ask(*memtable);
  if (Status status = engine_->get_many(queries, commit_); !status) return status;
  for (PointQuery& query : queries) {
    if (query.answer.found == Found::kDeleted) query.answer.found = Found::kAbsent;
    hide_expired(query.answer);
  }
  return Status::ok();
}

Result<Bytes> Store::View::value(const Edit& edit, std::string& room) const {
  if ((edit.flags & kFlagSeparateValue) == 0) return edit.value;
  const Result<uint64_t> size = value_bytes(edit);
  if (!size) return size.error();
  room.resize(*size);
  const MutableBytes into(reinterpret_cast<uint8_t*>(room.data()), room.size());
  if (Status status = read_value(edit, into); !status) return status;
  return as_bytes(room);
}

Status Store::get_apart(Bytes key, uint64_t commit, uint64_t time_ms, bool& found,
                        std::string& value) {
  const Result<std::unique_ptr<Reader>> reader = Reader::take(*this);
  if (!reader) return reader.error();
  const View view(**reader, commit, time_ms);
  Lookup answer;
  if (Status status = view.get(key, true, answer); !status) return status;
  found = answer.found == Found::kPut;
  if (!found) return Status::ok();
  const Result<Bytes> there = view.value(answer.edit, value);
  if (!there) return there.error();
  if (there->data() != as_bytes(value).data()) value.assign(as_text(*there));
  return Status::ok();
}

std::unique_ptr<EngineCursor> Store::View::scan(const KeyRange& range, Direction direction) const {
  counts_.add_scan();
  std::vector<MergedCursor::Source> sources;
  const auto add = [&](const Memtable& memtable) {
    if (memtable.empty()) return;
    const Memtable* const ranges = memtable.has_range_deletions() ? &memtable : nullptr;
    sources.push_back({memtable.scan(range, commit_, direction), ranges});
  };
  if (!parts_->active->empty()) store_.note_scan(*parts_->active);
  add(*parts_->active);
  for (const auto& memtable : parts_->sealed) add(*memtable);
  sources.push_back({engine_->scan(range, commit_, direction), nullptr});
  const uint64_t expired_ms = store_.may_expire() ? time_ms() : 0;
  if (sources.size() == 1 && expired_ms == 0) return std::move(sources.front().cursor);
  return std::make_unique<MergedCursor>(std::move(sources), commit_, expired_ms, direction);
}

}  // namespace varve

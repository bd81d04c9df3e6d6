// store/preparing.cc — transactions in two steps: prepared first, committed or rolled back later,
// by whoever opens the store then.
//
// What prepares one writes what it has read and will write under a key of its own, and is validated
// as if it were the commit itself. What ends it deletes that key, and, if it commits, brings the
// edits, all by one commit. In between, commits that would spoil it are refused: prepared.h.
#include "store/additions.h"
#include "store/store.h"

namespace varve {
namespace {

Status not_found(std::string_view id) {
  return {Code::kNotFound, "no transaction is prepared as '" + std::string(id) + "'"};
}

}  // namespace

// What is committed later is made sure of now: that it will fit.
Result<uint64_t> Store::prepare(std::string_view id, Batch& edits, Conditions& read) {
  check(!id.empty() && id.size() <= kPreparedIdBytesMax);
  edits.finish();
  read.settle();
  const std::string key = prepared_key(id);
  const uint64_t end_bytes = kEditHeaderBytes + key.size();
  const uint64_t end_cost = Memtable::cost(key.size(), 0);
  Status status = fits_commit(edits.body_bytes() + end_bytes, cost_of(edits) + end_cost);
  if (!status) return status;
  const std::string value = encode_prepared(now_ms(), read, edits);
  Batch batch(hash_seed_, commit_bytes_max());
  if (status = batch.fits(key.size() + value.size()); !status) return status;
  batch.put(as_bytes(key), as_bytes(value));
  const Result<PreparedRecord> record = decode_prepared(as_bytes(value));
  check(static_cast<bool>(record));
  const PreparedStep step{id, &edits, &*record, 0};
  return commit_step(batch, &read, &step);
}

Result<uint64_t> Store::commit_prepared(Reader& reader, std::string_view id) {
  return end_prepared(reader, id, true);
}

Result<uint64_t> Store::roll_back_prepared(Reader& reader, std::string_view id) {
  return end_prepared(reader, id, false);
}

Result<uint64_t> Store::end_prepared(Reader& reader, std::string_view id, bool commits) {
  const std::string key = prepared_key(id);
  Batch batch(hash_seed_);
  PreparedStep step{id, nullptr, nullptr, 0};
  {
    const View view(reader);
    Lookup found;
    if (Status status = view.get(as_bytes(key), true, found); !status) return status;
    if (found.found != Found::kPut) return not_found(id);
    step.ends = found.edit.commit;
    if (commits) {
      Status status = add_prepared(view, found.edit, batch);
      if (!status) return status;
    }
  }
  batch.erase(as_bytes(key));
  return commit_step(batch, nullptr, &step);
}

Status Store::add_prepared(const View& view, const Edit& record, Batch& batch) {
  std::string room;
  const Result<Bytes> value = view.value(record, room);
  if (!value) return value.error();
  const Result<PreparedRecord> prepared = decode_prepared(*value);
  if (!prepared) return prepared.error();
  for (const auto& [edit, addend] : prepared->changes) {
    if (!addend.empty()) {
      if (Status status = add_to(view, batch, edit.key, addend); !status) return status;
    } else if (edit.kind == LogEditKind::kPut) {
      batch.put(edit.key, edit.value, edit.expires_ms);
    } else if (edit.kind == LogEditKind::kDelete) {
      batch.erase(edit.key);
    } else {
      batch.erase_range(edit.key, edit.value);
    }
  }
  return Status::ok();
}

std::vector<PreparedInfo> Store::prepared() const {
  const Lock held(commit_mutex_);
  return prepared_.list();
}

// ---- in the sequencer

// Of a plain commit: whether a prepared transaction is in its way. Of one that prepares: whether
// its edits, and what it has read, go with what others have prepared.
Status Store::check_prepared(const Batch& batch, Conditions* conditions, const PreparedStep* step,
                             const Lock& held) const {
  check(held.owns_lock());
  if (step != nullptr && step->ends != 0) {
    const PreparedInfo* const there = prepared_.find(step->id);
    return there != nullptr && there->commit == step->ends ? Status::ok() : not_found(step->id);
  }
  if (step != nullptr) {
    if (Status status = check_new_prepared(*step, held); !status) return status;
  }
  if (prepared_.empty() || (conditions != nullptr && conditions->passes_prepared)) {
    return Status::ok();
  }
  std::optional<HeldKey> found = prepared_.find_written(step == nullptr ? batch : *step->edits);
  if (!found && step != nullptr) found = prepared_.find_read(*conditions);
  if (!found) return Status::ok();
  if (conditions != nullptr) conditions->conflict = {ConflictReason::kPrepared, found->key};
  return {Code::kConflict,
          "store: the prepared transaction '" + found->id + "' holds what this commit is about"};
}

Status Store::check_new_prepared(const PreparedStep& step, const Lock& held) const {
  check(held.owns_lock());
  if (prepared_.find(step.id) != nullptr) {
    return {Code::kExists, "a transaction is prepared as '" + std::string(step.id) + "' already"};
  }
  if (prepared_.bytes() + Prepared::bytes_of(step.id, *step.record) <= commit_bytes_max()) {
    return Status::ok();
  }
  return {Code::kTooLarge, "store: what all prepared transactions hold must take at most " +
                               std::to_string(commit_bytes_max()) + " bytes together"};
}

// Before the first is prepared, the manifest says that there are such: opening a store without any
// does not look for them.
Status Store::note_prepared(const Lock& held) {
  if (may_prepare_) return Status::ok();
  ManifestEdit edit;
  edit.may_prepare = true;
  if (Status status = note(edit, held); !status) return status;
  may_prepare_ = true;
  return Status::ok();
}

void Store::take_step(const PreparedStep& step, uint64_t commit, const Lock& held) {
  check(held.owns_lock());
  if (step.ends != 0)
    prepared_.remove(step.id);
  else
    prepared_.add(step.id, commit, *step.record);
}

Status Store::expect_prepared() {
  const Lock held(commit_mutex_);
  return note_prepared(held);
}

// ---- opening

Status Store::load_prepared() {
  may_prepare_ = manifest_->state().may_prepare;
  if (!may_prepare_) return Status::ok();
  const Result<std::unique_ptr<Reader>> reader = Reader::take(*this);
  if (!reader) return reader.error();
  const View view(**reader);
  const KeyRange all{as_bytes(std::string_view(kPreparedBegin)),
                     as_bytes(std::string_view(kPreparedEnd))};
  const std::unique_ptr<EngineCursor> records = view.scan(all, Direction::kForward);
  for (; records->valid(); records->next()) {
    Status status = load_prepared(view, records->edit());
    if (status) continue;
    if (!options_.serve_damaged) return status;
    recovery_.lost.push_back({options_.directory, 0, status.message()});
  }
  return records->status();
}

Status Store::load_prepared(const View& view, const Edit& edit) {
  const std::string_view id = as_text(edit.key).substr(sizeof kPreparedBegin - 1);
  if (id.empty() || id.size() > kPreparedIdBytesMax) {
    return Status::corrupt("prepared transaction: an id of a wrong size");
  }
  std::string room;
  const Result<Bytes> value = view.value(edit, room);
  if (!value) return value.error();
  const Result<PreparedRecord> record = decode_prepared(*value);
  if (!record) return record.error();
  prepared_.add(id, edit.commit, *record);
  return Status::ok();
}

}  // namespace varve

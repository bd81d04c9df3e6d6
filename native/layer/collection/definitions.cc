// layer/collection/definitions.cc — the catalog's side: names, definitions, numbers.
#include <algorithm>

#include "layer/catalog/catalog.h"
#include "layer/collection/collection.h"
#include "layer/collection/keys.h"
#include "pure/codec/hash.h"
#include "pure/codec/record/record_key.h"

namespace varve::collection {
namespace {

constexpr size_t kOlderMax = 64;      // Definitions of the past that are remembered.
constexpr uint64_t kRowBlock = 1024;  // Of a thread.
constexpr uint64_t kSequenceBlock = 32;

Result<uint64_t> read_number(const Store::View& view, Bytes key) {
  Lookup found;
  if (Status status = view.get(key, true, found); !status) return status;
  if (found.found != Found::kPut) return uint64_t{0};
  if (found.edit.value.size() != 8) return Status::corrupt("collection: a number of a wrong size");
  return load<uint64_t>(found.edit.value.data());
}

// Ids of what is new, and the states of all indexes.
Status give_ids(Ids& ids, const Definition* before, Definition& draft) {
  const auto draw = [&](uint32_t& id) {
    const Result<uint32_t> drawn = ids.draw();
    if (drawn) id = *drawn;
    return drawn ? Status::ok() : drawn.error();
  };
  if (before != nullptr) {
    draft.id = before->id;
  } else if (Status status = draw(draft.id); !status) {
    return status;
  }
  for (IndexDefinition& index : draft.indexes) {
    const IndexDefinition* const known = before == nullptr ? nullptr : before->index_of(index.id);
    if (known != nullptr) {
      index.state = known->state;
      continue;
    }
    index.state = before == nullptr ? IndexState::kReady : IndexState::kBuilding;
    if (Status status = draw(index.id); !status) return status;
  }
  return Status::ok();
}

void erase_all(Batch& batch, const std::string& prefix) {
  batch.erase_range(as_bytes(prefix), as_bytes(end_of(prefix)));
}

void erase_index(Batch& batch, const IndexDefinition& index) {
  erase_all(batch, prefix_of(index.is_packed() ? kPacked : kEntries, index.id));
  batch.erase(as_bytes(system_key(kProgressTag, index.id)));
}

// The indexes that are not in the draft.
void erase_others(Batch& batch, const Definition& before, const Definition& draft) {
  for (const IndexDefinition& index : before.indexes) {
    if (draft.index_of(index.id) == nullptr) erase_index(batch, index);
  }
  if (before.has_rows() && !draft.has_rows()) erase_all(batch, prefix_of(kRows, before.id));
}

std::string referrer_key(const std::string& target, uint32_t id) {
  std::string name;
  append_utf8_key(as_bytes(target), KeyPlace::kElement, name);
  std::string key = referrers_key(as_bytes(name));
  append_big32(key, id);
  return key;
}

// Who refers to whom, as far as it changes.
void put_references(Batch& batch, const Definition* before, const Definition& after) {
  const auto names = [](const Definition& one, const std::string& target) {
    return std::any_of(one.references.begin(), one.references.end(),
                       [&](const ReferenceDefinition& it) { return it.target == target; });
  };
  for (const ReferenceDefinition& one : after.references) {
    if (before != nullptr && names(*before, one.target)) continue;
    batch.put(as_bytes(referrer_key(one.target, after.id)), Bytes());
  }
  if (before == nullptr) return;
  for (const ReferenceDefinition& one : before->references) {
    if (!names(after, one.target)) batch.erase(as_bytes(referrer_key(one.target, after.id)));
  }
}

// What there is to be folded behind a change of a definition; what is built of it is told anew.
void keep_folding(Store& store, const Definition* before, const Definition* after) {
  Upkeep* const upkeep = Upkeep::of(store);
  if (upkeep == nullptr) return;
  if (after != nullptr) {
    upkeep->keep(*after);
    upkeep->builder().expect(*after);
  }
  if (before == nullptr) return;
  if (after == nullptr) upkeep->builder().forget(before->id);
  for (const IndexDefinition& index : before->indexes) {
    if (after == nullptr || after->index_of(index.id) == nullptr) upkeep->drop(index);
  }
}

}  // namespace

Result<uint32_t> Collections::id_of(const Reads& reads, Bytes name) {
  Lookup found;
  if (Status status = reads.get(as_bytes(name_key(name)), found); !status) return status;
  if (found.found != Found::kPut) return 0u;
  if (found.edit.value.size() != 4) return Status::corrupt("collection: an id of a wrong size");
  return load<uint32_t>(found.edit.value.data());
}

Result<DefinitionRef> Collections::definition(const Reads& reads, uint32_t id) {
  const std::string key = system_key(kDefinitionTag, id);
  Lookup found;
  if (Status status = reads.view().get(as_bytes(key), true, found); !status) return status;
  if (found.found != Found::kPut) return DefinitionRef();
  const uint64_t commit = found.edit.commit;
  DefinitionRef& newest = newest_[id];
  if (newest && newest->commit == commit) return newest;
  if (const auto known = older_.find({id, commit}); known != older_.end()) return known->second;
  std::string room;
  const Result<Bytes> bytes = reads.view().value(found.edit, room);
  if (!bytes) return bytes.error();
  Result<std::shared_ptr<Definition>> read = Definition::read(*bytes, commit);
  if (!read) return read.error();
  if (newest && newest->commit > commit) {
    if (older_.size() >= kOlderMax) older_.clear();
    return older_[{id, commit}] = *read;
  }
  if ((*read)->has_rows()) {
    if (Upkeep* const upkeep = Upkeep::of(store_)) upkeep->keep(**read);
  }
  return newest = *read;
}

// As of now; null: there is none of that name.
Result<DefinitionRef> Collections::newest_of(Store::Reader& reader, Bytes name, uint64_t& seen) {
  const Store::View view(reader);
  const Reads reads(view);
  seen = view.commit();
  const Result<uint32_t> id = id_of(reads, name);
  if (!id) return id.error();
  return *id == 0 ? Result<DefinitionRef>(DefinitionRef()) : definition(reads, *id);
}

// One that must not have documents is held against others: who inserts meanwhile is seen.
Status Collections::expect_none(Store::Reader& reader, const Definition& before, uint64_t seen,
                                Conditions& conditions) {
  const std::string prefix = prefix_of(kDocuments, before.id);
  const std::string end = end_of(prefix);
  const Store::View view(reader, seen);
  const auto cursor = view.scan({as_bytes(prefix), as_bytes(end)}, Direction::kForward);
  if (Status status = cursor->status(); !status) return status;
  if (cursor->valid()) return {Code::kConflict, before.name + ": it has documents"};
  conditions.add_range(as_bytes(prefix), as_bytes(end), seen);
  return Status::ok();
}

Result<DefinitionRef> Collections::define(Store::Reader& reader, Bytes name, Definition draft,
                                          uint64_t since, Expects expects) {
  if (store_.options().read_only) {
    return Status(Code::kReadOnly, draft.name + ": opened for reading only");
  }
  const std::unique_lock<std::mutex> held(store_.names_mutex());
  uint64_t seen = 0;
  Result<DefinitionRef> found = newest_of(reader, name, seen);
  if (!found) return found;
  const DefinitionRef before = std::move(*found);
  if ((before ? before->commit : 0) != since) {
    return Status(Code::kConflict, draft.name + ": defined otherwise meanwhile");
  }
  Conditions conditions;
  if (before && expects == Expects::kNone) {
    if (Status status = expect_none(reader, *before, seen, conditions); !status) return status;
  }
  Batch batch(store_.hash_seed(), store_.commit_bytes_max());
  Ids ids(store_, reader);
  if (Status status = give_ids(ids, before.get(), draft); !status) return status;
  if (!before) {
    uint8_t bytes[4];
    varve::store<uint32_t>(bytes, draft.id);
    batch.put(as_bytes(name_key(name)), Bytes(bytes, 4));
  } else {
    erase_others(batch, *before, draft);
    batch.erase(as_bytes(system_key(kRewriteTag, draft.id)));  // It begins anew.
  }
  ids.put(batch);
  const std::string bytes = draft.write();
  Result<std::shared_ptr<Definition>> checked = Definition::read(as_bytes(bytes), 0);
  if (!checked) return checked.error();
  if (Status status = batch.fits(bytes.size()); !status) return status;
  put_references(batch, before.get(), **checked);
  batch.put(as_bytes(system_key(kDefinitionTag, draft.id)), as_bytes(bytes));
  conditions.add_writes(batch, seen);
  const Result<uint64_t> commit = store_.commit(batch, &conditions);
  if (!commit) return commit.error();
  (*checked)->commit = *commit;
  keep_folding(store_, before.get(), checked->get());
  return newest_[draft.id] = *checked;
}

Result<bool> Collections::drop(Store::Reader& reader, Bytes name) {
  const std::unique_lock<std::mutex> held(store_.names_mutex());
  uint64_t seen = 0;
  const Result<DefinitionRef> found = newest_of(reader, name, seen);
  if (!found) return found.error();
  if (!*found) return false;
  const Definition& definition = **found;
  if (Status status = check_not_referred(reader, definition); !status) return status;
  Batch batch(store_.hash_seed(), store_.commit_bytes_max());
  for (const ReferenceDefinition& one : definition.references) {
    batch.erase(as_bytes(referrer_key(one.target, definition.id)));
  }
  erase_all(batch, prefix_of(kDocuments, definition.id));
  erase_all(batch, prefix_of(kRows, definition.id));
  erase_all(batch, prefix_of(kSample, definition.id));
  for (const IndexDefinition& index : definition.indexes) erase_index(batch, index);
  batch.erase(as_bytes(name_key(name)));
  for (const char tag : {kDefinitionTag, kRowsTag, kSequenceTag, kRewriteTag}) {
    batch.erase(as_bytes(system_key(tag, definition.id)));
  }
  const std::string key = system_key(kDefinitionTag, definition.id);
  Conditions conditions;
  conditions.add_key(as_bytes(key), hash64(as_bytes(key), store_.hash_seed()), seen);
  const Result<uint64_t> commit = store_.commit(batch, &conditions);
  if (!commit) return commit.error();
  keep_folding(store_, &definition, nullptr);
  return true;
}

// By others: its own references go with it.
Status Collections::check_not_referred(Store::Reader& reader, const Definition& definition) {
  const Store::View view(reader);
  const Reads reads(view);
  const Result<std::vector<DefinitionRef>> all = referrers_of(reads, definition);
  if (!all) return all.error();
  for (const DefinitionRef& one : *all) {
    if (one->id == definition.id) continue;
    return {Code::kExists, definition.name + ": " + one->name + " refers to it; drop that first"};
  }
  return Status::ok();
}

// ---- numbers

// A block of numbers is a commit of its own; what a crash leaves of it is never given out.
Result<uint64_t> Collections::take_number(Store::Reader& reader, Numbers& numbers, char tag,
                                          uint32_t id, uint64_t block) {
  if (numbers.next < numbers.end) return numbers.next++;
  const std::unique_lock<std::mutex> held(store_.names_mutex());
  const std::string key = system_key(tag, id);
  uint64_t given = 0;
  {
    const Store::View view(reader);
    const Result<uint64_t> read = read_number(view, as_bytes(key));
    if (!read) return read.error();
    given = *read;
  }
  if (given > UINT64_MAX - block) {
    return Status(Code::kTooLarge, "collection: its numbers are used up");
  }
  uint8_t bytes[8];
  varve::store<uint64_t>(bytes, given + block);
  Batch batch(store_.hash_seed());
  batch.put(as_bytes(key), Bytes(bytes, sizeof bytes));
  const Result<uint64_t> commit = store_.commit(batch);
  if (!commit) return commit.error();
  numbers = {given + 1, given + block};
  return given;
}

Status Collections::reserve_row(Store::Reader& reader, uint32_t id) {
  Numbers& rows = rows_[id];
  if (rows.next < rows.end) return Status::ok();
  const Result<uint64_t> first = take_number(reader, rows, kRowsTag, id, kRowBlock);
  if (!first) return first.error();
  rows.next = *first;
  return Status::ok();
}

Result<uint64_t> Collections::next_in_sequence(Store::Reader& reader, uint32_t id) {
  Result<uint64_t> number = take_number(reader, sequences_[id], kSequenceTag, id, kSequenceBlock);
  if (!number) return number.error();
  return *number + 1;
}

}  // namespace varve::collection

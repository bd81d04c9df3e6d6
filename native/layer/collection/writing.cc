// layer/collection/writing.cc — documents and their entries, in one transaction.
#include <algorithm>

#include "layer/collection/collection.h"
#include "layer/collection/keys.h"
#include "layer/collection/sample.h"
#include "pure/codec/record/rules.h"

namespace varve::collection {
namespace {

constexpr int kTriesMax = 100;

Status not_there() { return {Code::kNotFound, "the collection has been dropped"}; }

// What of the first is not in the second; both rise.
std::vector<Entry> without(const std::vector<Entry>& entries, const std::vector<Entry>& others) {
  std::vector<Entry> left;
  const auto by_key = [](const Entry& a, const Entry& b) { return a.key < b.key; };
  std::set_difference(entries.begin(), entries.end(), others.begin(), others.end(),
                      std::back_inserter(left), by_key);
  return left;
}

// A document that was there before the first index of rows has its row's key from the building, or,
// where the index is made by rewriting, when it is rewritten.
bool has_row_key(const Definition& definition, const Document& document) {
  return std::none_of(definition.indexes.begin(), definition.indexes.end(),
                      [&](const IndexDefinition& one) {
                        return one.is_packed() &&
                               document.record().schema().version() < one.version_min;
                      });
}

}  // namespace

// What a write relies on: that nobody has put another definition when it is committed.
Result<DefinitionRef> Collections::guarded_definition(const Reads& reads, uint32_t id) {
  Result<DefinitionRef> found = definition(reads, id);
  if (!found) return found;
  if (!*found) return not_there();
  const std::string key = system_key(kDefinitionTag, id);
  Status status = reads.transaction()->guard(as_bytes(key), reads.view().commit());
  if (!status) return status;
  return found;
}

Status Collections::put(Store::Reader& reader, Transaction& transaction,
                        const DocumentWrite& write) {
  refusal_ = {};
  if (Status status = reserve_row(reader, write.collection); !status) return status;
  const Store::View view(reader, transaction.view_commit(), transaction.view_time_ms());
  const Reads reads(view, &transaction);
  const Result<DefinitionRef> found = guarded_definition(reads, write.collection);
  if (!found) return found.error();
  const Definition& definition = **found;

  const std::string key = prefix_of(kDocuments, definition.id) + std::string(as_text(write.key));
  Lookup old;
  const uint64_t since = std::min(write.since, view.commit());
  if (Status status = transaction.guard(as_bytes(key), since); !status) return status;
  if (Status status = reads.get(as_bytes(key), old); !status) return status;
  const bool was_there = old.found == Found::kPut;
  if (was_there && write.mode == WriteMode::kInsert) {
    return {Code::kExists,
            definition.name + ": " + definition.shown_key(write.key) + " is there already"};
  }
  if (!was_there && write.mode == WriteMode::kUpdate) {
    return {Code::kNotFound,
            definition.name + ": " + definition.shown_key(write.key) + " is not there"};
  }

  std::string room;
  Document old_document(definition.schema_set);
  if (was_there) {
    const Result<Bytes> value = view.value(old.edit, room);
    if (!value) return value.error();
    if (Status status = old_document.open(*value); !status) return status;
  }
  Numbers& rows = rows_[definition.id];
  const Result<std::string> record =
      with_row(write.record, was_there ? old_document.row() : rows.next);
  if (!record) return record.error();
  Document new_document(definition.schema_set);
  if (Status status = new_document.open(as_bytes(*record)); !status) return status;
  if (new_document.record().schema().version() < definition.written_version_min()) {
    return {Code::kSchema, definition.name + ": declared otherwise meanwhile; open it anew"};
  }
  if (Status status = check_rules(definition, new_document); !status) return status;
  const Document* const before = was_there ? &old_document : nullptr;
  Status status = check_references(reads, definition, write.key, before, new_document);
  if (!status) return status;

  Change change;
  status = find_change(reads, definition, write.key, before, &new_document, change);
  if (status) status = transaction.fits(change.bytes + key.size() + record->size());
  if (!status) return status;
  if (!was_there) rows.next += 1;
  apply(transaction, change);
  transaction.put(as_bytes(key), {as_bytes(*record)});
  return Status::ok();
}

Result<bool> Collections::remove(Store::Reader& reader, Transaction& transaction,
                                 uint32_t collection, Bytes key) {
  refusal_ = {};
  const Store::View view(reader, transaction.view_commit(), transaction.view_time_ms());
  const Result<DefinitionRef> found = guarded_definition(Reads(view, &transaction), collection);
  if (!found) return found.error();
  const uint32_t savepoint = transaction.save();
  Result<bool> removed = remove_one(view, transaction, **found, std::string(as_text(key)), 0);
  Status ended = removed ? transaction.forget(savepoint) : transaction.rewind(savepoint);
  if (!ended) return ended;
  return removed;
}

Status Collections::check_rules(const Definition& definition, const Document& document) {
  if (Status status = document.record().verify(); !status) return status;
  const std::optional<Violation> broken = find_violation(document.record());
  if (!broken) return Status::ok();
  refusal_.path = broken->path;
  refusal_.rule = broken->rule;
  return Status::invalid(definition.name + ": " + broken->path + " must be " + broken->rule +
                         ", not " + broken->value);
}

// Everything is made before anything is written: what was read is borrowed until then.
Status Collections::find_change(const Reads& reads, const Definition& definition, Bytes key,
                                const Document* old_document, const Document* new_document,
                                Change& change) {
  std::vector<Entry> before, after;
  for (const IndexDefinition& index : definition.indexes) {
    if (index.is_packed()) continue;
    before.clear();
    after.clear();
    if (old_document != nullptr) {
      if (Status status = make_entries(index, *old_document, key, before); !status) return status;
    }
    if (new_document != nullptr) {
      if (Status status = make_entries(index, *new_document, key, after); !status) return status;
    }
    for (Entry& entry : without(before, after)) {
      change.bytes += entry.key.size() + kEditBytes;
      change.gone.push_back(std::move(entry.key));
    }
    for (Entry& entry : without(after, before)) {
      if (entry.is_unique) {
        Status status = check_unique(reads, index, definition, entry, key);
        if (!status) return status;
      }
      std::string value = entry_value(entry, new_document->row(), key);
      change.add(std::move(entry.key), std::move(value));
    }
  }
  note_sampled(definition.id, key, old_document, new_document, change);
  if (!definition.has_rows()) return Status::ok();
  return find_packed_change(reads, definition, key, old_document, new_document, change);
}

// A document keeps its row and its key as long as it is there.
void Collections::note_sampled(uint32_t collection, Bytes key, const Document* old_document,
                               const Document* new_document, Change& change) {
  const Document* const one = old_document == nullptr ? new_document : old_document;
  const bool stays = old_document != nullptr && new_document != nullptr;
  if (stays || one == nullptr || !is_sampled(one->row())) return;
  std::string place = sample_key(collection, one->row());
  if (new_document != nullptr) return change.add(std::move(place), std::string(as_text(key)));
  change.bytes += place.size() + kEditBytes;
  change.gone.push_back(std::move(place));
}

// Of indexes of rows, and the row's own key. What goes is put, too: an entry that says so.
Status Collections::find_packed_change(const Reads& reads, const Definition& definition, Bytes key,
                                       const Document* old_document, const Document* new_document,
                                       Change& change) {
  const auto row_of = [&](const Document& one) { return row_key(definition.id, one.row()); };
  if (new_document == nullptr) {
    change.gone.push_back(row_of(*old_document));
    change.bytes += kPrefixBytes + 8 + kEditBytes;
  } else if (old_document == nullptr || !has_row_key(definition, *old_document)) {
    change.add(row_of(*new_document), std::string(as_text(key)));
  }
  ValueNumbers numbers(reads);
  std::vector<PackedEntry> before, after;
  for (const IndexDefinition& index : definition.indexes) {
    if (!index.is_packed()) continue;
    before.clear();
    after.clear();
    Status made;
    if (old_document != nullptr) made = make_packed(index, *old_document, numbers, before);
    if (made && new_document != nullptr) made = make_packed(index, *new_document, numbers, after);
    if (!made) return made;
    const size_t known = change.added.size();
    auto next = after.begin();
    for (PackedEntry& old : before) {
      for (; next != after.end() && next->key < old.key; ++next) {
        change.add(std::move(next->key), std::move(next->added));
      }
      const bool stays = next != after.end() && next->key == old.key;
      if (!stays) change.add(std::move(old.key), std::move(old.removed));
      if (stays && next->added != old.added) {
        change.add(std::move(next->key), std::move(next->added));
      }
      if (stays) ++next;
    }
    for (; next != after.end(); ++next) change.add(std::move(next->key), std::move(next->added));
    if (change.added.size() != known) note_packed(index);
  }
  for (const auto& [value_key, number] : numbers.made()) change.add(value_key, number);
  return Status::ok();
}

void Collections::note_packed(const IndexDefinition& index) {
  if (Upkeep* const upkeep = Upkeep::of(store_)) upkeep->note(index);
}

Status Collections::check_unique(const Reads& reads, const IndexDefinition& index,
                                 const Definition& definition, const Entry& entry, Bytes key) {
  const Bytes at = as_bytes(entry.key);
  Lookup there;
  if (Status status = reads.transaction()->guard(at, reads.view().commit()); !status) return status;
  if (Status status = reads.get(at, there); !status) return status;
  if (there.found != Found::kPut) return Status::ok();
  std::string room;
  const Result<Bytes> value = reads.view().value(there.edit, room);
  if (!value) return value.error();
  const std::optional<EntryView> other = read_entry(at, *value);
  if (!other) return Status::corrupt(definition.name + ": an index has an entry that is none");
  if (equal(other->document_key, key)) return Status::ok();
  refusal_.index = index.name;
  refusal_.fields = index.fields;
  return {Code::kExists,
          definition.name + ": " + index.fields + " must be unique (index \"" + index.name +
              "\"): " + parts_to_text(definition.schema_set.newest(), index, other->parts) +
              " is that of " + definition.shown_key(other->document_key)};
}

// Whoever asks an index has it looked after: a transaction may have been committed long after it
// wrote.
Status Collections::find_rows(const Reads& reads, const Definition& definition, Request& request) {
  Status status = rows_of_indexes_.find(reads, definition, request);
  if (!request.rows) return status;
  for (const IndexDefinition* index : request.rows->indexes) note_packed(*index);
  return status;
}

void Collections::apply(Transaction& transaction, const Change& change) {
  for (const std::string& key : change.gone) transaction.erase(as_bytes(key));
  for (const auto& [key, value] : change.added) {
    transaction.put(as_bytes(key), {as_bytes(value)});
  }
}

// ---- commits of their own

// Nobody waits for JavaScript meanwhile, so that whoever was faster is seldom so again.
template <class Edit>
Result<uint64_t> Collections::commit_by(const Edit& edit) {
  for (int tries = 1;; ++tries) {
    own_.begin(Isolation::kReadCommitted);
    if (Status status = edit(own_); !status) {
      own_.rollback();
      return status;
    }
    Result<uint64_t> commit = own_.commit();
    if (commit || commit.code() != Code::kConflict || tries == kTriesMax) return commit;
    if (own_.conflict().reason == ConflictReason::kPrepared) return commit;
  }
}

// An update that relies on an older commit than now is its caller's to be made again.
Result<uint64_t> Collections::commit_put(Store::Reader& reader, const DocumentWrite& write) {
  if (write.since != UINT64_MAX) {
    own_.begin(Isolation::kReadCommitted);
    if (Status status = put(reader, own_, write); !status) {
      own_.rollback();
      return status;
    }
    return own_.commit();
  }
  return commit_by([&](Transaction& transaction) { return put(reader, transaction, write); });
}

Result<uint64_t> Collections::commit_remove(Store::Reader& reader, uint32_t collection, Bytes key,
                                            bool& was_there) {
  return commit_by([&](Transaction& transaction) {
    const Result<bool> removed = remove(reader, transaction, collection, key);
    was_there = removed && *removed;
    return removed ? Status::ok() : removed.error();
  });
}

}  // namespace varve::collection

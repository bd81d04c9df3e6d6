// layer/collection/references.cc — documents that name others: they must be there, and what becomes
// of those who name one that goes.
//
// Who is named is guarded by whoever names him, and the entries of all who name a document by
// whoever removes that: so of two such commits that meet one is refused.
#include <algorithm>

#include "layer/collection/collection.h"
#include "layer/collection/keys.h"
#include "layer/collection/spans.h"
#include "pure/codec/record/record_key.h"

namespace varve::collection {
namespace {

constexpr int kDepthMax = 32;  // Of documents that go because others do.

std::string part_key(const Document& document, uint32_t field) {
  std::string key;
  document.append_key(field, key);
  return key;
}

std::string text_key(const std::string& name, KeyPlace place) {
  std::string key;
  append_utf8_key(as_bytes(name), place, key);
  return key;
}

// One whose entries all begin with the field, and that has every document.
const IndexDefinition* index_on(const Definition& definition, uint32_t field) {
  for (const IndexDefinition& index : definition.indexes) {
    if (index.is_packed()) continue;
    const PartDefinition& part = index.parts.front();
    const bool is_plain = part.field == field && !part.is_each && !part.is_descending;
    const bool is_whole = std::none_of(index.parts.begin(), index.parts.end(),
                                       [](const PartDefinition& one) { return one.is_each; });
    if (is_plain && is_whole && !index.filter && index.is_ready()) return &index;
  }
  return nullptr;
}

}  // namespace

Status Collections::check_references(const Reads& reads, const Definition& definition, Bytes key,
                                     const Document* old_document, const Document& new_document) {
  for (const ReferenceDefinition& reference : definition.references) {
    const std::string part = part_key(new_document, reference.field);
    if (is_null_key(as_bytes(part))) continue;
    if (old_document != nullptr && part == part_key(*old_document, reference.field)) continue;
    const std::string target_key = alone(as_bytes(part));
    const bool is_own = reference.target == definition.name;
    if (is_own && equal(as_bytes(target_key), key)) continue;
    const std::string name = text_key(reference.target, KeyPlace::kAlone);
    const Result<uint32_t> id =
        is_own ? Result<uint32_t>(definition.id) : id_of(reads, as_bytes(name));
    if (!id) return id.error();
    Lookup there;
    if (*id != 0) {
      const std::string stored = prefix_of(kDocuments, *id) + target_key;
      Status status = reads.transaction()->guard(as_bytes(stored), reads.view().commit());
      if (status) status = reads.get(as_bytes(stored), there);
      if (!status) return status;
    }
    if (there.found == Found::kPut) continue;
    const Type& type = *definition.schema_set.newest().column(reference.field).type;
    refusal_.path = reference.path;
    refusal_.rule = "a key of " + reference.target;
    return Status::invalid(definition.name + ": " + reference.path + " must be a key of " +
                           reference.target + ", but " +
                           typed_key_to_text(type, as_bytes(target_key)) + " is not there");
  }
  return Status::ok();
}

Result<std::vector<DefinitionRef>> Collections::referrers_of(const Reads& reads,
                                                             const Definition& target) {
  std::vector<DefinitionRef> all;
  const std::string begin = referrers_key(as_bytes(text_key(target.name, KeyPlace::kElement)));
  const std::string end = end_of(begin);
  const auto cursor = reads.view().scan({as_bytes(begin), as_bytes(end)}, Direction::kForward);
  for (; cursor->valid(); cursor->next()) {
    const Bytes key = cursor->edit().key;
    if (key.size() != begin.size() + kIdBytes) {
      return Status::corrupt("collection: a reference of a wrong size");
    }
    uint32_t id = 0;
    for (const uint8_t byte : key.subspan(begin.size())) id = id << 8 | byte;
    const Result<DefinitionRef> found = definition(reads, id);
    if (!found) return found.error();
    if (*found) all.push_back(*found);
  }
  if (Status status = cursor->status(); !status) return status;
  return all;
}

// The keys of the documents whose field has this key.
Result<std::vector<std::string>> Collections::find_referrers(const Reads& reads,
                                                             const Definition& definition,
                                                             uint32_t field,
                                                             const std::string& nested_key) {
  std::vector<std::string> keys;
  const IndexDefinition* const index = index_on(definition, field);
  const std::string documents = prefix_of(kDocuments, definition.id);
  const std::string begin =
      index == nullptr ? documents : prefix_of(kEntries, index->id) + nested_key;
  const std::string end = index == nullptr ? end_of(documents) : begin + '\xff';
  Status status =
      reads.transaction()->guard_range(as_bytes(begin), as_bytes(end), reads.view().commit());
  if (!status) return status;
  const auto cursor = reads.scan({as_bytes(begin), as_bytes(end)}, Direction::kForward);
  std::string room;
  for (; cursor->valid(); cursor->next()) {
    const Edit& edit = cursor->edit();
    const Result<Bytes> value = reads.view().value(edit, room);
    if (!value) return value.error();
    if (index != nullptr) {
      const std::optional<EntryView> entry = read_entry(edit.key, *value);
      if (!entry) return Status::corrupt(definition.name + ": an index has an entry that is none");
      keys.emplace_back(as_text(entry->document_key));
      continue;
    }
    Document document(definition.schema_set);
    if (status = document.open(*value); !status) return status;
    if (part_key(document, field) != nested_key) continue;
    keys.emplace_back(as_text(edit.key.subspan(documents.size())));
  }
  if (status = cursor->status(); !status) return status;
  return keys;
}

// Its own edits are made before those of others, so that a circle comes to its end.
Result<bool> Collections::remove_one(const Store::View& view, Transaction& transaction,
                                     const Definition& definition, const std::string& key,
                                     int depth) {
  if (depth > kDepthMax) {
    return Status(Code::kTooLarge, definition.name +
                                       ": a deletion takes others with it, more than " +
                                       std::to_string(kDepthMax) + " deep");
  }
  const Reads reads(view, &transaction);
  const std::string stored = prefix_of(kDocuments, definition.id) + key;
  Lookup old;
  if (Status status = transaction.guard(as_bytes(stored), view.commit()); !status) return status;
  if (Status status = reads.get(as_bytes(stored), old); !status) return status;
  if (old.found != Found::kPut) return false;
  std::string room;
  const Result<Bytes> value = view.value(old.edit, room);
  if (!value) return value.error();
  Document document(definition.schema_set);
  if (Status status = document.open(*value); !status) return status;
  Change change;
  Status status = find_change(reads, definition, as_bytes(key), &document, nullptr, change);
  if (status) status = transaction.fits(change.bytes + stored.size());
  if (!status) return status;
  const bool is_named = definition.key.fields.size() == 1 && !definition.key.is_tuple;
  const std::string nested =
      is_named ? part_key(document, definition.key.fields.front()) : std::string();
  apply(transaction, change);
  transaction.erase(as_bytes(stored));
  if (!nested.empty()) {
    status = remove_referrers(view, transaction, definition, key, nested, depth);
    if (!status) return status;
  }
  return true;
}

Status Collections::remove_referrers(const Store::View& view, Transaction& transaction,
                                     const Definition& target, const std::string& key,
                                     const std::string& nested_key, int depth) {
  const Result<std::vector<DefinitionRef>> all = referrers_of(Reads(view, &transaction), target);
  if (!all) return all.error();
  for (const DefinitionRef& one : *all) {
    for (const ReferenceDefinition& reference : one->references) {
      if (reference.target != target.name) continue;
      const Reads reads(view, &transaction);
      const auto keys = find_referrers(reads, *one, reference.field, nested_key);
      if (!keys) return keys.error();
      for (const std::string& referrer : *keys) {
        if (reference.on_delete == OnDelete::kRestrict) {
          return referred(target, key, *one, reference, referrer);
        }
        const Result<DefinitionRef> guarded = guarded_definition(reads, one->id);
        if (!guarded) return guarded.error();
        Status status;
        if (reference.on_delete == OnDelete::kSetNull) {
          status = clear_reference(view, transaction, **guarded, reference, nested_key, referrer);
        } else {
          const auto removed = remove_one(view, transaction, **guarded, referrer, depth + 1);
          if (!removed) status = removed.error();
        }
        if (!status) return status;
      }
    }
  }
  return Status::ok();
}

Status Collections::referred(const Definition& target, const std::string& key, const Definition& by,
                             const ReferenceDefinition& reference, const std::string& referrer) {
  refusal_.path = by.name + "." + reference.path;
  refusal_.rule = "restrict";
  return {Code::kExists, target.name + ": " + target.shown_key(as_bytes(key)) +
                             " is referred to by " + by.name + " " +
                             by.shown_key(as_bytes(referrer)) + " (" + reference.path + ")"};
}

// The document is written in its newest form, with nothing in the field. It may be gone meanwhile,
// with another one that goes.
Status Collections::clear_reference(const Store::View& view, Transaction& transaction,
                                    const Definition& definition,
                                    const ReferenceDefinition& reference,
                                    const std::string& nested_key, const std::string& referrer) {
  const Reads reads(view, &transaction);
  const std::string stored = prefix_of(kDocuments, definition.id) + referrer;
  Lookup old;
  if (Status status = transaction.guard(as_bytes(stored), view.commit()); !status) return status;
  if (Status status = reads.get(as_bytes(stored), old); !status) return status;
  if (old.found != Found::kPut) return Status::ok();
  std::string room;
  const Result<Bytes> value = view.value(old.edit, room);
  if (!value) return value.error();
  Document before(definition.schema_set);
  if (Status status = before.open(*value); !status) return status;
  if (part_key(before, reference.field) != nested_key) return Status::ok();
  if (before.record().schema().version() < definition.written_version_min()) {
    return {Code::kBusy, definition.name + " " + definition.shown_key(as_bytes(referrer)) +
                             " has to be converted first; await ready()"};
  }
  const Schema& newest = definition.schema_set.newest();
  const Type* const type = newest.column(reference.field).type;
  const Item nothing(type, type->is_nullable ? Presence::kNull : Presence::kAbsent);
  const Result<std::string> record = write_record(newest, before.row(), [&](uint32_t column) {
    return column == reference.field ? nothing : before.item(column);
  });
  if (!record) {
    return Status(record.code(), definition.name + " " + definition.shown_key(as_bytes(referrer)) +
                                     ": " + record.error().message());
  }
  Document after(definition.schema_set);
  if (Status status = after.open(as_bytes(*record)); !status) return status;
  Change change;
  Status status = find_change(reads, definition, as_bytes(referrer), &before, &after, change);
  if (status) status = transaction.fits(change.bytes + stored.size() + record->size());
  if (!status) return status;
  apply(transaction, change);
  transaction.put(as_bytes(stored), {as_bytes(*record)});
  return Status::ok();
}

}  // namespace varve::collection

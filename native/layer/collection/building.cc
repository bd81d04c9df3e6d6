// layer/collection/building.cc — an index made of documents that are there, beside those who write.
//
// A step is a commit: the entries of some documents, on the condition that nobody has written these
// since, and up to which key it got. Writers keep the index from its definition on, so a document
// that was written since then has its entries already, or has them made here, the same ones. An
// index on what is converted is not built here: it is made by the rewriting (rewriting.cc).
#include <algorithm>

#include "layer/collection/collection.h"
#include "layer/collection/keys.h"

namespace varve::collection {
namespace {

constexpr uint64_t kStepDocumentsMax = 256;
constexpr int kTriesMax = 100;

}  // namespace

Result<BuildReport> Collections::build(Store::Reader& reader, uint32_t id) {
  for (int tries = 1;; ++tries) {
    BuildReport report;
    own_.begin(Isolation::kReadCommitted);
    const Result<bool> is_any = build_some(reader, id, report);
    if (!is_any || !*is_any) {
      own_.rollback();
      if (!is_any) return is_any.error();
      return report;
    }
    const Result<uint64_t> commit = own_.commit();
    if (commit) {
      note_building(report.what, report.is_ready);
      return report;
    }
    if (commit.code() != Code::kConflict || tries == kTriesMax) return commit.error();
  }
}

void Collections::note_building(const Building& what, bool is_done) {
  if (Upkeep* const upkeep = Upkeep::of(store_)) upkeep->builder().note(what, is_done);
}

// False: nothing is to be built.
Result<bool> Collections::build_some(Store::Reader& reader, uint32_t id, BuildReport& report) {
  const Store::View view(reader);
  const Reads reads(view, &own_);
  const Result<DefinitionRef> found = definition(reads, id);
  if (!found) return found.error();
  const IndexDefinition* index = nullptr;
  if (*found) {
    for (const IndexDefinition& one : (*found)->indexes) {
      if (index == nullptr && !one.is_ready() && one.version_min == 0) index = &one;
    }
  }
  if (index == nullptr) return false;
  const std::string definition_key = system_key(kDefinitionTag, id);
  const std::string progress_key = system_key(kProgressTag, index->id);
  for (const std::string& key : {definition_key, progress_key}) {
    if (Status status = own_.guard(as_bytes(key), view.commit()); !status) return status;
  }
  Lookup progress;
  if (Status status = reads.get(as_bytes(progress_key), progress); !status) return status;
  std::string done;
  if (progress.found == Found::kPut) {
    std::string room;
    const Result<Bytes> value = view.value(progress.edit, room);
    if (!value) return value.error();
    done = as_text(*value);
  }
  std::string last;
  if (Status status = build_entries(reads, **found, *index, done, report, last); !status) {
    return status;
  }
  report.is_done = false;
  report.is_ready = last.empty();
  report.what = {id, (*found)->name, index->name, report.document_count, {}};
  if (!last.empty()) {
    own_.put(as_bytes(progress_key), {as_bytes(last)});
    return true;
  }
  Definition ready = **found;
  for (IndexDefinition& one : ready.indexes) {
    if (one.id == index->id) one.state = IndexState::kReady;
  }
  own_.put(as_bytes(definition_key), {as_bytes(ready.write())});
  own_.erase(as_bytes(progress_key));
  return true;
}

// Leaves in `last` the key of the last document that was met, or nothing at the end of all.
Status Collections::build_entries(const Reads& reads, const Definition& definition,
                                  const IndexDefinition& index, const std::string& done,
                                  BuildReport& report, std::string& last) {
  const std::string prefix = prefix_of(kDocuments, definition.id);
  const std::string begin = done.empty() ? prefix : prefix + done + '\0';
  const std::string end = end_of(prefix);
  // Not the transaction's own: there are no documents among its edits.
  const auto cursor = reads.view().scan({as_bytes(begin), as_bytes(end)}, Direction::kForward);
  std::string room;
  for (; cursor->valid(); cursor->next()) {
    const Edit& edit = cursor->edit();
    const Bytes key = edit.key.subspan(prefix.size());
    const Result<Bytes> value = reads.view().value(edit, room);
    if (!value) return value.error();
    Document document(definition.schema_set);
    if (Status status = document.open(*value); !status) return status;
    Change change;
    Status status = find_built(reads, definition, index, document, key, change);
    if (!status) return status;
    const bool has_room = static_cast<bool>(own_.fits(change.bytes));
    if (report.document_count > 0 && (!has_room || report.document_count >= kStepDocumentsMax)) {
      return Status::ok();
    }
    if (status = own_.guard(edit.key, reads.view().commit()); !status) return status;
    apply(own_, change);
    last = as_text(key);
    report.document_count += 1;
  }
  if (Status status = cursor->status(); !status) return status;
  if (index.is_packed()) note_packed(index);
  last.clear();
  return Status::ok();
}

// What one document adds to the index.
Status Collections::find_built(const Reads& reads, const Definition& definition,
                               const IndexDefinition& index, const Document& document, Bytes key,
                               Change& change) {
  if (!index.is_packed()) {
    std::vector<Entry> entries;
    if (Status status = make_entries(index, document, key, entries); !status) return status;
    for (Entry& entry : entries) {
      if (entry.is_unique) {
        Status status = check_unique(reads, index, definition, entry, key);
        if (!status) return status;
      }
      change.add(std::move(entry.key), entry_value(entry, document.row(), key));
    }
    return Status::ok();
  }
  ValueNumbers numbers(reads);
  std::vector<PackedEntry> entries;
  if (Status status = make_packed(index, document, numbers, entries); !status) return status;
  for (PackedEntry& entry : entries) change.add(std::move(entry.key), std::move(entry.added));
  for (const auto& [value_key, number] : numbers.made()) change.add(value_key, number);
  // Where another such index is there, so is the row's key.
  const bool has_key =
      std::any_of(definition.indexes.begin(), definition.indexes.end(),
                  [](const IndexDefinition& one) { return one.is_packed() && one.is_ready(); });
  if (!has_key) change.add(row_key(definition.id, document.row()), std::string(as_text(key)));
  return Status::ok();
}

}  // namespace varve::collection

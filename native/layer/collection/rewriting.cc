// layer/collection/rewriting.cc — documents of older versions written anew, beside those who write.
//
//   take some ──▶ JavaScript converts them ──▶ put ──▶ the same transaction: how far it got
//
// A step relies on nobody having written its documents since its view; one that meets a writer is
// made again. Whoever writes meanwhile writes the newest version (writing.cc), so what lies behind
// the place that was reached never has to be looked at again.
#include "layer/collection/collection.h"
#include "layer/collection/keys.h"

namespace varve::collection {
namespace {

constexpr uint64_t kLooksMax = 4096;  // Of one step, which holds up the thread of JavaScript.

}  // namespace

Result<RewriteReport> Collections::rewrite(Store::Reader& reader, Transaction& transaction,
                                           uint32_t id, uint64_t count_max, const Take& take) {
  const Store::View view(reader, transaction.view_commit(), transaction.view_time_ms());
  const Reads reads(view, &transaction);
  const Result<DefinitionRef> found = guarded_definition(reads, id);
  if (!found) return found.error();
  const Definition& definition = **found;
  RewriteReport report;
  if (!definition.is_rewriting) {
    report.is_done = true;
    return report;
  }
  const Result<std::string> last = find_behind(reads, definition, count_max, take, report);
  if (!last) return last.error();
  const std::string progress_key = system_key(kRewriteTag, id);
  note_building({id, definition.name, {}, report.document_count, {}}, report.is_done);
  if (!report.is_done) {
    if (last->empty()) return report;
    if (Status status = transaction.fits(last->size() + kEditBytes); !status) return status;
    transaction.put(as_bytes(progress_key), {as_bytes(*last)});
    return report;
  }
  Definition ready = definition;
  for (IndexDefinition& index : ready.indexes) {
    if (index.version_min > 0) index.state = IndexState::kReady;
  }
  ready.oldest_version = ready.newest_version();
  ready.is_rewriting = false;
  const std::string bytes = ready.write();
  if (Status status = transaction.fits(bytes.size() + kEditBytes); !status) return status;
  transaction.put(as_bytes(system_key(kDefinitionTag, id)), {as_bytes(bytes)});
  transaction.erase(as_bytes(progress_key));
  return report;
}

// The key of the last document that was met; empty where there was no room for the first.
Result<std::string> Collections::find_behind(const Reads& reads, const Definition& definition,
                                             uint64_t count_max, const Take& take,
                                             RewriteReport& report) {
  const std::string progress_key = system_key(kRewriteTag, definition.id);
  const std::string prefix = prefix_of(kDocuments, definition.id);
  const std::string end = end_of(prefix);
  Status status = reads.transaction()->guard(as_bytes(progress_key), reads.view().commit());
  Lookup progress;
  if (status) status = reads.get(as_bytes(progress_key), progress);
  if (!status) return status;
  std::string room;
  std::string begin = prefix;
  if (progress.found == Found::kPut) {
    const Result<Bytes> done = reads.view().value(progress.edit, room);
    if (!done) return done.error();
    append(begin, *done);
    begin += '\0';
  }
  const auto cursor = reads.view().scan({as_bytes(begin), as_bytes(end)}, Direction::kForward);
  std::string last;
  for (uint64_t looks = 0; cursor->valid(); cursor->next(), ++looks) {
    if (report.document_count >= count_max || looks >= kLooksMax) return last;
    const Edit& edit = cursor->edit();
    const Result<Bytes> value = reads.view().value(edit, room);
    if (!value) return value.error();
    const std::optional<uint32_t> version = RecordView::version_of(*value);
    if (!version) return Status::corrupt("collection: bytes that are no document of it");
    if (*version < definition.newest_version()) {
      if (!take(edit)) return last;
      report.document_count += 1;
    }
    last = as_text(edit.key.subspan(prefix.size()));
  }
  if (status = cursor->status(); !status) return status;
  report.is_done = true;
  return last;
}

}  // namespace varve::collection

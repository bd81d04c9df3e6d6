// Hostile records of prepared transactions: each is refused, or is what a writer would have
// written, to the byte.
#include "fuzz.h"
#include "store/prepared_record.h"

namespace varve {
namespace {

void append_sized(std::string& to, Bytes bytes) {
  append(to, static_cast<uint32_t>(bytes.size()));
  append(to, bytes);
}

std::string written(const PreparedRecord& record) {
  std::string additions;
  std::string edits;
  uint32_t addition_count = 0;
  for (uint32_t i = 0; i < record.changes.size(); ++i) {
    append_edit(edits, record.changes[i].edit);
    if (record.changes[i].addend.empty()) continue;
    append(additions, i);
    append_sized(additions, record.changes[i].addend);
    ++addition_count;
  }
  std::string to;
  append(to, uint32_t{0});
  append(to, static_cast<uint32_t>(record.keys_read.size()));
  append(to, static_cast<uint32_t>(record.ranges_read.size()));
  append(to, addition_count);
  append(to, record.time_ms);
  append(to, static_cast<uint32_t>(edits.size()));
  append(to, uint32_t{0});
  for (const Bytes key : record.keys_read) append_sized(to, key);
  for (const KeyRange& range : record.ranges_read) {
    append(to, static_cast<uint32_t>(range.begin.size()));
    append(to, static_cast<uint32_t>(range.end.size()));
    append(to, range.begin);
    append(to, range.end);
  }
  return to + additions + edits;
}

void run(Bytes input) {
  const Result<PreparedRecord> record = decode_prepared(input);
  if (!record) {
    check(record.code() == Code::kCorrupt || record.code() == Code::kNewerFormat);
    return;
  }
  for (const PreparedRecord::Change& change : record->changes)
    check(change.addend.empty() || change.edit.kind == LogEditKind::kPut);
  check(equal(as_bytes(written(*record)), input));
}

const fuzz::Target target("prepared", run);

}  // namespace
}  // namespace varve

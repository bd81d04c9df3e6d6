// Log segments of hostile bytes: recovery and feeds hand out a chain of commits whose edits lie
// within their records, and recovery says the same of the same bytes.
//
// The first byte says whether the rest is taken as it is or is summed anew, so that what lies
// behind the checksums is reached, too; the second is what the engine has absorbed.
#include <algorithm>

#include "base/os/os.h"
#include "fuzz.h"
#include "pure/codec/crc32c.h"
#include "storage/log/follow.h"

namespace varve {
namespace {

void sum_anew(std::string& file) {
  if (file.size() < kSegmentHeaderBytes) file.resize(kSegmentHeaderBytes, '\0');
  uint8_t* const bytes = reinterpret_cast<uint8_t*>(file.data());
  std::memcpy(bytes, "VARVELOG", 8);
  std::memset(bytes + 16, 0, 16);  // The store's identity.
  store<uint64_t>(bytes + 64, 1);
  store<uint32_t>(bytes + 124, crc32c(Bytes(bytes, 124)));
  for (size_t at = kSegmentHeaderBytes; at + kRecordHeaderBytes <= file.size();) {
    uint8_t* const record = bytes + at;
    const uint64_t room = file.size() - at - kRecordHeaderBytes;
    const uint64_t body_bytes = std::min<uint64_t>(load<uint32_t>(record), room);
    store<uint32_t>(record, static_cast<uint32_t>(body_bytes));
    store<uint32_t>(record + 4, kRecordKindCommit);
    std::memcpy(record + 8, bytes + 32, 8);  // The life's tag.
    store<uint32_t>(record + 48, crc32c(Bytes(record + kRecordHeaderBytes, body_bytes)));
    store<uint32_t>(record + 52, crc32c(Bytes(record, 52)));
    at += record_bytes(body_bytes);
  }
}

// What is read is what a writer writes: nothing that it never says goes further.
void read_edits(Bytes body) {
  EditReader reader(body);
  LogEdit edit;
  std::string written;
  Result<bool> more = reader.next(edit);
  for (; more && *more; more = reader.next(edit)) {
    check(edit.key.size() <= kStoredKeyBytesMax);
    check(edit.kind == LogEditKind::kPut || edit.expires_ms == 0);
    check(edit.kind != LogEditKind::kDelete || edit.value.empty());
    append_edit(written, edit);
    check(written.size() <= body.size() && equal(as_bytes(written), body.first(written.size())));
  }
  check(static_cast<bool>(more) == (written.size() == body.size()));
  check(static_cast<bool>(check_edits(body)) == static_cast<bool>(more));
}

LogRecovery recover(const std::string& directory, uint64_t absorbed) {
  LogSource source;
  source.directory = directory;
  source.absorbed = absorbed;
  uint64_t last = absorbed;
  const Result<LogRecovery> found =
      recover_log(native_os(), source, [&](const RecordHeader& header, Bytes body) {
        check(header.commit > last && header.previous <= last);
        last = header.commit;
        read_edits(body);
        return Status::ok();
      });
  if (!found) {
    check(found.code() == Code::kNewerFormat);
    return {};
  }
  check(found->last_commit == last && found->corrupt == !found->what.empty());
  return *found;
}

// A log of the one segment that is written, again and again, and of none that it makes itself.
const Log& log_of(const std::string& directory) {
  static const std::unique_ptr<Log> one = [&directory] {
    LogOptions options;
    options.directory = directory;
    options.first_segment_bytes = 4096;
    options.next_segment = 2;
    Result<std::unique_ptr<Log>> log = Log::open(native_os(), options);
    check(static_cast<bool>(log));
    RecoveredSegment segment;
    segment.number = 1;
    (*log)->adopt_recovered(segment);
    return std::move(*log);
  }();
  return *one;
}

// As a feed does, whatever recovery says of the segment: whole commits behind `from`, each once.
void follow(const std::string& directory, uint64_t from) {
  LogFollower follower(native_os(), log_of(directory), from);
  uint64_t last = from;
  Status status = Status::ok();
  while (status && last < kCommitMax) {
    status = follower.read(kCommitMax, 256, [&](const RecordHeader& header, Bytes body) {
      check(header.commit > last && header.previous <= last);
      last = header.commit;
      read_edits(body);
      return Status::ok();
    });
    check(follower.last() == last);
  }
  const Code code = status.code();
  check(status || code == Code::kTruncated || code == Code::kLost || code == Code::kCorrupt);
}

void run(Bytes input) {
  if (input.size() < 2) return;
  std::string bytes(as_text(input.subspan(2)));
  if ((input[0] & 1) != 0) sum_anew(bytes);
  const std::string directory = fuzz::directory("log");
  fuzz::write_file(segment_path(directory, 1), as_bytes(bytes));
  const LogRecovery first = recover(directory, input[1]);
  const LogRecovery second = recover(directory, input[1]);
  check(first.last_commit == second.last_commit && first.what == second.what);
  check(first.segments.empty() || first.segments[0].good_bytes <= bytes.size() + 8 ||
        first.segments[0].last_commit == 0);
  follow(directory, input[1]);
}

const fuzz::Target target("log", run);

}  // namespace
}  // namespace varve

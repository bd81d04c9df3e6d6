// storage/log/reader.h — reads back what log.cc wrote, and knows where the truth ends.
//
// A crash can tear the last records, so a bad checksum at the tail is the end of the log, not an
// error. Missing commits that were once synced (some later good record says so by its durable mark)
// are corruption, and are reported as such.
//
// Invariants
//   - no record is handed out whose checksums, life and order were not verified.
//   - what is handed out is a prefix of the commits; nothing after a gap is.
// Threads: one.    Bytes: FORMAT.md
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/os/os.h"
#include "storage/log/record.h"
#include "storage/log/segment.h"

namespace varve {

struct RecoveredSegment {
  uint64_t number = 0;
  uint64_t last_commit = 0;  // 0: no record of its life counts.
  uint64_t size_bytes = 0;
  uint64_t good_bytes = 0;  // Where its good records end.
  uint64_t last_time_ms = 0;
};

struct LogRecovery {
  std::vector<RecoveredSegment> segments;  // By number.
  // Below the floor, by number: kept for those who follow. Of each the first record alone was read.
  std::vector<RecoveredSegment> older;
  uint64_t last_commit = 0;  // Of the good prefix; `absorbed` when the log adds nothing to it.
  uint64_t last_time_ms = 0;
  uint64_t durable_mark = 0;  // The greatest found in any good record, beyond a gap too.
  uint64_t cut_records = 0;   // Good records beyond a gap: an unsynced tail that is dropped.
  uint64_t cut_segment = 0;   // Where the good prefix ends; 0: no record counts.
  uint64_t cut_offset = 0;
  bool corrupt = false;  // Something synced is missing: `what` says file and offset.
  std::string what;
  uint64_t next_number = 1;  // Above every segment there is, the cut's, and not below the floor.
};

struct LogCut {  // Of an earlier unclean open: segments from `segment` (there from `offset`) up to,
                 // but not
  uint64_t segment = 0;  // including, `resume` hold nothing that counts. 0: no cut.
  uint64_t offset = 0;
  uint64_t resume = 0;
};

struct LogSource {
  std::string directory;
  StoreMark mark;
  uint64_t floor = 0;     // Segments below it hold nothing above `absorbed`, and are not read.
  uint64_t cut_below = 0;  // Those below it may have been cut behind their last record.
  uint64_t absorbed = 0;  // Commits at or below it rest in the engine: read over, not handed out.
  uint64_t must_reach =
      0;  // The last commit of a clean close: a prefix that ends below it is corrupt.
  LogCut cut;
  // Salvage: every whole commit counts, gaps are told in `what`, and so do segments of any store.
  bool whole_commits = false;
  bool any_store = false;
};

// One commit of the good prefix, above `absorbed`. `body` is borrowed for the call.
using OnRecord = std::function<Status(const RecordHeader& header, Bytes body)>;

Result<LogRecovery> recover_log(Os& os, const LogSource& source, const OnRecord& on_record);

// Makes the good prefix durable. What was read may lie in the system's memory alone, and a sync of
// it may even have failed, so that no other would write it: it is written again, where it is.
Status settle_log(Os& os, const LogSource& source, const LogRecovery& found);

}  // namespace varve

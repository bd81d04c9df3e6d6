// storage/log/follow.h — commits out of the log, in order, while it is being written.
//
// A follower stands behind a commit and reads on from there: the segments that are kept, and the
// one that is being written as far as it has been handed to the system. It holds nothing: a segment
// that goes, or is used again, under a follower is found out by its life and by the order of
// commits.
//
// Invariants
//   - what is handed out are whole commits, each once, none left out, as read() was told how far.
//   - a record counts when it names the commit before it: what a crash cut off is passed over.
// Threads: one at a time.    Bytes: FORMAT.md
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "storage/log/log.h"

namespace varve {

class LogFollower {
 public:
  // Behind commit `from`, which need not be one that there is.
  LogFollower(Os& os, const Log& log, uint64_t from) : os_(os), log_(log), last_(from) {}

  // Hands out commits after the last, none above `through`, and about so many bytes. `through` is a
  // commit that has been written. kTruncated when the commits that follow are not kept, naming the
  // oldest after which they are; kLost when the one it began behind did not survive a crash, naming
  // the one before it.
  Status read(uint64_t through, uint64_t budget_bytes, const OnRecord& on_record);
  uint64_t last() const { return last_; }

 private:
  enum class At { kRecord, kEnd };
  struct First {  // The first record of a segment.
    bool is_there = false;
    RecordHeader header;
  };
  Result<First> open_segment(uint64_t number);
  Result<bool> find();
  Result<bool> go_on();
  Result<At> load_record(RecordHeader& header);
  Status fill(size_t size);
  Status not_kept(uint64_t oldest) const;
  Status lost(uint64_t before) const;
  Status missing() const;

  Os& os_;
  const Log& log_;
  uint64_t last_;
  uint64_t number_ = 0;  // 0: it stands in no segment.
  std::unique_ptr<File> file_;
  uint64_t life_tag_ = 0;
  uint64_t offset_ = 0;  // Of the next record.
  std::string buffer_;   // What was read of the file, from buffer_at_ on.
  uint64_t buffer_at_ = 0;
};

}  // namespace varve

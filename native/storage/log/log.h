// storage/log/log.h — the door of the log: append commits, make them durable, follow them, trim
// them.
//
// The sequencer (one thread at a time, under the store's commit lock) reserves room, then appends.
// Appending is a copy into a buffer. Bytes reach the file by write() and become durable by sync(),
// one for all that wait: from the log's own worker or, where no other is at it, from the thread
// that asks. Zeroed segments are made ready by a second worker, so that room in the log is room on
// the disk.
//
//   reserve → append → … → write → written_through → sync → durable_through
//
// Invariants
//   - a commit is appended only into room that exists on disk.
//   - records reach the file in commit order; written_through and durable_through only grow, and
//     the second never passes the first.
//   - after a failed write or sync nothing is written any more, and every later call says so.
//   - a segment is recycled only when all its commits are absorbed, and never where segments may
//     get a second name, or might have got one.
// Threads: reserve, append and seal under one lock of the caller; the rest from any thread. Bytes:
// FORMAT.md
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/os/os.h"
#include "storage/log/reader.h"
#include "storage/log/record.h"
#include "storage/log/segment.h"

namespace varve {

using Lock = std::unique_lock<std::mutex>;

// How much log stays for those who follow it, beyond what the engine lacks: segments whose bytes,
// with all newer ones, are within `bytes`, and those with commits not older than `age_ms` than the
// newest.
struct LogKeep {
  uint64_t bytes = 0;
  uint64_t age_ms = 0;

  bool any() const { return bytes != 0 || age_ms != 0; }
  bool operator==(const LogKeep&) const = default;
};

inline constexpr uint64_t kFollowedBytesMax = uint64_t{256} << 20;

struct LogOptions {
  std::string directory;
  StoreMark mark;
  uint64_t segment_bytes = uint64_t{16} << 20;
  uint64_t first_segment_bytes = uint64_t{256} << 10;
  uint64_t buffer_bytes_max = uint64_t{4} << 20;  // Above it the appending thread writes.
  uint64_t next_segment = 1;
  uint64_t last_commit = 0;  // The one that the first append follows.
  uint32_t spare_count = 2;
  bool recycles = true;  // False where segments may get a second owner.
  LogKeep keep;
  std::function<void()> on_progress;  // After each advance or failure; must not block or call back.
};

struct LogStats {
  uint64_t written_bytes = 0;
  uint64_t sync_count = 0;
  uint64_t segment_count = 0;
  uint64_t disk_bytes = 0;
};

class Log {
 public:
  static Result<std::unique_ptr<Log>> open(Os& os, LogOptions options);
  ~Log();  // end()s.

  // The sequencer's side.
  Status reserve(uint64_t body_bytes);
  void append(uint64_t commit, uint64_t time_ms, Bytes body, uint32_t body_checksum);
  // Ends the segment in use; the answer names the segments appended to since the last seal.
  std::vector<uint64_t> seal();

  // Hands the buffer to the system from this thread unless another is at it; true when nothing is
  // left over.
  bool try_write();
  Status write();       // Waits for its turn.
  // The same for a sync, and only while syncs are quick; on_progress is left to the caller.
  bool try_sync();
  void request_sync();  // The worker syncs soon; on_progress tells.
  void request_write();
  // Waits until everything appended so far is durable: by this thread's sync or another's.
  Status sync_now();

  uint64_t written_through() const { return written_.load(std::memory_order_acquire); }
  uint64_t durable_through() const { return durable_.load(std::memory_order_acquire); }
  Status error() const;  // Sticky.
  bool failed() const { return failed_.load(std::memory_order_acquire); }

  // Segments adopted by nobody whose commits are all at or below `absorbed` go, or are used again,
  // unless they are to be kept: what somebody follows who has read through `followed` is, while it
  // and all newer ones are within kFollowedBytesMax.
  void trim(uint64_t absorbed, uint64_t followed = UINT64_MAX);
  // What was made ready is idle, and what is made ready from now on begins small again. The
  // sequencer's side.
  void shrink();
  void tidy();  // Removes what is idle beyond what will be used again.
  // When all is written and nothing more is appended: removes whatever the next opening would not
  // need.
  void remove_idle(uint64_t absorbed);
  // Hands what is buffered to the system, without syncing, and lets go of the files. Nothing is
  // appended any more; what has become durable can still be asked.
  void end();
  // Whether segments are used again from now on. Of those that are full already none is, once it
  // was said that they may get a second owner.
  void set_recycles(bool recycles);
  // Segments that recovery found and replayed; trim() removes them like any other.
  void adopt_recovered(const RecoveredSegment& segment);
  // Those with commits, oldest first.
  std::vector<uint64_t> segments() const;
  const std::string& directory() const { return options_.directory; }
  LogStats stats() const;

 private:
  struct Chunk {  // Bytes for one place in one segment.
    std::shared_ptr<Segment> segment;
    uint64_t offset = 0;
    uint64_t last_commit = 0;
    std::string bytes;
  };
  struct Kept {
    uint64_t number = 0;
    uint64_t last_commit = 0;
    uint64_t size_bytes = 0;
    bool recyclable = false;
    uint64_t last_time_ms = 0;
  };

  Log(Os& os, LogOptions options);
  void keep_current(const Lock& held);
  size_t kept_needed(uint64_t followed, const Lock& held) const;
  Step run_writer();
  Step run_preparer();
  uint64_t size_of_next(const Lock& held) const;
  bool tidy_idle();
  Status prepare_one(uint64_t size_bytes_min);
  std::string take_recycled(uint64_t size_bytes);
  Status write_holding(const Lock& file_held);
  Status sync_written(Lock sync_held);
  void tell_progress();
  void fail(const Status& status);
  bool spare_fits(uint64_t bytes, const Lock& held) const;
  void begin_segment(uint64_t commit, uint64_t bytes, const Lock& held);

  Os& os_;
  const LogOptions options_;

  std::atomic<uint64_t> written_{0};
  std::atomic<uint64_t> durable_{0};
  std::atomic<bool> failed_{false};
  std::atomic<bool> sync_wanted_{false};
  std::atomic<bool> write_wanted_{false};
  std::atomic<uint64_t> written_bytes_{0};
  std::atomic<uint64_t> sync_count_{0};
  std::atomic<uint64_t> sync_ns_;  // What the last ones took, the longer the more it counts.

  mutable std::mutex mutex_;  // Guards the buffer, the segments and the error.
  std::vector<Chunk> pending_;
  uint64_t pending_bytes_ = 0;
  std::shared_ptr<Segment> current_;
  std::vector<std::shared_ptr<Segment>> spares_;
  std::vector<uint64_t> since_seal_;
  std::vector<Kept> kept_;        // Full or sealed segments, oldest first.
  std::vector<Kept> recyclable_;  // Absorbed, waiting for the preparer.
  uint64_t next_number_;
  uint64_t first_number_;  // Of the segments that grow from one to the next.
  uint64_t last_appended_;
  uint64_t last_time_ms_ = 0;
  bool recycles_;
  bool is_ended_ = false;  // No segment is made any more.
  std::string error_;
  Code error_code_ = Code::kOk;

  std::mutex file_mutex_;  // Held while writing; taken before mutex_. Guards dirty_.
  std::vector<std::shared_ptr<Segment>> dirty_;  // Written since the last sync.
  // Held while syncing; taken before file_mutex_. Who lets go of it tells so behind that.
  std::mutex sync_mutex_;
  std::mutex prepare_mutex_;  // Held while segments are made or removed; taken before mutex_.

  std::unique_ptr<Gate> progress_;
  std::unique_ptr<Worker> preparer_;
  std::unique_ptr<Worker> writer_;
};

}  // namespace varve

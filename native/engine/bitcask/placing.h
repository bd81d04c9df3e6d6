// engine/bitcask/placing.h — where the edits of a run lie: in the segments of the log that hold it,
// which are adopted, or in a file that is written for those that no segment holds.
//
//   segments, in order of commits ──▶ (key, commit) → offset ─┐
//   run, in order of keys ────────────────────────────────────┴─▶ rows, and of each file its hint
//
// A segment is adopted by a second name of the file: the log may follow, trim or remove its own as
// it likes. Where the file system has no links, or what a segment says cannot be read, the edits
// are written out instead.
//
// Invariants
//   - a row lies where its edit was read, and its key, commit and checksum were those of the run.
//   - every key of a file is in its hint.
//   - files that become nothing's are removed.
// Threads: one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/bitcask/directory.h"
#include "engine/bitcask/hint.h"

namespace varve::bitcask {

struct MadeFile {
  ManifestDataFile info;
  HintWriter hint;
  uint64_t hint_bytes = 0;
  std::vector<uint64_t> range_commits;  // Ascending: of range deletions in a segment.
};

class Placing {
 public:
  struct Outside {
    Os& os;
    const std::string& directory;
    const Identity& identity;
    uint64_t file_bytes_max;
    std::function<uint64_t()> next_number;
  };
  Placing(Outside outside, const Run& run, const Retention& retention)
      : out_(std::move(outside)), run_(run), retention_(retention) {}

  // Makes the files; what is written is durable, but for the names.
  Status place();
  void abandon();  // Removes them.

  struct Change {  // Of one key, what it gets.
    uint64_t key_at;
    uint32_t key_bytes;
    uint32_t dead_files;
    uint64_t dead_commit;  // The oldest that is the newest in one of these.
    size_t rows_at;
    uint32_t row_count;
  };
  const std::vector<Change>& changes() const { return changes_; }
  Bytes key(const Change& change) const {
    return as_bytes(keys_).subspan(change.key_at, change.key_bytes);
  }
  // Their slots are indexes of files().
  std::span<const Row> rows(const Change& change) const {
    return std::span<const Row>(rows_).subspan(change.rows_at, change.row_count);
  }
  const std::vector<MadeFile>& files() const { return files_; }
  uint64_t taken_bytes() const { return taken_bytes_; }
  uint64_t written_bytes() const { return written_bytes_; }

 private:
  struct Found {  // An edit in a segment.
    uint64_t key_at;
    uint32_t key_bytes;
    uint32_t file;
    Listed entry;
    bool is_kept = false;
    uint32_t ordinal = 0;
  };
  Bytes key(const Found& found) const {
    return as_bytes(found_keys_).subspan(found.key_at, found.key_bytes);
  }
  Status adopt(uint64_t segment);
  Status read_segment(const DataFile& file, MadeFile& made, bool& is_any);
  Status place_key();
  void list(size_t begin, size_t end, Change& change);
  Row list_one(const Found& found);
  Status begin_file();
  Status write_out(const Edit& edit);
  Status write_ranges();
  Status end_file();

  Outside out_;
  const Run& run_;
  const Retention& retention_;
  std::vector<MadeFile> files_;
  std::vector<uint64_t> linked_;  // Names that were made.
  std::string found_keys_;
  std::vector<Found> found_;
  size_t found_at_ = 0;
  std::unique_ptr<DataWriter> writer_;
  uint32_t writer_file_ = 0;
  std::string keys_;
  std::vector<Change> changes_;
  std::vector<Row> rows_;
  uint64_t taken_bytes_ = 0;
  uint64_t written_bytes_ = 0;
};

}  // namespace varve::bitcask

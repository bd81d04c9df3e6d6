// storage/manifest/manifest.h — the one record of what belongs to a store: identity, numbers in
// use, files.
//
// A change is a ManifestEdit, durable when append() returns. The file grows by changes and is
// written anew, as the whole state under the next number, when it has grown enough or when a write
// to it failed.
//
// A draft is a manifest that no disk knows: an engine that is being made beside the one in use
// names its files there (store/conversion.h). adopt() makes all that it says of files the truth at
// once, in place of what was said of the old engine's; from then on the draft passes on what it is
// told.
//
// Invariants
//   - state() is what the disk says: it changes only after a sync. A draft's is what it was told.
//   - a file is never appended to after a write or sync of it failed.
//   - what tables use of a value file is there, and no more than the file has.
// Threads: any; append() takes turns. state() is for the opening thread; later readers use copies
// of their own. Bytes: FORMAT.md
#pragma once

#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/os/os.h"
#include "storage/table/info.h"

namespace varve {

struct ManifestCut {
  uint64_t segment = 0;
  uint64_t offset = 0;
  uint64_t resume = 0;
};

inline constexpr uint8_t kPlaceCurrent = 0;
inline constexpr uint8_t kPlaceHistory = 1;

struct ManifestTable {
  TableInfo info;
  uint8_t level = 0;
  uint8_t place = kPlaceCurrent;
  uint64_t run = 0;  // Tables of one run do not overlap.
};

// A file that a bitcask engine has its entries in. number 0: none.
struct ManifestDataFile {
  uint64_t number = 0;
  uint64_t segment = 0;      // Of the log, which it was adopted from; 0: the engine wrote it.
  uint64_t file_bytes = 0;   // Nothing behind them counts.
  uint64_t entry_count = 0;  // In its hint.
  uint64_t edit_bytes = 0;   // What all of its edits take, dead or alive.
  uint64_t commit_first = 0;
  uint64_t commit_last = 0;

  bool operator==(const ManifestDataFile&) const = default;
};

// A file with all that a memory engine had absorbed. number 0: none.
struct ManifestCheckpoint {
  uint64_t number = 0;
  uint64_t file_bytes = 0;
  uint64_t made_ms = 0;  // Since 1970.
};

// What of the past is kept: 0 nothing, 1 `amount` milliseconds, 2 `amount` commits, 3 all. Views
// below `floor` are promised nothing, whatever is kept today.
struct ManifestHistory {
  uint8_t keep = 0;
  uint64_t amount = 0;
  uint64_t floor = 0;
};

// Numbers that no commit has, first and last: a crash made the next opening leave them out.
struct ManifestGap {
  uint64_t first = 0;
  uint64_t last = 0;

  bool operator==(const ManifestGap&) const = default;
};
inline constexpr size_t kManifestGapsMax = 1024;

struct ManifestState {
  std::array<uint8_t, 16> identity{};
  std::array<uint8_t, 16> lineage{};
  std::array<uint8_t, 16> incarnation{};
  uint64_t hash_seed = 0;
  uint8_t engine = 0;
  uint64_t reserved_through = 0;
  uint64_t clean_close = 0;
  ManifestCut cut;
  uint64_t absorbed = 0;
  uint64_t next_table = 1;
  uint64_t log_floor = 0;
  uint64_t log_cut = 0;  // Segments below it may have been cut behind their last record.
  ManifestCheckpoint checkpoint;
  ManifestHistory history;
  std::vector<ManifestGap> gaps;  // Ascending, and apart; those that history may ask for.
  uint64_t time_ms = 0;           // Of the last commit absorbed, or a later one.
  bool may_expire = false;        // A value with an expiry was ever put.
  bool may_prepare = false;       // A transaction was ever prepared.
  std::map<uint64_t, ManifestTable> tables;  // By number.
  std::map<uint64_t, ValueFileInfo> value_files;
  std::map<uint64_t, ManifestDataFile> data_files;
};

// What changes; the rest stays.
struct ManifestEdit {
  std::optional<std::array<uint8_t, 16>> lineage;
  std::optional<std::array<uint8_t, 16>> incarnation;
  std::optional<uint64_t> reserved_through;
  std::optional<uint64_t> clean_close;
  std::optional<ManifestCut> cut;
  std::optional<uint64_t> absorbed;
  std::optional<uint64_t> next_table;
  std::optional<uint64_t> log_floor;
  std::optional<ManifestCheckpoint> checkpoint;
  std::optional<ManifestHistory> history;
  std::optional<std::vector<ManifestGap>> gaps;  // All of them; at most kManifestGapsMax.
  std::optional<uint64_t> time_ms;
  bool may_expire = false;   // True: from now on.
  bool may_prepare = false;  // The same.
  std::vector<ManifestTable> add_tables;
  std::vector<uint64_t> remove_tables;
  std::vector<ValueFileInfo> add_value_files;
  std::vector<uint64_t> remove_value_files;
  std::vector<ManifestDataFile> add_data_files;
  std::vector<uint64_t> remove_data_files;
};

class Manifest {
 public:
  static Result<bool> exists(Os& os, const std::string& directory);
  static bool is_own(const std::string& name);         // A manifest's file, finished or not.
  static bool is_unfinished(const std::string& name);  // A file that a crash left half made.
  static Result<std::unique_ptr<Manifest>> create(Os& os, const std::string& directory,
                                                  const ManifestState& state);
  static Result<std::unique_ptr<Manifest>> open(Os& os, const std::string& directory);
  // Of the same store with another engine, and nothing in it. This one outlives it.
  std::unique_ptr<Manifest> draft(uint8_t engine);

  const ManifestState& state() const { return state_; }
  Status append(const ManifestEdit& edit);
  // Engine and files are from now on what the draft says; written as a whole, so that either all of
  // it counts or nothing. `is_certain` is false where a failure leaves open which.
  Status adopt(Manifest& draft, bool& is_certain);
  void close();  // Its file. Nothing is appended after that.

 private:
  Manifest(Os& os, std::string directory) : os_(os), directory_(std::move(directory)) {}
  Status append_here(const ManifestEdit& edit, const std::unique_lock<std::mutex>& held);
  // Of a failure: whether the new file may be what counts all the same.
  Status write_anew(bool* may_count = nullptr);
  Status read(uint64_t number);

  Os& os_;
  const std::string directory_;
  std::mutex mutex_;  // Guards everything below; a draft's is taken before the store's own.
  bool is_draft_ = false;
  Manifest* own_ = nullptr;  // Of a draft that was adopted: the one on the disk.
  ManifestState state_;
  std::unique_ptr<File> file_;  // Null after a failure: the next append writes anew.
  uint64_t number_ = 0;
  uint64_t used_bytes_ = 0;
  uint64_t snapshot_bytes_ = 0;
};

}  // namespace varve

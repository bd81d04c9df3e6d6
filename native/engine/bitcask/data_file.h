// engine/bitcask/data_file.h — a file in which entries lie, adopted from the log or written by a
// merge: reading one entry, walking over all of them, writing a new one.
//
// An adopted file is a segment of the log under a second name: the file has two until the log lets
// go of its own. A written one has batches of edits, each edit behind the number of its commit. In
// both an entry is an edit of the log (storage/log/record.h) at an offset, with a checksum of its
// value, and every batch or record has one over all of it.
//
// Invariants
//   - no value is handed out whose checksum and key were not verified when it was read.
//   - nothing behind ManifestDataFile::file_bytes is ever read.
//   - what finish() describes is durable, but for the file's name.
// Threads: a DataFile any; a DataWriter one.     Bytes: FORMAT.md
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>

#include "base/os/os.h"
#include "engine/engine.h"
#include "storage/cache/cache.h"
#include "storage/log/log.h"
#include "storage/manifest/manifest.h"

namespace varve::bitcask {

using Identity = std::array<uint8_t, 16>;

std::string data_path(const std::string& directory, uint64_t number);
std::string hint_path(const std::string& directory, uint64_t number);
inline constexpr char kUnfinishedHint[] = ".hint.new";  // Until all of it is on disk.
// The number in a name such as 00000012.data or 00000012.hint; 0 for any other name.
uint64_t data_number(const std::string& name);
uint64_t hint_number(const std::string& name);
uint64_t unfinished_hint_number(const std::string& name);

// With its hint, finished or not. What stays of them, the next opening removes.
void remove_data_file(Os& os, const std::string& directory, uint64_t number);

inline constexpr size_t kDataHeaderBytes = 128;  // As a segment's.

inline uint64_t edit_bytes(uint64_t key_bytes, uint64_t value_bytes, bool expires) {
  return kEditHeaderBytes + (expires ? 8 : 0) + key_bytes + value_bytes;
}

// An entry as a hint lists it, in a file that the reader knows.
struct Listed {
  Bytes key;
  uint64_t commit = 0;
  EditKind kind = EditKind::kPut;
  uint64_t expires_ms = 0;
  uint64_t offset = 0;
  uint32_t value_bytes = 0;

  uint64_t bytes() const { return edit_bytes(key.size(), value_bytes, expires_ms != 0); }
};

// Where the value of a put lies in its file.
struct ValuePlace {
  uint64_t offset = 0;   // Of its edit.
  uint32_t ordinal = 0;  // Among the entries of the file: which handle of the cache is its.
  uint32_t value_bytes = 0;
  bool expires = false;
};

class DataFile {
 public:
  // kCorrupt for a file that is missing, short or another's. `cache` may be null: for who walks.
  // Values can be found and loaded once it is known how many entries there are.
  static Result<std::shared_ptr<DataFile>> open(Os& os, const std::string& directory,
                                                const ManifestDataFile& info,
                                                const Identity& identity, Cache* cache);
  ~DataFile();

  void expect_entries(uint64_t count);

  const ManifestDataFile& info() const { return info_; }
  const std::string& path() const { return path_; }

  // The value in the cache, or nothing. Inside an epoch guard.
  std::optional<Bytes> find(Bytes key, const ValuePlace& place) const;
  // The same, read if need be.
  Result<Bytes> load(Bytes key, const ValuePlace& place) const;
  // Around the cache, into exactly as many bytes; `room` is the reader's.
  Status read(Bytes key, const ValuePlace& place, MutableBytes into, std::string& room) const;
  Status read_raw(uint64_t offset, MutableBytes into) const;
  void will_read(Bytes key, const ValuePlace& place) const;
  void will_read_all() const { file_->will_read(0, info_.file_bytes); }

  // Every edit of every whole record or batch, in the order of the file, with the offset of each.
  // Of what is not whole `on_damage` is told once a stretch; the walk ends if it says false.
  using OnEdit = std::function<Status(uint64_t commit, const LogEdit& edit, uint64_t offset)>;
  using OnDamage = std::function<bool(uint64_t offset, const std::string& what)>;
  Status walk(const OnEdit& on_edit, const OnDamage& on_damage) const;

  // Gives back what lies behind the entries: the room that a segment was made with.
  void cut(Os& os) const;

  // Merges leave it alone from then on.
  void note_damage() { damaged_.store(true); }
  bool is_damaged() const { return damaged_.load(); }

 private:
  DataFile(std::string path, const ManifestDataFile& info, std::unique_ptr<File> file, Cache* cache)
      : path_(std::move(path)), info_(info), file_(std::move(file)), cache_(cache) {}
  Status damage(uint64_t offset, const std::string& what) const;
  Status check_header(const Identity& identity);
  Result<Bytes> check_entry(Bytes bytes, Bytes key, const ValuePlace& place) const;
  Status read_entry(const ValuePlace& place, MutableBytes into) const;

  const std::string path_;
  const ManifestDataFile info_;
  const std::unique_ptr<File> file_;
  Cache* const cache_;
  uint64_t life_tag_ = 0;           // Of an adopted one.
  std::span<BlockHandle> handles_;  // Of blocks of handles, one for each kHandleCount entries.
  std::atomic<bool> damaged_{false};
};

// Writes the entries of one file, in the order in which its hint lists them.
class DataWriter {
 public:
  DataWriter(Os& os, const std::string& directory, uint64_t number, const Identity& identity)
      : os_(os), path_(data_path(directory, number)), identity_(identity) {
    info_.number = number;
  }
  // The offset of the entry.
  Result<uint64_t> add(const Edit& edit);
  Status add_range(const RangeDeletion& deletion);
  // All is on disk, but for the file's name.
  Status finish();
  const ManifestDataFile& info() const { return info_; }
  void abandon();  // Removes the file.

 private:
  Status append(uint64_t commit, const LogEdit& edit);
  Status end_batch();
  Status write_out();

  Os& os_;
  const std::string path_;
  const Identity identity_;
  ManifestDataFile info_;
  std::unique_ptr<File> file_;
  std::string batch_;
  std::string buffer_;
  uint64_t buffer_at_ = 0;  // In the file.
};

}  // namespace varve::bitcask

// storage/values/values.h — large values in files of their own, so that a merge of tables carries
// 40 bytes of each and not the whole.
//
// A flush writes what is above a threshold with a ValueWriter and gives the table references. A
// read of one is a single positioned read, to where the caller wants the bytes, around the cache.
//
// Invariants
//   - a file never changes; it is removed when drop() was called and the last user let go.
//   - what read() says is fine was verified; what it refuses is not to be looked at.
//   - no size from the disk is believed before the file was seen to have as many bytes.
// Threads: a writer belongs to one; a file is for all.     Bytes: FORMAT.md
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "base/os/os.h"
#include "engine/engine.h"
#include "storage/values/info.h"

namespace varve {

struct ValueOptions {
  uint8_t store_identity[16] = {};
  uint64_t number = 0;
  bool compress = false;   // What it makes smaller by an eighth.
  bool any_store = false;  // Salvage without a manifest: nobody knows the identity.
};

std::string values_path(const std::string& directory, uint64_t number);
uint64_t values_number(const std::string& name);  // 0 for any other name

class ValueFile {
 public:
  static Result<std::shared_ptr<ValueFile>> open(Os& os, const std::string& path,
                                                 const ValueFileInfo& info,
                                                 const ValueOptions& options);
  ~ValueFile();

  const ValueFileInfo& info() const { return info_; }
  const std::string& path() const { return path_; }
  // Whether what a reference says can be: kCorrupt where it leads out of the file.
  Status check_reference(const ValueReference& reference) const;
  // The same, and that a value with this very head lies there.
  Status verify_reference(const ValueReference& reference) const;
  // Fills `into`, which has exactly as many bytes as the value.
  Status read(const ValueReference& reference, MutableBytes into) const;
  // The value as it lies in the file, a piece at a time and unverified.
  Status read_pieces(const ValueReference& reference,
                     const std::function<Status(Bytes)>& on_piece) const;
  // Reads every byte, head by head.
  Status verify(std::vector<VerifyProblem>& problems) const;
  // What the file says of itself, for when no manifest does.
  static Result<ValueFileInfo> describe(Os& os, const std::string& path);

  // A value in it is damaged, so that the file cannot be emptied by moving what is left.
  void note_damage() const { is_damaged_.store(true, std::memory_order_relaxed); }
  bool is_damaged() const { return is_damaged_.load(std::memory_order_relaxed); }
  void drop() const { is_dropped_.store(true); }  // The file goes with the last user.

 private:
  ValueFile(Os& os, std::string path) : os_(os), path_(std::move(path)) {}
  Status open_file(const ValueOptions& options);
  static Result<std::string> read_header(File& file, const std::string& path);
  Status read_stored(uint64_t offset, MutableBytes into) const;
  Result<ValueReference> verify_head(uint64_t offset) const;
  Status verify_value(const ValueReference& reference) const;
  Status damage(uint64_t offset, const char* what) const;

  Os& os_;
  const std::string path_;
  std::unique_ptr<File> file_;
  ValueFileInfo info_;
  mutable std::atomic<bool> is_damaged_{false};
  mutable std::atomic<bool> is_dropped_{false};
};

class ValueWriter {
 public:
  static Result<std::unique_ptr<ValueWriter>> create(Os& os, const std::string& path,
                                                     const ValueOptions& options);
  Result<ValueReference> add(Bytes value, uint64_t commit);
  // A value of another file, as it is stored there and a piece at a time. kCorrupt, with nothing
  // added, when it is damaged.
  Result<ValueReference> move(const ValueFile& from, const ValueReference& reference,
                              uint64_t commit);
  uint64_t size_bytes() const { return written_ + buffer_.size(); }
  bool empty() const { return info_.value_count == 0; }
  // Syncs the file, not its directory.
  Result<ValueFileInfo> finish();

 private:
  ValueWriter(std::unique_ptr<File> file, const ValueOptions& options)
      : file_(std::move(file)), options_(options) {}
  ValueReference place(uint64_t stored_bytes, uint64_t value_bytes);
  void append_head(const ValueReference& reference);
  Status write(Bytes stored);  // Behind what was written.
  Status flush_buffer();
  void count(uint64_t commit);

  std::unique_ptr<File> file_;
  const ValueOptions options_;
  ValueFileInfo info_;
  std::string compressed_;
  std::string buffer_;
  uint64_t written_ = 0;
};

}  // namespace varve

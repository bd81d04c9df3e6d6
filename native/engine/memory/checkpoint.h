// engine/memory/checkpoint.h — a file that holds a whole stream (stream.h), so that a store in
// memory is found again.
//
// A checkpoint is made under a number that was never used for another and counts only once the
// manifest names it. Until then it is a leftover, which the next opening removes.
//
//   create → step … step → written, synced, its name synced → (the manifest's edit) → the older one
//   goes
//
// Invariants
//   - what made() describes is durable, name and all.
// Threads: a writer belongs to one at a time; the rest is free of state.     Bytes: FORMAT.md
#pragma once

#include <memory>
#include <string>

#include "base/os/os.h"
#include "engine/engine.h"
#include "engine/memory/stream.h"
#include "storage/manifest/manifest.h"

namespace varve::memory {

std::string checkpoint_path(const std::string& directory, uint64_t number);
// The number in a name such as 00000012.checkpoint; 0 for any other name.
uint64_t checkpoint_number(const std::string& name);

class CheckpointWriter {
 public:
  static Result<std::unique_ptr<CheckpointWriter>> create(
      Os& os, const std::string& directory, uint64_t number,
      std::shared_ptr<const EngineVersion> version, const Identity& identity);

  // Writes about `budget_bytes`; kIdle when the file is whole and durable.
  Result<Progress> step(uint64_t budget_bytes);
  ManifestCheckpoint made() const { return {number_, written_bytes_, os_.wall_ms()}; }
  uint64_t commit() const { return commit_; }  // The last one in it.
  void abandon();                              // Removes the file.

 private:
  CheckpointWriter(Os& os, const std::string& directory, uint64_t number, uint64_t commit,
                   std::unique_ptr<File> file, StreamWriter stream);
  Status take(Bytes bytes);
  Status write_out();

  Os& os_;
  const std::string directory_;
  const uint64_t number_;
  const uint64_t commit_;
  std::unique_ptr<File> file_;
  StreamWriter stream_;
  std::string buffer_;
  uint64_t written_bytes_ = 0;
  uint64_t synced_bytes_ = 0;
};

// Reads a checkpoint front to back, as a source for read_stream() or check_stream().
class CheckpointReader {
 public:
  // kCorrupt if the file is missing or not as long as the manifest says.
  static Result<std::unique_ptr<CheckpointReader>> open(Os& os, const std::string& directory,
                                                        const ManifestCheckpoint& checkpoint);
  Result<size_t> read(MutableBytes into);
  uint64_t offset() const { return offset_; }
  // What went wrong with what was read, naming the file and the byte that was reached.
  Status error_at(const Status& status) const;

 private:
  CheckpointReader(std::string path, std::unique_ptr<File> file)
      : path_(std::move(path)), file_(std::move(file)) {}

  const std::string path_;
  const std::unique_ptr<File> file_;
  uint64_t offset_ = 0;
};

// Reads all of a checkpoint; what is not as it was written becomes a problem.
Status verify_checkpoint(Os& os, const std::string& directory, const ManifestCheckpoint& checkpoint,
                         const Identity& identity, std::vector<VerifyProblem>& problems);

// What a checkpoint's header says, for when no manifest does.
struct CheckpointOwner {
  Identity identity;
  uint64_t absorbed;
};
Result<CheckpointOwner> describe_checkpoint(Os& os, const std::string& path);

// What is whole of a checkpoint's file, which need not be as long as it was. The manifest's word on
// its last commit counts where the file has none.
Result<Mended> mend_checkpoint(Os& os, const std::string& path, const Identity& identity,
                               uint64_t absorbed);

}  // namespace varve::memory

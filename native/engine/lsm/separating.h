// engine/lsm/separating.h — takes large values out of the edits on their way into tables.
//
// Invariants: what was made counts only once the engine has put it into the manifest; the files of
// one that is abandoned are gone.
// Threads: one.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/lsm/value_files.h"

namespace varve {

class Separating {
 public:
  struct Outside {  // What it needs of the engine.
    Os& os;
    std::string directory;
    ValueOptions values;
    uint64_t file_bytes;  // Of a value file, before another begins.
    std::function<uint64_t()> next_number;
  };
  explicit Separating(Outside outside) : outside_(std::move(outside)) {}

  // The edit with a reference in the place of its value; borrowed until the next call.
  Result<Edit> separate(const Edit& edit);
  // The same for an edit whose value lies in a file that is to be emptied. One that is damaged
  // there stays there: the answer is the edit as it was.
  Result<Edit> move(const Edit& edit, const ValueFile& from);
  Status finish();
  const std::vector<ValueFileInfo>& made() const { return made_; }  // After finish().
  uint64_t written_bytes() const { return written_bytes_; }
  void abandon();  // Removes what was written.

 private:
  Status begin_file();
  Status end_file();
  Edit referring(const Edit& edit, const ValueReference& reference);

  const Outside outside_;
  std::unique_ptr<ValueWriter> writer_;
  uint64_t writer_number_ = 0;  // Of a file that is not among made_.
  std::vector<ValueFileInfo> made_;
  uint64_t written_bytes_ = 0;
  uint8_t reference_[kValueReferenceBytes] = {};
};

}  // namespace varve

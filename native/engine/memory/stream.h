// engine/memory/stream.h — all that an engine holds as a stream of checksummed blocks, and back.
//
// A writer goes through one version, which it pins, so that reading and absorbing go on beside it.
//
// Threads: a StreamWriter belongs to one at a time.     Bytes: FORMAT.md
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/memory/image.h"

namespace varve::memory {

using Identity = std::array<uint8_t, 16>;
using StreamSink = std::function<Status(Bytes)>;

class StreamWriter {
 public:
  StreamWriter(std::shared_ptr<const EngineVersion> version, const Identity& identity);
  // Makes about `budget_bytes` and hands whole blocks to the sink; kIdle behind the end block.
  Result<Progress> step(uint64_t budget_bytes, const StreamSink& sink);

 private:
  Status add(const Edit& edit, const StreamSink& sink);
  Status add(const RangeDeletion& deletion, const StreamSink& sink);
  Status flush(uint32_t kind, const StreamSink& sink);
  Status end(const StreamSink& sink);
  uint64_t made_bytes() const { return handed_bytes_ + block_.size(); }

  std::shared_ptr<const EngineVersion> version_;
  std::unique_ptr<EditCursor> edits_;
  std::string header_;  // Empty once it was handed on.
  std::string block_;
  uint64_t edit_count_ = 0;
  uint64_t handed_bytes_ = 0;
};

// The whole at once.
Status write_stream(std::shared_ptr<const EngineVersion> version, const Identity& identity,
                    const StreamSink& sink);

Result<Image> read_stream(const std::function<Result<size_t>(MutableBytes)>& source,
                          const Identity& identity);
// Reads all of it as read_stream() does, and keeps nothing.
Status check_stream(const std::function<Result<size_t>(MutableBytes)>& source,
                    const Identity& identity);


// What is whole of a damaged stream, as a stream of its own.
struct Mended {
  struct Loss {
    uint64_t offset;
    std::string what;
  };
  std::string stream;
  std::vector<Loss> lost;
};
// `absorbed` is what the stream ends with if its header does not say. A format or feature unknown
// here is kNewerFormat, a stream of another store kForeign.
Result<Mended> mend_stream(Bytes damaged, const Identity& identity, uint64_t absorbed);

}  // namespace varve::memory

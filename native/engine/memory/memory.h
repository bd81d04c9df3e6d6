// engine/memory/memory.h — the engine that keeps everything in memory, and at most one file on disk
// to be found again by.
//
// An image is a row of leaves, each with all there is of one stretch of keys: *current*, one
// version per key, and beside it *history*. A leaf never changes: absorbing a run writes the leaves
// it touches anew and shares the others, then publishes the new image. A stream of the whole
// (FORMAT.md) is what checkpoint() writes and an opening reads. With a directory, the engine keeps
// one such stream as a file, the *checkpoint*; what was absorbed since lies in the log, and
// rested() tells where that begins.
//
// Range deletions are kept as facts with the image, and worked off leaf by leaf in maintain().
//
// Invariants
//   - keys of a leaf are at or above its `low` and below the next leaf's; the first `low` is empty.
//   - current has no deletion; of one key, history is older than current.
// Threads: as engine.h says. absorb, maintain and compact take turns; reads through version() take
// no lock, pin() a short one.
// Bytes: FORMAT.md
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>

#include "base/epoch.h"
#include "base/os/os.h"
#include "engine/engine.h"
#include "storage/manifest/manifest.h"

namespace varve {

struct MemoryEngineOptions {
  std::array<uint8_t, 16> identity = {};  // Of the store: a stream of another is refused.
};

// Fills the buffer; fewer bytes only at the end of the stream.
using StreamSource = std::function<Result<size_t>(MutableBytes)>;

StreamSource stream_source(std::string stream);

// `epochs` outlives the engine. With a source, the engine begins with what the stream holds; a
// stream that is cut short or damaged is kCorrupt, one of another store kForeign, one from a later
// version kNewerFormat.
Result<std::unique_ptr<Engine>> open_memory_engine(EpochDomain& epochs,
                                                   const MemoryEngineOptions& options,
                                                   const StreamSource* source = nullptr);

struct RestingMemoryOptions {
  std::string directory;
  std::array<uint8_t, 16> identity = {};
  bool read_only = false;  // Leftovers stay.
  // Where what is damaged is noted and left out; null: it fails the opening.
  std::vector<VerifyProblem>* lost = nullptr;
  // A checkpoint is due when an opening would replay more log than this and than there is data.
  uint64_t log_bytes_min = uint64_t{64} << 20;
};

// The engine with a directory: begins with the checkpoint that the manifest names, and removes any
// other. A damaged one is kCorrupt, by name.
Result<std::unique_ptr<Engine>> open_resting_memory(Os& os, Manifest& manifest, EpochDomain& epochs,
                                                    const RestingMemoryOptions& options);

}  // namespace varve

// engine/bitcask/bitcask.h — every key in memory, every value where it was first written: the log's
// segments, adopted, are the data.
//
// absorb() gives the segments of a run a second name and adds to the directory where each edit
// lies; no value is written again before a merge. A get is one search in memory and one positioned
// read. maintain() merges files of which much is dead: what is alive in them is written anew, in
// the order of keys, and they go. An opening reads the hints of the files, never their values.
//
//     log    segment │ segment │ segment …        still followed, trimmed and removed as before
//                 ╲        │ a second name
//     data    file │ file │ file │ file …  ──merge──▶ fewer, by key
//     memory  directory: key → versions → (file, offset)         cache: values
//
// Invariants
//   - a file is in the manifest before a version shows it; what a merge made and its sources change
//     places in one edit of the manifest, and only then the sources go.
//   - a segment that is adopted is never written again, but cut behind its last record.
//   - the directory accounts for every key of every file (directory.h): so what was deleted never
//     comes back, whatever is merged when.
//   - a step that fails leaves the files as they were.
// Threads: as Engine says; one merge at a time.     Bytes: FORMAT.md
#pragma once

#include <memory>
#include <string>

#include "base/os/os.h"
#include "engine/engine.h"
#include "storage/cache/cache.h"
#include "storage/manifest/manifest.h"

namespace varve {

struct BitcaskOptions {
  std::string directory;
  bool read_only = false;  // Leftovers stay, and hints that are made again are not written.
  uint64_t large_value_bytes = uint64_t{64} << 10;  // From this size on a value is not cached.
  uint64_t file_bytes = uint64_t{64} << 20;         // Of a merged file, about.
  // A merge begins when a third of all is dead, and so much at least.
  uint64_t dead_bytes_min = uint64_t{16} << 20;
  uint64_t ahead_min = 200'000;  // Of so many entries on an opening reads hints by several threads.
  uint32_t small_count = 8;  // Files of less than an eighth of `file_bytes` that become one.
  // Where what is damaged is noted and left out; null: it fails the opening.
  std::vector<VerifyProblem>* lost = nullptr;
};

bool is_bitcask_file(const std::string& name);  // A data file or its hint, finished or not.

Result<std::unique_ptr<Engine>> open_bitcask(Os& os, Manifest& manifest, Cache& cache,
                                             EpochDomain& epochs, const BitcaskOptions& options);

}  // namespace varve

// engine/btree/btree.h — a copy-on-write B+tree of checksummed pages: quick to read and to scan,
// and small at rest.
//
// Two trees of one code: *current* has the newest version of each key, *history* what was
// superseded and is still asked for. absorb() merges a run into them in key order: a leaf that gets
// something is written anew once, at the lowest places that are free, and so are the nodes above
// it; the rest is shared with the version before. A version is durable when a root names it: there
// are two, written in turns, and no page of either is written over.
//
//     run ──▶ current ──▶ new leaves, new inner nodes ──▶ sync ──▶ root ──▶ sync ──▶ manifest
//                │ superseded
//                ▼
//             history ──▶ forgotten leaf by leaf, once the horizon has passed
//
// Range deletions are kept as facts beside the trees, and worked off in maintain(), which also
// moves what lies in extents that are nearly empty, so that those go.
//
// Invariants
//   - current has no deletion; of one key, history is older than current, and says of each version
//     what superseded it.
//   - a page is written only where neither of the two roots, nor any version that somebody reads,
//     has one.
//   - the root that counts is the newest whose last commit is the manifest's `absorbed`.
// Threads: as engine.h says. absorb, maintain and compact take turns; reads through version() take
// no lock but the cache's when a page is loaded, pin() a short one.
// Bytes: FORMAT.md
#pragma once

#include <memory>
#include <string>

#include "base/epoch.h"
#include "base/os/os.h"
#include "engine/engine.h"
#include "storage/cache/cache.h"
#include "storage/manifest/manifest.h"

namespace varve {

namespace btree {

// When pages that a change made go to the disk: with it; when there are too many, and by a
// checkpoint; or by maintenance, a second later.
enum class Writing : uint8_t { kThrough = 0, kBack = 1, kBehind = 2 };

inline constexpr uint32_t kPageBytesMin = 4096;
inline constexpr uint32_t kPageBytesMax = 65536;

}  // namespace btree

struct BtreeOptions {
  std::string directory;
  uint32_t page_bytes = 0;  // Of a new store, a power of two; 0: 4096, or what the store has.
  uint64_t extent_bytes = uint64_t{64} << 20;  // Of a new store, too: at least 64 pages.
  btree::Writing writing = btree::Writing::kThrough;
  uint64_t large_value_bytes = uint64_t{64} << 10;  // From this size on values go around the cache.
  // So much of the log at most is replayed by an opening: a checkpoint comes before there is more.
  uint64_t log_bytes_max = uint64_t{64} << 20;
  bool read_only = false;  // Leftovers stay.
  // Where what is damaged is noted and left out; null: it fails the opening.
  std::vector<VerifyProblem>* lost = nullptr;
};

Result<std::unique_ptr<Engine>> open_btree(Os& os, Manifest& manifest, Cache& cache,
                                           EpochDomain& epochs, const BtreeOptions& options);

}  // namespace varve

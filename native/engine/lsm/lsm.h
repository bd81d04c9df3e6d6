// engine/lsm/lsm.h — sorted tables in levels: fast to write, compact at rest, one table asked for
// most gets.
//
// absorb() writes a run as a table of level 0, and its large values into a value file. maintain()
// merges runs, by the style asked for (picking.h), a step at a time and several merges at once.
// What is superseded on the way goes to runs of history if retention asks for it (keeping.h), and
// is dropped if not, as are deletions with nothing beneath them.
//
//     run of edits ──▶ level 0 ──▶ level 1 ──▶ … ──▶ the last          current
//                         └────────┬──┴────────┘
//                                  ▼ superseded
//                           runs of history ──▶ gone once the horizon has passed
//
// Invariants
//   - tables of one run do not overlap; of one key, a run of current that comes later in the order
//     is older.
//   - a view at or above absorbed() reads nothing of history.
//   - a table is in the manifest before a version shows it, and its file goes only after no version
//     does.
//   - a step that fails leaves the tables as they were.
// Threads: as Engine says.     Bytes: FORMAT.md
#pragma once

#include <memory>
#include <string>

#include "base/os/os.h"
#include "engine/engine.h"
#include "storage/cache/cache.h"
#include "storage/manifest/manifest.h"

namespace varve {

struct LsmOptions {
  std::string directory;
  CompactionStyle compaction = CompactionStyle::kLeveled;
  uint32_t block_bytes = 4096;
  uint32_t compressed_levels = 0;  // A bit for each level whose tables are compressed.
  uint64_t table_bytes = uint64_t{32} << 20;
  uint64_t large_value_bytes = uint64_t{64} << 10;  // From this size on a value lies apart.
  uint64_t value_file_bytes = uint64_t{256} << 20;  // Of values, before another file begins.
  // Of level 1, and a tenth of level 2: best about what level 0 holds when it is merged into it. If
  // it were larger, little would be merged into much; smaller, and there would be another level.
  uint64_t level1_bytes = uint64_t{128} << 20;
  uint32_t level0_count = 4;       // Runs (of a level, or in all) that start a merge,
  uint32_t level0_count_max = 12;  // and that stop writers.
  // Where damaged tables are noted and left out; null: they fail the opening.
  std::vector<VerifyProblem>* lost = nullptr;
};

Result<std::unique_ptr<Engine>> open_lsm(Os& os, Manifest& manifest, Cache& cache,
                                         EpochDomain& epochs, const LsmOptions& options);

}  // namespace varve

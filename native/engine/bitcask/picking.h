// engine/bitcask/picking.h — which files are merged next, and how far behind merging is.
//
// A merge is due when a third of all bytes are dead, and some megabytes at least: so a byte is
// copied for about every one that is freed at most twice over. It takes the files with the largest
// dead share, those of which nothing is alive before all. And it is due when many files are small,
// whatever is dead.
#pragma once

#include <set>
#include <vector>

#include "engine/bitcask/bitcask.h"
#include "engine/bitcask/merge.h"

namespace varve::bitcask {

struct Due {
  bool is_dead = false;      // Too much is.
  bool are_small = false;    // Too many files are.
  bool are_resting = false;  // Too many range deletions wait for ghosts to go.
  uint64_t debt_bytes = 0;
  bool stop_writes = false;
};

Due due_of(const BitcaskOptions& options, const BitcaskVersion& version);

// The sources of the merge that is due next; none: none is.
std::vector<Merge::Source> pick_due(const BitcaskOptions& options, const BitcaskVersion& version);
// For a compaction: of the numbered files those that are not in their smallest form, as many as one
// merge may take.
std::vector<Merge::Source> pick_wasteful(const BitcaskOptions& options,
                                         const BitcaskVersion& version,
                                         const std::set<uint64_t>& numbers);

}  // namespace varve::bitcask

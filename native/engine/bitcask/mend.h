// engine/bitcask/mend.h — a store's data files without the engine: all of them verified, or what is
// whole of them.
//
// Invariants
//   - nothing is written, and a value that is damaged is lost alone.
// Threads: one.     Bytes: FORMAT.md
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/bitcask/data_file.h"

namespace varve::bitcask {

// Reads all of a file and of its hint; what is not as it was written becomes a problem.
Status verify_data_file(Os& os, const std::string& directory, const ManifestDataFile& info,
                        const Identity& identity, std::vector<VerifyProblem>& problems);

// What a file says of itself, for when no manifest does: its entries end with the last whole one.
struct DescribedFile {
  ManifestDataFile info;
  Identity identity;
};
Result<DescribedFile> describe_data_file(Os& os, const std::string& directory, uint64_t number);

// The entries of all files that can be opened; what cannot be read of them is added to `lost`. All
// values lie apart: each is verified when it is read.
Result<std::shared_ptr<const EngineVersion>> open_whole(Os& os, const std::string& directory,
                                                        const std::vector<ManifestDataFile>& files,
                                                        const Identity& identity, uint64_t absorbed,
                                                        Cache& cache,
                                                        std::vector<VerifyProblem>& lost);

}  // namespace varve::bitcask

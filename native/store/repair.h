// store/repair.h — stores from outside: is one there, is it whole, what can be saved, away with it.
//
// None of these needs the store to open. verify() and salvage() only read it; both take its lock,
// so that nobody changes it meanwhile.
//
// Salvage takes what is whole: each block of each table or checkpoint, each commit of the log. Where
// no manifest says which tables count, all do, and what was deleted long ago may come back: the
// report says so.
#pragma once

#include <string>
#include <vector>

#include "store/store.h"

namespace varve {

struct VerifyReport {
  uint64_t file_count = 0, byte_count = 0, table_count = 0, entry_count = 0, commit_count = 0;
  std::vector<VerifyProblem> problems;
};

struct SalvageReport {
  uint64_t entry_count = 0;   // Saved from tables,
  uint64_t commit_count = 0;  // and whole commits from the log.
  bool manifest_lost = false;
  std::vector<VerifyProblem> lost;
};

Result<bool> store_exists(Os& os, const std::string& directory);
// Removes a store's own files, its manifest first: what is left of a removal that a crash cut short
// is no store any more. Other files stay, and then the directory, too.
Status destroy_store(Os& os, const std::string& directory, const std::string& holder);
Result<VerifyReport> verify_store(Os& os, const std::string& directory, const std::string& holder);
// `target` must be a directory without a store, or none yet. It is made with `memory_bytes`, and with
// more where that is not enough for what is saved.
Result<SalvageReport> salvage_store(Os& os, const std::string& directory, const std::string& target,
                                    const std::string& holder,
                                    uint64_t memory_bytes = StoreOptions{}.memory_bytes);

}  // namespace varve

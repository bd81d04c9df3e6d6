// store/engines.h — which engines there are: their names, how each is opened, and whose file is
// whose.
//
// Threads: any.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/epoch.h"
#include "base/os/os.h"
#include "engine/engine.h"
#include "storage/cache/cache.h"
#include "storage/manifest/manifest.h"

namespace varve {

enum class EngineKind : uint8_t { kAny = 0, kLsm = 1, kMemory = 2, kBitcask = 3, kBtree = 4 };

struct StoreOptions;

// With the quotes of a message; null for one that is unknown here.
const char* name_of(EngineKind kind);

// What an engine with a directory stands on.
struct EngineGround {
  Os& os;
  EpochDomain& epochs;
  Cache& cache;
  const StoreOptions& options;
  uint64_t memtable_bytes_max;
  std::vector<VerifyProblem>* lost;  // Null: what is damaged fails the opening.
};

Result<std::unique_ptr<Engine>> open_engine(EngineKind kind, Manifest& manifest,
                                            const EngineGround& ground);

bool is_file_of(EngineKind kind, const std::string& name);
// Removes the files of an engine that is closed, or that never counted.
Status remove_files_of(EngineKind kind, Os& os, const std::string& directory);
// What a conversion that was cut short has left of any other engine. A file that cannot be removed
// stays: a conversion to that engine begins with removing it.
Status remove_files_but_of(EngineKind kept, Os& os, const std::string& directory);

}  // namespace varve

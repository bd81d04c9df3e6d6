// engine/bitcask/loading.h — the directory as the files' hints say it, all of them walked at once.
//
// Where there is much to load, some threads merge a share of the files each, and this one what they
// have merged.
//
// Versions that retention had let go of come back with it, where their bytes are still in a file:
// the first maintenance lets go of them again.
#pragma once

#include <set>
#include <vector>

#include "engine/bitcask/version.h"

namespace varve::bitcask {

struct Loaded {
  Image image;  // Without its index.
  std::vector<FileShare> files;
};

struct LoadSource {
  Os& os;
  const std::string& directory;
  const Identity& identity;
  bool read_only = false;
  std::vector<VerifyProblem>* lost = nullptr;  // As in BitcaskOptions.
  uint64_t ahead_min = UINT64_MAX;             // Of so many entries on, by several threads.
};

Result<Loaded> load_directory(const LoadSource& source,
                              const std::vector<std::shared_ptr<DataFile>>& files);

}  // namespace varve::bitcask

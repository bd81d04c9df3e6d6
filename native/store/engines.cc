#include "store/engines.h"

#include "engine/bitcask/bitcask.h"
#include "engine/btree/btree.h"
#include "engine/btree/salvage.h"
#include "engine/lsm/lsm.h"
#include "engine/memory/checkpoint.h"
#include "engine/memory/memory.h"
#include "storage/table/table.h"
#include "storage/values/values.h"
#include "store/store.h"

namespace varve {
namespace {

constexpr uint64_t kReplaySegments = 4;  // So many are replayed without a checkpoint.

Result<std::unique_ptr<Engine>> open_resting(Manifest& manifest, const EngineGround& ground) {
  RestingMemoryOptions options;
  options.directory = ground.options.directory;
  options.identity = manifest.state().identity;
  options.read_only = ground.options.read_only;
  options.lost = ground.lost;
  options.log_bytes_min = kReplaySegments * ground.options.segment_bytes;
  return open_resting_memory(ground.os, manifest, ground.epochs, options);
}

Result<std::unique_ptr<Engine>> open_files_of_log(Manifest& manifest, const EngineGround& ground) {
  BitcaskOptions options;
  options.directory = ground.options.directory;
  options.read_only = ground.options.read_only;
  options.large_value_bytes = ground.options.large_value_bytes;
  options.file_bytes = 2 * ground.options.table_bytes;
  options.dead_bytes_min = ground.options.table_bytes / 2;
  options.lost = ground.lost;
  return open_bitcask(ground.os, manifest, ground.cache, ground.epochs, options);
}

Result<std::unique_ptr<Engine>> open_pages(Manifest& manifest, const EngineGround& ground) {
  BtreeOptions options;
  options.directory = ground.options.directory;
  options.page_bytes = ground.options.page_bytes;
  options.extent_bytes = 2 * ground.options.table_bytes;
  options.writing = static_cast<btree::Writing>(ground.options.page_writes);
  options.large_value_bytes = ground.options.large_value_bytes;
  options.log_bytes_max = kReplaySegments * ground.options.segment_bytes;
  options.read_only = ground.options.read_only;
  options.lost = ground.lost;
  return open_btree(ground.os, manifest, ground.cache, ground.epochs, options);
}

Result<std::unique_ptr<Engine>> open_tables(Manifest& manifest, const EngineGround& ground) {
  LsmOptions options;
  options.directory = ground.options.directory;
  options.block_bytes = ground.options.block_bytes;
  options.compaction = ground.options.compaction;
  options.compressed_levels = ground.options.compressed_levels;
  options.table_bytes = ground.options.table_bytes;
  options.level1_bytes = options.level0_count * ground.memtable_bytes_max;
  options.large_value_bytes = ground.options.large_value_bytes;
  options.value_file_bytes = 8 * ground.options.table_bytes;
  options.lost = ground.lost;
  return open_lsm(ground.os, manifest, ground.cache, ground.epochs, options);
}

}  // namespace

const char* name_of(EngineKind kind) {
  switch (kind) {
    case EngineKind::kLsm:
      return "'lsm'";
    case EngineKind::kMemory:
      return "'memory'";
    case EngineKind::kBitcask:
      return "'bitcask'";
    case EngineKind::kBtree:
      return "'btree'";
    default:
      return nullptr;
  }
}

Result<std::unique_ptr<Engine>> open_engine(EngineKind kind, Manifest& manifest,
                                            const EngineGround& ground) {
  switch (kind) {
    case EngineKind::kMemory:
      return open_resting(manifest, ground);
    case EngineKind::kBitcask:
      return open_files_of_log(manifest, ground);
    case EngineKind::kBtree:
      return open_pages(manifest, ground);
    default:
      return open_tables(manifest, ground);
  }
}

bool is_file_of(EngineKind kind, const std::string& name) {
  switch (kind) {
    case EngineKind::kMemory:
      return memory::checkpoint_number(name) != 0;
    case EngineKind::kBitcask:
      return is_bitcask_file(name);
    case EngineKind::kBtree:
      return btree::is_btree_file(name);
    default:
      return table_number(name) != 0 || values_number(name) != 0;
  }
}

namespace {

// All of them, and what the first failure was; or that of looking for them alone. Who read one last
// may have removed it meanwhile.
template <class Wanted>
Status remove_where(Os& os, const std::string& directory, bool must_go, Wanted wanted) {
  const Result<std::vector<DirectoryEntry>> entries = os.list(directory);
  if (!entries) return entries.error();
  Status first;
  for (const DirectoryEntry& entry : *entries) {
    if (!wanted(entry.name)) continue;
    Status status = os.remove(directory + "/" + entry.name);
    const bool is_left = !status && status.code() != Code::kNotFound;
    if (must_go && first && is_left) first = std::move(status);
  }
  return first;
}

}  // namespace

Status remove_files_of(EngineKind kind, Os& os, const std::string& directory) {
  return remove_where(os, directory, true,
                      [&](const std::string& name) { return is_file_of(kind, name); });
}

Status remove_files_but_of(EngineKind kept, Os& os, const std::string& directory) {
  return remove_where(os, directory, false, [&](const std::string& name) {
    for (const EngineKind kind :
         {EngineKind::kLsm, EngineKind::kMemory, EngineKind::kBitcask, EngineKind::kBtree}) {
      if (kind != kept && is_file_of(kind, name)) return true;
    }
    return false;
  });
}

}  // namespace varve

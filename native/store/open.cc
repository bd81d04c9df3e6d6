// store/open.cc — opening and closing: directory, manifest, engine, log, what a crash left behind.
//
// Order of an opening
//   1  lock the directory, read the manifest, open the engine: everything through `absorbed` rests there
//   2  replay the log's good prefix above it into memtables
//   3  after an unclean close, sync the cut to the manifest, so that nothing beyond it can come back
//   4  sync a new incarnation and the next range of commit numbers; only then may a commit be numbered
#include <algorithm>

#include "engine/lsm/lsm.h"
#include "engine/memory/memory.h"
#include "store/store.h"

namespace varve {
namespace {

constexpr uint64_t kReserveCount = uint64_t{1} << 24;
constexpr uint64_t kCloseFlushBytes = uint64_t{1} << 20;  // More than this in memory is absorbed at closing.

Status error_at(const Status& status, const std::string& directory) {
  return {status.code(), "open " + directory + ": " + status.message()};
}

// Creates the directory and those above it.
Status create_directories(Os& os, const std::string& path) {
  Status status = os.create_directory(path);
  if (status || status.code() == Code::kExists) return Status::ok();
  const size_t slash = path.find_last_of("/\\");
  if (status.code() != Code::kNotFound || slash == std::string::npos || slash == 0) return status;
  if (Status above = create_directories(os, path.substr(0, slash)); !above) return above;
  status = os.create_directory(path);
  if (!status && status.code() != Code::kExists) return status;
  return os.sync_directory(path.substr(0, slash));
}

}  // namespace

Store::Store(Os& os, StoreOptions options)
    : os_(os), options_(std::move(options)), flushed_(os.gate()) {
  auto parts = std::make_unique<Parts>();
  parts->active = std::make_shared<Memtable>(++memtable_id_);
  publish_parts(std::move(parts));
}

Store::~Store() {
  const Status status = close();
  (void)status;  // close() was there to be asked.
  flusher_.reset();
  maintainers_.clear();
  log_.reset();
  delete parts_.exchange(nullptr);
}

Result<std::shared_ptr<Store>> Store::open(Os& os, StoreOptions options) {
  std::shared_ptr<Store> store(new Store(os, std::move(options)));
  const Status status = store->options_.directory.empty() ? store->open_memory() : store->open_files();
  if (!status) {
    store->closed_.store(true);
    return status;
  }
  if (!store->options_.read_only) store->start_workers();
  return store;
}

Status Store::open_memory() {
  os_.random(MutableBytes(reinterpret_cast<uint8_t*>(&hash_seed_), sizeof hash_seed_));
  Result<std::unique_ptr<Engine>> engine = open_memory_engine(os_, epochs_, hash_seed_);
  if (!engine) return engine.error();
  engine_ = std::move(*engine);
  recovery_.created = true;
  return Status::ok();
}

Status Store::open_files() {
  const std::string& directory = options_.directory;
  if (Status status = lock_and_read_manifest(); !status) return error_at(status, directory);
  const ManifestState& state = manifest_->state();
  hash_seed_ = state.hash_seed;
  cache_ = std::make_unique<Cache>(options_.memory_bytes / 2);
  if (Status status = open_engine(); !status) return error_at(status, directory);
  if (Status status = recover(state); !status) return error_at(status, directory);
  return Status::ok();
}

Status Store::lock_and_read_manifest() {
  const std::string& directory = options_.directory;
  const bool may_create = options_.create != Create::kNever && !options_.read_only;
  if (may_create) {
    if (Status status = create_directories(os_, directory); !status) return status;
  }
  Result<std::unique_ptr<DirectoryLock>> lock = os_.lock_directory(directory, options_.holder);
  if (lock) directory_lock_ = std::move(*lock);
  const bool may_go_on = options_.read_only && lock.code() == Code::kPermission;
  if (!lock && !may_go_on) return lock.error();

  const Result<bool> is_store = Manifest::exists(os_, directory);
  if (!is_store) return is_store.error();
  if (*is_store && options_.create == Create::kAlwaysNew) {
    return {Code::kExists, "a store is there already"};
  }
  if (!*is_store) {
    const Result<std::vector<DirectoryEntry>> entries = os_.list(directory);
    if (!entries) return entries.error();
    for (const DirectoryEntry& entry : *entries) {
      if (entry.name != "LOCK") return {Code::kForeign, "not a Varve store: it holds " + entry.name};
    }
    if (!may_create) return {Code::kNotFound, "no store is there"};
    recovery_.created = true;
    ManifestState state;
    os_.random(state.identity);
    os_.random(state.lineage);
    os_.random(MutableBytes(reinterpret_cast<uint8_t*>(&state.hash_seed), sizeof state.hash_seed));
    state.engine = static_cast<uint8_t>(options_.engine);
    Result<std::unique_ptr<Manifest>> made = Manifest::create(os_, directory, state);
    if (!made) return made.error();
    manifest_ = std::move(*made);
    return Status::ok();
  }
  Result<std::unique_ptr<Manifest>> found = Manifest::open(os_, directory);
  if (!found) return found.error();
  manifest_ = std::move(*found);
  if (manifest_->state().engine != static_cast<uint8_t>(options_.engine)) {
    return Status::invalid("`engine` is another than the store was made with");
  }
  return Status::ok();
}

}  // namespace varve

#include "store/registry.h"

#include <map>
#include <mutex>

namespace varve {
namespace {

struct Entry {
  std::shared_ptr<Store> store;
  uint32_t holder_count = 0;
};

// One a process, for as long as it lives.
struct Registry {
  std::mutex mutex;  // Guards the map, and is held while a store opens or closes.
  std::map<std::string, Entry> stores;  // By the directory's identity.
};

Registry& registry() {
  static Registry* const one = new Registry;  // NOLINT: never destroyed, threads may outlive main
  return *one;
}

Status differs(const std::string& option) {
  return Status::invalid("open: the store is open in this process with another `" + option + "`");
}

Status same_options(const Store& store, const StoreOptions& asked) {
  const StoreOptions& now = store.options();
  if (asked.create == Create::kAlwaysNew) {
    return {Code::kExists, "open: create is 'always-new', but the store is open"};
  }
  const EngineKind kind = store.engine_kind();
  if (asked.engine != EngineKind::kAny && asked.engine != kind) return differs("engine");
  if (now.log != asked.log) return differs("log");
  if (now.compaction != asked.compaction) return differs("compaction");
  if (now.read_only != asked.read_only) return differs("readOnly");
  if (now.compressed_levels != asked.compressed_levels) return differs("compression");
  if (now.memory_bytes != asked.memory_bytes) return differs("memory");
  if (now.thread_count != asked.thread_count) return differs("threads");
  if (now.block_bytes != asked.block_bytes) return differs("blockSize");
  if (now.page_bytes != asked.page_bytes) return differs("pageSize");
  if (now.eviction != asked.eviction) return differs("eviction");
  if (now.page_writes != asked.page_writes) return differs("write");
  if (now.feed != asked.feed) return differs("feed");
  if (asked.history && *asked.history != store.history_policy()) return differs("history");
  if (now.large_value_bytes != asked.large_value_bytes) return differs("largeValue");
  return Status::ok();
}

}  // namespace

Result<StoreHold> hold_store(Os& os, const StoreOptions& options) {
  if (options.directory.empty()) {
    Result<std::shared_ptr<Store>> store = Store::open(os, options);
    if (!store) return store.error();
    return StoreHold(std::move(*store));
  }
  Registry& all = registry();
  const Lock held(all.mutex);
  const Result<std::string> before = os.identity(options.directory);
  if (before) {
    const auto found = all.stores.find(*before);
    if (found != all.stores.end()) {
      if (Status status = same_options(*found->second.store, options); !status) return status;
      ++found->second.holder_count;
      return StoreHold(found->second.store);
    }
  }
  Result<std::shared_ptr<Store>> store = Store::open(os, options);
  if (!store) return store.error();
  const Result<std::string> identity = os.identity(options.directory);
  if (!identity) return identity.error();
  all.stores[*identity] = {*store, 1};
  return StoreHold(std::move(*store));
}

StoreHold::~StoreHold() {
  const Status status = release();
  (void)status;
}

Status StoreHold::release() {
  if (!store_) return Status::ok();
  const std::shared_ptr<Store> store = std::move(store_);
  store_.reset();
  Registry& all = registry();
  const Lock held(all.mutex);
  for (auto it = all.stores.begin(); it != all.stores.end(); ++it) {
    if (it->second.store != store) continue;
    if (--it->second.holder_count > 0) return Status::ok();
    all.stores.erase(it);
    break;
  }
  return store->close();
}

}  // namespace varve

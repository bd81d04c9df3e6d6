// store/registry.h — the stores open in this process.
//
// The same directory opened twice, from any thread or worker, is one Store. It closes with its last
// holder; a second opening with other options is refused by naming the option.
//
// Threads: any. Opening and closing the same directory wait for each other.
#pragma once

#include <memory>

#include "store/store.h"

namespace varve {

// A holder of a store: release() it (or let it go) to close.
class StoreHold {
 public:
  StoreHold() = default;
  explicit StoreHold(std::shared_ptr<Store> store) : store_(std::move(store)) {}
  StoreHold(StoreHold&&) = default;
  StoreHold& operator=(StoreHold&&) = default;
  ~StoreHold();

  Store& store() const { return *store_; }
  bool held() const { return store_ != nullptr; }
  // Closes the store if this was its last holder; the status is that of the closing.
  Status release();

 private:
  std::shared_ptr<Store> store_;
};

Result<StoreHold> hold_store(Os& os, const StoreOptions& options);

}  // namespace varve

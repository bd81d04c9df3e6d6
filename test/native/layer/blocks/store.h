// test/native/layer/blocks/store.h — stores for indexes to lie in: small ones, of either engine.
#pragma once

#include <memory>

#include "store/store.h"
#include "test.h"

namespace varve::test {

inline const std::string kIndexPrefix("\x13\0\0\0\1", 5);

inline std::shared_ptr<Store> open_index_store(EngineKind engine, uint64_t memory_mb = 32) {
  StoreOptions options;
  options.directory = scratch_directory();
  options.engine = engine;
  options.memory_bytes = memory_mb << 20;
  options.holder = "a test";
  Result<std::shared_ptr<Store>> store = Store::open(native_os(), options);
  require(static_cast<bool>(store));
  return std::move(*store);
}

// However slow the disk is.
inline void commit_some_time(Store& store, Batch& batch) {
  Result<uint64_t> commit = store.commit(batch);
  for (int tries = 0; commit.code() == Code::kBusy && tries < 1000; ++tries) {
    commit = store.commit(batch);
  }
  require(bool(commit));
}

inline uint64_t key_count(Store& store, const std::string& prefix) {
  Store::Reader reader(store);
  const Store::View view(reader);
  const std::string end = prefix + '\xff';
  const auto cursor = view.scan({as_bytes(prefix), as_bytes(end)}, Direction::kForward);
  uint64_t count = 0;
  for (; cursor->valid(); cursor->next()) ++count;
  expect_ok(cursor->status());
  return count;
}

}  // namespace varve::test

// A table on the real disk with everything that it needs around it, and what was written to it: the
// model that its answers are held against.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "pure/codec/hash.h"
#include "storage/table/table.h"
#include "test.h"

namespace varve::test {

struct Version {
  std::string key;
  uint64_t commit = 0;
  EditKind kind = EditKind::kPut;
  uint8_t flags = 0;
  uint64_t expires_ms = 0;
  std::string value;
};

// By (key, commit descending), as everywhere.
inline bool is_before(const Version& a, const std::string& key, uint64_t commit) {
  return a.key != key ? a.key < key : a.commit > commit;
}

class WrittenTable {
 public:
  static constexpr uint64_t kHashSeed = 0x5eed;

  explicit WrittenTable(uint64_t cache_bytes = uint64_t{8} << 20) : cache(epochs, cache_bytes) {
    options.number = 7;
    options.hash_seed = kHashSeed;
    slot = epochs.take_slot();
  }
  ~WrittenTable() {
    table.reset();
    epochs.give_back(slot);
    epochs.collect();
  }

  void write(std::vector<Version> from, const std::vector<RangeDeletion>& deletions = {}) {
    versions = std::move(from);
    Result<std::unique_ptr<TableWriter>> writer = TableWriter::create(native_os(), path, options);
    require(static_cast<bool>(writer));
    for (const Version& version : versions) {
      expect_ok((*writer)->add({as_bytes(version.key), version.commit, version.kind, version.flags,
                                version.expires_ms, as_bytes(version.value)}));
    }
    for (const RangeDeletion& deletion : deletions) (*writer)->add(deletion);
    const Result<TableInfo> made = (*writer)->finish();
    require(static_cast<bool>(made));
    info = *made;
  }

  Status open() {
    table.reset();
    Result<std::shared_ptr<Table>> opened = Table::open(native_os(), path, info, cache, options);
    if (!opened) return opened.error();
    table = std::move(*opened);
    return Status::ok();
  }

  Result<Lookup> get(const std::string& key, uint64_t commit, bool may_block = true) {
    Lookup found;
    const uint64_t hash = hash64(as_bytes(key), kHashSeed);
    if (Status status = table->get(as_bytes(key), hash, commit, may_block, found); !status) {
      return status;
    }
    return found;
  }

  // The place of the first version that is not before the one given.
  size_t place_of(const std::string& key, uint64_t commit) const {
    const auto at = std::partition_point(versions.begin(), versions.end(), [&](const Version& v) {
      return is_before(v, key, commit);
    });
    return static_cast<size_t>(at - versions.begin());
  }

  // Holds a get against the model. Borrowed bytes are read inside the guard.
  void check_get(const std::string& key, uint64_t commit) {
    const EpochDomain::Guard guard(epochs, *slot);
    const Result<Lookup> found = get(key, commit);
    expect_ok(found ? Status::ok() : found.error());
    if (!found) return;
    const size_t at = place_of(key, commit);
    if (at == versions.size() || versions[at].key != key) {
      expect(found->found == Found::kAbsent);
      return;
    }
    expect(found->found == (versions[at].kind == EditKind::kPut ? Found::kPut : Found::kDeleted));
    expect(shows(found->edit, at));
  }

  // Whether an edit is the version at a place of the model.
  bool shows(const Edit& edit, size_t at) const {
    if (at >= versions.size()) return false;
    const Version& version = versions[at];
    return as_text(edit.key) == version.key && edit.commit == version.commit &&
           edit.kind == version.kind && edit.flags == version.flags &&
           edit.expires_ms == version.expires_ms && as_text(edit.value) == version.value;
  }

  EpochDomain epochs;
  Cache cache;
  EpochDomain::Slot* slot = nullptr;
  TableOptions options;
  const std::string path = table_path(scratch_directory(), 7);
  std::vector<Version> versions;
  TableInfo info;
  std::shared_ptr<Table> table;
};

}  // namespace varve::test

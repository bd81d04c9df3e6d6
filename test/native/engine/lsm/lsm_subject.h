// test/native/engine/lsm/lsm_subject.h — an LSM engine for tests: a directory of its own and parts
// so small that a few hundred edits fill several levels.
#pragma once

#include "engine/lsm/lsm.h"
#include "engine/subject.h"
#include "hasty_os.h"

namespace varve::test {

struct LsmGround {
  HastyOs os;
  EpochDomain epochs;
  LsmOptions options;
  std::unique_ptr<Manifest> manifest;
  std::unique_ptr<Cache> cache;
};

constexpr uint64_t kNoLargeValues = UINT64_MAX;
// From `large_value_bytes` on values lie apart, in files of a few kilobytes.
Subject open_lsm_subject(CompactionStyle compaction = CompactionStyle::kLeveled,
                         uint64_t large_value_bytes = kNoLargeValues);
inline LsmGround& ground_of(const Subject& subject) {
  return *static_cast<LsmGround*>(subject.ground.get());
}

}  // namespace varve::test

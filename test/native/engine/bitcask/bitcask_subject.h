// test/native/engine/bitcask/bitcask_subject.h — a bitcask engine for tests: a directory of its own
// and files so small that a few hundred edits fill many.
#pragma once

#include "engine/bitcask/bitcask.h"
#include "engine/subject.h"
#include "hasty_os.h"

namespace varve::test {

struct BitcaskGround {
  HastyOs os;
  EpochDomain epochs;
  BitcaskOptions options;
  std::unique_ptr<Manifest> manifest;
  std::unique_ptr<Cache> cache;
};

// From `large_value_bytes` on values lie apart.
Subject open_bitcask_subject(uint64_t large_value_bytes = UINT64_MAX);
inline BitcaskGround& bitcask_ground_of(const Subject& subject) {
  return *static_cast<BitcaskGround*>(subject.ground.get());
}

}  // namespace varve::test

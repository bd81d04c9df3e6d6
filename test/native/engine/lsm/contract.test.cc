// The LSM engine, in each style of merging, against the contract that every engine keeps.
#include "engine/contract.h"
#include "engine/lsm/lsm_subject.h"

using namespace varve;
using namespace varve::test;

static const EngineContract leveled("leveled",
                                    [] { return open_lsm_subject(CompactionStyle::kLeveled); });
static const EngineContract tiered("tiered",
                                   [] { return open_lsm_subject(CompactionStyle::kTiered); });
static const EngineContract universal("universal",
                                      [] { return open_lsm_subject(CompactionStyle::kUniversal); });
// Nearly every value lies apart.
static const EngineContract apart("apart",
                                  [] { return open_lsm_subject(CompactionStyle::kLeveled, 3); });
static const EngineContract universal_apart("universal, apart", [] {
  return open_lsm_subject(CompactionStyle::kUniversal, 3);
});

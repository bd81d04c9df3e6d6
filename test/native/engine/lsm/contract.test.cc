// The LSM engine, in each style of merging, against the contract that every engine keeps.
#include "engine/contract.h"
#include "engine/lsm/lsm_subject.h"

using namespace varve;
using namespace varve::test;

static const EngineContract leveled("leveled", [] {
  return open_lsm_subject(CompactionStyle::kLeveled);
});
static const EngineContract tiered("tiered",
                                   [] { return open_lsm_subject(CompactionStyle::kTiered); });
static const EngineContract universal("universal", [] {
  return open_lsm_subject(CompactionStyle::kUniversal);
});

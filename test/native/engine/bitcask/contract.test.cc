// The bitcask engine against the contract that every engine keeps.
#include "engine/contract.h"

#include "engine/bitcask/bitcask_subject.h"

using namespace varve;
using namespace varve::test;

static const EngineContract contract("bitcask", [] { return open_bitcask_subject(); });
// Nearly every value lies apart.
static const EngineContract apart("bitcask, apart", [] { return open_bitcask_subject(3); });

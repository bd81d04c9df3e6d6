// The LSM engine against the contract that every engine keeps.
#include "engine/contract.h"
#include "engine/lsm/lsm_subject.h"

using namespace varve::test;

static const EngineContract contract(open_lsm_subject);

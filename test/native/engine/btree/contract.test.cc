// The B+tree, with each way of writing pages and of evicting them, against the contract that every
// engine keeps.
#include "engine/contract.h"

#include "engine/btree/btree_subject.h"

using namespace varve;
using namespace varve::test;
using btree::Writing;

static const EngineContract through("btree", [] { return open_btree_subject(); });
static const EngineContract back("btree, back",
                                 [] { return open_btree_subject(Writing::kBack, Eviction::kLru); });
static const EngineContract behind("btree, behind", [] {
  return open_btree_subject(Writing::kBehind, Eviction::kRandom);
});

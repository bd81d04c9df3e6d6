#include "base/epoch.h"

#include "test.h"

using namespace varve;
using namespace varve::test;

static const Case kept("what a reader may hold is freed only after it left", [] {
  EpochDomain domain;
  EpochDomain::Slot* slot = domain.take_slot();
  bool freed = false;
  {
    const EpochDomain::Guard guard(domain, *slot);
    domain.retire([&] { freed = true; });
    domain.collect();
    expect(!freed);
  }
  domain.collect();
  expect(freed);
  domain.give_back(slot);
});

static const Case later("a reader that entered after the retirement does not hold it back", [] {
  EpochDomain domain;
  EpochDomain::Slot* slot = domain.take_slot();
  bool freed = false;
  domain.retire([&] { freed = true; });
  const EpochDomain::Guard* guard = new EpochDomain::Guard(domain, *slot);
  domain.collect();
  expect(freed);
  delete guard;
  domain.give_back(slot);
});

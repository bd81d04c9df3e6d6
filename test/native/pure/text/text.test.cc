// test/native/pure/text/text.test.cc — an index answers as a model that scores every document, over
// every filling of blocks, whatever was added, changed and removed.
#include "pure/text/text.h"

#include <algorithm>

#include "../blocks/moving.h"
#include "program.h"
#include "test.h"

namespace varve {
namespace {

using test::expect;
using test::texts::run_against_model;

const test::Case small("an index answers as a model that scores every document", [] {
  for (uint64_t seed = 0; seed < std::min<uint64_t>(test::seed_count(), 20); ++seed) {
    MemoryBlocks blocks;
    run_against_model(blocks, test::seed() * 1000 + seed, 60, 150);
    expect(blocks.used_bytes() == 0);
  }
});

const test::Case moving("the same over blocks that move whenever they are written", [] {
  test::MovingBlocks blocks;
  run_against_model(blocks, test::seed(), 300, 500);
});

const test::Case larger("the same with lists of many groups and pages", [] {
  MemoryBlocks blocks;
  run_against_model(blocks, test::seed() + 7, 2500, 4000);
});

}  // namespace
}  // namespace varve

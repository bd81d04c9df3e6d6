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

// All memory of an index of so many texts of 40 words, `vocabulary` different ones equally often,
// for each word and each different word.
struct Memory {
  double a_word;
  double a_term;
};

Memory memory_of(uint32_t text_count, uint32_t vocabulary) {
  Random random(test::seed());
  MemoryBlocks blocks;
  TextIndex index(blocks, {});
  std::string text;
  for (uint32_t id = 0; id < text_count; ++id) {
    text.clear();
    for (int word = 0; word < 40; ++word) {
      text += "w" + std::to_string(10'000'000 + random.below(vocabulary)) + " ";
    }
    test::expect_ok(index.add(id, text));
  }
  index.compact();
  const double bytes = static_cast<double>(blocks.used_bytes() + index.stats().heap_bytes);
  return {bytes / static_cast<double>(index.stats().length_sum), bytes / index.stats().term_count};
}

const test::Case memory("a word takes no more memory than its documentation says", [] {
  const Memory often = memory_of(10'000, 1000);
  const Memory seldom = memory_of(2'500, 1'000'000);
  expect(often.a_word < 15);
  expect(seldom.a_term < 200);
});

}  // namespace
}  // namespace varve

// An index written anew in portions: it answers as the one that it was made of, whatever was
// written twice on the way.
#include <deque>

#include "base/check.h"
#include "program.h"
#include "pure/blocks/blocks.h"

namespace varve::test {
namespace {

// As a store has them: what is kept is not changed any more, and whoever writes to it gets a copy.
class KeptBlocks final : public Blocks {
 public:
  const uint8_t* find(BlockId id, size_t size) const override {
    check(blocks_[id].size() * 8 >= size);
    return reinterpret_cast<const uint8_t*>(blocks_[id].data());
  }
  MutableBytes write(BlockId& id, size_t size) override {
    const size_t words = (std::max<size_t>(size, 1) + 7) / 8;
    if (id == kNoBlock || id < kept_) {
      blocks_.push_back(id == kNoBlock ? std::vector<uint64_t>() : blocks_[id]);
      id = static_cast<BlockId>(blocks_.size() - 1);
    }
    std::vector<uint64_t>& block = blocks_[id];
    if (block.size() < words) block.resize(words);
    return {reinterpret_cast<uint8_t*>(block.data()), block.size() * 8};
  }
  void free(BlockId) override {}

  void keep() { kept_ = static_cast<BlockId>(blocks_.size()); }
  void go_back() { blocks_.resize(kept_); }

 private:
  std::deque<std::vector<uint64_t>> blocks_;
  BlockId kept_ = 0;
};

void rebuild_one(uint64_t seed, uint32_t ids, uint32_t vocabulary, int changes) {
  Random random(seed);
  KeptBlocks blocks;
  TextOptions options;
  options.languages = static_cast<uint32_t>(random.below(4));
  options.compacts = false;
  TextIndex index(blocks, options);
  TextModel model(options.languages, options.k1, options.b);
  for (int left = changes; left > 0; --left) {
    const uint32_t id = static_cast<uint32_t>(random.below(ids));
    if (index.remove(id)) model.remove(id);
    if (random.one_in(4)) continue;
    const std::string text = texts::random_text(random, vocabulary, 20);
    expect_ok(index.add(id, text));
    model.add(id, text);
  }
  std::string state;
  index.save(state);
  blocks.keep();
  auto rebuild = TextRebuild::begin(as_bytes(state), blocks, options);
  require(bool(rebuild));
  while ((*rebuild)->step()) {
    if (random.one_in(8)) {
      blocks.keep();
      (*rebuild)->keep();
    }
    if (random.one_in(20)) {
      blocks.go_back();
      (*rebuild)->go_back();
    }
  }
  std::string rebuilt;
  (*rebuild)->save(rebuilt);
  TextIndex anew(blocks, options);
  expect_ok(anew.restore(as_bytes(rebuilt)));
  expect(anew.stats().removed_count == 0 && anew.stats().document_count == model.size());
  expect(anew.stats().length_sum == index.stats().length_sum);
  texts::ask(anew, model, random, vocabulary, 30);
  expect_ok(index.add(ids, "e t"));  // The old one is as it was,
  model.add(ids, "e t");
  texts::ask(index, model, random, vocabulary, 10);
  expect_ok(anew.add(ids, "e t"));  // and the new one goes on.
  texts::ask(anew, model, random, vocabulary, 10);
}

const Case small("an index that is written anew answers as before", [] {
  for (uint64_t i = 0; i < std::min<uint64_t>(seed_count(), 20); ++i) {
    rebuild_one(seed() * 1000 + i, 60, 80, static_cast<int>(5 * i));
  }
});

const Case larger("the same with lists of several pages",
                  [] { rebuild_one(seed(), 2500, 40, 5000); });

}  // namespace
}  // namespace varve::test

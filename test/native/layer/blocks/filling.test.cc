// test/native/layer/blocks/filling.test.cc — the programs of pure/bitmap, pure/geo and pure/text
// over blocks that are values in a store: the same answers, whatever was brought to rest, and
// nothing left behind.
#include "../../pure/bitmap/program.h"
#include "../../pure/geo/program.h"
#include "../../pure/text/program.h"
#include "layer/blocks/stored_blocks.h"
#include "store.h"

namespace varve::test {
namespace {

// Blocks whose changes are committed at every rest, and read anew from the store behind it.
class Lent {
 public:
  explicit Lent(EngineKind engine)
      : store_(open_index_store(engine)), reader_(*store_), blocks_(kIndexPrefix, 0) {
    blocks_.drop_changes(0);
    look();
  }
  ~Lent() { blocks_.set_view(nullptr); }
  Lent(const Lent&) = delete;
  Lent& operator=(const Lent&) = delete;

  Blocks& blocks() { return blocks_; }
  void rest() {
    blocks_.set_view(nullptr);
    view_.reset();
    Batch batch(store_->hash_seed(), store_->commit_bytes_max());
    blocks_.gather(batch);
    const uint64_t told = blocks_.changed_bytes();
    expect(batch.payload_bytes() <= told);
    if (!batch.empty()) expect(bool(store_->commit(batch)));
    blocks_.commit_done();
    blocks_.trim();
    expect(blocks_.frame_bytes() == 0);
    if (++rests_ % 8 == 0) expect_ok(store_->flush());
    look();
  }
  // That what was freed is gone.
  void expect_empty() {
    expect_ok(blocks_.status());
    rest();
    expect(key_count(*store_, kIndexPrefix) == 0);
  }

 private:
  void look() {
    view_.emplace(reader_);
    blocks_.set_view(&*view_);
  }

  const std::shared_ptr<Store> store_;
  Store::Reader reader_;
  std::optional<Store::View> view_;
  StoredBlocks blocks_;
  uint64_t rests_ = 0;
};

constexpr EngineKind kEngines[] = {EngineKind::kLsm, EngineKind::kMemory};

const Case bitmaps_in_a_store("a bitmap does what a set does, over a store", [] {
  for (const EngineKind engine : kEngines) {
    Lent lent(engine);
    for (uint64_t seed = 0; seed < bitmap_count() / 2 + 1; ++seed) {
      bitmaps::live(test::seed() + seed, lent.blocks(), [&] { lent.rest(); });
    }
    lent.expect_empty();
  }
});

const Case trees_in_a_store("a tree answers what a look at every entry does, over a store", [] {
  for (const EngineKind engine : kEngines) {
    Lent lent(engine);
    const uint64_t programs = std::min<uint64_t>(seed_count() / 8 + 1, 10);
    for (uint64_t i = 0; i < programs; ++i) {
      Random random(seed() * 1000 + i);
      const geo::test::World world = geo::test::kWorlds[i % std::size(geo::test::kWorlds)];
      const geo::Holds holds = random.one_in(2) ? geo::Holds::kPoints : geo::Holds::kBoxes;
      geo::test::run_program(lent.blocks(), world, holds, random, random.one_in(8) ? 3000 : 300,
                             [&] { lent.rest(); });
    }
    lent.expect_empty();
  }
});

const Case texts_in_a_store("an index of texts answers as its model, over a store", [] {
  for (const EngineKind engine : kEngines) {
    Lent lent(engine);
    for (uint64_t i = 0; i < std::min<uint64_t>(seed_count() / 8 + 1, 5); ++i) {
      texts::run_against_model(lent.blocks(), seed() * 1000 + i, 60, 150, [&] { lent.rest(); });
    }
    texts::run_against_model(lent.blocks(), seed(), 300, 500, [&] { lent.rest(); });
    lent.expect_empty();
  }
});

const Case gone("a block that is not there reads as zeros, and the failure stays", [] {
  const std::shared_ptr<Store> store = open_index_store(EngineKind::kMemory);
  StoredBlocks blocks(kIndexPrefix, 1 << 20);
  blocks.drop_changes(3);
  Batch batch(store->hash_seed());
  batch.put(as_bytes(block_key(kIndexPrefix, 1)), as_bytes(std::string_view("12345678")));
  batch.put(as_bytes(block_key(kIndexPrefix, 2)), as_bytes(std::string(9000, 'x')));
  expect(bool(store->commit(batch)));
  Store::Reader reader(*store);
  const Store::View view(reader);
  blocks.set_view(&view);
  expect(std::memcmp(blocks.read(1, 8), "12345678", 8) == 0);
  expect_ok(blocks.status());
  const uint8_t* const zeros = blocks.read(0, kBlockBytesMax);
  expect(zeros[0] == 0 && zeros[kBlockBytesMax - 1] == 0);
  expect(blocks.status().code() == Code::kCorrupt);
  blocks.drop_changes(3);
  expect_ok(blocks.status());
  expect(blocks.read(1, 16)[0] == 0 && blocks.status().code() == Code::kCorrupt);
  blocks.drop_changes(3);
  expect(blocks.read(2, 8)[0] == 0 && blocks.status().code() == Code::kCorrupt);
  blocks.drop_changes(3);
  expect(blocks.read(77, 8)[0] == 0 && blocks.status().code() == Code::kCorrupt);
  blocks.drop_changes(3);
  // Writing to one that is not there goes on with zeros, too.
  BlockId id = 0;
  const MutableBytes made = blocks.write(id, 16);
  expect(id == 3 && made.size() == 16 && made[0] == 0);
  expect(blocks.status().code() == Code::kCorrupt);
});

const Case in_place(
    "a block is copied by its first change since a commit, and then changed in place", [] {
      const std::shared_ptr<Store> store = open_index_store(EngineKind::kMemory);
      StoredBlocks blocks(kIndexPrefix, 1 << 20);
      blocks.drop_changes(0);
      BlockId id = kNoBlock;
      blocks.write(id, 10)[0] = 'a';
      const BlockId first = id;
      blocks.write(id, 100)[1] = 'b';
      expect(id == first);
      const auto commit = [&] {
        Batch batch(store->hash_seed());
        blocks.gather(batch);
        expect(bool(store->commit(batch)));
        blocks.commit_done();
        return batch.size();
      };
      expect(commit() == 1);
      const uint8_t* const held = blocks.read(first, 100);
      blocks.write(id, 10)[0] = 'c';
      expect(id != first && held[0] == 'a');
      expect(blocks.read(id, 100)[0] == 'c' && blocks.read(id, 100)[1] == 'b');
      const BlockId second = id;
      blocks.write(id, 10);
      expect(id == second && commit() == 2);
      blocks.free(id);
      expect(commit() == 1 && key_count(*store, kIndexPrefix) == 0);
    });

}  // namespace
}  // namespace varve::test

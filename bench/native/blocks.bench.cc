// The two homes of an index: the same algorithms over blocks in memory and over blocks that are
// values in a store, read into frames before. Nanoseconds of one thread an operation; the last
// column says which share of the speed in memory is left.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/random.h"
#include "bench.h"
#include "layer/blocks/stored_blocks.h"
#include "pure/bitmap/bitmap.h"
#include "pure/geo/tree.h"
#include "pure/text/text.h"

namespace varve::bench {
namespace {

constexpr uint64_t kMembers = 1'000'000;
constexpr uint64_t kSpread = 20'000'000;
constexpr size_t kPlaces = 200'000;
constexpr uint32_t kTexts = 20'000;
constexpr double kRunNs = 5e7;

uint64_t sink = 0;  // What is computed ends here, so that nothing is optimised away.

std::string random_text(Random& random) {
  std::string text;
  for (int word = 0; word < 40; ++word) {
    for (uint64_t left = random.below(1 + random.below(1 + random.below(8000))); left > 0;
         left /= 9) {
      text += "etaonishr"[left % 9];
    }
    text += ' ';
  }
  return text;
}

// One of each index over the same blocks.
struct Indexes {
  Bitmap members, others;
  geo::Tree tree;
  TextIndex texts;
  MemoryBlocks results;

  explicit Indexes(Blocks& blocks)
      : members(blocks), others(blocks), tree(blocks, geo::Holds::kPoints), texts(blocks, {}) {
    Random random(1);
    std::vector<uint64_t> ids;
    std::vector<double> lats, lngs;
    for (uint64_t i = 0; i < kMembers; ++i) {
      members.add(random.below(kSpread));
      others.add(random.below(kSpread));
    }
    for (size_t i = 0; i < kPlaces; ++i) {
      ids.push_back(i);
      lats.push_back(static_cast<double>(random.below(180'000'000)) / 1e6 - 90);
      lngs.push_back(static_cast<double>(random.below(360'000'000)) / 1e6 - 180);
    }
    tree.insert_many({ids, lats, lngs, lats, lngs});
    for (uint32_t id = 0; id < kTexts; ++id) check(bool(texts.add(id, random_text(random))));
    texts.compact();
  }
  // The store goes before what lies in it would be freed.
  void detach() {
    members.detach();
    others.detach();
  }
};

struct Operation {
  const char* name;
  std::function<void(Indexes&, Random&)> run;
};

void near(Indexes& of, Random& random, size_t limit) {
  const geo::Point from = {static_cast<double>(random.below(180)) - 90,
                           static_cast<double>(random.below(360)) - 180};
  geo::Query query;
  query.limit = limit;
  std::vector<geo::Match> found;
  of.tree.near(from, INFINITY, query, found);
  sink += found.size();
}

void within(Indexes& of, Random& random) {
  const double south = static_cast<double>(random.below(170)) - 90;
  const double west = static_cast<double>(random.below(350)) - 180;
  std::vector<geo::Match> found;
  of.tree.within(geo::Box{south, west, south + 5, west + 5}, {}, found);
  sink += found.size();
}

void search(Indexes& of, Random& random) {
  const std::string query = random_text(random).substr(0, 18);
  std::vector<TextHit> hits;
  TextRequest request;
  request.query = query;
  check(bool(of.texts.search(request, hits)));
  sink += hits.size();
}

const std::vector<Operation>& operations() {
  static const std::vector<Operation> all = {
      {"bitmap: has", [](Indexes& of, Random& r) { sink += of.members.has(r.below(kSpread)); }},
      {"bitmap: next", [](Indexes& of, Random& r) { sink += *of.members.next(r.below(kMembers)); }},
      {"bitmap: and, counted",
       [](Indexes& of, Random&) {
         sink += Bitmap::joined_count(SetOp::kAnd, of.members, of.others);
       }},
      {"bitmap: or, made",
       [](Indexes& of, Random&) {
         sink += Bitmap::joined(SetOp::kOr, of.members, of.others, of.results).total();
       }},
      {"places: the nearest 10", [](Indexes& of, Random& r) { near(of, r, 10); }},
      {"places: in a box of 5°", within},
      {"texts: the best 10", search},
  };
  return all;
}

double ns_of(const Operation& operation, Indexes& indexes) {
  Random random(7);
  for (int i = 0; i < 100; ++i) operation.run(indexes, random);
  const Timer timer;
  size_t count = 0;
  do {
    for (int i = 0; i < 20; ++i, ++count) operation.run(indexes, random);
  } while (thread_cpu_ns() - timer.begun < kRunNs);
  return timer.per(count);
}

// Both homes are filled once for all rounds.
class Homes {
 public:
  Homes() : stored_blocks_("\x13", size_t{1} << 30) {
    StoreOptions options;  // In memory: the disk is not what is measured.
    options.engine = EngineKind::kMemory;
    options.memory_bytes = uint64_t{2} << 30;
    Result<std::shared_ptr<Store>> opened = Store::open(native_os(), options);
    check(bool(opened));
    store_ = std::move(*opened);
    stored_blocks_.drop_changes(0);
    memory_ = std::make_unique<Indexes>(memory_blocks_);
    stored_ = std::make_unique<Indexes>(stored_blocks_);
    Batch batch(store_->hash_seed(), store_->commit_bytes_max());
    stored_blocks_.gather(batch);
    check(bool(store_->commit(batch)));
    stored_blocks_.commit_done();
    stored_blocks_.clear();  // So that every frame is read from the store.
    reader_ = std::make_unique<Store::Reader>(*store_);
    view_ = std::make_unique<Store::View>(*reader_);
    stored_blocks_.set_view(view_.get());
  }
  ~Homes() { stored_->detach(); }
  Indexes& memory() { return *memory_; }
  Indexes& stored() { return *stored_; }
  void expect_fine() const { check(bool(stored_blocks_.status())); }

 private:
  std::shared_ptr<Store> store_;
  std::unique_ptr<Store::Reader> reader_;
  std::unique_ptr<Store::View> view_;
  MemoryBlocks memory_blocks_;
  StoredBlocks stored_blocks_;
  std::unique_ptr<Indexes> memory_, stored_;
};

const Bench two_homes("blocks", [](Table& table) {
  static Homes homes;
  for (const Operation& operation : operations()) {
    const double in_memory = ns_of(operation, homes.memory());
    const double in_store = ns_of(operation, homes.stored());
    table.add(operation.name, "memory, ns", in_memory);
    table.add(operation.name, "store, ns", in_store);
    table.add(operation.name, "share, %", 100 * in_memory / in_store);
  }
  homes.expect_fine();
});

}  // namespace
}  // namespace varve::bench

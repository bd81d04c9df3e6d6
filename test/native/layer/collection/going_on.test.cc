// test/native/layer/collection/going_on.test.cc — builds that nobody asks for: they go on when a
// store is opened, on a machine that goes down in their middle, and make what a fresh build makes.
#include <algorithm>

#include "base/os/os_simulated.h"
#include "cities.h"
#include "layer/blocks/stored_kinds.h"

namespace varve::collection {
namespace {

using test::expect;
using test::expect_ok;
using test::require;

constexpr int kCities = 900;
constexpr size_t kFrameBytes = size_t{1} << 20;
constexpr uint32_t kBitmap = 0;  // Which of the indexes.
constexpr uint32_t kText = 1;

Definition packed_draft(uint32_t id) {
  Definition draft = city_draft(false, false);
  draft.id = id;
  const char* const names[] = {"few", "words", "rising"};
  for (const IndexKind kind : {IndexKind::kBitmap, IndexKind::kText, IndexKind::kOrdered}) {
    IndexDefinition index;
    index.kind = kind;
    index.name = names[draft.indexes.size()];
    index.fields = "city";
    index.parts.push_back({1, false, false});
    draft.indexes.push_back(index);
  }
  return draft;
}

std::string random_city(Random& random) {
  const char* const words[] = {"new", "old", "york", "delhi", "town"};
  std::string city;
  for (uint64_t left = 1 + random.below(3); left > 0; --left) {
    city += (city.empty() ? "" : " ") + std::string(words[random.below(5)]);
  }
  return city;
}

struct World {
  SimulatedOs os;
  Random random;
  EngineKind engine;
  std::shared_ptr<Store> store;
  uint32_t id = 0;

  World(uint64_t seed, EngineKind engine_in) : os(seed), random(seed), engine(engine_in) {
    open();
    require(store != nullptr);
  }

  void open() {
    StoreOptions options;
    options.directory = "/data";
    options.memory_bytes = uint64_t{8} << 20;
    options.engine = engine;
    options.holder = "a test";
    Result<std::shared_ptr<Store>> opened = Store::open(os, options);
    require(bool(opened) || os.is_down());
    store = opened ? std::move(*opened) : nullptr;
  }

  void open_again() {
    store.reset();
    if (os.is_down()) os.restart();
    for (open(); !store; open()) os.restart();
  }

  void write(Collections& collections, Store::Reader& reader, int32_t number) {
    const std::string key = city_key(number);
    bool was_there = false;
    const Result<uint64_t> commit =
        random.one_in(4)
            ? collections.commit_remove(reader, id, as_bytes(key), was_there)
            : collections.commit_put(reader,
                                     city_write(id, key, city_record(number, random_city(random))));
    expect(commit || os.is_down() || commit.code() == Code::kBusy || commit.code() == Code::kIo);
  }

  void define() {
    Store::Reader reader(*store);
    Collections collections(*store);
    const std::string name = cities_name();
    auto plain = collections.define(reader, as_bytes(name), city_draft(false, false), 0);
    require(bool(plain));
    id = (*plain)->id;
    for (int32_t i = 0; i < kCities; ++i) write(collections, reader, i);
    require(bool(collections.define(reader, as_bytes(name), packed_draft(id), (*plain)->commit)));
    expect_ok(store->wait_for(Durability::kDisk));
  }

  DefinitionRef definition(Store::Reader& reader) {
    const Store::View view(reader);
    Collections collections(*store);
    const Result<DefinitionRef> found = collections.definition(Reads(view), id);
    return found ? *found : nullptr;
  }

  // Beside the builder, until all is built or the machine is down.
  bool live() {
    const Result<std::unique_ptr<Store::Reader>> reader = Store::Reader::take(*store);
    require(bool(reader));
    Collections collections(*store);
    Upkeep::go_on(*store, **reader);
    for (int step = 0; step < 2000 && !os.is_down(); ++step) {
      os.run(1 + random.below(4));
      if (random.one_in(3)) {
        write(collections, **reader, static_cast<int32_t>(random.below(kCities)));
      }
      const DefinitionRef now = definition(**reader);
      if (!now) continue;
      const bool is_ready = std::all_of(now->indexes.begin(), now->indexes.end(),
                                        [](const IndexDefinition& one) { return one.is_ready(); });
      if (is_ready) return true;
    }
    return false;
  }
};

std::string said_by(Bitmap& bitmap) {
  std::vector<uint64_t> members(8 * kCities);
  members.resize(bitmap.list_up(0, members.data(), members.size()));
  std::string text;
  for (const uint64_t member : members) text += std::to_string(member) + ' ';
  return text;
}

std::string said_by(TextIndex& index) {
  std::string text = std::to_string(index.stats().document_count);
  for (const char* query : {"new", "old", "york", "delhi", "town", "\"new york\"", "+old -town"}) {
    TextRequest request;
    request.query = query;
    request.limit = kCities;
    std::vector<TextHit> hits;
    expect_ok(index.search(request, hits));
    for (const TextHit& hit : hits) {
      text += ' ' + std::to_string(hit.id) + '=' + std::to_string(hit.score);
    }
  }
  return text;
}

// What an index says, and what one would that was made now of all documents.
template <class Kind>
void expect_as_fresh(const Reads& reads, const Definition& definition, uint32_t which) {
  const IndexDefinition& index = definition.indexes[which];
  const std::string prefix = packed_prefix(index.id);
  MemoryBlocks blocks;
  std::optional<typename Kind::Index> fresh;
  expect_ok(Kind().attach({}, blocks, fresh));
  const std::string begin = prefix_of(kDocuments, definition.id);
  const std::string end = end_of(begin);
  const auto cursor = reads.view().scan({as_bytes(begin), as_bytes(end)}, Direction::kForward);
  for (; cursor->valid(); cursor->next()) {
    Document document(definition.schema_set);
    expect_ok(document.open(cursor->edit().value));
    ValueNumbers numbers(reads);
    std::vector<PackedEntry> entries;
    expect_ok(make_packed(index, document, numbers, entries));
    expect(numbers.made().empty());
    for (const PackedEntry& entry : entries) {
      expect_ok(Kind::apply(as_bytes(entry.key).subspan(prefix.size() + 1), as_bytes(entry.added),
                            *fresh));
    }
  }
  expect_ok(cursor->status());
  StoredIndex<Kind> stored(prefix, kFrameBytes);
  expect_ok(stored.sync(reads.view()));
  expect(said_by(stored.index()) == said_by(*fresh));
  expect_ok(stored.status());
}

void expect_fresh(World& world) {
  Store::Reader reader(*world.store);
  const DefinitionRef definition = world.definition(reader);
  require(definition != nullptr);
  Transaction transaction(*world.store);
  transaction.begin(Isolation::kSnapshot);
  {
    const Store::View view(reader, transaction.view_commit(), transaction.view_time_ms());
    const Reads reads(view, &transaction);
    expect_as_fresh<StoredMembers>(reads, *definition, kBitmap);
    expect_as_fresh<StoredTexts>(reads, *definition, kText);
  }
  transaction.rollback();
}

const test::Case crashes(
    "builds go on by themselves when a store is opened, and make what a fresh build makes", [] {
      const EngineKind engines[] = {EngineKind::kLsm, EngineKind::kBtree, EngineKind::kBitcask,
                                    EngineKind::kMemory};
      const uint64_t count = std::max<uint64_t>(4, test::seed_count() / 10);
      for (uint64_t i = 0; i < count; ++i) {
        World world(test::seed() * 1000 + i, engines[i % 4]);
        world.define();
        bool is_ready = false;
        for (int opening = 0; opening < 20 && !is_ready; ++opening) {
          if (opening < 6) world.os.go_down_at_call(1 + world.random.below(60));
          is_ready = world.live() && !world.os.is_down();
          if (!is_ready) world.open_again();
        }
        world.os.run(50);  // Folds come behind.
        world.open_again();
        require(world.live());
        expect_fresh(world);
      }
    });

const test::Case told("what is built is told, with how far it is, until it is ready", [] {
  World world(test::seed(), EngineKind::kLsm);
  world.define();
  Store::Reader reader(*world.store);
  Upkeep::go_on(*world.store, reader);
  Builder& builder = Upkeep::of(*world.store)->builder();
  bool was_told = false;
  for (int step = 0; step < 1000; ++step) {
    world.os.run(1);
    for (const Building& one : builder.all()) {
      expect(one.name == "cities" && one.failure.empty());
      was_told = was_told || (one.index == "words" && one.document_count > 0);
    }
  }
  expect(was_told && builder.all().empty());
});

const test::Case refused("a build that meets what its rule forbids says so and hinders nobody", [] {
  World world(test::seed(), EngineKind::kMemory);
  Store::Reader reader(*world.store);
  Collections collections(*world.store);
  const std::string name = cities_name();
  auto plain = collections.define(reader, as_bytes(name), city_draft(false, false), 0);
  require(bool(plain));
  world.id = (*plain)->id;
  for (int32_t i = 0; i < 10; ++i) {
    const std::string key = city_key(i);
    const std::string record = city_record(i, "oslo");
    require(bool(collections.commit_put(reader, city_write(world.id, key, record))));
  }
  Definition draft = city_draft(true, true);
  draft.id = world.id;
  require(bool(collections.define(reader, as_bytes(name), draft, (*plain)->commit)));
  Upkeep::go_on(*world.store, reader);
  world.os.run(100);
  const std::vector<Building> all = Upkeep::of(*world.store)->builder().all();
  require(all.size() == 1);
  expect(all[0].index == "city" && all[0].failure.find("must be unique") != std::string::npos);
  expect(!world.definition(reader)->indexes.front().is_ready());
});

}  // namespace
}  // namespace varve::collection

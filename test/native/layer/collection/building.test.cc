// test/native/layer/collection/building.test.cc — indexes that are built beside writers, on a
// machine that goes down.
#include <set>

#include "base/os/os_simulated.h"
#include "cities.h"

namespace varve::collection {
namespace {

using test::expect;
using test::expect_ok;
using test::require;

constexpr int kWritten = 300;  // Documents that are written meanwhile.
constexpr int kStepsMax = 400;

std::shared_ptr<Store> open_store(SimulatedOs& os, EngineKind engine) {
  StoreOptions options;
  options.directory = "/data";
  options.memory_bytes = uint64_t{8} << 20;
  options.engine = engine;
  options.holder = "a test";
  Result<std::shared_ptr<Store>> store = Store::open(os, options);
  if (!store && os.is_down()) return nullptr;
  require(static_cast<bool>(store));
  return std::move(*store);
}

// What the index has, and what the documents say that it should have.
void expect_true(SimulatedOs& os, Store& store, const Definition& definition, bool is_whole) {
  Store::Reader reader(store);
  const Store::View view(reader);
  const IndexDefinition& index = definition.indexes.front();
  std::set<std::string> wanted, found;
  const auto each = [&](const std::string& prefix, const auto& visit) {
    const std::string end = end_of(prefix);
    const auto cursor = view.scan({as_bytes(prefix), as_bytes(end)}, Direction::kForward);
    for (; cursor->valid(); cursor->next()) visit(cursor->edit());
    expect(cursor->status() || os.is_down());
  };
  each(prefix_of(kDocuments, definition.id), [&](const Edit& edit) {
    Document document(definition.schema_set);
    expect_ok(document.open(edit.value));
    std::vector<Entry> entries;
    expect_ok(make_entries(index, document, edit.key.subspan(kPrefixBytes), entries));
    for (const Entry& entry : entries) wanted.insert(entry.key);
  });
  each(prefix_of(kEntries, index.id),
       [&](const Edit& edit) { found.insert(std::string(as_text(edit.key))); });
  if (os.is_down()) return;
  if (is_whole) expect(found == wanted);
  for (const std::string& key : found) expect(wanted.count(key) == 1);
}

struct World {
  SimulatedOs os;
  Random random;
  EngineKind engine;
  std::shared_ptr<Store> store;

  World(uint64_t seed, EngineKind engine_in) : os(seed), random(seed), engine(engine_in) {
    store = open_store(os, engine);
  }

  void write_some(Collections& collections, Store::Reader& reader, uint32_t id, int count) {
    for (int i = 0; i < count && !os.is_down(); ++i) {
      const auto number = static_cast<int32_t>(random.below(kWritten));
      const std::string key = city_key(number);
      const std::string record =
          city_record(number, std::string(1, static_cast<char>('a' + random.below(5))));
      bool was_there = false;
      const Result<uint64_t> commit =
          random.below(4) == 0 ? collections.commit_remove(reader, id, as_bytes(key), was_there)
                               : collections.commit_put(reader, city_write(id, key, record));
      expect(commit || os.is_down() || commit.code() == Code::kBusy || commit.code() == Code::kIo);
    }
  }

  // True when the index is ready.
  bool go_on() {
    const Result<std::unique_ptr<Store::Reader>> reader = Store::Reader::take(*store);
    require(static_cast<bool>(reader));
    Collections collections(*store);
    uint32_t id = 0;
    {
      const Store::View view(**reader);
      const Result<uint32_t> found = collections.id_of(Reads(view), as_bytes(cities_name()));
      require(static_cast<bool>(found));
      id = *found;
    }
    for (int step = 0; step < kStepsMax && !os.is_down(); ++step) {
      write_some(collections, **reader, id, 3);
      const Result<BuildReport> report = collections.build(**reader, id);
      if (!report)
        expect(os.is_down() || report.code() == Code::kIo || report.code() == Code::kBusy);
      if (random.below(8) == 0) (void)store->flush();
      const Store::View view(**reader);
      const Result<DefinitionRef> definition = collections.definition(Reads(view), id);
      if (!definition || !*definition) continue;
      const bool is_ready = (*definition)->indexes.front().is_ready();
      if (step % 16 == 0 || is_ready) expect_true(os, *store, **definition, is_ready);
      if (is_ready) return true;
    }
    return false;
  }
};

void build_through_crashes(uint64_t seed, EngineKind engine) {
  World world(seed, engine);
  {
    Store::Reader reader(*world.store);
    Collections collections(*world.store);
    const std::string name = cities_name();
    auto plain = collections.define(reader, as_bytes(name), city_draft(false, false), 0);
    require(static_cast<bool>(plain));
    for (int32_t i = 0; i < kWritten * 4; ++i) {
      const std::string key = city_key(i);
      const std::string record = city_record(i, "x");
      require(
          static_cast<bool>(collections.commit_put(reader, city_write((*plain)->id, key, record))));
    }
    Definition draft = city_draft(true, false);
    draft.id = (*plain)->id;
    require(static_cast<bool>(collections.define(reader, as_bytes(name), draft, (*plain)->commit)));
    expect_ok(world.store->wait_for(Durability::kDisk));
  }
  world.os.go_down_at_call(1 + world.random.below(60));
  for (int opening = 0; opening < 20; ++opening) {
    const bool is_ready = world.go_on();
    if (is_ready && !world.os.is_down()) break;
    world.store.reset();
    if (world.os.is_down()) world.os.restart();
    if (opening < 6) world.os.go_down_at_call(20 + world.random.below(100));
    world.store = open_store(world.os, engine);
    while (!world.store) {
      world.os.restart();
      world.store = open_store(world.os, engine);
    }
  }
  // It may have been ready before the machine was to go down.
  world.store.reset();
  world.os.restart();
  world.store = open_store(world.os, engine);
  require(world.store != nullptr);
  expect(world.go_on());
}

const test::Case crashes(
    "an index that is built beside writers is that of its documents, whenever the machine goes "
    "down",
    [] {
      const std::vector<EngineKind> engines = {EngineKind::kLsm, EngineKind::kBtree,
                                               EngineKind::kBitcask, EngineKind::kMemory};
      const uint64_t count = std::max<uint64_t>(4, test::seed_count() / 10);
      for (uint64_t i = 0; i < count; ++i) {
        build_through_crashes(test::seed() * 1000 + i, engines[i % engines.size()]);
      }
    });

}  // namespace
}  // namespace varve::collection

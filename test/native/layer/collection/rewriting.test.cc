// test/native/layer/collection/rewriting.test.cc — documents that are written anew beside writers,
// on a machine that goes down: an index on what is converted is that of the documents that are.
#include <map>

#include "base/os/os_simulated.h"
#include "cities.h"

namespace varve::collection {
namespace {

using test::expect;
using test::expect_ok;
using test::require;

constexpr int kCityCount = 500;
constexpr int kStepsMax = 400;
constexpr uint32_t kCityColumn = 1;

// A record of the second version: the same, but for the version.
std::string new_record(int32_t id, const std::string& city) {
  std::string record = city_record(id, city);
  record[record[0] == '\x10' ? 1 : 2] = '\x10';
  return record;
}

std::string city_of(Bytes stored, const Definition& definition, uint32_t& version) {
  Document document(definition.schema_set);
  expect_ok(document.open(stored));
  version = document.record().schema().version();
  return std::string(as_text(document.item(kCityColumn).text().bytes));
}

struct World {
  SimulatedOs os;
  Random random;
  EngineKind engine;
  std::shared_ptr<Store> store;

  World(uint64_t seed, EngineKind engine_in) : os(seed), random(seed), engine(engine_in) { open(); }

  bool open() {
    StoreOptions options;
    options.directory = "/data";
    options.memory_bytes = uint64_t{8} << 20;
    options.engine = engine;
    options.holder = "a test";
    Result<std::shared_ptr<Store>> opened = Store::open(os, options);
    if (!opened && os.is_down()) return false;
    require(static_cast<bool>(opened));
    store = std::move(*opened);
    return true;
  }

  void define(uint64_t since, const Definition& draft, Store::Reader& reader,
              Collections& collections) const {
    require(static_cast<bool>(
        collections.define(reader, as_bytes(cities_name()), draft, since, Expects::kDocuments)));
  }

  void begin() {
    Store::Reader reader(*store);
    Collections collections(*store);
    Definition draft = city_draft(true, false);
    define(0, draft, reader, collections);
    DefinitionRef defined = newest(reader, collections);
    for (int32_t i = 0; i < kCityCount; ++i) {
      const std::string key = city_key(i);
      const std::string record = city_record(i, "old");
      require(
          static_cast<bool>(collections.commit_put(reader, city_write(defined->id, key, record))));
    }
    draft.id = defined->id;
    draft.schemas.push_back(city_description());
    draft.is_rewriting = true;
    draft.rewritten_columns = {kCityColumn};
    draft.indexes.front().state = IndexState::kBuilding;
    define(defined->commit, draft, reader, collections);
    expect_ok(store->wait_for(Durability::kDisk));
  }

  // Null: the machine went down.
  DefinitionRef newest(Store::Reader& reader, Collections& collections) const {
    const Store::View view(reader);
    const Reads reads(view);
    const Result<uint32_t> id = collections.id_of(reads, as_bytes(cities_name()));
    const Result<DefinitionRef> found =
        id ? collections.definition(reads, *id) : Result<DefinitionRef>(id.error());
    require(os.is_down() || (found && *found));
    return found ? *found : nullptr;
  }

  // What the index has: the documents of the newest version, and no others.
  bool check() {
    Store::Reader reader(*store);
    Collections collections(*store);
    const DefinitionRef definition = newest(reader, collections);
    if (!definition) return false;
    const Store::View view(reader);
    std::map<std::string, std::string> wanted, found;  // Document's key → city.
    bool is_whole = true;
    const auto each = [&](const std::string& prefix, const auto& visit) {
      const std::string end = end_of(prefix);
      const auto cursor = view.scan({as_bytes(prefix), as_bytes(end)}, Direction::kForward);
      for (; cursor->valid(); cursor->next()) visit(cursor->edit());
      expect(cursor->status() || os.is_down());
    };
    each(prefix_of(kDocuments, definition->id), [&](const Edit& edit) {
      uint32_t version = 0;
      const std::string city = city_of(edit.value, *definition, version);
      expect((version == 1) == (city == "old"));
      if (version == 1) is_whole = false;
      if (version == 2) wanted[std::string(as_text(edit.key.subspan(kPrefixBytes)))] = city;
    });
    each(prefix_of(kEntries, definition->indexes.front().id), [&](const Edit& edit) {
      const std::optional<EntryView> entry = read_entry(edit.key, edit.value);
      require(entry.has_value());
      const std::string_view parts = as_text(entry->parts);
      found[std::string(as_text(entry->document_key))] = parts.substr(1, parts.size() - 2);
    });
    if (os.is_down()) return false;
    expect(found == wanted);
    expect(definition->is_rewriting == !definition->indexes.front().is_ready());
    expect(definition->is_rewriting || is_whole);
    expect(definition->oldest_version == (definition->is_rewriting ? 1 : 2));
    return !definition->is_rewriting;
  }

  void write_some(Store::Reader& reader, Collections& collections, uint32_t id) {
    const auto number = static_cast<int32_t>(random.below(kCityCount));
    const std::string key = city_key(number);
    bool was_there = false;
    const Result<uint64_t> commit =
        random.below(4) == 0
            ? collections.commit_remove(reader, id, as_bytes(key), was_there)
            : collections.commit_put(reader, city_write(id, key, new_record(number, "written")));
    expect(commit || os.is_down() || commit.code() == Code::kBusy || commit.code() == Code::kIo);
  }

  Status rewrite_some(Store::Reader& reader, Collections& collections,
                      const Definition& definition) {
    Transaction transaction(*store);
    transaction.begin(Isolation::kSnapshot);
    std::vector<int32_t> numbers;
    const auto report =
        collections.rewrite(reader, transaction, definition.id, 16, [&](const Edit& edit) {
          Document document(definition.schema_set);
          expect_ok(document.open(edit.value));
          const Item id = document.item(0);
          numbers.push_back(static_cast<int32_t>(id.number()));
          return true;
        });
    if (!report) return report.error();
    expect(report->document_count == numbers.size());
    for (const int32_t number : numbers) {
      const std::string key = city_key(number);
      const std::string record = new_record(number, "new");
      Status status = collections.put(reader, transaction, city_write(definition.id, key, record));
      if (!status) return status;
    }
    if (random.below(3) == 0) write_some(reader, collections, definition.id);
    const Result<uint64_t> commit = transaction.commit();
    return commit || commit.code() == Code::kConflict ? Status::ok() : commit.error();
  }

  bool go_on() {
    const Result<std::unique_ptr<Store::Reader>> reader = Store::Reader::take(*store);
    require(static_cast<bool>(reader));
    Collections collections(*store);
    for (int step = 0; step < kStepsMax && !os.is_down(); ++step) {
      const DefinitionRef definition = newest(**reader, collections);
      if (!definition) return false;
      write_some(**reader, collections, definition->id);
      const Status status = rewrite_some(**reader, collections, *definition);
      expect(status || os.is_down() || status.code() == Code::kIo || status.code() == Code::kBusy);
      if (random.below(8) == 0) (void)store->flush();
      if (os.is_down()) return false;
      if (step % 8 == 0 && check()) return true;
    }
    return false;
  }
};

void rewrite_through_crashes(uint64_t seed, EngineKind engine) {
  World world(seed, engine);
  world.begin();
  {
    Store::Reader reader(*world.store);
    Collections collections(*world.store);
    const std::string key = city_key(1);
    const std::string record = city_record(1, "late");
    const uint32_t id = world.newest(reader, collections)->id;
    const auto refused = collections.commit_put(reader, city_write(id, key, record));
    expect(!refused && refused.code() == Code::kSchema);
  }
  world.os.go_down_at_call(1 + world.random.below(60));
  for (int opening = 0; opening < 20; ++opening) {
    const bool is_ready = world.go_on();
    if (is_ready && !world.os.is_down()) break;
    world.store.reset();
    if (world.os.is_down()) world.os.restart();
    if (opening < 6) world.os.go_down_at_call(20 + world.random.below(100));
    while (!world.open()) world.os.restart();
  }
  // It may have been ready before the machine was to go down.
  world.store.reset();
  world.os.restart();
  require(world.open());
  expect(world.go_on());
}

const test::Case crashes(
    "documents are rewritten once each beside writers, with their entries, whenever the machine "
    "goes down",
    [] {
      const std::vector<EngineKind> engines = {EngineKind::kLsm, EngineKind::kBtree,
                                               EngineKind::kBitcask, EngineKind::kMemory};
      const uint64_t count = std::max<uint64_t>(4, test::seed_count() / 10);
      for (uint64_t i = 0; i < count; ++i) {
        rewrite_through_crashes(test::seed() * 1000 + i, engines[i % engines.size()]);
      }
    });

}  // namespace
}  // namespace varve::collection

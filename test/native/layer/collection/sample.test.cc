// test/native/layer/collection/sample.test.cc — which documents stand for the others, and for how
// many.
#include "layer/collection/sample.h"

#include <cmath>

#include "cities.h"

namespace varve::collection {
namespace {

using test::expect;
using test::expect_ok;
using test::require;

constexpr int32_t kExampleRow = 6;
constexpr char kExampleLevel = 0x32;  // 63 - 13

struct World {
  std::shared_ptr<Store> store;
  std::unique_ptr<Store::Reader> reader;
  std::unique_ptr<Collections> collections;
  DefinitionRef definition;

  World() {
    StoreOptions options;
    options.engine = EngineKind::kMemory;
    options.memory_bytes = uint64_t{64} << 20;
    options.log = false;
    options.holder = "a test";
    Result<std::shared_ptr<Store>> opened = Store::open(native_os(), options);
    require(static_cast<bool>(opened));
    store = *opened;
    reader = std::make_unique<Store::Reader>(*store);
    collections = std::make_unique<Collections>(*store);
    const auto defined =
        collections->define(*reader, as_bytes(cities_name()), city_draft(true, false), 0);
    require(static_cast<bool>(defined));
    definition = *defined;
  }

  // Rows are given in this order, from 0 on.
  uint64_t put(int32_t id, const std::string& city) {
    const std::string key = city_key(id);
    const std::string record = city_record(id, city);
    const auto put = collections->commit_put(*reader, city_write(definition->id, key, record));
    require(static_cast<bool>(put));
    return *put;
  }

  void put_many(int32_t count) {
    for (int32_t id = 0; id < count; ++id) put(id, "Rome");
  }

  void remove(int32_t id) {
    const std::string key = city_key(id);
    bool was_there = false;
    require(static_cast<bool>(
        collections->commit_remove(*reader, definition->id, as_bytes(key), was_there)));
    expect(was_there);
  }

  Sample read() {
    const Store::View view(*reader);
    auto sample = read_sample(view, *definition);
    require(sample && *sample);
    return std::move(**sample);
  }

  std::string value_of(const std::string& key) {
    const Store::View view(*reader);
    Lookup found;
    expect_ok(view.get(as_bytes(key), true, found));
    return found.found == Found::kPut ? std::string(as_text(found.edit.value)) : "nothing";
  }
};

bool is_about(double number, double wanted) { return std::abs(number - wanted) < wanted * 0.25; }

double counted(const Sample& sample) {
  return sample.weight * static_cast<double>(sample.documents.size());
}

const test::Case worked("the worked example of FORMAT.md, of a sample", [] {
  World world;
  world.put_many(kExampleRow + 1);
  const std::string key = sample_key(1, kExampleRow);
  const std::string stored = std::string("\x17\0\0\0\x01", 5) + kExampleLevel +
                             std::string(7, '\0') + static_cast<char>(kExampleRow);
  expect(key == stored && is_sampled(kExampleRow));
  expect(world.value_of(key) == city_key(kExampleRow));
  world.put(kExampleRow, "Oslo");
  expect(world.value_of(key) == city_key(kExampleRow));
  world.remove(kExampleRow);
  expect(world.value_of(key) == "nothing");
});

const test::Case small("a small collection is its own sample, and one of some thousands is thinned",
                       [] {
                         World world;
                         expect(world.read().documents.empty());
                         world.put_many(100);
                         const Sample all = world.read();
                         expect(all.documents.size() == 100 && all.weight == 1);
                         for (const Sample::One& one : all.documents) expect(!one.record.empty());
                         world.put_many(3000);
                         const Sample some = world.read();
                         expect(some.documents.size() <= kSampleMax && some.weight == 4);
                         expect(is_about(counted(some), 3000));
                       });

const test::Case large("a large collection is judged by keys, which come and go with documents",
                       [] {
                         World world;
                         world.put_many(12'000);
                         const Sample before = world.read();
                         expect(before.weight == 32 && is_about(counted(before), 12'000));
                         for (int32_t id = 0; id < 12'000; id += 2) world.remove(id);
                         const Sample after = world.read();
                         expect(after.weight == 32 && is_about(counted(after), 6000));
                         Document document(world.definition->schema_set);
                         for (const Sample::One& one : after.documents) {
                           expect_ok(document.open(as_bytes(one.record)));
                           expect(document.row() % 2 == 1);
                         }
                       });

const test::Case old("a sample is as of its view", [] {
  World world;
  world.put_many(500);
  const uint64_t then = world.put(500, "Oslo");
  expect_ok(world.store->hold(then));
  for (int32_t id = 0; id < 400; ++id) world.remove(id);
  expect(world.read().documents.size() == 101);
  {
    const Store::View view(*world.reader, then);
    const auto sample = read_sample(view, *world.definition);
    require(sample && *sample);
    expect((*sample)->documents.size() == 501);
  }
  world.store->release(then);
});

const test::Case odd("a key that is none of a sample is CORRUPT", [] {
  World world;
  Batch batch(world.store->hash_seed());
  batch.put(as_bytes(prefix_of(kSample, world.definition->id) + "odd"), Bytes());
  require(static_cast<bool>(world.store->commit(batch)));
  const Store::View view(*world.reader);
  const auto sample = read_sample(view, *world.definition);
  expect(!sample && sample.error().code() == Code::kCorrupt);
});

}  // namespace
}  // namespace varve::collection

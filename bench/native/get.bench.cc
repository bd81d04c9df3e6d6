// A point get of a store at rest, by how much of it is asked for at once: 1 M keys of 16 B and
// values of 100 B in settled tables, or in full pages, all in the cache. What JavaScript adds is the
// difference to the rows of `npm run bench`.
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "base/random.h"
#include "bench.h"
#include "store/store.h"

namespace varve::bench {
namespace {

constexpr size_t kCount = 1000000;
constexpr size_t kBatch = 1000;
constexpr size_t kGets = 200000;

std::string key_of(uint64_t index) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx",
                static_cast<unsigned long long>(Random(index).next()));
  return text;
}

void fill(Store& store) {
  for (size_t first = 0; first < kCount; first += kBatch) {
    Batch batch(store.hash_seed());
    for (size_t i = first; i < first + kBatch; ++i) {
      batch.put(as_bytes(key_of(i)), as_bytes(std::string(100, static_cast<char>('a' + i % 26))));
    }
    check(static_cast<bool>(store.commit(batch)));
  }
  check(static_cast<bool>(store.compact()));
}

template <class Body>
void row(Table& table, const std::string& name, Body body) {
  const Timer timer;
  body();
  table.add(name, "ns a key", timer.per(kGets));
}

void get_all(Store::Reader& reader, const std::vector<std::string>& keys) {
  size_t found = 0;
  for (const std::string& key : keys) {
    const Store::View view(reader);
    Lookup answer;
    check(static_cast<bool>(view.get(as_bytes(key), true, answer)));
    found += answer.found == Found::kPut && answer.edit.value[99] != 0 ? 1 : 0;
  }
  check(found == keys.size());
}

void get_hundreds(Store::Reader& reader, const std::vector<std::string>& keys) {
  size_t found = 0;
  for (size_t first = 0; first < keys.size(); first += 100) {
    std::vector<PointQuery> queries(100);
    for (size_t i = 0; i < 100; ++i) queries[i].key = as_bytes(keys[first + i]);
    const Store::View view(reader);
    check(static_cast<bool>(view.get_many(queries)));
    for (const PointQuery& query : queries) {
      found += query.answer.found == Found::kPut && query.answer.edit.value[99] != 0 ? 1 : 0;
    }
  }
  check(found == keys.size());
}

void measure(Table& table, EngineKind engine, const std::string& name) {
  const std::string directory =
      (std::filesystem::temp_directory_path() / "varve-bench-get").string();
  std::filesystem::remove_all(directory);
  StoreOptions options;
  options.directory = directory;
  options.engine = engine;
  options.memory_bytes = uint64_t{512} << 20;
  Result<std::shared_ptr<Store>> opened = Store::open(native_os(), options);
  check(static_cast<bool>(opened));
  Store& store = **opened;
  fill(store);
  {
    Store::Reader reader(store);
    Random random(1);
    std::vector<std::string> hot;
    std::vector<std::string> cold;
    for (size_t i = 0; i < kGets; ++i) {
      hot.push_back(key_of(random.below(1000)));
      cold.push_back(key_of(random.below(kCount)));
    }
    // Brings the blocks into the cache.
    get_all(reader, cold);
    row(table, name + ", one at a time, 1,000 keys", [&] { get_all(reader, hot); });
    row(table, name + ", one at a time, 1 M keys", [&] { get_all(reader, cold); });
    row(table, name + ", a hundred at a time, 1 M keys", [&] { get_hundreds(reader, cold); });
  }
  opened->reset();
  std::filesystem::remove_all(directory);
}

const Bench gets("get", [](Table& table) {
  measure(table, EngineKind::kLsm, "lsm");
  measure(table, EngineKind::kBtree, "btree");
});

}  // namespace
}  // namespace varve::bench

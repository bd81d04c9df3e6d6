// test/native/layer/collection/format.test.cc — the worked example of FORMAT.md, and bytes that are
// no conditions.
#include "base/random.h"
#include "cities.h"
#include "layer/collection/run.h"

namespace varve::collection {
namespace {

using test::expect;
using test::expect_ok;
using test::require;

std::string hex(std::string_view text) {
  std::string bytes;
  for (size_t i = 0; i + 1 < text.size(); i += 3) {
    bytes += static_cast<char>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

const std::string kRome = hex("01 01 10 01 06 40 52 6f 6d 65 00 ");

std::shared_ptr<Store> memory_store() {
  StoreOptions options;
  options.engine = EngineKind::kMemory;
  options.memory_bytes = uint64_t{8} << 20;
  options.log = false;
  options.holder = "a test";
  Result<std::shared_ptr<Store>> store = Store::open(native_os(), options);
  require(static_cast<bool>(store));
  return *store;
}

std::string value_of(Store& store, const std::string& key) {
  Store::Reader reader(store);
  const Store::View view(reader);
  Lookup found;
  expect_ok(view.get(as_bytes(key), true, found));
  return found.found == Found::kPut ? std::string(as_text(found.edit.value)) : "nothing";
}

void expect_example(bool is_unique, const std::string& entry, const std::string& value) {
  const std::shared_ptr<Store> store = memory_store();
  Store::Reader reader(*store);
  Collections collections(*store);
  const auto defined =
      collections.define(reader, as_bytes(cities_name()), city_draft(true, is_unique), 0);
  require(static_cast<bool>(defined));
  expect((*defined)->id == 1 && (*defined)->indexes.front().id == 2);
  const std::string key = city_key(7);
  const std::string record = city_record(7, "Rome");
  require(static_cast<bool>(collections.commit_put(reader, city_write(1, key, record))));
  Document document((*defined)->schema_set);
  const std::string stored = value_of(*store, hex("14 00 00 00 01 20 c0 1c 00 00 00 00 00 00 "));
  expect_ok(document.open(as_bytes(stored)));
  expect(document.row() == 0);
  expect(value_of(*store, entry) == value);
  const Result<Filter> where = Filter::read(as_bytes(kRome));
  require(static_cast<bool>(where));
  expect(where->matches(document));
  bool was_there = false;
  require(static_cast<bool>(collections.commit_remove(reader, 1, as_bytes(key), was_there)));
  expect(was_there && value_of(*store, entry) == "nothing");
}

const test::Case worked_example("the worked example of FORMAT.md", [] {
  expect_example(false, hex("15 00 00 00 02 40 52 6f 6d 65 00 20 c0 1c 00 00 00 00 00 00 "),
                 hex("00 09 "));
  expect_example(true, hex("15 00 00 00 02 40 52 6f 6d 65 00 "),
                 hex("00 00 20 c0 1c 00 00 00 00 00 00 "));
});

const test::Case worked_rows("the worked example of FORMAT.md, of an index of rows", [] {
  const std::shared_ptr<Store> store = memory_store();
  Store::Reader reader(*store);
  Collections collections(*store);
  Definition draft = city_draft(true, false);
  draft.indexes.front().kind = IndexKind::kBitmap;
  const auto defined = collections.define(reader, as_bytes(cities_name()), draft, 0);
  require(static_cast<bool>(defined));
  const std::string key = city_key(7);
  const std::string record = city_record(7, "Rome");
  require(static_cast<bool>(collections.commit_put(reader, city_write(1, key, record))));
  const std::string row = hex("16 00 00 00 01 00 00 00 00 00 00 00 00 ");
  expect(value_of(*store, row) == hex("20 c0 1c 00 00 00 00 00 00 "));
  const std::string number = hex("01 00 00 00 ");
  expect(value_of(*store, hex("13 00 00 00 02 05 40 52 6f 6d 65 00 ")) == number);
  expect(value_of(*store, hex("13 00 00 00 02 06 ")) == number);

  const Store::View view(reader);
  const Reads reads(view);
  ValueNumbers numbers(reads);
  Document document((*defined)->schema_set);
  const std::string stored = value_of(*store, hex("14 00 00 00 01 20 c0 1c 00 00 00 00 00 00 "));
  expect_ok(document.open(as_bytes(stored)));
  std::vector<PackedEntry> entries;
  expect_ok(make_packed((*defined)->indexes.front(), document, numbers, entries));
  require(entries.size() == 2);
  expect(entries[0].key == hex("13 00 00 00 02 03 00 00 00 00 00 00 00 00 "));
  expect(entries[1].key == hex("13 00 00 00 02 03 00 00 01 00 00 00 00 00 "));
  expect(entries[1].added == hex("01 ") && entries[1].removed == hex("00 "));
  bool was_there = false;
  require(static_cast<bool>(collections.commit_remove(reader, 1, as_bytes(key), was_there)));
  expect(was_there && value_of(*store, row) == "nothing");
});

const test::Case hostile(
    "conditions, positions and definitions of any bytes are read or refused", [] {
      Random random(test::seed());
      std::string definition;
      {
        const auto made = Definition::read(as_bytes(city_draft(true, true).write()), 1);
        require(static_cast<bool>(made));
        definition = (*made)->write();
      }
      size_t refused = 0;
      for (int i = 0; i < 20'000; ++i) {
        std::string bytes = i % 2 == 0 ? kRome : definition;
        for (uint64_t left = 1 + random.below(4); left > 0; --left) {
          bytes[random.below(bytes.size())] = static_cast<char>(random.below(256));
        }
        if (random.one_in(4)) bytes.resize(random.below(bytes.size() + 1));
        if (i % 2 == 0) {
          const Result<Filter> filter = Filter::read(as_bytes(bytes));
          refused += filter ? 0 : 1;
        } else {
          const auto read = Definition::read(as_bytes(bytes), 1);
          refused += read ? 0 : 1;
          if (read) expect(Definition::read(as_bytes((*read)->write()), 1) ? true : false);
        }
        const Result<Position> position = Position::read(as_bytes(bytes));
        if (position) expect(!position->key.empty());
      }
      expect(refused > 1000);
    });

}  // namespace
}  // namespace varve::collection

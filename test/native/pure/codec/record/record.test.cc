// test/native/pure/codec/record/record.test.cc — records and descriptions, held against the fixture
// that lib/collection/ wrote.
#include "pure/codec/record/record.h"

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "base/random.h"
#include "pure/codec/key.h"
#include "pure/codec/record/record_key.h"
#include "pure/codec/record/rules.h"
#include "test.h"

namespace varve {
namespace {

using test::expect;
using test::expect_ok;
using test::require;

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (size_t index = 0; index + 1 < hex.size(); index += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(index, 2)), nullptr, 16)));
  }
  return bytes;
}

struct Fixture {
  uint32_t version = 0;
  std::string description;
  std::string record;
  std::string key;
  std::map<std::string, std::string> keys;  // By path.
};

const std::map<std::string, Fixture>& fixtures() {
  static const std::map<std::string, Fixture> all = [] {
    std::map<std::string, Fixture> made;
    std::ifstream file("test/format/records.txt");  // Native tests run from the root.
    for (std::string line; std::getline(file, line);) {
      std::vector<std::string> cells;
      std::stringstream stream(line);
      for (std::string cell; std::getline(stream, cell, '\t');) cells.push_back(cell);
      require(cells.size() >= 5);
      Fixture& one = made[cells[0]];
      one.version = static_cast<uint32_t>(std::stoul(cells[1]));
      one.description = from_hex(cells[2]);
      one.record = from_hex(cells[3]);
      one.key = from_hex(cells[4]);
      for (size_t at = 5; at + 1 < cells.size(); at += 2)
        one.keys[cells[at]] = from_hex(cells[at + 1]);
    }
    return made;
  }();
  return all;
}

std::shared_ptr<const Schema> schema_of(const Fixture& fixture) {
  Result<Description> description = read_description(as_bytes(fixture.description));
  require(static_cast<bool>(description));
  auto schema = Schema::of(std::move(*description), fixture.version);
  require(static_cast<bool>(schema));
  return *schema;
}

struct Opened {
  explicit Opened(const std::string& name)
      : fixture(fixtures().at(name)), schema(schema_of(fixture)) {
    Result<RecordView> opened = RecordView::open(as_bytes(fixture.record), *schema);
    require(static_cast<bool>(opened));
    view.emplace(*opened);
  }
  Item at(const char* path) const {
    require(schema->find(path) != kNoColumn);
    return view->item(schema->find(path));
  }

  const Fixture& fixture;
  std::shared_ptr<const Schema> schema;
  std::optional<RecordView> view;
};

std::string latin1(Text text) {
  expect(!text.is_wide);
  return std::string(as_text(text.bytes));
}

const test::Case all_verify("every record of the fixture is as one is written, and keeps its rules",
                            [] {
                              expect(fixtures().size() > 20);
                              for (const auto& [name, fixture] : fixtures()) {
                                const Opened opened(name);
                                expect_ok(opened.view->verify());
                                expect(!find_violation(*opened.view).has_value());
                              }
                            });

const test::Case keys_agree("the keys of fields and documents are those of JavaScript", [] {
  size_t count = 0;
  for (const auto& [name, fixture] : fixtures()) {
    const Opened opened(name);
    for (const auto& [path, key] : fixture.keys) {
      std::string own;
      expect(append_key(opened.at(path.c_str()), KeyPlace::kAlone, own));
      expect(own == key);
      std::string array(1, static_cast<char>(kArrayKeyTag));
      expect(append_key(opened.at(path.c_str()), KeyPlace::kElement, array));
      array.push_back(static_cast<char>(kKeyArrayEnd));
      expect_ok(validate_key(as_bytes(array)));
      ++count;
    }
    const Result<std::string> key = key_of(*opened.view);
    if (name != "free") expect(key && *key == fixture.key);
    if (name == "free") expect(!key);  // Its key is in no column.
  }
  expect(count > 50);
});

const test::Case worked_example("the worked example of FORMAT.md", [] {
  const Opened user("user");
  expect(user.fixture.record == from_hex("110608010700000041"
                                         "6461"));
  expect(user.at("id").integer() == 7);
  expect(latin1(user.at("name").text()) == "Ada");
  expect(user.at("active").truth());
  expect(!user.view->has_row());
});

const test::Case scalars("a field of each type is what it was", [] {
  const Opened all("scalars");
  expect(all.at("boolean").truth());
  expect(all.at("int32").integer() == INT32_MIN);
  expect(all.at("byte").integer() == 255);
  expect(all.at("signedByte").integer() == -5);
  expect(all.at("word").integer() == 60000);
  expect(all.at("signedWord").integer() == -300);
  expect(all.at("int64").integer() == INT64_MIN);
  expect(all.at("float64").number() == -0.1);
  expect(latin1(all.at("string").text()) == "Zo\xEB");
  expect(as_text(all.at("bytes").bytes()) == std::string_view("\0\xFF\7\0", 4));
  expect(all.at("date").number() == -8.64e15);
  expect(all.at("enum").choice() == 1);
  expect(all.at("point").coordinate(0) == -90 && all.at("point").coordinate(1) == 180);
  expect(all.at("box").coordinate(3) == -4);
  expect(all.at("vector").bytes().size() == 12);
  expect(all.view->has_row() && all.view->row() == 5);
  expect(latin1(all.at("#made").text()).empty());
  expect(!all.at("#made").bytes().empty());
});

const test::Case nested("members come one after the other", [] {
  const Opened one("nested");
  expect(latin1(one.at("at.where.city").text()) == "Z\xFCrich");
  expect(one.at("at.where.zip").presence() == Presence::kAbsent);
  expect(one.at("author").presence() == Presence::kNull);
  expect(latin1(one.at("last").text()) == "last");
  Members tags(one.at("tags"));
  expect(tags.count() == 3);
  expect(tags.next() && latin1(tags.item().text()) == "a");
  expect(tags.next() && tags.item().text().units() == 0);
  expect(tags.next() && tags.item().text().units() == 200);
  expect(!tags.next() && tags.is_whole());
  Members rows(one.at("nested"));
  expect(rows.next());
  Members row(rows.item());
  expect(row.next() && row.item().integer() == 1);
  expect(row.next() && row.item().presence() == Presence::kNull);
  expect(!row.next() && row.is_whole());
  Members map(one.at("map"));
  expect(map.next() && latin1(map.name()) == "one");
  Members chosen(map.item());
  expect(chosen.next() && chosen.alternative() == 0 && latin1(chosen.item().text()) == "two");
});

const test::Case absent("what is in an object that is not there is absent", [] {
  const Opened absent("nested");
  expect(absent.at("maybe").presence() == Presence::kAbsent);
  expect(absent.at("maybe.flag").presence() == Presence::kAbsent);
  expect(absent.at("maybe.deep.text").presence() == Presence::kAbsent);
  const Opened null("nested-null");
  expect(null.at("maybe").presence() == Presence::kNull);
  expect(null.at("maybe.deep").presence() == Presence::kAbsent);
  const Opened there("nested-there");
  expect(there.at("maybe.flag").truth());
  expect(latin1(there.at("maybe.deep.text").text()) == "deep");
  expect(there.at("maybe.deep.blob").bytes().size() == 2);
});

const test::Case defaults("defaults that are values are a record of their own", [] {
  const Opened one("nested");
  const Result<RecordView> view = RecordView::open(as_bytes(one.schema->defaults()), *one.schema);
  require(static_cast<bool>(view));
  expect_ok(view->verify());
  expect(view->item(one.schema->find("limit")).number() == 2.5);
  expect(view->item(one.schema->find("level")).choice() == 1);
});

const test::Case rows("a row can be put in later, in place of another", [] {
  const Opened user("user");
  for (const uint64_t row : {uint64_t{0}, uint64_t{300}, uint64_t{1} << 50}) {
    const Result<std::string> made = with_row(as_bytes(user.fixture.record), row);
    require(static_cast<bool>(made));
    const Result<RecordView> view = RecordView::open(as_bytes(*made), *user.schema);
    require(static_cast<bool>(view));
    expect_ok(view->verify());
    expect(view->has_row() && view->row() == row);
    expect(view->item(user.schema->find("id")).integer() == 7);
  }
});

const test::Case other_version("a record of another version is refused, and says its own", [] {
  const Opened row("user-row");
  expect(RecordView::version_of(as_bytes(row.fixture.record)) == 20);
  const Opened user("user");
  expect(!RecordView::open(as_bytes(row.fixture.record), *user.schema));
  expect(!RecordView::version_of({}).has_value());
});

const test::Case fields_by_id("a field is found in another version by its id", [] {
  const Opened two("nested");
  const Opened other("nested-null");
  const uint32_t number = two.schema->find("at.where.city");
  expect(other.schema->find(*two.schema, number) == number);
  expect(other.schema->find(*two.schema, two.schema->extra()) == other.schema->extra());
  const Opened user("user");
  expect(user.schema->find(*two.schema, two.schema->find("last")) == kNoColumn);
});

// What verify() accepts among all records that differ in one byte must still be read the same by
// everyone; here only that it is not what was written by another way.
const test::Case changed("no byte of a record can be left out, and nothing put behind it", [] {
  for (const auto& [name, fixture] : fixtures()) {
    if (fixture.record.size() > 2000) continue;
    const auto schema = schema_of(fixture);
    // The text and json at the end may be shorter and yet be a record: the head may not.
    for (size_t size = 0; size < 3; ++size) {
      expect(!RecordView::open(as_bytes(fixture.record).first(size), *schema));
    }
  }
  const Opened user("user");
  std::string longer = user.fixture.record;
  longer[1] = 7;  // The head takes the first letter.
  const Result<RecordView> view = RecordView::open(as_bytes(longer), *user.schema);
  expect(view && !view->verify());
});

const test::Case rules("a rule that is broken is told with its field", [] {
  const Opened all("scalars");
  std::string record = all.fixture.record;
  const Column& column = all.schema->column(all.schema->find("signedByte"));
  const Item item = all.at("signedByte");
  const size_t at = static_cast<size_t>(
      item.bytes().data() - reinterpret_cast<const uint8_t*>(all.fixture.record.data()));
  record[at] = static_cast<char>(101);
  const Result<RecordView> view = RecordView::open(as_bytes(record), *all.schema);
  require(static_cast<bool>(view));
  const std::optional<Violation> found = find_violation(*view);
  require(found.has_value());
  expect(found->path == column.path);
  expect(found->rule == "at most 100");
  expect(found->value == "101");
});

const test::Case hostile("descriptions cut anywhere are refused", [] {
  for (const auto& [name, fixture] : fixtures()) {
    const Bytes whole = as_bytes(fixture.description);
    for (size_t size = 0; size < whole.size(); ++size) expect(!read_description(whole.first(size)));
    std::string longer = fixture.description + '\0';
    expect(!read_description(as_bytes(longer)));
  }
});

const test::Case newer("a description of a newer format says so", [] {
  std::string bytes = fixtures().at("user").description;
  bytes[0] = 1;
  const Result<Description> read = read_description(as_bytes(bytes));
  expect(!read && read.code() == Code::kNewerFormat);
});

}  // namespace
}  // namespace varve

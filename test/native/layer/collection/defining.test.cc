// test/native/layer/collection/defining.test.cc — a definition that is right only as long as there
// are no documents.
#include "base/os/os_simulated.h"
#include "cities.h"

namespace varve::collection {
namespace {

using test::expect;
using test::require;

const test::Case empty(
    "a definition for a collection without documents is refused once it has one", [] {
      SimulatedOs os(test::seed());
      StoreOptions options;
      options.directory = "/data";
      options.memory_bytes = uint64_t{8} << 20;
      options.holder = "a test";
      const Result<std::shared_ptr<Store>> store = Store::open(os, options);
      require(static_cast<bool>(store));
      Store::Reader reader(**store);
      Collections collections(**store);
      const std::string name = cities_name();
      Definition draft = city_draft(false, false);
      auto defined = collections.define(reader, as_bytes(name), draft, 0, Expects::kNone);
      require(static_cast<bool>(defined));
      draft.id = (*defined)->id;
      draft.schemas.push_back(city_description());
      defined =
          collections.define(reader, as_bytes(name), draft, (*defined)->commit, Expects::kNone);
      require(static_cast<bool>(defined));
      const std::string key = city_key(1);
      const std::string record = city_record(1, "Rome");
      require(static_cast<bool>(collections.commit_put(reader, city_write(draft.id, key, record))));
      draft.schemas.push_back(city_description());
      const uint64_t since = (*defined)->commit;
      const auto refused = collections.define(reader, as_bytes(name), draft, since, Expects::kNone);
      expect(!refused && refused.code() == Code::kConflict);
      expect(static_cast<bool>(collections.define(reader, as_bytes(name), draft, since)));
    });

}  // namespace
}  // namespace varve::collection

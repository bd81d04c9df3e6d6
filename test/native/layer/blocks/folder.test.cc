// test/native/layer/blocks/folder.test.cc — indexes are folded in the background, when there is
// something to fold, and no longer than their folder lives.
#include "layer/blocks/folder.h"

#include "base/os/os_simulated.h"
#include "layer/blocks/stored_kinds.h"
#include "store.h"

namespace varve::test {
namespace {

constexpr size_t kFrameBytes = size_t{1} << 20;
const std::string kOtherPrefix("\x13\0\0\0\2", 5);

// A store on a machine whose workers run while time is let pass.
struct Machine {
  SimulatedOs os{seed()};
  std::shared_ptr<Store> store;
  std::unique_ptr<Store::Reader> reader;

  explicit Machine(uint64_t memory_mb = 32) {
    expect_ok(os.create_directory("/data"));
    expect_ok(os.sync_directory("/"));
    StoreOptions options;
    options.directory = "/data/store";
    options.memory_bytes = memory_mb << 20;
    options.holder = "a test";
    Result<std::shared_ptr<Store>> opened = Store::open(os, options);
    require(bool(opened));
    store = std::move(*opened);
    reader = std::make_unique<Store::Reader>(*store);
  }
  void pass_seconds(uint64_t seconds) {
    const std::unique_ptr<Gate> gate = os.gate();
    gate->wait(gate->ticket(), os.now_ns() + seconds * 1'000'000'000);
  }
  void add_members(uint64_t first, uint64_t count, uint64_t apart = 1) {
    Batch batch(store->hash_seed(), store->commit_bytes_max());
    for (uint64_t i = 0; i < count; ++i) {
      StoredMembers::put(batch, kIndexPrefix, (first + i) * apart, Change::kAdd);
    }
    require(bool(store->commit(batch)));
  }
  uint64_t loose_count(const std::string& prefix = kIndexPrefix) {
    return key_count(*store, key_of_part(prefix, StoredPart::kLoose));
  }
  uint64_t member_count() {
    StoredBitmapIndex index(kIndexPrefix, kFrameBytes);
    const Store::View view(*reader);
    expect_ok(index.sync(view));
    return index.index().total();
  }
};

const Case background(
    "what commits leave loose is folded in the background, each index of its kind", [] {
      Machine machine;
      machine.add_members(0, 100);
      Folder folder(machine.os, *machine.store);
      folder.add<StoredMembers>(kIndexPrefix, kFrameBytes);
      folder.add<StoredTexts>(kOtherPrefix, kFrameBytes);
      machine.pass_seconds(3);
      expect(machine.loose_count() == 0 && machine.member_count() == 100);
      machine.add_members(100, 50);
      Batch batch(machine.store->hash_seed());
      StoredTexts::put(batch, kOtherPrefix, 1, "one text");
      require(bool(machine.store->commit(batch)));
      folder.note(kIndexPrefix);
      folder.note(kOtherPrefix);
      machine.pass_seconds(3);
      expect(machine.loose_count() == 0 && machine.member_count() == 150);
      expect(machine.loose_count(kOtherPrefix) == 0);
      expect(key_count(*machine.store, kOtherPrefix) > 1);
    });

const Case nothing("where nothing is loose, nothing is committed", [] {
  Machine machine;
  Folder folder(machine.os, *machine.store);
  folder.add<StoredMembers>(kIndexPrefix, kFrameBytes);
  const uint64_t visible = machine.store->visible();
  for (int times = 0; times < 5; ++times) {
    folder.note(kIndexPrefix);
    machine.pass_seconds(3);
  }
  expect(machine.store->visible() == visible);
});

const Case pieces("what does not fit one commit is folded by several", [] {
  Machine machine(8);
  for (uint64_t commit = 0; commit < 20; ++commit) machine.add_members(commit * 2000, 2000, 70'000);
  const uint64_t visible = machine.store->visible();
  Folder folder(machine.os, *machine.store);
  folder.add<StoredMembers>(kIndexPrefix, kFrameBytes);
  machine.pass_seconds(30);
  expect(machine.store->visible() > visible + 1);
  expect(machine.loose_count() == 0 && machine.member_count() == 40'000);
});

const Case gathered("many commits within a second are folded as one", [] {
  Machine machine;
  Folder folder(machine.os, *machine.store);
  folder.add<StoredMembers>(kIndexPrefix, kFrameBytes);
  machine.pass_seconds(3);
  const uint64_t visible = machine.store->visible();
  for (uint64_t commit = 0; commit < 30; ++commit) {
    machine.add_members(commit * 10, 10);
    folder.note(kIndexPrefix);
  }
  machine.pass_seconds(3);
  expect(machine.store->visible() == visible + 31);
  expect(machine.loose_count() == 0 && machine.member_count() == 300);
});

const Case ended("a folder that is gone, or that an index was taken from, folds no more", [] {
  Machine machine;
  machine.add_members(0, 10);
  {
    Folder folder(machine.os, *machine.store);
    folder.add<StoredMembers>(kIndexPrefix, kFrameBytes);
    folder.remove(kIndexPrefix);
    folder.note(kIndexPrefix);
    machine.pass_seconds(3);
    expect(machine.loose_count() == 10);
    folder.add<StoredMembers>(kIndexPrefix, kFrameBytes);
  }
  machine.pass_seconds(3);
  expect(machine.loose_count() == 10 && machine.member_count() == 10);
  expect_ok(machine.store->close());
});

const Case damaged("an index that cannot be folded says why, and hinders no other one", [] {
  Machine machine;
  machine.add_members(0, 10);
  Batch batch(machine.store->hash_seed());
  StoredMembers::put(batch, kOtherPrefix, 1, Change::kAdd);
  const std::string head = key_of_part(kOtherPrefix, StoredPart::kHead);
  batch.put(as_bytes(head), as_bytes(std::string_view("x")));
  require(bool(machine.store->commit(batch)));
  Folder folder(machine.os, *machine.store);
  folder.add<StoredMembers>(kOtherPrefix, kFrameBytes);
  folder.add<StoredMembers>(kIndexPrefix, kFrameBytes);
  machine.pass_seconds(3);
  expect(folder.status(kOtherPrefix).code() == Code::kCorrupt);
  expect_ok(folder.status(kIndexPrefix));
  expect(machine.loose_count() == 0 && machine.loose_count(kOtherPrefix) == 1);
});

}  // namespace
}  // namespace varve::test

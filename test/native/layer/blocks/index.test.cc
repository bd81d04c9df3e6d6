// test/native/layer/blocks/index.test.cc — indexes in a store: loose entries and packed blocks
// answer as one, now and in the past, whoever folds meanwhile.
#include <atomic>
#include <map>
#include <set>
#include <thread>

#include "../../pure/geo/world.h"
#include "base/random.h"
#include "layer/blocks/stored_kinds.h"
#include "store.h"

namespace varve::test {
namespace {

constexpr size_t kFrameBytes = size_t{1} << 20;
constexpr EngineKind kEngines[] = {EngineKind::kLsm, EngineKind::kMemory};

using Members = std::set<uint64_t>;

void change_members(Store& store, Random& random, Members& model) {
  Batch batch(store.hash_seed());
  for (uint64_t left = 1 + random.below(200); left > 0; --left) {
    const uint64_t member = random.below(random.one_in(2) ? 3000 : 1'000'000);
    const bool adds = !random.one_in(3);
    StoredMembers::put(batch, kIndexPrefix, member, adds ? Change::kAdd : Change::kRemove);
    if (adds) {
      model.insert(member);
    } else {
      model.erase(member);
    }
  }
  expect(bool(store.commit(batch)));
}

bool holds_members(const StoredBitmapIndex& index, const Members& model) {
  std::vector<uint64_t> members(model.size() + 1);
  members.resize(index.index().list_up(0, members.data(), members.size()));
  return bool(index.status()) && index.index().total() == model.size() &&
         std::equal(members.begin(), members.end(), model.begin(), model.end());
}

void expect_members(StoredBitmapIndex& index, const Store::View& view, const Members& model) {
  expect_ok(index.sync(view));
  expect(holds_members(index, model));
}

void live_members(Store& store, uint64_t seed) {
  Random random(seed);
  Store::Reader reader(store);
  StoredBitmapIndex index(kIndexPrefix, kFrameBytes);
  StoredBitmapIndex other(kIndexPrefix, 0);
  Members model;
  std::map<uint64_t, Members> held;  // By commit.
  for (int step = 0; step < 60; ++step) {
    change_members(store, random, model);
    if (random.one_in(3)) expect_members(index, Store::View(reader), model);
    if (random.one_in(6)) held[store.hold()] = model;
    if (random.one_in(5)) {
      StoredBitmapIndex& folder = random.one_in(2) ? index : other;
      const Result<FoldReport> folded = folder.fold(store, reader);
      require(bool(folded));
      expect(folded->is_done && folded->entry_count > 0);
      expect(key_count(store, key_of_part(kIndexPrefix, StoredPart::kLoose)) == 0);
    }
    if (random.one_in(4)) expect_members(other, Store::View(reader), model);
    if (random.one_in(10)) expect_ok(store.flush());
    for (const auto& [commit, past] : held) {
      if (random.one_in(4)) expect_members(index, Store::View(reader, commit), past);
    }
  }
  expect_members(index, Store::View(reader), model);
  for (const auto& [commit, past] : held) store.release(commit);
  StoredBitmapIndex fresh(kIndexPrefix, kFrameBytes);
  expect_members(fresh, Store::View(reader), model);
}

const Case as_a_set("loose and packed members answer as one set, now and at held commits", [] {
  for (const EngineKind engine : kEngines) {
    for (uint64_t i = 0; i < std::min<uint64_t>(seed_count() / 5 + 1, 20); ++i) {
      live_members(*open_index_store(engine), seed() * 1000 + i);
    }
  }
});

const Case following("an index goes to a new commit without a walk over what is loose", [] {
  for (const EngineKind engine : kEngines) {
    const std::shared_ptr<Store> store = open_index_store(engine);
    Store::Reader reader(*store);
    StoredBitmapIndex index(kIndexPrefix, kFrameBytes);
    Random random(seed());
    Members model;
    const auto go_on = [&](const Members& expected) {
      const uint64_t before = store->stats().mix.scan_count;
      expect_members(index, Store::View(reader), expected);
      return store->stats().mix.scan_count - before;
    };
    change_members(*store, random, model);
    expect(go_on(model) > 0);
    for (int i = 0; i < 10; ++i) {
      const Members past = model;
      const uint64_t held = store->hold();
      change_members(*store, random, model);
      expect(go_on(model) == 0);
      if (i == 5) {  // Back, and forth again.
        expect_members(index, Store::View(reader, held), past);
        expect(go_on(model) == 0);
      }
      store->release(held);
    }
    require(bool(index.fold(*store, reader)));
    go_on(model);
    change_members(*store, random, model);
    expect(go_on(model) == 0);
  }
});

const Case places("places are found whether they are loose or packed, and not when removed", [] {
  using geo::test::Model;
  const std::shared_ptr<Store> store = open_index_store(EngineKind::kLsm);
  Store::Reader reader(*store);
  StoredPointIndex index(kIndexPrefix, kFrameBytes);
  Random random(seed());
  Model model(geo::Holds::kPoints);
  std::vector<geo::Entry> given;
  for (int round = 0; round < 30; ++round) {
    Batch batch(store->hash_seed());
    for (int i = 0; i < 100; ++i) {
      const bool removes = !given.empty() && random.one_in(4);
      const geo::Entry entry =
          removes ? given[random.below(given.size())]
                  : geo::Entry{random.below(2000),
                               geo::box_of(geo::test::point_in(geo::test::World::kCity, random))};
      StoredPlaces<geo::Holds::kPoints>::put(batch, kIndexPrefix, entry,
                                             removes ? Change::kRemove : Change::kAdd);
      if (removes) {
        model.remove(entry);
      } else {
        model.insert(entry);
        given.push_back(entry);
      }
    }
    expect(bool(store->commit(batch)));
    if (random.one_in(4)) expect(bool(index.fold(*store, reader)));
    const Store::View view(reader);
    expect_ok(index.sync(view));
    expect(index.index().state().count == model.entries().size());
    const geo::Point from = geo::test::point_in(geo::test::World::kCity, random);
    geo::Query query;
    query.limit = 20;
    std::vector<geo::Match> found;
    index.index().near(from, INFINITY, query, found);
    expect(found == model.near(from, INFINITY, query));
    expect_ok(index.status());
  }
});

const Case parts("what does not fit one commit is folded by several, and answers meanwhile", [] {
  const std::shared_ptr<Store> store = open_index_store(EngineKind::kLsm, 8);
  Store::Reader reader(*store);
  StoredBitmapIndex index(kIndexPrefix, kFrameBytes);
  Members model;
  for (int commit = 0; commit < 30; ++commit) {
    Batch batch(store->hash_seed(), store->commit_bytes_max());
    for (uint64_t i = 0; i < 2000; ++i) {
      const uint64_t member = (commit * 2000 + i) * 70'000;  // A container each.
      StoredMembers::put(batch, kIndexPrefix, member, Change::kAdd);
      model.insert(member);
    }
    commit_some_time(*store, batch);
  }
  int folds = 0;
  for (bool is_done = false; !is_done; ++folds) {
    const Result<FoldReport> folded = index.fold(*store, reader);
    require(folded || folded.code() == Code::kBusy);  // The disk is slow.
    is_done = folded && folded->is_done;
    expect_members(index, Store::View(reader), model);
    require(folds < 1000);
  }
  expect(folds > 1);
  expect(key_count(*store, key_of_part(kIndexPrefix, StoredPart::kLoose)) == 0);
  expect(key_count(*store, key_of_part(kIndexPrefix, StoredPart::kBlock)) == model.size());
});

const Case dropped(
    "an index that was dropped with its prefix and made again knows nothing of the old one", [] {
      const std::shared_ptr<Store> store = open_index_store(EngineKind::kMemory);
      Store::Reader reader(*store);
      StoredBitmapIndex index(kIndexPrefix, kFrameBytes);
      Random random(seed());
      for (int life = 0; life < 4; ++life) {
        Members model;
        for (int step = 0; step < 5; ++step) {
          change_members(*store, random, model);
          expect(bool(index.fold(*store, reader)));
          expect_members(index, Store::View(reader), model);
        }
        Batch batch(store->hash_seed());
        batch.erase_range(as_bytes(kIndexPrefix),
                          as_bytes(key_of_part(kIndexPrefix, StoredPart::kEnd)));
        expect(bool(store->commit(batch)));
        if (random.one_in(2)) expect_members(index, Store::View(reader), {});
      }
    });

const Case threads("writers, one who folds and one who reads agree in the end", [] {
  const std::shared_ptr<Store> store = open_index_store(EngineKind::kLsm);
  constexpr uint64_t kWriters = 2;
  constexpr uint64_t kCommits = 150;
  std::atomic<bool> is_over{false};
  std::atomic<uint64_t> fold_count{0};
  std::vector<Members> models(kWriters);
  std::vector<std::thread> writers;
  for (uint64_t writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&, writer] {
      Random random(seed() * 10 + writer);
      for (uint64_t commit = 0; commit < kCommits; ++commit) {
        Batch batch(store->hash_seed());
        for (int i = 0; i < 8; ++i) {
          const uint64_t member = random.below(4000) * kWriters + writer;
          const bool adds = !random.one_in(3);
          StoredMembers::put(batch, kIndexPrefix, member, adds ? Change::kAdd : Change::kRemove);
          if (adds) {
            models[writer].insert(member);
          } else {
            models[writer].erase(member);
          }
        }
        expect(bool(store->commit(batch)));
      }
    });
  }
  std::thread folder([&] {
    Store::Reader reader(*store);
    StoredBitmapIndex index(kIndexPrefix, kFrameBytes);
    while (!is_over.load()) {
      const Result<FoldReport> folded = index.fold(*store, reader);
      expect(bool(folded) || folded.code() == Code::kConflict);
      if (folded && folded->entry_count > 0) fold_count += 1;
      std::this_thread::yield();
    }
  });
  std::thread asker([&] {
    Store::Reader reader(*store);
    StoredBitmapIndex index(kIndexPrefix, kFrameBytes);
    while (!is_over.load()) {
      const Store::View view(reader);
      expect_ok(index.sync(view));
      expect(index.index().rank(UINT64_MAX) == index.index().total());
      expect_ok(index.status());
    }
  });
  for (std::thread& writer : writers) writer.join();
  is_over = true;
  folder.join();
  asker.join();
  Members model = models[0];
  model.insert(models[1].begin(), models[1].end());
  Store::Reader reader(*store);
  StoredBitmapIndex index(kIndexPrefix, kFrameBytes);
  expect_members(index, Store::View(reader), model);
  expect(bool(index.fold(*store, reader)));
  expect_members(index, Store::View(reader), model);
});

std::string hex_of(Bytes bytes) {
  std::string text;
  for (const uint8_t byte : bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    text += {kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return text;
}

std::map<std::string, std::string> everything(Store& store) {
  Store::Reader reader(store);
  const Store::View view(reader);
  const auto cursor = view.scan({as_bytes(kIndexPrefix), {}}, Direction::kForward);
  std::map<std::string, std::string> all;
  for (; cursor->valid(); cursor->next()) {
    all[hex_of(cursor->edit().key)] = hex_of(cursor->edit().value);
  }
  return all;
}

const Case example("the worked example of FORMAT.md is what is written", [] {
  const std::shared_ptr<Store> store = open_index_store(EngineKind::kMemory);
  Store::Reader reader(*store);
  for (int commit = 1; commit < 5; ++commit) {
    Batch other(store->hash_seed());
    other.put(as_bytes(std::string_view("\x10")), {});
    expect(bool(store->commit(other)));
  }
  Batch batch(store->hash_seed());
  StoredMembers::put(batch, kIndexPrefix, 7, Change::kAdd);
  expect(bool(store->commit(batch)));
  require(store->visible() == 5);
  using Pairs = std::map<std::string, std::string>;
  expect(everything(*store) == Pairs{{"1300000001030000000000000007", "01"}});
  StoredBitmapIndex index(kIndexPrefix, kFrameBytes);
  expect(bool(index.fold(*store, reader)));
  expect(everything(*store) ==
         Pairs{{"130000000100", "000100000100000005000000000000001000000000000000ffffffff00000000"},
               {"13000000010100000000", "00000000000000000000000000000100"},
               {"13000000010200000000", "0700000000000000"}});
});

// Puts a value and answers how a sync() with it goes.
Code sync_with(const std::string& key, const std::string& value) {
  const std::shared_ptr<Store> store = open_index_store(EngineKind::kMemory);
  Store::Reader reader(*store);
  Batch batch(store->hash_seed());
  StoredMembers::put(batch, kIndexPrefix, 7, Change::kAdd);
  expect(bool(store->commit(batch)));
  StoredBitmapIndex folder(kIndexPrefix, kFrameBytes);
  expect(bool(folder.fold(*store, reader)));
  Batch damage(store->hash_seed());
  damage.put(as_bytes(key), as_bytes(value));
  expect(bool(store->commit(damage)));
  const Store::View view(reader);
  StoredBitmapIndex index(kIndexPrefix, kFrameBytes);
  const Status synced = index.sync(view);
  if (!synced) return synced.code();
  index.index().has(7);
  return index.status().code();
}

const Case hostile(
    "what is no head, no state, no block and no entry is CORRUPT, and harms nothing", [] {
      const std::string head = key_of_part(kIndexPrefix, StoredPart::kHead);
      const std::string state = key_of_part(kIndexPrefix, StoredPart::kState, 0);
      const std::string good(
          "\0\1\0\0\1\0\0\0\1\0\0\0\0\0\0\0\x10\0\0\0\0\0\0\0\xff\xff\xff\xff\0\0\0\0", 32);
      expect(sync_with(head, good) == Code::kOk);
      expect(sync_with(head, good.substr(1)) == Code::kCorrupt);
      const auto with = [&](size_t place, char byte) {
        std::string bytes = good;
        bytes[place] = byte;
        return bytes;
      };
      expect(sync_with(head, with(0, 1)) == Code::kNewerFormat);
      expect(sync_with(head, with(1, 2)) == Code::kCorrupt);
      expect(sync_with(head, with(2, 1)) == Code::kCorrupt);
      expect(sync_with(head, with(4, 0)) == Code::kCorrupt);  // Its block has no number yet.
      expect(sync_with(head, with(16, 15)) == Code::kCorrupt);
      expect(sync_with(head, with(23, '\x7f')) == Code::kCorrupt);
      expect(sync_with(head, with(24, 0)) ==
             Code::kCorrupt);  // A rebuild from block 2^32 - 256 on.
      expect(sync_with(head, with(28, 1)) == Code::kCorrupt);
      expect(sync_with(state, std::string(16, '\0')) == Code::kCorrupt);
      expect(sync_with(state, std::string(16, '\xff')) == Code::kCorrupt);
      expect(sync_with(state, std::string(15, '\0')) == Code::kCorrupt);
      expect(sync_with(block_key(kIndexPrefix, 0), "") == Code::kCorrupt);
      expect(sync_with(block_key(kIndexPrefix, 0), std::string(8193, '\0')) == Code::kCorrupt);
      const std::string loose = key_of_part(kIndexPrefix, StoredPart::kLoose);
      expect(sync_with(loose + "1234567", "\1") == Code::kCorrupt);
      expect(sync_with(loose + "12345678", "\2") == Code::kCorrupt);
      expect(sync_with(loose + "12345678", "") == Code::kCorrupt);
      expect(sync_with(loose + "12345678", "\1") == Code::kOk);
    });

}  // namespace
}  // namespace varve::test

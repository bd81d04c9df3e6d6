// test/native/layer/blocks/texts.test.cc — texts in a store: loose and packed ones answer as one
// index, now and in the past, and after a crash in whatever a fold was doing.
#include "../../pure/text/program.h"
#include "base/os/os_simulated.h"
#include "layer/blocks/stored_kinds.h"
#include "store.h"

namespace varve::test {
namespace {

constexpr size_t kFrameBytes = size_t{1} << 20;
constexpr EngineKind kEngines[] = {EngineKind::kLsm, EngineKind::kMemory};
constexpr uint32_t kVocabulary = 300;
constexpr uint64_t kNever = uint64_t{1} << 60;
constexpr uint32_t kNeverRebuilt = 1u << 30;

// A commit of some texts and removals; the model is what it leaves, if it is not refused.
bool change_texts(Store& store, Random& random, TextModel& model) {
  Batch batch(store.hash_seed(), store.commit_bytes_max());
  TextModel next = model;
  for (uint64_t left = 1 + random.below(12); left > 0; --left) {
    const uint32_t id = static_cast<uint32_t>(random.below(120));
    const bool is_there = next.has(id);
    if (is_there) next.remove(id);
    if (is_there ? random.one_in(2) : random.one_in(8)) {
      StoredTexts::remove(batch, kIndexPrefix, id);
    } else {
      const std::string text = texts::random_text(random, kVocabulary, 30);
      StoredTexts::put(batch, kIndexPrefix, id, text);
      next.add(id, text);
    }
  }
  model = std::move(next);
  return bool(store.commit(batch));
}

void expect_texts(StoredTextIndex& index, const Store::View& view, const TextModel& model,
                  Random& random) {
  expect_ok(index.sync(view));
  expect(index.index().stats().document_count == model.size());
  texts::ask(index.index(), model, random, kVocabulary, 3);
  expect_ok(index.status());
}

constexpr uint32_t kRemovedMin = 10;

// All that is loose, and a rebuild where that is due; answers how many commits that took.
int fold_all(StoredTextIndex& index, Store& store, Store::Reader& reader) {
  int commits = 0;
  for (bool is_done = false; !is_done; ++commits) {
    const Result<FoldReport> folded = index.fold(store, reader);
    // The disk is slow, or another has folded since a rebuild was due.
    require(folded || folded.code() == Code::kBusy || folded.code() == Code::kConflict);
    is_done = folded && folded->is_done;
    require(commits < 1000);
  }
  expect(key_count(store, key_of_part(kIndexPrefix, StoredPart::kLoose)) == 0);
  return commits;
}

void expect_dense(StoredTextIndex& index, const Store::View& view) {
  expect_ok(index.sync(view));
  const TextStats stats = index.index().stats();
  expect(stats.removed_count <= stats.document_count + kRemovedMin);
}

struct Past {
  uint64_t commit;
  TextModel model;
};

void live_texts(Store& store, uint64_t seed) {
  Random random(seed);
  const TextOptions options = {static_cast<uint32_t>(random.below(4)), "", 1.2, 0.75};
  Store::Reader reader(store);
  StoredTextIndex index(kIndexPrefix, kFrameBytes, {options, kRemovedMin});
  StoredTextIndex other(kIndexPrefix, 0, {options, kRemovedMin});
  TextModel model(options.languages, options.k1, options.b);
  std::vector<Past> held;
  for (int step = 0; step < 50; ++step) {
    expect(change_texts(store, random, model));
    if (random.one_in(3)) expect_texts(index, Store::View(reader), model, random);
    if (random.one_in(8)) held.push_back({store.hold(), model});
    if (random.one_in(5)) {
      StoredTextIndex& folder = random.one_in(2) ? index : other;
      if (random.one_in(4)) {  // Maybe the first step of a rebuild that nobody goes on with.
        for (int left = 2; left > 0; --left) expect(bool(folder.fold(store, reader)));
      } else {
        fold_all(folder, store, reader);
        expect_dense(folder, Store::View(reader));
      }
    }
    if (random.one_in(4)) expect_texts(other, Store::View(reader), model, random);
    if (random.one_in(10)) expect_ok(store.flush());
    for (const Past& past : held) {
      if (random.one_in(6)) {
        expect_texts(index, Store::View(reader, past.commit), past.model, random);
      }
    }
  }
  expect_texts(index, Store::View(reader), model, random);
  for (const Past& past : held) store.release(past.commit);
  StoredTextIndex fresh(kIndexPrefix, kFrameBytes, {options, kRemovedMin});
  expect_texts(fresh, Store::View(reader), model, random);
}

const Case as_one("loose and packed texts answer as one index, now and at held commits", [] {
  for (const EngineKind engine : kEngines) {
    for (uint64_t i = 0; i < std::min<uint64_t>(seed_count() / 10 + 1, 10); ++i) {
      live_texts(*open_index_store(engine), seed() * 1000 + i);
    }
  }
});

const Case parts("texts that do not fit one commit are folded by several, and answer meanwhile",
                 [] {
                   const std::shared_ptr<Store> store = open_index_store(EngineKind::kLsm, 4);
                   Store::Reader reader(*store);
                   StoredTextIndex index(kIndexPrefix, kFrameBytes);
                   TextModel model(0, 1.2, 0.75);
                   Random random(seed());
                   for (uint32_t id = 0; id < 1200; ++id) {
                     Batch batch(store->hash_seed(), store->commit_bytes_max());
                     const std::string text = texts::random_text(random, 1000, 300);
                     StoredTexts::put(batch, kIndexPrefix, id, text);
                     model.add(id, text);
                     commit_some_time(*store, batch);
                   }
                   int folds = 0;
                   for (bool is_done = false; !is_done; ++folds) {
                     const Result<FoldReport> folded = index.fold(*store, reader);
                     require(folded || folded.code() == Code::kBusy);  // The disk is slow.
                     is_done = folded && folded->is_done;
                     if (folds < 3) expect_texts(index, Store::View(reader), model, random);
                     require(folds < 1000);
                   }
                   expect(folds > 1);
                   expect(key_count(*store, key_of_part(kIndexPrefix, StoredPart::kLoose)) == 0);
                   expect_texts(index, Store::View(reader), model, random);
                 });

uint64_t block_count(Store& store) {
  return key_count(store, key_of_part(kIndexPrefix, StoredPart::kBlock));
}

const Case anew("an index of which much was removed is written anew by several commits", [] {
  const std::shared_ptr<Store> store = open_index_store(EngineKind::kLsm, 4);
  Store::Reader reader(*store);
  StoredTextIndex index(kIndexPrefix, kFrameBytes);
  StoredTextIndex reading(kIndexPrefix, kFrameBytes);
  TextModel model(0, 1.2, 0.75);
  Random random(seed());
  std::vector<Past> held;
  uint64_t blocks_of_one = 0;
  int commits = 0;
  for (int round = 0; round < 8; ++round) {
    for (uint32_t id = 0; id < 500; ++id) {
      Batch batch(store->hash_seed(), store->commit_bytes_max());
      const std::string text = texts::random_text(random, 2000, 200);
      StoredTexts::put(batch, kIndexPrefix, id, text);
      if (round > 0) model.remove(id);
      model.add(id, text);
      commit_some_time(*store, batch);
    }
    commits = std::max(commits, fold_all(index, *store, reader));
    expect_texts(reading, Store::View(reader), model, random);
    held.push_back({store->hold(), model});
    if (round == 0) blocks_of_one = block_count(*store);
  }
  expect(commits > 4);
  // There are never more removed than 1,024 above those that are there.
  expect(block_count(*store) < 5 * blocks_of_one);
  for (const Past& past : held) {
    expect_texts(reading, Store::View(reader, past.commit), past.model, random);
    store->release(past.commit);
  }
});

const Case broken_off("a rebuild that nobody goes on with leaves nothing", [] {
  const std::shared_ptr<Store> store = open_index_store(EngineKind::kLsm, 4);
  Store::Reader reader(*store);
  TextModel model(0, 1.2, 0.75);
  Random random(seed());
  const auto change = [&](uint32_t id, uint64_t words) {
    Batch batch(store->hash_seed(), store->commit_bytes_max());
    const std::string text = texts::random_text(random, 500, words);
    StoredTexts::put(batch, kIndexPrefix, id, text);
    if (model.has(id)) model.remove(id);
    model.add(id, text);
    commit_some_time(*store, batch);
  };
  for (int round = 0; round < 3; ++round) {
    for (uint32_t id = 0; id < 600; ++id) change(id, 800);
    StoredTextIndex index(kIndexPrefix, kFrameBytes, {{}, kNeverRebuilt});
    fold_all(index, *store, reader);
  }
  uint64_t before = 0;
  {
    StoredTextIndex index(kIndexPrefix, kFrameBytes, {{}, 0});
    change(0, 400);
    require(bool(index.fold(*store, reader)));  // Finds that a rebuild is due,
    before = block_count(*store);
    require(bool(index.fold(*store, reader)));  // and begins it.
    expect(block_count(*store) > before);
    expect_texts(index, Store::View(reader), model, random);
  }
  StoredTextIndex index(kIndexPrefix, kFrameBytes, {{}, kNeverRebuilt});
  change(1, 400);
  require(bool(index.fold(*store, reader)));
  expect(block_count(*store) == before);
  fold_all(index, *store, reader);
  expect_texts(index, Store::View(reader), model, random);
});

// What survives a crash is the state after some commit, folded or not.
void crash_texts(uint64_t seed) {
  Random random(seed);
  SimulatedOs os(seed);
  expect_ok(os.create_directory("/data"));
  expect_ok(os.sync_directory("/"));
  StoreOptions options;
  options.directory = "/data/store";
  options.memory_bytes = uint64_t{1} << 20;
  options.holder = "a test";
  std::vector<Past> history = {{0, TextModel(0, 1.2, 0.75)}};
  for (int boot = 0; boot < 4; ++boot) {
    Result<std::shared_ptr<Store>> opened = Store::open(os, options);
    require(bool(opened));
    Store& store = **opened;
    {
      Store::Reader reader(store);
      StoredTextIndex index(kIndexPrefix, kFrameBytes, {{}, kRemovedMin});
      // Of a fold the contents are those of the commit before it.
      while (history.size() > 1 && history.back().commit > store.visible()) history.pop_back();
      expect_texts(index, Store::View(reader), history.back().model, random);
      os.go_down_at_call(20 + random.below(150));
      while (!os.is_down()) {
        TextModel model = history.back().model;
        const uint64_t next = store.visible() + 1;
        // One at which the machine goes down may be there after all.
        expect(change_texts(store, random, model) || os.is_down());
        history.push_back({next, model});
        if (random.one_in(3)) {
          Result<FoldReport> folded = index.fold(store, reader);
          if (folded && !folded->is_done) folded = index.fold(store, reader);
          if (folded && !os.is_down()) {
            os.go_down_at_call(kNever);  // Not while it is looked at.
            expect_texts(index, Store::View(reader), history.back().model, random);
            os.go_down_at_call(1 + random.below(100));
          }
        }
        if (random.one_in(6)) (void)store.flush();
      }
    }
    opened = Status::io("the machine went down");
    os.restart();
  }
}

const Case crashes("after a crash an index answers what its texts say, whatever a fold was doing",
                   [] {
                     for (uint64_t i = 0; i < std::min<uint64_t>(seed_count() / 2 + 1, 40); ++i) {
                       crash_texts(seed() * 1000 + i);
                     }
                   });

// Puts a value and answers how a sync() with it, and a look at everything, goes.
Code sync_with(const std::string& key, const std::string& value, TextOptions options = {}) {
  const std::shared_ptr<Store> store = open_index_store(EngineKind::kMemory);
  Store::Reader reader(*store);
  Batch batch(store->hash_seed());
  StoredTexts::put(batch, kIndexPrefix, 7, "a raven and a writing desk");
  StoredTexts::put(batch, kIndexPrefix, 8, "a raven");
  expect(bool(store->commit(batch)));
  StoredTextIndex folder(kIndexPrefix, kFrameBytes);
  expect(bool(folder.fold(*store, reader)));
  Batch damage(store->hash_seed());
  if (!key.empty()) damage.put(as_bytes(key), as_bytes(value));
  StoredTexts::put(damage, kIndexPrefix, 9, "a desk");
  expect(bool(store->commit(damage)));
  const Store::View view(reader);
  StoredTextIndex index(kIndexPrefix, kFrameBytes, {options});
  const Status synced = index.sync(view);
  if (!synced) return synced.code();
  std::vector<TextHit> hits;
  TextRequest request;
  for (const char* const query : {"raven", "desk", "\"a raven\"", "ra*", "reven~1"}) {
    request.query = query;
    (void)index.index().search(request, hits);
  }
  index.index().remove(7);
  std::string state;
  index.index().save(state);
  return index.status().code();
}

const Case hostile("what is no state and no entry is CORRUPT, and damaged blocks harm nothing", [] {
  const std::string state = key_of_part(kIndexPrefix, StoredPart::kState, 0);
  const std::string loose = key_of_part(kIndexPrefix, StoredPart::kLoose);
  expect(sync_with("", "") == Code::kOk);
  expect(sync_with("", "", {1, "", 1.2, 0.75}) == Code::kInvalid);
  expect(sync_with("", "", {0, "and", 1.2, 0.75}) == Code::kInvalid);
  expect(sync_with(state, "") == Code::kCorrupt);
  expect(sync_with(state, std::string(60, '\0')) == Code::kCorrupt);
  expect(sync_with(state, std::string(60, '\xff')) == Code::kCorrupt);
  expect(sync_with(loose + "123", "\1") == Code::kCorrupt);
  expect(sync_with(loose + "1234", "") == Code::kCorrupt);
  expect(sync_with(loose + "1234", "\2") == Code::kCorrupt);
  expect(sync_with(loose + "1234", std::string("\0a", 2)) == Code::kCorrupt);
  expect(sync_with(loose + "1234", std::string("\0", 1)) == Code::kOk);
  expect(sync_with(loose + "1234", "\1a") == Code::kOk);
  Random random(seed());
  for (uint32_t round = 0; round < 40; ++round) {
    std::string block(1 + random.below(kBlockBytesMax), '\0');
    for (char& byte : block) byte = static_cast<char>(random.below(random.one_in(3) ? 4 : 256));
    const Code code = sync_with(block_key(kIndexPrefix, round % 6), block);
    expect(code == Code::kOk || code == Code::kCorrupt);
  }
});

}  // namespace
}  // namespace varve::test

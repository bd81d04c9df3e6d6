// test/native/layer/blocks/laid.test.cc — what a transaction lays over an index: it answers as if it
// were committed, and without it as if it had never been.
#include <map>

#include "../../pure/geo/world.h"
#include "../../pure/text/program.h"
#include "base/random.h"
#include "layer/blocks/stored_kinds.h"
#include "store.h"
#include "store/transaction/transaction.h"

namespace varve::test {
namespace {

constexpr size_t kFrameBytes = size_t{1} << 20;
constexpr uint32_t kVocabulary = 200;
const std::string kLoose = key_of_part(kIndexPrefix, StoredPart::kLoose);

// Which entries: the same for what is committed and for what is laid.
struct Entries {
  std::map<std::string, std::string> all;  // Key and value, of commits.

  Status commit(Store& store, const LooseEntry& entry) {
    Batch batch(store.hash_seed());
    batch.put(as_bytes(entry.key), as_bytes(entry.value));
    const Result<uint64_t> commit = store.commit(batch);
    if (!commit) return commit.error();
    all[entry.key] = entry.value;
    return Status::ok();
  }
};

template <class Kind>
Status lay(StoredIndex<Kind>& index, const LooseEntry& entry) {
  return index.lay(as_bytes(entry.key).subspan(kLoose.size()), as_bytes(entry.value));
}

LooseEntry random_member(Random& random) {
  const Change change = random.one_in(3) ? Change::kRemove : Change::kAdd;
  return StoredMembers::entry(kIndexPrefix, random.below(400) * 300, change);
}

LooseEntry random_place(Random& random) {
  // Few ids and places, so that entries replace one another, also within a cell.
  const double nudge = random.one_in(2) ? 1e-9 : 0;
  const geo::Point at = {1 + static_cast<double>(random.below(20)) + nudge, 2};
  const Change change = random.one_in(3) ? Change::kRemove : Change::kAdd;
  return StoredPlaces<geo::Holds::kPoints>::entry(kIndexPrefix, {random.below(30), geo::box_of(at)},
                                                  change);
}

LooseEntry random_text(Random& random) {
  const uint32_t id = static_cast<uint32_t>(random.below(60));
  if (random.one_in(3)) return StoredTexts::removal(kIndexPrefix, id);
  return StoredTexts::entry(kIndexPrefix, id, texts::random_text(random, kVocabulary, 20));
}

// All that an index answers, as text.
std::string said(const Bitmap& bitmap) {
  std::vector<uint64_t> members(1000);
  members.resize(bitmap.list_up(0, members.data(), members.size()));
  std::string text;
  for (const uint64_t member : members) text += std::to_string(member) + ' ';
  return text;
}

std::string said(const geo::Tree& tree) {
  std::vector<geo::Match> found;
  tree.near({5, 2}, INFINITY, {}, found);
  std::string text = std::to_string(tree.state().count) + ':';
  for (const geo::Match& match : found) {
    text.append(reinterpret_cast<const char*>(&match.haversine), sizeof(double));
    text += std::to_string(match.id) + ' ';
  }
  return text;
}

std::string said(TextIndex& index) {
  const TextStats stats = index.stats();
  std::string text = std::to_string(stats.document_count) + ',' + std::to_string(stats.length_sum);
  Random words(1);
  for (int i = 0; i < 40; ++i) {
    const std::string query = texts::random_word(words, kVocabulary);
    TextRequest request;
    request.query = query;
    request.limit = 100;
    std::vector<TextHit> hits;
    expect_ok(index.search(request, hits));
    for (const TextHit& hit : hits) {
      text += std::to_string(hit.id) + '=';
      text.append(reinterpret_cast<const char*>(&hit.score), sizeof(double));
    }
  }
  return text;
}

// What an index answers that knows nothing but these.
template <class Kind>
std::string wanted(const std::map<std::string, std::string>& entries, const LooseEntry* laid,
                   size_t laid_count) {
  const std::shared_ptr<Store> store = open_index_store(EngineKind::kMemory);
  std::map<std::string, std::string> all = entries;
  for (size_t i = 0; i < laid_count; ++i) all[laid[i].key] = laid[i].value;
  Batch batch(store->hash_seed());
  for (const auto& [key, value] : all) batch.put(as_bytes(key), as_bytes(value));
  if (!all.empty()) expect(bool(store->commit(batch)));
  Store::Reader reader(*store);
  const Store::View view(reader);
  StoredIndex<Kind> fresh(kIndexPrefix, kFrameBytes);
  expect_ok(fresh.sync(view));
  return said(fresh.index());
}

template <class Kind>
void live(EngineKind engine, uint64_t seed, LooseEntry (*random_entry)(Random&)) {
  Random random(seed);
  const std::shared_ptr<Store> store = open_index_store(engine);
  Store::Reader reader(*store);
  StoredIndex<Kind> index(kIndexPrefix, random.one_in(2) ? kFrameBytes : 0);
  StoredIndex<Kind> folder(kIndexPrefix, kFrameBytes);
  Entries committed;
  for (int round = 0; round < 12; ++round) {
    for (uint64_t left = random.below(30); left > 0; --left) {
      expect_ok(committed.commit(*store, random_entry(random)));
    }
    if (random.one_in(3)) expect(bool(folder.fold(*store, reader)));
    const Store::View view(reader);
    if (!index.resume(view)) expect_ok(index.sync(view));
    expect(!index.has_laid());
    expect(said(index.index()) == wanted<Kind>(committed.all, nullptr, 0));
    std::vector<LooseEntry> laid;
    for (uint64_t questions = 1 + random.below(3); questions > 0; --questions) {
      for (uint64_t left = 1 + random.below(12); left > 0; --left) {
        laid.push_back(random_entry(random));
        expect_ok(lay(index, laid.back()));
      }
      expect(index.resume(view));
      expect(said(index.index()) == wanted<Kind>(committed.all, laid.data(), laid.size()));
    }
    expect_ok(index.sync(view));
    expect(said(index.index()) == wanted<Kind>(committed.all, nullptr, 0));
    expect_ok(index.status());
    if (random.one_in(2)) expect_ok(lay(index, random_entry(random)));
    if (index.has_laid()) expect_ok(index.sync(view));
  }
}

const Case laid("what is laid over an index counts as committed, and not when it is taken back",
                [] {
                  for (const EngineKind engine : {EngineKind::kLsm, EngineKind::kMemory}) {
                    for (uint64_t i = 0; i < std::min<uint64_t>(seed_count() / 10 + 1, 10); ++i) {
                      live<StoredMembers>(engine, seed() * 1000 + i, random_member);
                      live<StoredPlaces<geo::Holds::kPoints>>(engine, seed() * 1000 + i,
                                                              random_place);
                      live<StoredTexts>(engine, seed() * 1000 + i, random_text);
                    }
                  }
                });

const Case older("an index that was laid over at a newer commit is right at an older one", [] {
  const std::shared_ptr<Store> store = open_index_store(EngineKind::kLsm);
  Store::Reader reader(*store);
  Random random(seed());
  Entries committed;
  for (int i = 0; i < 20; ++i) expect_ok(committed.commit(*store, random_text(random)));
  const std::map<std::string, std::string> before = committed.all;
  const uint64_t held = store->hold();
  for (int i = 0; i < 20; ++i) expect_ok(committed.commit(*store, random_text(random)));
  StoredTextIndex index(kIndexPrefix, kFrameBytes);
  {
    const Store::View view(reader);
    expect_ok(index.sync(view));
    for (int i = 0; i < 10; ++i) expect_ok(lay(index, random_text(random)));
  }
  {
    const Store::View view(reader, held);
    expect(!index.resume(view));
    expect_ok(index.sync(view));
    expect(said(index.index()) == wanted<StoredTexts>(before, nullptr, 0));
  }
  store->release(held);
});

// A transaction that has read all that is loose, and writes something else.
Result<uint64_t> commit_behind(Store& store, Store::Reader& reader,
                               const std::function<void()>& meanwhile) {
  Transaction transaction(store);
  transaction.begin(Isolation::kSerializable);
  const Store::View view(reader, transaction.view_commit(), transaction.view_time_ms());
  const std::string end = key_of_part(kIndexPrefix, StoredPart::kEnd);
  expect_ok(transaction.read_range(as_bytes(kLoose), as_bytes(end), view.commit()));
  transaction.put(as_bytes(std::string_view("\x10")), {});
  meanwhile();
  return transaction.commit();
}

const Case silent("a fold breaks no condition of who has read the index, an entry does", [] {
  for (const EngineKind engine :
       {EngineKind::kLsm, EngineKind::kMemory, EngineKind::kBtree, EngineKind::kBitcask}) {
    const std::shared_ptr<Store> store = open_index_store(engine);
    Store::Reader reader(*store);
    Store::Reader other(*store);
    Random random(seed());
    Entries committed;
    for (int i = 0; i < 50; ++i) expect_ok(committed.commit(*store, random_member(random)));
    StoredBitmapIndex folder(kIndexPrefix, kFrameBytes);
    expect(bool(commit_behind(*store, reader, [&] {
      const Result<FoldReport> folded = folder.fold(*store, other);
      expect(folded && folded->entry_count > 0);
    })));
    expect(commit_behind(*store, reader, [&] {
             expect_ok(committed.commit(*store, random_member(random)));
           }).code() == Code::kConflict);
  }
});

}  // namespace
}  // namespace varve::test

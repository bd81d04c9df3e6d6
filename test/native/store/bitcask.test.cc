// A store whose engine adopts the log: what becomes of segments, hints, damaged values and keys
// that do not fit. What is alike in all engines is in the contract suites.
#include <map>
#include <string>

#include "base/random.h"
#include "engine/bitcask/data_file.h"
#include "hasty_os.h"
#include "store/feed.h"
#include "store/repair.h"
#include "store/store.h"
#include "test.h"

namespace varve::test {
namespace {

using Contents = std::map<std::string, std::string>;

StoreOptions options_of(const std::string& directory) {
  StoreOptions options;
  options.directory = directory;
  options.engine = EngineKind::kBitcask;
  options.memory_bytes = uint64_t{8} << 20;
  options.table_bytes = uint64_t{16} << 10;
  options.holder = "a test";
  return options;
}

std::shared_ptr<Store> open(Os& os, const StoreOptions& options) {
  Result<std::shared_ptr<Store>> store = Store::open(os, options);
  expect_ok(store.error());
  require(static_cast<bool>(store));
  return std::move(*store);
}

std::string key_of(uint64_t number) { return "key" + std::to_string(1'000'000 + number); }

Status put(Store& store, const std::string& key, const std::string& value) {
  Batch batch(store.hash_seed());
  batch.put(as_bytes(key), as_bytes(value));
  while (true) {
    const Result<uint64_t> commit = store.commit(batch);
    if (commit.code() != Code::kBusy) return commit.error();
  }
}

Status erase(Store& store, const std::string& key) {
  Batch batch(store.hash_seed());
  batch.erase(as_bytes(key));
  return store.commit(batch).error();
}

Status erase_range(Store& store, const std::string& begin, const std::string& end) {
  Batch batch(store.hash_seed());
  batch.erase_range(as_bytes(begin), as_bytes(end));
  return store.commit(batch).error();
}

Contents contents_of(Store& store) {
  Store::Reader reader(store);
  const Store::View view(reader);
  Contents contents;
  std::string room;
  const auto cursor = view.scan({as_bytes(std::string_view("\x02")), {}}, Direction::kForward);
  for (; cursor->valid(); cursor->next()) {
    const Result<Bytes> value = view.value(cursor->edit(), room);
    expect_ok(value.error());
    if (value) contents[std::string(as_text(cursor->edit().key))] = std::string(as_text(*value));
  }
  expect_ok(cursor->status());
  return contents;
}

std::map<std::string, uint64_t> files_of(const std::string& directory, const char* suffix) {
  const Result<std::vector<DirectoryEntry>> entries = native_os().list(directory);
  require(static_cast<bool>(entries));
  std::map<std::string, uint64_t> files;
  for (const DirectoryEntry& entry : *entries) {
    if (entry.name.ends_with(suffix)) files[entry.name] = entry.size;
  }
  return files;
}

uint64_t detail_of(Store& store, const std::string& name) {
  for (const auto& [key, value] : store.stats().engine.detail) {
    if (key == name) return value;
  }
  require(false);
  return 0;
}

// Changes the bytes at which a text lies in a file, if it does.
bool spoil(const std::string& path, const std::string& text) {
  const Result<std::unique_ptr<File>> file = native_os().open(path, OpenMode::kWrite);
  require(static_cast<bool>(file));
  std::string bytes(*(*file)->size(), '\0');
  const MutableBytes into(reinterpret_cast<uint8_t*>(bytes.data()), bytes.size());
  require(static_cast<bool>((*file)->read_at(0, into)));
  const size_t at = bytes.find(text);
  if (at == std::string::npos) return false;
  expect_ok((*file)->write_at(at, as_bytes(std::string(text.size(), '?'))));
  return true;
}

void adopted() {
  HastyOs os;
  StoreOptions options = options_of(scratch_directory());
  options.feed.bytes = uint64_t{1} << 30;
  const std::shared_ptr<Store> store = open(os, options);
  Contents written;
  for (uint64_t i = 0; i < 300; ++i) {
    written[key_of(i)] = std::string(2000, static_cast<char>('a' + i % 26));
    expect_ok(put(*store, key_of(i), written[key_of(i)]));
  }
  expect_ok(store->flush());
  expect(detail_of(*store, "adoptedFiles") > 0);
  expect(detail_of(*store, "adoptedFiles") == detail_of(*store, "dataFiles"));
  expect(store->stats().engine.written_bytes < 300 * 100);  // Hints alone.
  uint64_t data_bytes = 0;
  for (const auto& [name, size] : files_of(options.directory, ".data")) data_bytes += size;
  expect(data_bytes > 300 * 2000 && data_bytes < 300 * 2100);
  expect(contents_of(*store) == written);
  {
    const Result<std::unique_ptr<Feed>> feed = Feed::open(*store, {}, 0, false);
    require(static_cast<bool>(feed));
    for (int fed = 0; fed < 300; ++fed) {
      const Result<bool> more = (*feed)->empty() ? (*feed)->poll() : true;
      require(more && *more);
      (*feed)->pop();
    }
  }
  expect_ok(store->close());
}

void hints_made_again() {
  HastyOs os;
  const StoreOptions options = options_of(scratch_directory());
  std::shared_ptr<Store> store = open(os, options);
  for (uint64_t i = 0; i < 500; ++i) expect_ok(put(*store, key_of(i % 200), std::to_string(i)));
  expect_ok(erase_range(*store, key_of(20), key_of(40)));
  expect_ok(erase(*store, key_of(3)));
  expect_ok(store->flush());
  const Contents written = contents_of(*store);
  for (const bool is_removed : {true, false}) {
    expect_ok(store->close());
    store.reset();
    const auto hints = files_of(options.directory, ".hint");
    expect(!hints.empty());
    for (const auto& [name, size] : hints) {
      const std::string path = options.directory + "/" + name;
      if (is_removed) expect_ok(os.remove(path));
      if (is_removed) continue;
      const Result<std::unique_ptr<File>> file = os.open(path, OpenMode::kWrite);
      require(static_cast<bool>(file));
      expect_ok((*file)->write_at(size / 2, as_bytes("damaged")));
    }
    store = open(os, options);
    expect(contents_of(*store) == written);
    expect(files_of(options.directory, ".hint").size() == hints.size());
    std::vector<VerifyProblem> problems;
    expect_ok(store->verify(problems));
    expect(problems.empty());
  }
  expect_ok(store->close());
}

void damaged_value() {
  HastyOs os;
  const StoreOptions options = options_of(scratch_directory());
  const std::string victim = "the value that is going to be damaged";
  std::shared_ptr<Store> store = open(os, options);
  for (uint64_t i = 0; i < 100; ++i) {
    expect_ok(put(*store, key_of(i), i == 50 ? victim : "value " + std::to_string(i)));
  }
  expect_ok(store->flush());
  Contents left = contents_of(*store);
  left.erase(key_of(50));
  expect_ok(store->close());
  store.reset();
  int spoilt = 0;
  for (const auto& [name, size] : files_of(options.directory, ".data")) {
    spoilt += spoil(options.directory + "/" + name, victim) ? 1 : 0;
  }
  expect(spoilt == 1);
  store = open(os, options);
  {
    Store::Reader reader(*store);
    const Store::View view(reader);
    Lookup found;
    expect(view.get(as_bytes(key_of(50)), true, found).code() == Code::kCorrupt);
    expect_ok(view.get(as_bytes(key_of(51)), true, found));
    expect(found.found == Found::kPut && as_text(found.edit.value) == "value 51");
  }
  expect(store->compact().code() == Code::kCorrupt);
  expect(store->stats().engine.damaged.size() == 1);
  expect_ok(put(*store, "more", "goes on"));
  expect_ok(store->flush());
  std::vector<VerifyProblem> problems;
  expect_ok(store->verify(problems));
  expect(!problems.empty());
  expect_ok(store->close());
  store.reset();

  const std::string target = scratch_directory() + "/target";
  const Result<SalvageReport> report =
      salvage_store(os, options.directory, target, "a test", uint64_t{8} << 20);
  require(static_cast<bool>(report));
  expect(report->lost.size() == 1);
  StoreOptions saved = options;
  saved.directory = target;
  store = open(os, saved);
  left["more"] = "goes on";
  expect(contents_of(*store) == left);
  expect_ok(store->close());
}

void salvaged_without_manifest() {
  HastyOs os;
  const StoreOptions options = options_of(scratch_directory());
  std::shared_ptr<Store> store = open(os, options);
  for (uint64_t i = 0; i < 200; ++i) expect_ok(put(*store, key_of(i), std::to_string(i)));
  expect_ok(erase_range(*store, key_of(10), key_of(20)));
  expect_ok(store->compact());
  for (uint64_t i = 0; i < 50; ++i) expect_ok(put(*store, key_of(i), "newer"));
  expect_ok(store->flush());
  expect_ok(put(*store, "late", "in the log"));
  const Contents written = contents_of(*store);
  expect_ok(store->close());
  store.reset();
  for (const auto& [name, size] : files_of(options.directory, "")) {
    if (Manifest::is_own(name)) expect_ok(os.remove(options.directory + "/" + name));
  }
  const std::string target = scratch_directory() + "/target";
  const Result<SalvageReport> report =
      salvage_store(os, options.directory, target, "a test", uint64_t{8} << 20);
  expect_ok(report.error());
  require(static_cast<bool>(report));
  expect(report->manifest_lost && report->lost.size() == 1);
  StoreOptions saved = options;
  saved.directory = target;
  store = open(os, saved);
  expect(store->engine_kind() == EngineKind::kBitcask);
  expect(contents_of(*store) == written);
  expect_ok(store->close());
}

// Whatever is flushed, merged and found again in whatever order, and with hints lost now and then,
// the store is what was written.
void never_comes_back() {
  HastyOs os;
  Random random(seed());
  const StoreOptions options = options_of(scratch_directory());
  std::shared_ptr<Store> store = open(os, options);
  Contents written;
  for (int step = 0; step < 400; ++step) {
    const std::string key = key_of(random.below(60));
    switch (random.below(8)) {
      case 0:
        expect_ok(erase(*store, key));
        written.erase(key);
        break;
      case 1: {
        const std::string end = key_of(random.below(60));
        expect_ok(erase_range(*store, key, end));
        if (key < end) written.erase(written.lower_bound(key), written.lower_bound(end));
        break;
      }
      case 2:
        expect_ok(store->flush());
        break;
      case 3:
        if (random.one_in(6)) expect_ok(store->compact());
        break;
      case 4: {
        if (!random.one_in(6)) break;
        expect_ok(store->close());
        store.reset();
        for (const auto& [name, size] : files_of(options.directory, ".hint")) {
          if (random.one_in(2)) expect_ok(os.remove(options.directory + "/" + name));
        }
        store = open(os, options);
        break;
      }
      default:
        written[key] = std::string(random.below(3000), 'v') + std::to_string(step);
        expect_ok(put(*store, key, written[key]));
    }
    if (step % 20 == 19) expect(contents_of(*store) == written);
  }
  expect_ok(store->compact());
  expect(contents_of(*store) == written);
  expect(detail_of(*store, "directoryRows") == written.size());
  expect(detail_of(*store, "deadBytes") == 0);
  expect(detail_of(*store, "rangeDeletions") == 0);
  expect_ok(store->close());
}

void keys_do_not_fit() {
  HastyOs os;
  const StoreOptions options = options_of(scratch_directory());
  std::shared_ptr<Store> store = open(os, options);
  Status status;
  uint64_t count = 0;
  for (; status && count < 100'000; count += 100) {
    Batch batch(store->hash_seed());
    for (uint64_t i = 0; i < 100; ++i) {
      batch.put(as_bytes(key_of(count + i) + std::string(90, 'k')), as_bytes("v"));
    }
    do {
      status = store->commit(batch).error();
    } while (status.code() == Code::kBusy);
  }
  expect(status.code() == Code::kTooLarge);
  expect(count > 20'000);
  expect(detail_of(*store, "directoryBytes") > uint64_t{3} << 20);
  expect_ok(erase_range(*store, key_of(0), key_of(count)));
  expect_ok(store->compact());
  expect_ok(put(*store, "fits", "again"));
  expect_ok(store->close());
  store.reset();
  StoreOptions other = options;
  other.engine = EngineKind::kLsm;
  const Result<std::shared_ptr<Store>> wrong = Store::open(os, other);
  expect(wrong.code() == Code::kInvalid);
  expect(wrong.error().message().find("the store has 'bitcask'") != std::string::npos);
}

void memory_of_keys() {
  HastyOs os;
  StoreOptions options = options_of(scratch_directory());
  options.memory_bytes = uint64_t{64} << 20;
  const std::shared_ptr<Store> store = open(os, options);
  constexpr uint64_t kCount = 100'000;
  for (uint64_t i = 0; i < kCount; i += 100) {
    Batch batch(store->hash_seed());
    for (uint64_t n = i; n < i + 100; ++n) {
      batch.put(as_bytes(key_of(n * 7919 % kCount)), as_bytes("a value"));
    }
    Status status;
    do {
      status = store->commit(batch).error();
    } while (status.code() == Code::kBusy);
    expect_ok(status);
  }
  expect_ok(store->flush());
  const uint64_t key_bytes = key_of(0).size();
  const uint64_t bytes = detail_of(*store, "directoryBytes");
  expect(detail_of(*store, "directoryRows") == kCount);
  expect(bytes < kCount * (key_bytes + 34));
  expect_ok(store->close());
}

const Case adopting(
    "bitcask: a flushed segment is data, cut, not written again, and still followed", adopted);
const Case hints("bitcask: a hint that is missing or damaged is made again", hints_made_again);
const Case damage("bitcask: a damaged value costs itself alone, and its file is left out of merges",
                  damaged_value);
const Case lost("bitcask: a store is salvaged without its manifest", salvaged_without_manifest);
const Case dead("bitcask: what was deleted never comes back, and in the end nothing is left of it",
                never_comes_back);
const Case limit("bitcask: keys beyond their share of memory are refused, deletions are not",
                 keys_do_not_fit);
const Case memory("bitcask: a key takes less than 34 bytes of memory beside its own",
                  memory_of_keys);

}  // namespace
}  // namespace varve::test

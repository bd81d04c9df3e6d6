// What a B+tree does beyond the contract: how it writes, how it shrinks, what it keeps in memory
// and what it says of damage.
#include <set>

#include "base/random.h"
#include "engine/btree/btree_subject.h"
#include "engine/btree/extent.h"
#include "engine/compare.h"

using namespace varve;
using namespace varve::test;
using btree::Writing;

namespace {

std::string key_of(uint64_t number) { return "key" + std::to_string(100'000 + number); }

uint64_t detail(const Subject& subject, const std::string& name) {
  for (const auto& [known, value] : subject.engine->stats().detail) {
    if (known == name) return value;
  }
  expect(false);
  return 0;
}

void settle(Subject& subject) {
  for (int step = 0; step < 2000; ++step) {
    const Result<Progress> progress = subject.engine->maintain(8192, {});
    expect_ok(progress.error());
    if (!progress || *progress == Progress::kIdle) return;
  }
  expect(false);
}

void fill(Oracle& oracle, int count, size_t value_size = 60) {
  oracle.begin_commit();
  for (int i = 0; i < count; ++i)
    oracle.put(key_of(static_cast<uint64_t>(i)), std::string(value_size, 'v'));
}

std::vector<std::string> extent_paths(const Subject& subject) {
  const std::string& directory = btree_ground(subject).options.directory;
  const auto entries = native_os().list(directory);
  std::vector<std::string> paths;
  for (const DirectoryEntry& entry : *entries) {
    if (btree::extent_number(entry.name) != 0) paths.push_back(directory + "/" + entry.name);
  }
  return paths;
}

uint64_t bytes_on_disk(const Subject& subject) {
  uint64_t bytes = 0;
  for (const std::string& path : extent_paths(subject)) {
    const auto file = native_os().open(path, OpenMode::kRead);
    bytes += *(*file)->size();
  }
  return bytes;
}

const Case shared("a run of few keys writes few pages, however large the tree", [] {
  Subject subject = open_btree_subject();
  Oracle oracle;
  fill(oracle, 5000);
  expect_ok(oracle.absorb_into(*subject.engine));
  const uint64_t before = subject.engine->stats().written_bytes;
  oracle.begin_commit();
  oracle.put(key_of(2500), "new");
  expect_ok(oracle.absorb_into(*subject.engine));
  const uint64_t height = detail(subject, "treeHeight");
  expect(height >= 3);
  // A page a level, the map and the root.
  expect(subject.engine->stats().written_bytes - before < (height + 12) * 512);
  expect_ok(same(subject, oracle, {}));
});

const Case dense("keys that only ascend fill their pages, whether at once or run by run", [] {
  for (const int runs : {1, 60}) {
    Subject subject = open_btree_subject();
    Oracle oracle;
    for (int run = 0; run < runs; ++run) {
      oracle.begin_commit();
      for (int i = 0; i < 3000 / runs; ++i) {
        oracle.put(key_of(static_cast<uint64_t>(run * (3000 / runs) + i)), std::string(30, 'v'));
      }
      expect_ok(oracle.absorb_into(*subject.engine));
    }
    // A row takes about 50 bytes, so that a leaf holds nine; an inner node holds a dozen leaves.
    expect(detail(subject, "treePages") < 3000 / 7);
    expect_ok(same(subject, oracle, {}));
  }
});

const Case random_fill("keys in any order leave pages more than half full", [] {
  Subject subject = open_btree_subject();
  Oracle oracle;
  Random random(seed());
  std::set<std::string> keys;
  for (int run = 0; run < 40; ++run) {
    oracle.begin_commit();
    for (int i = 0; i < 100; ++i) {
      const std::string key = key_of(random.below(100'000));
      keys.insert(key);
      oracle.put(key, std::string(30, 'v'));
    }
    expect_ok(oracle.absorb_into(*subject.engine));
  }
  expect(detail(subject, "treePages") < keys.size() / 4);  // Of nine that would fit.
  expect_ok(verified(*subject.engine));
});

const Case shrinks("a tree that loses most of its keys gives its disk back by itself", [] {
  Subject subject = open_btree_subject();
  Oracle oracle;
  fill(oracle, 8000);
  expect_ok(oracle.absorb_into(*subject.engine));
  const uint64_t full = bytes_on_disk(subject);
  expect(extent_paths(subject).size() >= 4);
  oracle.begin_commit();
  for (uint64_t i = 0; i < 8000; ++i) {
    if (i % 40 != 0) oracle.remove(key_of(i));
  }
  expect_ok(oracle.absorb_into(*subject.engine));
  expect(detail(subject, "treePages") * 512 < full / 10);
  settle(subject);
  for (int round = 0; round < 3; ++round) subject.epochs->collect();
  expect_ok(subject.engine->maintain(0, {}).error());
  expect(bytes_on_disk(subject) < full / 3);
  expect_ok(same(subject, oracle, {}));
  expect_ok(subject.engine->compact({}, {}));
  for (int round = 0; round < 3; ++round) subject.epochs->collect();
  expect(bytes_on_disk(subject) < full / 10);
  expect(subject.engine->stats().disk_bytes < full / 10 + 8192);
  expect_ok(subject.reopen(subject));
  expect_ok(same(subject, oracle, {}));
});

const Case pinned_place(
    "what somebody reads stays in its place, and is free again when he has left", [] {
      Subject subject = open_btree_subject();
      Oracle oracle;
      fill(oracle, 1000);
      expect_ok(oracle.absorb_into(*subject.engine));
      const Oracle then = oracle;
      std::shared_ptr<const EngineVersion> pin = subject.engine->pin();
      for (int run = 0; run < 12; ++run) {
        fill(oracle, 1000, static_cast<size_t>(61 + run));
        expect_ok(oracle.absorb_into(*subject.engine));
      }
      {
        const Reading reading(subject);
        expect_ok(Compare(subject, *pin, then).view(then.commit()));
      }
      pin.reset();
      const uint64_t much = bytes_on_disk(subject);
      for (int run = 0; run < 30; ++run) {
        fill(oracle, 1000, static_cast<size_t>(61 + run % 9));
        expect_ok(oracle.absorb_into(*subject.engine));
      }
      expect(bytes_on_disk(subject) <= much);
      expect_ok(same(subject, oracle, {}));
    });

const Case would_block(
    "a get that may not wait answers when every page on its way is in memory, and only then", [] {
      Subject subject = open_btree_subject();
      Oracle oracle;
      fill(oracle, 3000);
      expect_ok(oracle.absorb_into(*subject.engine));
      expect_ok(subject.reopen(subject));
      const Reading reading(subject);
      const EngineVersion& version = subject.engine->version();
      const auto asked = [&](uint64_t key, bool may_block) {
        return look_up(subject, version, key_of(key), UINT64_MAX, may_block)->found;
      };
      expect(asked(7, false) == Found::kWouldBlock);
      expect(asked(7, true) == Found::kPut);
      expect(asked(7, false) == Found::kPut);
      expect(asked(2900, false) == Found::kWouldBlock);
      const uint64_t read = subject.engine->stats().read_bytes;
      expect(asked(7, true) == Found::kPut);
      expect(subject.engine->stats().read_bytes == read);
    });

// What a scan of 1,000 keys reads, and tells the machine of, where each read takes so long.
std::vector<HastyOs::Read> reads_of_scan(uint64_t read_ns) {
  Subject subject = open_btree_subject();
  Oracle oracle;
  fill(oracle, 1000);  // In one extent, so that an offset says which page it is.
  expect_ok(oracle.absorb_into(*subject.engine));
  expect_ok(subject.reopen(subject));
  std::vector<HastyOs::Read> reads;
  {
    const Reading reading(subject);
    btree_ground(subject).os.time_reads(read_ns);
    btree_ground(subject).os.note_reads(&reads);
    const auto cursor = subject.engine->version().scan({}, UINT64_MAX, Direction::kForward);
    size_t count = 0;
    for (; cursor->valid(); cursor->next()) ++count;
    btree_ground(subject).os.note_reads(nullptr);
    btree_ground(subject).os.time_reads(0);
    expect(count == 1000);
  }
  return reads;
}

const Case ahead("a scan tells the machine of the leaves that come next, of each once", [] {
  const std::vector<HastyOs::Read> reads = reads_of_scan(100'000);
  std::set<uint64_t> announced;
  size_t repeated = 0;
  size_t waited = 0;
  for (const HastyOs::Read& read : reads) {
    if (read.is_announced && !announced.insert(read.offset).second) ++repeated;
    if (!read.is_announced && !announced.contains(read.offset)) ++waited;
  }
  // The first leaf of each inner node, and those nodes, are waited for.
  expect(announced.size() > 100 && waited < announced.size() / 3);
  expect(repeated == 0);
});

const Case not_ahead("a scan that does not wait for the disk tells the machine of nothing", [] {
  const std::vector<HastyOs::Read> reads = reads_of_scan(2'000);
  expect(reads.size() > 100);
  for (const HastyOs::Read& read : reads) expect(!read.is_announced);
});

const Case stays_warm("a page that was in memory is in memory when it was written anew", [] {
  Subject subject = open_btree_subject();
  Oracle oracle;
  fill(oracle, 2000);
  expect_ok(oracle.absorb_into(*subject.engine));
  expect_ok(subject.reopen(subject));
  {
    const Reading reading(subject);
    expect(look_up(subject, subject.engine->version(), key_of(500), UINT64_MAX, true)->found ==
           Found::kPut);
  }
  oracle.begin_commit();
  oracle.put(key_of(501), "new");
  oracle.put(key_of(1500), "new");
  expect_ok(oracle.absorb_into(*subject.engine));
  const Reading reading(subject);
  const EngineVersion& version = subject.engine->version();
  expect(look_up(subject, version, key_of(500), UINT64_MAX, false)->found == Found::kPut);
  expect(look_up(subject, version, key_of(1500), UINT64_MAX, false)->found == Found::kWouldBlock);
});

// ---- when pages go to the disk

const Case back("pages that change again before they are written are written once", [] {
  for (const Writing writing : {Writing::kThrough, Writing::kBack, Writing::kBehind}) {
    Subject subject = open_btree_subject(writing);
    Oracle oracle;
    fill(oracle, 500);
    expect_ok(oracle.absorb_into(*subject.engine));
    expect_ok(subject.engine->rest(Rest::kAll));
    const uint64_t before = subject.engine->stats().written_bytes;
    for (int run = 0; run < 30; ++run) {
      oracle.begin_commit();
      oracle.put(key_of(100), std::to_string(run));
      expect_ok(oracle.absorb_into(*subject.engine));
    }
    const bool is_through = writing == Writing::kThrough;
    expect((detail(subject, "dirtyBytes") == 0) == is_through);
    expect(subject.engine->rested() == (is_through ? oracle.commit() : 1));
    expect_ok(subject.engine->rest(Rest::kAll));
    expect(detail(subject, "dirtyBytes") == 0 && subject.engine->rested() == oracle.commit());
    const uint64_t written = subject.engine->stats().written_bytes - before;
    expect(is_through ? written > 60 * 512 : written < 20 * 512);
    expect_ok(same(subject, oracle, {}));
    expect_ok(crash_btree(subject));
    expect_ok(same(subject, oracle, {}));
  }
});

const Case lost_dirty("a crash takes what was not written, back to the commit that rested() told",
                      [] {
                        Subject subject = open_btree_subject(Writing::kBack);
                        Oracle oracle;
                        fill(oracle, 300);
                        expect_ok(oracle.absorb_into(*subject.engine));
                        expect_ok(subject.engine->rest(Rest::kAll));
                        const Oracle then = oracle;
                        for (int run = 0; run < 5; ++run) {
                          fill(oracle, 300, static_cast<size_t>(20 + run));
                          expect_ok(oracle.absorb_into(*subject.engine));
                        }
                        expect(subject.engine->rested() == then.commit());
                        expect_ok(crash_btree(subject));
                        expect_ok(same(subject, then, {}));
                      });

const Case too_dirty("dirty pages that are too many go to the disk, and are read from there", [] {
  Subject subject = open_btree_subject(Writing::kBack);
  btree_ground(subject).options.log_bytes_max = UINT64_MAX;
  btree_ground(subject).cache_bytes = 100'000;
  expect_ok(subject.reopen(subject));
  Oracle oracle;
  for (int run = 0; run < 8; ++run) {
    fill(oracle, 3000, static_cast<size_t>(40 + run));
    expect_ok(oracle.absorb_into(*subject.engine));
    expect(detail(subject, "dirtyBytes") <= 25'000);
    expect(subject.engine->rested() == 0);
  }
  expect_ok(same(subject, oracle, {}));
  expect_ok(subject.reopen(subject));
  expect_ok(same(subject, oracle, {}));
});

const Case long_log("a log that an opening would read too long brings all to rest", [] {
  Subject subject = open_btree_subject(Writing::kBack);
  Oracle oracle;
  uint64_t rests = 0;
  for (int run = 0; run < 20; ++run) {
    fill(oracle, 300, static_cast<size_t>(20 + run));
    expect_ok(oracle.absorb_into(*subject.engine));
    rests += subject.engine->rested() == oracle.commit() ? 1 : 0;
  }
  expect(rests >= 2 && rests < 15);
});

// ---- extents that are linked elsewhere

std::string contents_of(const std::string& path) {
  const auto file = native_os().open(path, OpenMode::kRead);
  if (!file) return {};
  std::string bytes(*(*file)->size(), '\0');
  const auto got =
      (*file)->read_at(0, MutableBytes(reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()));
  require(static_cast<bool>(got));
  return bytes;
}

const Case frozen("a frozen extent is read and never written, and goes when nothing in it lives",
                  [] {
                    for (const Writing writing : {Writing::kThrough, Writing::kBack}) {
                      Subject subject = open_btree_subject(writing);
                      Oracle oracle;
                      fill(oracle, 3000);
                      expect_ok(oracle.absorb_into(*subject.engine));
                      const auto paths = subject.engine->freeze();
                      require(static_cast<bool>(paths) && paths->size() >= 2);
                      expect(detail(subject, "frozenExtents") == paths->size());
                      std::vector<std::string> before;
                      for (const std::string& path : *paths) before.push_back(contents_of(path));
                      for (int run = 0; run < 5; ++run) {
                        oracle.begin_commit();
                        for (uint64_t i = 0; i < 100; ++i)
                          oracle.put(key_of(i * 3), std::string(50, 'n'));
                        expect_ok(oracle.absorb_into(*subject.engine));
                        settle(subject);
                        if (run == 2) expect_ok(subject.reopen(subject));
                        expect_ok(same(subject, oracle, {}));
                        for (size_t i = 0; i < paths->size(); ++i)
                          expect(contents_of((*paths)[i]) == before[i]);
                      }
                      expect_ok(subject.engine->compact({}, {}));
                      for (int round = 0; round < 3; ++round) subject.epochs->collect();
                      expect_ok(same(subject, oracle, {}));
                      expect(detail(subject, "frozenExtents") == 0);
                    }
                  });

// ---- damage

void flip(const std::string& path, uint64_t offset) {
  const auto file = native_os().open(path, OpenMode::kWrite);
  require(static_cast<bool>(file));
  uint8_t byte = 0;
  require(static_cast<bool>((*file)->read_at(offset, MutableBytes(&byte, 1))));
  byte ^= 0x20;
  expect_ok((*file)->write_at(offset, Bytes(&byte, 1)));
}

const Case damage(
    "damage of any page is found by verify(), and by a read of it, and costs no other key", [] {
      Subject subject = open_btree_subject();
      Oracle oracle;
      fill(oracle, 400);
      for (uint64_t i = 0; i < 20; ++i)
        oracle.put("large" + std::to_string(i), std::string(2000, 'l'));
      expect_ok(oracle.absorb_into(*subject.engine));
      expect_ok(subject.engine->compact({}, {}));
      subject.shut();
      size_t found = 0;
      Random random(seed());
      for (const std::string& path : extent_paths(subject)) {
        const auto file = native_os().open(path, OpenMode::kRead);
        const uint64_t pages = *(*file)->size() / 512;
        for (uint64_t page = 1; page < pages; page += 3) {
          const uint64_t offset = page * 512 + random.below(512);
          flip(path, offset);
          const Status opened = crash_btree(subject);
          std::vector<VerifyProblem> problems;
          if (opened) expect_ok(subject.engine->verify(problems));
          if (opened) {
            const Reading reading(subject);
            size_t corrupt = 0;
            for (const std::string& key : oracle.keys()) {
              const auto answer =
                  look_up(subject, subject.engine->version(), key, UINT64_MAX, true);
              corrupt += answer ? 0 : 1;
              if (answer) expect(answer->found == Found::kPut);
              if (!answer) expect(answer.code() == Code::kCorrupt && !problems.empty());
            }
            expect(corrupt < oracle.keys().size());
          }
          expect(opened || opened.code() == Code::kCorrupt);
          found += opened && problems.empty() ? 0 : 1;
          subject.shut();
          flip(path, offset);
        }
      }
      expect(found > 20);
      expect_ok(crash_btree(subject));
      expect_ok(same(subject, oracle, {}));
    });

}  // namespace

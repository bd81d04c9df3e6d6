// What a merge leaves in memory: what readers had there before it, and with compact() what there is
// room for.
#include "engine/lsm/lsm_subject.h"

namespace varve::test {
namespace {

constexpr int kRunCount = 6;
constexpr int kRunKeys = 1000;
constexpr int kKeyCount = kRunCount * kRunKeys;
constexpr uint64_t kPlenty = uint64_t{32} << 20;
constexpr Retention kNothing;

std::string key_of(int i) { return "key" + std::to_string(100'000 + i); }

// Runs whose keys lie among each other, none of them merged.
class Store {
 public:
  explicit Store(uint64_t cache_bytes) : subject_(open_lsm_subject()) {
    ground_of(subject_).options.block_bytes = 1024;
    expect_ok(subject_.reopen(subject_));
    for (int run = 0; run < kRunCount; ++run) {
      oracle_.begin_commit();
      for (int i = 0; i < kRunKeys; ++i)
        oracle_.put(key_of(i * kRunCount + run), std::string(100, 'v'));
      expect_ok(oracle_.absorb_into(*subject_.engine, kNothing));
    }
    expect_ok(subject_.reopen(subject_));  // Nothing is in memory.
    cache().set_budget(cache_bytes);
  }
  Cache& cache() { return *ground_of(subject_).cache; }

  void read(int from, int to) {
    const Reading reading(subject_);
    for (int i = from; i < to; ++i) {
      const Result<Lookup> found = look_up(subject_, version(), key_of(i), kRunCount, true);
      expect(found && found->found == Found::kPut);
    }
  }
  // How many of these are answered without the disk.
  int warm_count(int from, int to) {
    const Reading reading(subject_);
    int count = 0;
    for (int i = from; i < to; ++i) {
      const Result<Lookup> found = look_up(subject_, version(), key_of(i), kRunCount, false);
      expect(found && (found->found == Found::kPut || found->found == Found::kWouldBlock));
      if (found && found->found == Found::kPut) ++count;
    }
    return count;
  }
  void merge() {
    const uint64_t before = subject_.engine->stats().read_bytes;
    for (bool more = true; more;) {
      const Result<Progress> progress = subject_.engine->maintain(UINT64_MAX, kNothing);
      require(static_cast<bool>(progress));
      more = *progress == Progress::kMore;
    }
    expect(subject_.engine->stats().read_bytes > before);
  }
  void walk_once() {
    const Reading reading(subject_);
    const auto versions = version().versions_once({}, 0, kRunCount);
    int count = 0;
    for (; versions->valid(); versions->next()) ++count;
    expect_ok(versions->status());
    expect(count == kKeyCount);
  }
  void compact() { expect_ok(subject_.engine->compact({}, kNothing)); }

 private:
  const EngineVersion& version() { return subject_.engine->version(); }

  Subject subject_;
  Oracle oracle_;
};

const Case stays("what readers had in memory is there after a merge, and what they had not is not",
                 [] {
                   Store store(kPlenty);
                   store.read(0, kKeyCount / 2);
                   expect(store.warm_count(0, kKeyCount) < kKeyCount * 6 / 10);
                   store.merge();
                   expect(store.warm_count(0, kKeyCount / 2) > kKeyCount / 2 - 50);
                   expect(store.warm_count(kKeyCount / 2 + 100, kKeyCount) == 0);
                 });

const Case once("a walk over what is read once brings nothing into memory, and drives nothing out",
                [] {
                  Store store(kPlenty);
                  store.read(0, kKeyCount / 2);
                  const int warm = store.warm_count(0, kKeyCount);
                  store.walk_once();
                  expect(store.warm_count(0, kKeyCount) == warm);
                });

const Case room("what compact() writes goes into memory where there is room", [] {
  Store store(kPlenty);
  store.compact();
  expect(store.warm_count(0, kKeyCount) == kKeyCount);
});

const Case budget("what a merge leaves in memory is within the budget", [] {
  constexpr uint64_t kBudget = uint64_t{5} << 18;  // Of which open tables and a writer take most.
  for (const bool is_read : {false, true}) {
    Store store(kBudget);
    if (is_read) store.read(0, kKeyCount);
    store.merge();
    store.compact();
    const int warm = store.warm_count(0, kKeyCount);
    expect(warm > 0 && warm < kKeyCount);
    expect(store.cache().used_bytes() <= kBudget + 4096);
  }
});

}  // namespace
}  // namespace varve::test

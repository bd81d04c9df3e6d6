// Contract: readers go on while runs are absorbed and maintained. The thread sanitizer watches.
#include <atomic>
#include <thread>

#include "engine/compare.h"
#include "engine/contract.h"

namespace varve::test {

namespace {

constexpr int kKeyCount = 300;
constexpr uint64_t kRunCount = 60;

std::string key_of(uint64_t number) { return "key" + std::to_string(1000 + number); }

// Every commit puts all keys with its own number: whoever reads a mixture has read no view.
void write_all(Oracle& oracle) {
  oracle.begin_commit();
  if (oracle.commit() % 4 == 0) oracle.delete_range("key", "kez");
  for (int i = 0; i < kKeyCount; ++i) oracle.put(key_of(i), std::to_string(oracle.commit()));
}

bool is_whole(const Subject& subject, const EngineVersion& version, uint64_t view,
              Direction direction) {
  const std::string want = std::to_string(view);
  for (uint64_t i = 0; i < 5; ++i) {
    const std::string key = key_of((view * 7919 + i * 31) % kKeyCount);
    const Result<Lookup> maybe = look_up(subject, version, key, view, false);
    if (!maybe) return false;
    const bool told = maybe->found != Found::kWouldBlock;
    if (told && (maybe->found != Found::kPut || as_text(maybe->edit.value) != want)) return false;
    const Result<Lookup> found = look_up(subject, version, key, view, true);
    if (!found || found->found != Found::kPut || as_text(found->edit.value) != want) return false;
  }
  int count = 0;
  const auto cursor = version.scan({}, view, direction);
  for (; cursor->valid(); cursor->next(), ++count) {
    if (as_text(cursor->edit().value) != want) return false;
  }
  return static_cast<bool>(cursor->status()) && count == kKeyCount;
}

struct Shared {
  Subject& subject;
  std::atomic<uint64_t> held{1};  // A commit that retention holds.
  std::atomic<uint64_t> wrong{0};
  std::atomic<bool> ended{false};
};

void read_on(Shared& shared, Direction direction) {
  while (!shared.ended.load()) {
    bool whole = true;
    {
      const Reading reading(shared.subject);
      const EngineVersion& version = shared.subject.engine->version();
      whole = is_whole(shared.subject, version, version.absorbed(), direction) &&
              is_whole(shared.subject, version, shared.held.load(), direction);
    }
    const std::shared_ptr<const EngineVersion> pin = shared.subject.engine->pin();
    const Reading later(shared.subject);
    whole = whole && is_whole(shared.subject, *pin, pin->absorbed(), direction);
    shared.wrong += whole ? 0 : 1;
  }
}

void maintain_on(Shared& shared) {
  while (!shared.ended.load()) {
    const Retention retention{UINT64_MAX, {shared.held.load()}};
    const Result<Progress> progress = shared.subject.engine->maintain(3000, retention);
    std::vector<VerifyProblem> problems;
    const bool sound = progress && shared.subject.engine->verify(problems) && problems.empty();
    shared.wrong += sound ? 0 : 1;
    shared.subject.engine->set_memory(shared.held.load() % 2 == 0 ? 20'000 : 1 << 20);
    (void)shared.subject.engine->stats();
    shared.subject.epochs->collect();
  }
}

void together(Subject& subject) {
  Oracle oracle;
  Shared shared{subject};
  write_all(oracle);
  expect_ok(oracle.absorb_into(*subject.engine, {UINT64_MAX, {1}}));
  std::vector<std::thread> threads;
  threads.emplace_back([&] { read_on(shared, Direction::kForward); });
  threads.emplace_back([&] { read_on(shared, Direction::kReverse); });
  threads.emplace_back([&] { maintain_on(shared); });
  threads.emplace_back([&] { maintain_on(shared); });
  for (uint64_t run = 0; run < kRunCount; ++run) {
    write_all(oracle);
    expect_ok(oracle.absorb_into(*subject.engine, {UINT64_MAX, {1}}));
    if (run % 20 == 19) expect_ok(subject.engine->compact({}, {UINT64_MAX, {1}}));
  }
  shared.ended.store(true);
  for (std::thread& thread : threads) thread.join();
  expect(shared.wrong == 0);
  expect_ok(same(subject, oracle, {UINT64_MAX, {1}}));
}

}  // namespace

void EngineContract::add_threads() const {
  add("readers see whole views while runs are absorbed, maintained and compacted", together);
}

}  // namespace varve::test

// Readers go on inside their epochs while runs are absorbed and maintained. The thread sanitizer
// watches.
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "engine/memory/memory.h"
#include "test.h"

using namespace varve;
using namespace varve::test;

namespace {

constexpr uint64_t kKeyCount = 2000;

std::string key_of(uint64_t number) { return "key" + std::to_string(100000 + number); }

// All keys, put by one commit.
class AllKeys final : public EditCursor {
 public:
  explicit AllKeys(uint64_t commit) : value_(std::to_string(commit)) {
    edit_.commit = commit;
    edit_.value = as_bytes(value_);
    show();
  }
  bool valid() const override { return at_ < kKeyCount; }
  const Edit& edit() const override { return edit_; }
  void next() override {
    ++at_;
    show();
  }
  Status status() const override { return Status::ok(); }

 private:
  void show() {
    key_ = key_of(at_);
    edit_.key = as_bytes(key_);
  }
  const std::string value_;
  std::string key_;
  uint64_t at_ = 0;
  Edit edit_;
};

bool view_whole(const EngineVersion& version) {
  const uint64_t absorbed = version.absorbed();
  const std::string expected = std::to_string(absorbed);
  const std::string key = key_of(absorbed * 7919 % kKeyCount);
  Lookup found;
  const Status status = version.get(as_bytes(key), 0, absorbed, false, found);
  if (!status || as_text(found.edit.value) != expected) return false;
  uint64_t count = 0;
  for (auto all = version.scan({}, absorbed, Direction::kForward); all->valid(); all->next()) {
    if (as_text(all->edit().value) != expected) return false;
    ++count;
  }
  return count == kKeyCount;
}

}  // namespace

static const Case together("a reader sees one whole version while runs are absorbed", [] {
  EpochDomain epochs;
  auto engine = open_memory_engine(epochs, {});
  require(static_cast<bool>(engine));
  const auto absorb = [&](uint64_t commit) {
    AllKeys keys(commit);
    Run run;
    run.edits = &keys;
    run.commit_first = run.commit_last = commit;
    return (*engine)->absorb(run, {});
  };
  expect_ok(absorb(1));
  std::atomic<bool> ended{false};
  std::atomic<uint64_t> wrong{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      EpochDomain::Slot* const slot = epochs.take_slot();
      while (!ended.load()) {
        const EpochDomain::Guard guard(epochs, *slot);
        wrong += view_whole((*engine)->version()) ? 0 : 1;
      }
      epochs.give_back(slot);
    });
  }
  for (uint64_t commit = 2; commit < 60; ++commit) {
    expect_ok(absorb(commit));
    expect(static_cast<bool>((*engine)->maintain(1000, {})));
  }
  ended.store(true);
  for (std::thread& reader : readers) reader.join();
  expect(wrong == 0);
});

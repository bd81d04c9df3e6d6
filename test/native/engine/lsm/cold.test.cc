// Data that is on the disk alone: in which order, and how much at a time, it is read.
#include <algorithm>

#include "base/random.h"
#include "engine/lsm/lsm_subject.h"

namespace varve::test {
namespace {

constexpr uint64_t kEntryCount = 20'000;
constexpr size_t kBlockBytes = 4096;

std::string key_of(uint64_t i) { return "key" + std::to_string(100'000 + i); }
std::string value_of(uint64_t i) { return std::string(100, 'v') + std::to_string(i); }

// Entries in order, as a run.
class InOrder final : public EditCursor {
 public:
  InOrder() { show(); }
  bool valid() const override { return next_ < kEntryCount; }
  const Edit& edit() const override { return edit_; }
  void next() override {
    ++next_;
    show();
  }
  Status status() const override { return Status::ok(); }

 private:
  void show() {
    key_ = key_of(next_);
    value_ = value_of(next_);
    edit_ = {as_bytes(key_), 1, EditKind::kPut, 0, 0, as_bytes(value_)};
  }
  uint64_t next_ = 0;
  std::string key_;
  std::string value_;
  Edit edit_;
};

using Reads = std::vector<HastyOs::Read>;

// A store of one table, of which nothing is in memory.
class Cold {
 public:
  explicit Cold(uint64_t cache_bytes) : subject_(open_lsm_subject()) {
    ground().options.block_bytes = kBlockBytes;
    ground().options.table_bytes = uint64_t{64} << 20;
    expect_ok(subject_.reopen(subject_));
    InOrder edits;
    Run run;
    run.edits = &edits;
    run.commit_first = run.commit_last = 1;
    expect_ok(subject_.engine->absorb(run, {}));
    expect_ok(subject_.reopen(subject_));
    ground().cache->set_budget(cache_bytes);
  }
  LsmGround& ground() { return ground_of(subject_); }
  Subject& subject() { return subject_; }

  // What is read while something is done.
  template <class Do>
  Reads reads_of(Do what) {
    Reads reads;
    ground().os.note_reads(&reads);
    what();
    ground().os.note_reads(nullptr);
    return reads;
  }
  size_t walk(Direction direction, uint64_t count) {
    const Reading reading(subject_);
    const auto cursor = subject_.engine->version().scan({}, 1, direction);
    size_t walked = 0;
    for (; cursor->valid() && walked < count; cursor->next(), ++walked) {
      const uint64_t i = direction == Direction::kForward ? walked : kEntryCount - 1 - walked;
      expect(as_text(cursor->edit().key) == key_of(i));
      expect(as_text(cursor->edit().value) == value_of(i));
    }
    expect_ok(cursor->status());
    return walked;
  }

 private:
  Subject subject_;
};

void walks_whole(Direction direction) {
  constexpr uint64_t kBudget = uint64_t{32} << 20;
  Cold cold(kBudget);
  const Reads reads =
      cold.reads_of([&] { expect(cold.walk(direction, UINT64_MAX) == kEntryCount); });
  size_t most = 0;
  size_t all = 0;
  for (const HastyOs::Read& read : reads) {
    most = std::max(most, read.size);
    all += read.size;
  }
  const uint64_t data = cold.subject().engine->version().size({});
  expect(most == size_t{256} << 10);
  expect(all >= data && all < data + data / 8);  // Nothing is read twice.
  expect(reads.size() < data / kBlockBytes / 8);
  // Once more: all of it is in memory.
  expect(cold.reads_of([&] { cold.walk(direction, UINT64_MAX); }).empty());
}

const Case forward("a range over cold data reads ahead, more at a time the further it goes",
                   [] { walks_whole(Direction::kForward); });
const Case reverse("a reverse range over cold data reads ahead of itself",
                   [] { walks_whole(Direction::kReverse); });

const Case brief("a short range over cold data reads little", [] {
  Cold cold(uint64_t{32} << 20);
  const Reads reads = cold.reads_of([&] { expect(cold.walk(Direction::kForward, 20) == 20); });
  size_t all = 0;
  for (const HastyOs::Read& read : reads) all += read.size;
  expect(all <= 10 * kBlockBytes);
});

const Case tight("what a range reads ahead is within the budget", [] {
  constexpr uint64_t kBudget = uint64_t{1} << 20;
  Cold cold(kBudget);
  for (const HastyOs::Read& read :
       cold.reads_of([&] { expect(cold.walk(Direction::kForward, UINT64_MAX) == kEntryCount); })) {
    expect(read.size <= kBudget / 64);
  }
  expect(cold.ground().cache->used_bytes() <= kBudget);
});

void gets_many() {
  Cold cold(uint64_t{32} << 20);
  const EngineVersion& version = cold.subject().engine->version();
  const uint64_t data = version.size({});
  Random random(seed());
  std::vector<uint64_t> numbers;
  std::vector<std::string> keys;
  for (int i = 0; i < 1000; ++i) {
    numbers.push_back(random.below(kEntryCount));
    keys.push_back(key_of(numbers.back()));
  }
  std::vector<PointQuery> queries;
  for (const std::string& key : keys) {
    queries.push_back({as_bytes(key), cold.subject().hash(key), {}});
  }
  const Reading reading(cold.subject());
  const Reads reads = cold.reads_of([&] { expect_ok(version.get_many(queries, 1)); });
  for (size_t i = 0; i < keys.size(); ++i) {
    expect(queries[i].answer.found == Found::kPut);
    expect(as_text(queries[i].answer.edit.value) == value_of(numbers[i]));
  }
  Reads blocks;
  size_t announced = 0;
  for (const HastyOs::Read& read : reads) {
    announced += read.is_announced ? 1 : 0;
    if (!read.is_announced && read.offset < data) blocks.push_back(read);
  }
  expect(blocks.size() > 300 && announced >= blocks.size());
  for (size_t i = 1; i < blocks.size(); ++i) expect(blocks[i - 1].offset < blocks[i].offset);
}

const Case many("a get of many cold keys reads each block once, in the order of the file",
                gets_many);

const Case opened("an opening reads little of a table, and one just written is warm", [] {
  Cold cold(uint64_t{32} << 20);
  cold.ground().options.table_bytes = uint64_t{32} << 20;
  expect_ok(cold.subject().reopen(cold.subject()));
  const auto absent = [&] {  // Within what the table spans.
    const Reading reading(cold.subject());
    expect(look_up(cold.subject(), cold.subject().engine->version(), key_of(7) + "x", 1, true)
               ->found == Found::kAbsent);
  };
  expect_ok(cold.subject().engine->compact({}, {}));
  const Reads warm = cold.reads_of(absent);
  expect(warm.size() <= 2);  // By chance a fingerprint may lead to a block, and its part.
  size_t all = 0;
  for (const HastyOs::Read& read :
       cold.reads_of([&] { expect_ok(cold.subject().reopen(cold.subject())); })) {
    all += read.size;
  }
  expect(all < cold.subject().engine->version().size({}) / 50);
  cold.ground().cache->set_budget(uint64_t{32} << 20);
  const Reads first = cold.reads_of(absent);
  expect(first.size() >= 1 && first[0].size > kEntryCount * 2);  // The point index.
  expect(cold.reads_of(absent).empty());
});

}  // namespace
}  // namespace varve::test

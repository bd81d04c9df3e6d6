// What merges take of the budget: it is charged while they run, and bounded however small entries are.
#include "engine/lsm/lsm_subject.h"
#include "engine/lsm/version.h"

namespace varve::test {
namespace {

constexpr uint64_t kEntryCount = 120'000;

// Entries of a dozen bytes, in order.
class Small final : public EditCursor {
 public:
  Small() { show(); }
  bool valid() const override { return next_ < kEntryCount; }
  const Edit& edit() const override { return edit_; }
  void next() override {
    ++next_;
    show();
  }
  Status status() const override { return Status::ok(); }

 private:
  void show() {
    key_ = std::to_string(1'000'000 + next_);
    edit_ = {as_bytes(key_), 1, EditKind::kPut, 0, 0, {}};
  }
  uint64_t next_ = 0;
  std::string key_;
  Edit edit_;
};

const Case small("a merge of small entries ends a table before that holds more than its share", [] {
  Subject subject = open_lsm_subject();
  LsmGround& ground = ground_of(subject);
  ground.options.table_bytes = uint64_t{32} << 20;
  ground.options.block_bytes = 4096;
  expect_ok(subject.reopen(subject));
  Small edits;
  Run run;
  run.edits = &edits;
  run.commit_first = run.commit_last = 1;
  expect_ok(subject.engine->absorb(run, {}));
  expect_ok(subject.engine->compact({}, {}));
  const auto& runs = static_cast<const LsmVersion&>(subject.engine->version()).runs();
  require(runs.size() == 1);
  expect(runs[0].tables.size() > 3);
  uint64_t count = 0;
  for (const auto& table : runs[0].tables) {
    expect(table->info().entry_count < 40'000);
    count += table->info().entry_count;
  }
  expect(count == kEntryCount);
});

}  // namespace
}  // namespace varve::test

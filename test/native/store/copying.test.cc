// The parts of a copy: put together they are all that a version has above a commit, each of them of
// one stretch of keys.
#include "store/copying.h"

#include <string>
#include <vector>

#include "base/epoch.h"
#include "base/random.h"
#include "engine/memory/memory.h"
#include "engine/oracle.h"
#include "test.h"

namespace varve::test {
namespace {

constexpr uint64_t kPlenty = uint64_t{1} << 30;
const Retention kAll{0, {}};

// One that says what it was told to.
class ToldVersion final : public EngineVersion {
 public:
  struct Told {
    Line line;
    uint64_t superseded;
  };
  ToldVersion(std::vector<Told> told, std::vector<RangeDeletion> ranges)
      : told_(std::move(told)), ranges_(std::move(ranges)) {}

  Status get(Bytes, uint64_t, uint64_t, bool, Lookup&) const override { return unasked(); }
  Status get_many(std::span<PointQuery>, uint64_t) const override { return unasked(); }
  std::unique_ptr<EngineCursor> scan(const KeyRange&, uint64_t, Direction) const override {
    return nullptr;
  }
  std::unique_ptr<EditCursor> versions(const KeyRange&, uint64_t, uint64_t) const override {
    return std::make_unique<Walk>(told_);
  }
  std::vector<RangeDeletion> range_deletions(const KeyRange&, uint64_t, uint64_t) const override {
    return ranges_;
  }
  uint64_t size(const KeyRange&) const override { return 0; }
  uint64_t absorbed() const override { return 100; }

 private:
  class Walk final : public EditCursor {
   public:
    explicit Walk(const std::vector<Told>& told) : told_(told) { show(); }
    bool valid() const override { return at_ < told_.size(); }
    const Edit& edit() const override { return edit_; }
    void next() override {
      ++at_;
      show();
    }
    Status status() const override { return Status::ok(); }

   private:
    void show() {
      if (!valid()) return;
      const Line& line = told_[at_].line;
      edit_ = {as_bytes(line.key), line.commit,         line.kind, 0,
               line.expires_ms,    as_bytes(line.value)};
      edit_.superseded = told_[at_].superseded;
    }
    const std::vector<Told>& told_;
    size_t at_ = 0;
    Edit edit_;
  };
  static Status unasked() { return Status::invalid("nobody asks that"); }

  const std::vector<Told> told_;
  const std::vector<RangeDeletion> ranges_;
};

struct Part {
  std::vector<Line> lines;
  std::vector<Deletion> ranges;
};

std::vector<Part> parts_of(Copying& copying, const EngineVersion& version) {
  std::vector<Part> parts;
  while (parts.empty() || !copying.is_whole()) {
    expect_ok(copying.read());
    PartCursor edits(copying);
    const Run run = copying.run(edits);
    expect(run.commit_last == version.absorbed() && run.segments.empty());
    expect(run.edit_count_hint == copying.part_edits());
    Part part;
    part.lines = drain(version, *run.edits);
    for (const RangeDeletion& range : run.range_deletions) {
      part.ranges.push_back(
          {std::string(as_text(range.begin)), std::string(as_text(range.end)), range.commit});
    }
    parts.push_back(std::move(part));
  }
  return parts;
}

Part whole_of(const std::vector<Part>& parts) {
  Part whole;
  for (const Part& part : parts) {
    whole.lines.insert(whole.lines.end(), part.lines.begin(), part.lines.end());
    whole.ranges.insert(whole.ranges.end(), part.ranges.begin(), part.ranges.end());
  }
  whole.ranges = joined(std::move(whole.ranges), {});
  return whole;
}

const Case parts("parts put together are what a version has above a commit, and keys lie in one",
                 [] {
                   Random random(seed());
                   EpochDomain epochs;
                   Result<std::unique_ptr<Engine>> engine = open_memory_engine(epochs, {});
                   require(static_cast<bool>(engine));
                   Oracle oracle;
                   const auto key = [&] { return "key" + std::to_string(random.below(90)); };
                   for (int i = 0; i < 60; ++i) {
                     oracle.begin_commit();
                     if (random.one_in(3))
                       oracle.delete_range(key(), random.one_in(4) ? "" : key());
                     for (int n = 0; n < 5; ++n) {
                       const uint64_t expires_ms = random.below(2) * 1000;
                       oracle.put(key(), std::string(random.below(60), 'v'), 0, expires_ms);
                     }
                     oracle.remove(key());
                   }
                   expect_ok(oracle.absorb_into(**engine, kAll));
                   const std::shared_ptr<const EngineVersion> version = (*engine)->pin();
                   for (const uint64_t after : {0, 25, 60}) {
                     for (const uint64_t bytes : {uint64_t{1}, uint64_t{900}, kPlenty}) {
                       Copying copying(version, after, bytes, kPlenty);
                       const std::vector<Part> parts = parts_of(copying, *version);
                       const Part whole = whole_of(parts);
                       expect(whole.lines == oracle.versions({}, after, 60));
                       expect(whole.ranges == oracle.range_deletions({}, after, 60));
                       expect((parts.size() == 1) == (bytes == kPlenty || after == 60));
                       expect(copying.bytes_left() == 0);
                       for (size_t i = 1; i < parts.size(); ++i) {
                         if (parts[i - 1].lines.empty() || parts[i].lines.empty()) continue;
                         expect(parts[i - 1].lines.back().key < parts[i].lines.front().key);
                       }
                     }
                   }
                 });

Line put(const std::string& key, uint64_t commit) {
  return {key, commit, EditKind::kPut, 0, 0, "v"};
}

Line deletion(const std::string& key, uint64_t commit) {
  return {key, commit, EditKind::kDelete, 0, 0, ""};
}

const Case ended("a version that ended, and whose deletion is forgotten, is brought with one", [] {
  const std::string begin = "c";
  const std::string end = "d";
  const auto version = std::make_shared<const ToldVersion>(
      std::vector<ToldVersion::Told>{{put("a", 5), 7},  // Deleted, which is known here alone.
                                     {put("b", 9), 0},
                                     {put("b", 4), 9},  // Superseded by the next version.
                                     {put("b", 2), 3},  // Deleted in between.
                                     {put("c", 5), 8},  // By the range deletion.
                                     {put("d", 5), 0}},
      std::vector<RangeDeletion>{{as_bytes(begin), as_bytes(end), 8}});
  Copying copying(version, 0, kPlenty, kPlenty);
  const Part whole = whole_of(parts_of(copying, *version));
  expect(whole.lines == std::vector<Line>{deletion("a", 7), put("a", 5), put("b", 9), put("b", 4),
                                          deletion("b", 3), put("b", 2), put("c", 5), put("d", 5)});
  expect(whole.ranges == std::vector<Deletion>{{"c", "d", 8}});
});

const Case large("a key whose versions take more than a part may is TOO_LARGE", [] {
  std::vector<ToldVersion::Told> told;
  for (uint64_t commit = 100; commit > 0; --commit) told.push_back({put("a", commit), 0});
  const auto version =
      std::make_shared<const ToldVersion>(std::move(told), std::vector<RangeDeletion>{});
  Copying enough(version, 0, 1, 100 * 100);
  expect_ok(enough.read());
  expect(enough.is_whole() && enough.part_edits() == 100);
  Copying little(version, 0, 1, 1000);
  expect(little.read().code() == Code::kTooLarge);
});

}  // namespace
}  // namespace varve::test

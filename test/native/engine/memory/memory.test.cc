#include "engine/memory/memory.h"

#include <algorithm>
#include <map>
#include <string>

#include "base/random.h"
#include "test.h"

using namespace varve;
using namespace varve::test;

namespace {

struct Line {
  std::string key;
  uint64_t commit;
  EditKind kind;
  std::string value;
  bool operator==(const Line&) const = default;
};

class LineCursor final : public EditCursor {
 public:
  explicit LineCursor(const std::vector<Line>& lines) : lines_(lines) { show(); }
  bool valid() const override { return at_ < lines_.size(); }
  const Edit& edit() const override { return edit_; }
  void next() override {
    ++at_;
    show();
  }
  Status status() const override { return Status::ok(); }

 private:
  void show() {
    if (!valid()) return;
    const Line& line = lines_[at_];
    edit_ = {as_bytes(line.key), line.commit, line.kind, 0, 0, as_bytes(line.value)};
  }
  const std::vector<Line>& lines_;
  size_t at_ = 0;
  Edit edit_;
};

struct Range {
  std::string begin;
  std::string end;
  uint64_t commit;
};

struct Opened {
  EpochDomain epochs;
  std::unique_ptr<Engine> engine;
};

std::unique_ptr<Opened> open_with(const StreamSource* source = nullptr) {
  auto opened = std::make_unique<Opened>();
  auto engine = open_memory_engine(opened->epochs, {}, source);
  require(static_cast<bool>(engine));
  opened->engine = std::move(*engine);
  return opened;
}

// Every version ever written, and what follows from them.
struct Model {
  std::map<std::string, std::map<uint64_t, Line, std::greater<>>> keys;
  std::vector<Range> ranges;
  uint64_t commit = 0;

  const Line* live(const std::string& key, uint64_t view) const {
    const auto versions = keys.find(key);
    if (versions == keys.end()) return nullptr;
    const auto newest = versions->second.lower_bound(view);
    if (newest == versions->second.end()) return nullptr;
    if (newest->second.kind == EditKind::kDelete) return nullptr;
    for (const Range& range : ranges) {
      const bool covers = key >= range.begin && (range.end.empty() || key < range.end);
      if (covers && range.commit <= view && range.commit > newest->first) return nullptr;
    }
    return &newest->second;
  }
  std::vector<Line> scan(const std::string& begin, const std::string& end, uint64_t view) const {
    std::vector<Line> lines;
    for (const auto& [key, versions] : keys) {
      if (key < begin || (!end.empty() && key >= end)) continue;
      if (const Line* const line = live(key, view)) lines.push_back(*line);
    }
    return lines;
  }
};

std::vector<Line> drain(EditCursor& cursor) {
  std::vector<Line> lines;
  for (; cursor.valid(); cursor.next()) {
    const Edit& edit = cursor.edit();
    lines.push_back(
        {std::string(as_text(edit.key)), edit.commit, edit.kind, std::string(as_text(edit.value))});
  }
  return lines;
}

std::string random_key(Random& random) { return "k" + std::to_string(random.below(600)); }

void absorb_random(Engine& engine, Model& model, Random& random, const Retention& retention,
                   uint64_t edit_count, size_t value_size) {
  Run run;
  run.commit_first = model.commit + 1;
  std::vector<Line> lines;
  const size_t first_range = model.ranges.size();
  for (uint64_t i = 0; i < edit_count; ++i) {
    const uint64_t commit = ++model.commit;
    if (random.one_in(60)) {
      const std::string end = random.one_in(20) ? "" : random_key(random);
      model.ranges.push_back({random_key(random), end, commit});
      continue;
    }
    const EditKind kind = random.one_in(4) ? EditKind::kDelete : EditKind::kPut;
    const Line line{random_key(random), commit, kind,
                    kind == EditKind::kPut ? std::string(random.below(value_size), 'v') : ""};
    lines.push_back(line);
    model.keys[line.key][commit] = line;
  }
  std::sort(lines.begin(), lines.end(), [](const Line& a, const Line& b) {
    return a.key != b.key ? a.key < b.key : a.commit > b.commit;
  });
  for (size_t i = first_range; i < model.ranges.size(); ++i) {
    const Range& range = model.ranges[i];
    run.range_deletions.push_back({as_bytes(range.begin), as_bytes(range.end), range.commit});
  }
  LineCursor cursor(lines);
  run.edits = &cursor;
  run.commit_last = model.commit;
  expect_ok(engine.absorb(run, retention));
}

void check_view(const EngineVersion& version, const Model& model, Random& random, uint64_t view) {
  for (int i = 0; i < 40; ++i) {
    const std::string key = random_key(random);
    Lookup found;
    expect_ok(version.get(as_bytes(key), 0, view, false, found));
    const Line* const line = model.live(key, view);
    expect((found.found == Found::kPut) == (line != nullptr));
    if (line != nullptr && found.found == Found::kPut) {
      expect(found.edit.commit == line->commit && as_text(found.edit.value) == line->value);
    }
  }
  const std::string begin = random.one_in(3) ? "" : random_key(random);
  const std::string end = random.one_in(3) ? "" : random_key(random);
  const std::string target = random_key(random);
  std::vector<Line> lines = model.scan(begin, end, view);
  const KeyRange range{as_bytes(begin), as_bytes(end)};
  const auto forward = version.scan(range, view, Direction::kForward);
  expect(drain(*forward) == lines);
  forward->seek(as_bytes(target));
  const auto from = std::find_if(lines.begin(), lines.end(),
                                 [&](const Line& line) { return line.key >= target; });
  expect(drain(*forward) == std::vector<Line>(from, lines.end()));
  std::reverse(lines.begin(), lines.end());
  const auto reverse = version.scan(range, view, Direction::kReverse);
  expect(drain(*reverse) == lines);
  reverse->seek(as_bytes(target));
  const auto back = std::find_if(lines.begin(), lines.end(),
                                 [&](const Line& line) { return line.key <= target; });
  expect(drain(*reverse) == std::vector<Line>(back, lines.end()));
}

void check_promised(Engine& engine, const Model& model, Random& random,
                    const Retention& retention) {
  const auto version = engine.pin();
  expect(version->absorbed() == model.commit);
  check_view(*version, model, random, model.commit);
  for (const uint64_t held : retention.held) check_view(*version, model, random, held);
  if (retention.horizon < model.commit) {
    const uint64_t above = random.below(model.commit - retention.horizon + 1);
    check_view(*version, model, random, retention.horizon + above);
  }
}

std::string stream_of(Engine& engine) {
  std::string stream;
  expect_ok(engine.checkpoint([&](Bytes bytes) {
    append(stream, bytes);
    return Status::ok();
  }));
  return stream;
}

StreamSource source_of(const std::string& stream) {
  return [&stream, at = size_t{0}](MutableBytes into) mutable -> Result<size_t> {
    const size_t size = std::min(into.size(), stream.size() - at);
    std::memcpy(into.data(), stream.data() + at, size);
    at += size;
    return size;
  };
}

Code code_of(const std::string& stream) {
  EpochDomain epochs;
  const StreamSource source = source_of(stream);
  const auto engine = open_memory_engine(epochs, {}, &source);
  return engine ? Code::kOk : engine.code();
}

void run_model(uint64_t seed) {
  Random random(seed);
  auto opened = open_with();
  Model model;
  Retention retention;
  retention.horizon = seed % 2 == 0 ? UINT64_MAX : 0;
  for (int round = 0; round < 12; ++round) {
    absorb_random(*opened->engine, model, random, retention, 300, 1000);
    check_promised(*opened->engine, model, random, retention);
    if (random.one_in(3)) retention.held.push_back(model.commit);
    if (random.one_in(4) && !retention.held.empty()) retention.held.erase(retention.held.begin());
    if (retention.horizon != UINT64_MAX) retention.horizon = model.commit - random.below(300);
    const auto progress = opened->engine->maintain(random.one_in(2) ? 100000 : 1, retention);
    expect(static_cast<bool>(progress));
    check_promised(*opened->engine, model, random, retention);
    if (!random.one_in(4)) continue;
    const std::string stream = stream_of(*opened->engine);
    const StreamSource source = source_of(stream);
    opened = open_with(&source);
    check_promised(*opened->engine, model, random, retention);
    expect(stream_of(*opened->engine) == stream);
  }
}

}  // namespace

static const Case model("what retention promises is answered as from a list of all versions", [] {
  for (uint64_t i = 0; i < 8; ++i) run_model(seed() * 100 + i);
});

static const Case worked_off(
    "compact() works off range deletions and drops what none asks for", [] {
      Random random(seed());
      const auto opened = open_with();
      Model model;
      absorb_random(*opened->engine, model, random, {}, 2000, 100);
      expect_ok(opened->engine->compact({}, {}));
      const EngineStats stats = opened->engine->stats();
      expect(stats.history_bytes == 0);
      expect(opened->engine->pin()->range_deletions({}, 0, UINT64_MAX).empty());
      expect(stats.entry_count == model.scan("", "", model.commit).size());
    });

// A pass of maintenance takes many calls here, and never two of them are told the same.
static const Case unhurried(
    "range deletions are worked off though commits are held, let go and absorbed all the while",
    [] {
      Random random(seed());
      const auto opened = open_with();
      Model model;
      absorb_random(*opened->engine, model, random, {}, 3000, 3000);
      const uint64_t before = model.commit;
      bool any_left = true;
      for (int call = 0; call < 2000 && any_left; ++call) {
        Retention retention;
        retention.horizon = model.commit + static_cast<uint64_t>(call);
        retention.held = {model.commit - static_cast<uint64_t>(call % 3), model.commit + 1};
        const Result<Progress> progress = opened->engine->maintain(1000, retention);
        expect_ok(progress.error());
        if (call % 20 == 0) absorb_random(*opened->engine, model, random, retention, 5, 10);
        any_left = !opened->engine->pin()->range_deletions({}, 0, before).empty();
      }
      expect(!any_left);
      const auto version = opened->engine->pin();
      expect(drain(*version->scan({}, model.commit, Direction::kForward)) ==
             model.scan("", "", model.commit));
    });

static const Case flagged("an edit with a flag that no version of the format has is refused", [] {
  const auto opened = open_with();
  class Flagged final : public EditCursor {
   public:
    bool valid() const override { return !is_done_; }
    const Edit& edit() const override { return edit_; }
    void next() override { is_done_ = true; }
    Status status() const override { return Status::ok(); }

   private:
    bool is_done_ = false;
    const Edit edit_{as_bytes("key"), 1, EditKind::kPut, kFlagSeparateValue, 0, as_bytes("value")};
  };
  Flagged edits;
  Run run;
  run.edits = &edits;
  run.commit_first = run.commit_last = 1;
  expect_ok(opened->engine->absorb(run, {}));
  std::string stream;
  expect_ok(opened->engine->checkpoint([&](Bytes bytes) {
    append(stream, bytes);
    return Status::ok();
  }));
  EpochDomain epochs;
  const StreamSource source = stream_source(stream);
  expect(open_memory_engine(epochs, {}, &source).code() == Code::kCorrupt);
});

static const Case kept("with everything retained, versions() gives back all that was absorbed", [] {
  Random random(seed());
  const auto opened = open_with();
  Model model;
  Retention all;
  all.horizon = 0;
  for (int i = 0; i < 4; ++i) absorb_random(*opened->engine, model, random, all, 500, 50);
  std::vector<Line> lines;
  for (const auto& [key, versions] : model.keys) {
    for (const auto& [commit, line] : versions) lines.push_back(line);
  }
  const auto version = opened->engine->pin();
  expect(drain(*version->versions({}, 0, UINT64_MAX)) == lines);
  // But for ranges of nothing.
  const auto has_room = [](const Range& range) {
    return range.end.empty() || range.begin < range.end;
  };
  const auto range_count = std::count_if(model.ranges.begin(), model.ranges.end(), has_room);
  const std::vector<RangeDeletion> ranges = version->range_deletions({}, 0, UINT64_MAX);
  expect(static_cast<ptrdiff_t>(ranges.size()) == range_count);
});

static const Case torn("a stream cut anywhere or with any byte changed is refused", [] {
  Random random(seed());
  const auto opened = open_with();
  Model model;
  absorb_random(*opened->engine, model, random, {}, 150, 30);
  const std::string stream = stream_of(*opened->engine);
  expect(code_of(stream) == Code::kOk);
  for (size_t size = 0; size < stream.size(); ++size) {
    expect(code_of(stream.substr(0, size)) == Code::kCorrupt);
    std::string changed = stream;
    changed[size] = static_cast<char>(changed[size] ^ (1 << random.below(8)));
    expect(code_of(changed) == Code::kCorrupt);
  }
});

static const Case foreign("a stream of another store is refused as FOREIGN", [] {
  const auto opened = open_with();
  const std::string stream = stream_of(*opened->engine);
  MemoryEngineOptions options;
  options.identity[0] = 1;
  const StreamSource source = source_of(stream);
  EpochDomain epochs;
  expect(open_memory_engine(epochs, options, &source).code() == Code::kForeign);
});

static const Case example("the example of FORMAT.md decodes to what it says", [] {
  const std::string_view hex =
      "56415256454d454d0000000000000000a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"
      "0000000000000000000000000000000000000000000000000000000000000000"
      "0700000000000000000000000000000000000000000000000000000000000000"
      "000000000000000000000000000000000000000000000000000000005f576821"
      "010000001f0000009006469d0700000000000000000000000000000001000300"
      "00000200000061646133360300000010000000b030c0c7010000000000000000"
      "00000000000000";
  std::string stream;
  for (size_t i = 0; i < hex.size(); i += 2) {
    stream.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  MemoryEngineOptions options;
  for (size_t i = 0; i < 16; ++i) options.identity[i] = static_cast<uint8_t>(0xa0 + i);
  const StreamSource source = source_of(stream);
  EpochDomain epochs;
  const auto engine = open_memory_engine(epochs, options, &source);
  require(static_cast<bool>(engine));
  expect((*engine)->pin()->absorbed() == 7);
  const auto cursor = (*engine)->pin()->scan({}, 7, Direction::kForward);
  expect(drain(*cursor) == std::vector<Line>{{"ada", 7, EditKind::kPut, "36"}});
  expect(stream_of(**engine) == stream);
});

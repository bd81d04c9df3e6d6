// The memory engine with a directory: what it writes, when, and what is found again.
#include <algorithm>
#include <map>

#include "base/os/os_simulated.h"
#include "engine/memory/checkpoint.h"
#include "engine/memory/memory.h"
#include "storage/manifest/manifest.h"
#include "test.h"

using namespace varve;
using namespace varve::test;
using memory::checkpoint_number;
using memory::checkpoint_path;

namespace {

constexpr uint64_t kKeyCount = 40;
constexpr uint64_t kHourNs = uint64_t{3600} * 1'000'000'000;

std::string key_of(uint64_t commit) { return std::to_string(1000 + commit % kKeyCount); }
std::string value_of(uint64_t commit) {
  return std::to_string(commit) + std::string(100 + commit % 7, static_cast<char>(commit % 251));
}

// Commit n puts one key; every tenth deletes a few others by a range instead.
class Commits final : public EditCursor {
 public:
  Commits(uint64_t first, uint64_t last) {
    for (uint64_t n = first; n <= last; ++n) {
      if (n % 10 == 0)
        deletions_.push_back({as_bytes(kBegin), as_bytes(kEnd), n});
      else
        lines_[{key_of(n), UINT64_MAX - n}] = value_of(n);
    }
    at_ = lines_.begin();
    show();
  }
  bool valid() const override { return at_ != lines_.end(); }
  const Edit& edit() const override { return edit_; }
  void next() override {
    ++at_;
    show();
  }
  Status status() const override { return Status::ok(); }
  const std::vector<RangeDeletion>& deletions() const { return deletions_; }
  uint64_t count() const { return lines_.size(); }

  static constexpr std::string_view kBegin = "1010";
  static constexpr std::string_view kEnd = "1013";

 private:
  void show() {
    if (!valid()) return;
    const auto& [place, value] = *at_;
    edit_ = {as_bytes(place.first), UINT64_MAX - place.second, EditKind::kPut, 0, 0,
             as_bytes(value)};
  }
  std::map<std::pair<std::string, uint64_t>, std::string> lines_;
  std::map<std::pair<std::string, uint64_t>, std::string>::const_iterator at_;
  std::vector<RangeDeletion> deletions_;
  Edit edit_;
};

std::map<std::string, std::string> expected_at(uint64_t commit) {
  std::map<std::string, std::string> all;
  for (uint64_t n = 1; n <= commit; ++n) {
    if (n % 10 == 0) {
      all.erase(all.lower_bound(std::string(Commits::kBegin)),
                all.lower_bound(std::string(Commits::kEnd)));
    } else {
      all[key_of(n)] = value_of(n);
    }
  }
  return all;
}

// An engine in a directory, as a store has it.
struct Subject {
  Os& os;
  const std::string directory;
  uint64_t log_bytes_min = uint64_t{64} << 20;
  std::unique_ptr<Manifest> manifest = {};
  EpochDomain epochs = {};
  std::unique_ptr<Engine> engine = {};

  Status open(bool read_only = false) {
    engine.reset();
    const Result<bool> is_there = Manifest::exists(os, directory);
    ManifestState state;
    state.identity.fill(7);
    state.engine = 2;
    Result<std::unique_ptr<Manifest>> found =
        *is_there ? Manifest::open(os, directory) : Manifest::create(os, directory, state);
    if (!found) return found.error();
    manifest = std::move(*found);
    RestingMemoryOptions options{directory, manifest->state().identity, read_only};
    options.log_bytes_min = log_bytes_min;
    Result<std::unique_ptr<Engine>> made = open_resting_memory(os, *manifest, epochs, options);
    if (!made) return made.error();
    engine = std::move(*made);
    return Status::ok();
  }
  Status absorb(uint64_t first, uint64_t last) {
    Commits commits(first, last);
    Run run;
    run.edits = &commits;
    run.range_deletions = commits.deletions();
    run.commit_first = first;
    run.commit_last = last;
    run.edit_count_hint = commits.count();
    return engine->absorb(run, {});
  }
  std::map<std::string, std::string> all() const {
    std::map<std::string, std::string> found;
    const std::shared_ptr<const EngineVersion> version = engine->pin();
    const std::unique_ptr<EngineCursor> cursor =
        version->scan({}, version->absorbed(), Direction::kForward);
    for (; cursor->valid(); cursor->next()) {
      found[std::string(as_text(cursor->edit().key))] = as_text(cursor->edit().value);
    }
    return found;
  }
  std::vector<uint64_t> files() const {
    std::vector<uint64_t> numbers;
    const Result<std::vector<DirectoryEntry>> entries = os.list(directory);
    for (const DirectoryEntry& entry : *entries) {
      if (const uint64_t number = checkpoint_number(entry.name)) numbers.push_back(number);
    }
    return numbers;
  }
};

std::string simulated_directory(SimulatedOs& os) {
  expect_ok(os.create_directory("/store"));
  expect_ok(os.sync_directory("/"));
  return "/store";
}

std::string read_file(const std::string& path) {
  const Result<std::unique_ptr<File>> file = native_os().open(path, OpenMode::kRead);
  require(static_cast<bool>(file));
  std::string bytes(*(*file)->size(), '\0');
  const Result<size_t> got =
      (*file)->read_at(0, MutableBytes(reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()));
  require(got && *got == bytes.size());
  return bytes;
}

void write_file(const std::string& path, const std::string& bytes) {
  const Result<std::unique_ptr<File>> file = native_os().open(path, OpenMode::kWrite);
  require(static_cast<bool>(file));
  expect_ok((*file)->resize(bytes.size()));
  expect_ok((*file)->write_at(0, as_bytes(bytes)));
}

const Case found_again("what came to rest is found again, and the older checkpoint is gone", [] {
  Subject subject{native_os(), scratch_directory()};
  expect_ok(subject.open());
  expect(subject.all().empty() && subject.engine->rested() == 0);
  for (uint64_t round = 1; round <= 3; ++round) {
    expect_ok(subject.absorb(round * 25 - 24, round * 25));
    expect(subject.engine->rested() == (round - 1) * 25);
    expect_ok(subject.engine->rest(Rest::kAll));
    expect(subject.engine->rested() == round * 25);
    expect(subject.files().size() == 1);
    expect_ok(subject.open());
    expect(subject.engine->rested() == round * 25);
    expect(subject.all() == expected_at(round * 25));
  }
});

const Case above_is_logs("what was absorbed behind a checkpoint is left to the log", [] {
  Subject subject{native_os(), scratch_directory()};
  expect_ok(subject.open());
  expect_ok(subject.absorb(1, 30));
  expect_ok(subject.engine->rest(Rest::kAll));
  expect_ok(subject.absorb(31, 40));
  expect_ok(subject.engine->rest(Rest::kIfWorthIt));
  expect(subject.engine->rested() == 30);
  expect_ok(subject.open());
  expect(subject.all() == expected_at(30));
});

const Case in_steps("a due checkpoint is written in steps, beside runs that are absorbed", [] {
  Subject subject{native_os(), scratch_directory(), 50'000};
  expect_ok(subject.open());
  uint64_t commit = 0;
  uint64_t step_count = 0;
  uint64_t begun_at = 0;
  while (subject.engine->rested() == 0 && step_count < 1000) {
    expect_ok(subject.absorb(commit + 1, commit + 20));
    commit += 20;
    const size_t files_before = subject.files().size();
    expect(static_cast<bool>(subject.engine->maintain(1000, {})));
    if (files_before == 0 && !subject.files().empty()) begun_at = commit;
    step_count += begun_at == 0 ? 0 : 1;
  }
  expect(step_count > 2);
  expect(subject.engine->rested() == begun_at);
  expect(begun_at < commit);
  expect(subject.all() == expected_at(commit));
  expect_ok(subject.open());
  expect(subject.all() == expected_at(begun_at));
});

const Case superseded("a checkpoint under way gives way to one of everything", [] {
  Subject subject{native_os(), scratch_directory(), 1000};
  expect_ok(subject.open());
  expect_ok(subject.absorb(1, 400));
  expect(*subject.engine->maintain(1, {}) == Progress::kMore);
  expect_ok(subject.absorb(401, 500));
  expect_ok(subject.engine->rest(Rest::kAll));
  expect(subject.engine->rested() == 500 && subject.files().size() == 1);
  expect(*subject.engine->maintain(UINT64_MAX, {}) == Progress::kIdle);
  expect(subject.files() == std::vector<uint64_t>{2});
});

const Case power_lost("a machine that goes down at any call leaves a whole checkpoint", [] {
  for (uint64_t nth = 1;; ++nth) {
    SimulatedOs os(seed() * 1000 + nth);
    const std::string directory = simulated_directory(os);
    uint64_t promised = 0;
    {
      Subject subject{os, directory, 2000};
      expect_ok(subject.open());
      os.go_down_at_call(nth);
      for (uint64_t round = 1; round <= 3 && !os.is_down(); ++round) {
        expect_ok(subject.absorb(round * 25 - 24, round * 25));
        if (round == 2) {
          const Result<Progress> progress = subject.engine->maintain(UINT64_MAX, {});
          expect(progress || os.is_down());
        } else if (subject.engine->rest(Rest::kAll)) {
          promised = round * 25;
        }
        promised = std::max(promised, subject.engine->rested());
      }
    }
    const bool was_through = !os.is_down();
    os.restart();
    Subject after{os, directory};
    expect_ok(after.open());
    require(after.engine != nullptr);
    expect(after.engine->rested() >= promised);
    expect(after.all() == expected_at(after.engine->rested()));
    expect(after.files().size() == (after.engine->rested() == 0 ? 0 : 1));
    expect_ok(after.absorb(after.engine->rested() + 1, 100));
    expect_ok(after.engine->rest(Rest::kAll));
    expect_ok(after.open());
    expect(after.all() == expected_at(100));
    if (was_through) break;
    require(nth < 1000);
  }
});

const Case disk_full("on a full disk the older checkpoint stays; the next one has room again", [] {
  SimulatedOs os(seed());
  Subject subject{os, simulated_directory(os), 2000};
  expect_ok(subject.open());
  expect_ok(subject.absorb(1, 25));
  expect_ok(subject.engine->rest(Rest::kAll));
  expect_ok(subject.absorb(26, 75));
  os.fail_call(2, Code::kNoSpace);
  expect(subject.engine->maintain(UINT64_MAX, {}).code() == Code::kNoSpace);
  expect(subject.engine->rested() == 25 && subject.files().size() == 1);
  expect(*subject.engine->maintain(UINT64_MAX, {}) == Progress::kIdle);
  expect(subject.engine->rested() == 25);
  const auto gate = os.gate();
  gate->wait(gate->ticket(), os.now_ns() + kHourNs);
  expect(static_cast<bool>(subject.engine->maintain(UINT64_MAX, {})));
  expect(subject.engine->rested() == 75 && subject.files().size() == 1);
});

const Case damaged("every flipped byte of a checkpoint is CORRUPT by name", [] {
  Subject subject{native_os(), scratch_directory()};
  expect_ok(subject.open());
  expect_ok(subject.absorb(1, 70));
  expect_ok(subject.engine->rest(Rest::kAll));
  const std::string path = checkpoint_path(subject.directory, 1);
  const std::string whole = read_file(path);
  std::vector<VerifyProblem> problems;
  expect_ok(subject.engine->verify(problems));
  expect(problems.empty());
  Subject again{native_os(), subject.directory};
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string flipped = whole;
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << at % 8));
    write_file(path, flipped);
    const Status opened = again.open();
    expect(opened.code() == Code::kCorrupt);
    expect(opened.message().find(path) != std::string::npos);
    if (at % 16 != 0) continue;
    problems.clear();
    expect_ok(subject.engine->verify(problems));
    expect(problems.size() == 1 && problems[0].file == path);
  }
  write_file(path, whole);
  expect_ok(again.open());
  expect(again.all() == expected_at(70));
});

const Case cut("a checkpoint that is cut, longer or missing is CORRUPT by name", [] {
  Subject subject{native_os(), scratch_directory()};
  expect_ok(subject.open());
  expect_ok(subject.absorb(1, 70));
  expect_ok(subject.engine->rest(Rest::kAll));
  const std::string path = checkpoint_path(subject.directory, 1);
  const std::string whole = read_file(path);
  for (const std::string& wrong : {whole.substr(0, whole.size() / 2), whole + '\0'}) {
    write_file(path, wrong);
    const Status opened = subject.open();
    expect(opened.code() == Code::kCorrupt);
    expect(opened.message().find(path) != std::string::npos);
  }
  expect_ok(native_os().remove(path));
  expect(subject.open().code() == Code::kCorrupt);
});

const Case leftovers("leftovers go at an opening, but not when only reading", [] {
  Subject subject{native_os(), scratch_directory()};
  expect_ok(subject.open());
  expect_ok(subject.absorb(1, 70));
  expect_ok(subject.engine->rest(Rest::kAll));
  const std::string leftover = checkpoint_path(subject.directory, 9);
  expect(static_cast<bool>(native_os().open(leftover, OpenMode::kCreate)));
  expect_ok(subject.open(true));
  expect(subject.files().size() == 2);
  expect_ok(subject.open());
  expect(subject.files() == std::vector<uint64_t>{1});
  expect_ok(subject.absorb(71, 80));
  expect_ok(subject.engine->rest(Rest::kAll));
  expect(subject.files() == std::vector<uint64_t>{10});
});

const Case names("a checkpoint's name is a number of eight digits or more", [] {
  expect(checkpoint_path("d", 12) == "d/00000012.checkpoint");
  expect(checkpoint_number("00000012.checkpoint") == 12);
  expect(checkpoint_number("123456789.checkpoint") == 123456789);
  for (const char* other :
       {"12.checkpoint", "0000001x.checkpoint", "00000012.log", ".checkpoint"}) {
    expect(checkpoint_number(other) == 0);
  }
});

}  // namespace

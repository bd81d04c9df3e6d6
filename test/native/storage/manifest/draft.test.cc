// Drafts of a manifest: what an engine that is being made is told to itself, until all of it is
// adopted at once, or nothing.
#include <string>

#include "base/os/os_simulated.h"
#include "storage/manifest/manifest.h"
#include "test.h"

namespace varve::test {
namespace {

constexpr char kDirectory[] = "/store";
constexpr uint8_t kOld = 1;
constexpr uint8_t kNew = 3;
constexpr uint64_t kForGood = 1000;  // Calls.

ManifestEdit edit_of(uint64_t absorbed) {
  ManifestEdit edit;
  edit.absorbed = absorbed;
  edit.next_table = 10 + absorbed;
  return edit;
}

// With a value file, as lsm has them, and what is no engine's matter.
std::unique_ptr<Manifest> make(SimulatedOs& os) {
  expect_ok(os.create_directory(kDirectory));
  expect_ok(os.sync_directory("/"));
  ManifestState state;
  state.identity.fill(7);
  state.lineage.fill(8);
  state.hash_seed = 9;
  state.engine = kOld;
  Result<std::unique_ptr<Manifest>> manifest = Manifest::create(os, kDirectory, state);
  require(static_cast<bool>(manifest));
  ManifestEdit edit = edit_of(50);
  edit.add_value_files.push_back({4, 1000, 1, 1, 50});
  edit.log_floor = 6;
  edit.time_ms = 5000;
  edit.may_expire = true;
  expect_ok((*manifest)->append(edit));
  return std::move(*manifest);
}

// What bitcask says of the files that it has made.
std::unique_ptr<Manifest> draft_of(Manifest& manifest) {
  std::unique_ptr<Manifest> draft = manifest.draft(kNew);
  ManifestEdit edit = edit_of(50);
  ManifestDataFile file;
  file.number = 12;
  file.file_bytes = 100;
  edit.add_data_files.push_back(file);
  expect_ok(draft->append(edit));
  return draft;
}

bool is_old(const ManifestState& state) {
  return state.engine == kOld && state.value_files.count(4) == 1 && state.data_files.empty() &&
         state.absorbed == 50 && state.time_ms == 5000;
}

bool is_new(const ManifestState& state) {
  return state.engine == kNew && state.value_files.empty() && state.data_files.count(12) == 1 &&
         state.absorbed == 50 && state.time_ms == 5000;
}

ManifestState state_on_disk(SimulatedOs& os) {
  Result<std::unique_ptr<Manifest>> manifest = Manifest::open(os, kDirectory);
  require(static_cast<bool>(manifest));
  return (*manifest)->state();
}

const Case apart("a draft is of the same store, has no files, and reaches no disk", [] {
  SimulatedOs os(seed());
  const std::unique_ptr<Manifest> manifest = make(os);
  const uint64_t calls = os.call_count();
  const std::unique_ptr<Manifest> draft = draft_of(*manifest);
  expect(os.call_count() == calls);
  const ManifestState& state = draft->state();
  expect(state.identity == manifest->state().identity && state.hash_seed == 9);
  expect(state.engine == kNew && state.value_files.empty() && state.data_files.size() == 1);
  expect(is_old(manifest->state()) && is_old(state_on_disk(os)));
});

const Case adopted("a draft that is adopted is the manifest, and hands on what it is told", [] {
  SimulatedOs os(seed());
  const std::unique_ptr<Manifest> manifest = make(os);
  const std::unique_ptr<Manifest> draft = draft_of(*manifest);
  bool is_certain = false;
  expect_ok(manifest->adopt(*draft, is_certain));
  expect(is_certain && is_new(manifest->state()) && is_new(state_on_disk(os)));
  // What is no engine's matter has stayed; numbers go on above those of both.
  expect(manifest->state().may_expire && manifest->state().log_floor == 6);
  expect(manifest->state().next_table == 60 && manifest->state().log_cut == 0);
  expect_ok(draft->append(edit_of(70)));
  expect_ok(manifest->append(edit_of(80)));
  const ManifestState state = state_on_disk(os);
  expect(state.absorbed == 80 && state.data_files.count(12) == 1);
});

const Case cut("who had adopted segments leaves word that they may have been cut", [] {
  SimulatedOs os(seed());
  const std::unique_ptr<Manifest> manifest = make(os);
  std::unique_ptr<Manifest> draft = draft_of(*manifest);
  bool is_certain = false;
  expect_ok(manifest->adopt(*draft, is_certain));
  ManifestEdit edit;
  edit.log_floor = 20;
  expect_ok(draft->append(edit));
  const std::unique_ptr<Manifest> back = manifest->draft(kOld);
  expect_ok(manifest->adopt(*back, is_certain));
  edit.log_floor = 30;
  expect_ok(manifest->append(edit));
  const ManifestState state = state_on_disk(os);
  expect(state.engine == kOld && state.log_cut == 20 && state.log_floor == 30);
});

// Each of its calls, alone.
const Case failed("an adoption that fails at one call leaves the old manifest, for certain", [] {
  int failed_count = 0;
  for (uint64_t nth = 1; nth < 20; ++nth) {
    SimulatedOs os(seed());
    const std::unique_ptr<Manifest> manifest = make(os);
    const std::unique_ptr<Manifest> draft = draft_of(*manifest);
    os.fail_call(nth, Code::kIo);
    bool is_certain = false;
    const Status status = manifest->adopt(*draft, is_certain);
    os.heal();
    expect(is_certain);
    failed_count += status ? 0 : 1;
    expect(status ? is_new(manifest->state()) : is_old(manifest->state()));
    expect(status ? is_new(state_on_disk(os)) : is_old(state_on_disk(os)));
    expect_ok(manifest->append(edit_of(60)));
    os.restart();
    expect(state_on_disk(os).engine == (status ? kNew : kOld));
  }
  expect(failed_count == 6);  // But for removing the old file, which nobody waits for.
});

// From one of its calls on. The disk has the one or the other; whoever knows which is right.
const Case uncertain("who cannot make a failure good says that it is uncertain", [] {
  int uncertain_count = 0;
  int new_count = 0;
  for (uint64_t nth = 1; nth <= 6; ++nth) {
    for (const bool is_power_lost : {false, true}) {
      SimulatedOs os(seed() + nth);
      const std::unique_ptr<Manifest> manifest = make(os);
      const std::unique_ptr<Manifest> draft = draft_of(*manifest);
      os.fail_call(nth, Code::kIo, kForGood);
      bool is_certain = true;
      expect(manifest->adopt(*draft, is_certain).code() == Code::kIo);
      expect(is_old(manifest->state()));
      os.heal();
      if (is_power_lost) os.restart();
      const ManifestState state = state_on_disk(os);
      expect(is_old(state) || (is_new(state) && !is_certain));
      uncertain_count += is_certain ? 0 : 1;
      new_count += is_new(state) ? 1 : 0;
    }
  }
  expect(uncertain_count == 4);  // At the rename, and at the sync behind it.
  expect(new_count > 0);
});

const Case power("a loss of power at any call of an adoption leaves the one or the other", [] {
  for (uint64_t nth = 1; nth <= 8; ++nth) {
    SimulatedOs os(seed() + nth);
    const std::unique_ptr<Manifest> manifest = make(os);
    const std::unique_ptr<Manifest> draft = draft_of(*manifest);
    os.go_down_at_call(nth);
    bool is_certain = false;
    const Status status = manifest->adopt(*draft, is_certain);
    os.restart();
    const ManifestState state = state_on_disk(os);
    expect(is_new(state) || (is_old(state) && !status));
  }
});

}  // namespace
}  // namespace varve::test

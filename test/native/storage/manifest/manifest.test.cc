// The manifest: every field comes back, a torn tail is an earlier state, damage is named.
#include "storage/manifest/manifest.h"

#include <string>
#include <vector>

#include "base/os/os_simulated.h"
#include "test.h"

namespace varve::test {
namespace {

constexpr char kDirectory[] = "/store";

void make_directory(SimulatedOs& os) {
  expect_ok(os.create_directory(kDirectory));
  expect_ok(os.sync_directory("/"));
}

ManifestState first_state() {
  ManifestState state;
  for (uint8_t i = 0; i < 16; ++i) {
    state.identity[i] = i;
    state.lineage[i] = static_cast<uint8_t>(100 + i);
    state.incarnation[i] = static_cast<uint8_t>(200 + i);
  }
  state.hash_seed = 0x0123456789abcdef;
  state.engine = 1;
  state.reserved_through = 1 << 24;
  state.log_floor = 3;
  return state;
}

ManifestTable table_of(uint64_t number) {
  ManifestTable table;
  table.info.number = number;
  table.info.file_bytes = number * 1000;
  table.info.entry_count = number * 10;
  table.info.range_deletion_count = number % 3;
  table.info.key_bytes = number * 160;
  table.info.value_bytes = number * 700;
  table.info.delete_count = number % 7;
  table.info.commit_first = number * 100;
  table.info.commit_last = number * 100 + 99;
  table.info.smallest = "a" + std::to_string(number);
  table.info.largest = "z" + std::to_string(number);
  table.info.unbounded = number % 2 == 0;
  table.level = static_cast<uint8_t>(number % 7);
  table.place = number % 4 == 3 ? kPlaceHistory : kPlaceCurrent;
  if (table.place == kPlaceHistory) table.info.superseded_last = number * 100 + 120;
  table.run = number / 2;
  if (number > 1) table.info.value_uses = {{number, 2, 200 + number}};
  return table;
}

// What a step of a store's life changes.
ManifestEdit edit_of(uint64_t step) {
  ManifestEdit edit;
  edit.absorbed = step * 100 + 99;
  edit.next_table = step + 1;
  edit.add_tables.push_back(table_of(step));
  edit.add_value_files.push_back({step, 1000 * step, step, step, step * 2});
  if (step % 3 == 0) edit.remove_tables.push_back(step - 1);
  if (step % 3 == 0) edit.remove_value_files.push_back(step - 1);
  if (step % 4 == 0) edit.cut = ManifestCut{step, step * 8, step + 2};
  if (step % 5 == 0) edit.reserved_through = step << 24;
  if (step % 6 == 0) edit.clean_close = step;
  if (step % 7 == 0) edit.log_floor = step;
  return edit;
}

// A state as text, so that states can be compared and shown.
std::string text_of(const ManifestState& state) {
  std::string text;
  const auto add = [&](uint64_t number) { text += std::to_string(number) + ' '; };
  for (const auto* id : {&state.identity, &state.lineage, &state.incarnation}) {
    for (const uint8_t byte : *id) add(byte);
  }
  for (const uint64_t number :
       {state.hash_seed, uint64_t{state.engine}, state.reserved_through, state.clean_close,
        state.cut.segment, state.cut.offset, state.cut.resume, state.absorbed, state.next_table,
        state.log_floor}) {
    add(number);
  }
  for (const auto& [number, table] : state.tables) {
    const TableInfo& info = table.info;
    for (const uint64_t value :
         {number, info.number, info.file_bytes, info.entry_count, info.range_deletion_count,
          info.key_bytes, info.value_bytes, info.delete_count, info.commit_first, info.commit_last,
          info.superseded_last, uint64_t{info.unbounded}, uint64_t{table.level},
          uint64_t{table.place}, table.run}) {
      add(value);
    }
    text += info.smallest + ' ' + info.largest + ' ';
    for (const ValueUse& use : info.value_uses) {
      for (const uint64_t value : {use.file, use.count, use.bytes}) add(value);
    }
  }
  for (const auto& [number, info] : state.value_files) {
    for (const uint64_t value : {number, info.number, info.file_bytes, info.value_count,
                                 info.commit_first, info.commit_last}) {
      add(value);
    }
  }
  return text;
}

// A manifest of a few steps, and the states that it went through.
std::string life(SimulatedOs& os, std::vector<std::string>& states) {
  make_directory(os);
  Result<std::unique_ptr<Manifest>> manifest = Manifest::create(os, kDirectory, first_state());
  require(static_cast<bool>(manifest));
  states.push_back(text_of((*manifest)->state()));
  for (uint64_t step = 2; step < 9; ++step) {
    expect_ok((*manifest)->append(edit_of(step)));
    states.push_back(text_of((*manifest)->state()));
  }
  return std::string(kDirectory) + "/MANIFEST-1";
}

const Case round_trip("every field of a manifest comes back, through many edits and reopenings",
                      [] {
                        SimulatedOs os(seed());
                        make_directory(os);
                        std::string expected;
                        for (uint64_t step = 1; step < 3000;) {
                          Result<std::unique_ptr<Manifest>> manifest =
                              step == 1 ? Manifest::create(os, kDirectory, first_state())
                                        : Manifest::open(os, kDirectory);
                          require(static_cast<bool>(manifest));
                          if (step > 1) expect(text_of((*manifest)->state()) == expected);
                          for (const uint64_t stop = step + 700; step < stop; ++step) {
                            expect_ok((*manifest)->append(edit_of(step)));
                          }
                          expected = text_of((*manifest)->state());
                        }
                      });

const Case crashes(
    "after a crash at any call the manifest is one of its states, the last synced or later", [] {
      for (uint64_t nth = 1; nth < 60; ++nth) {
        SimulatedOs os(seed() + nth);
        make_directory(os);
        os.go_down_at_call(nth);
        std::vector<std::string> states;
        size_t synced = 0;
        {
          ManifestState first = first_state();
          states.push_back(text_of(first));
          Result<std::unique_ptr<Manifest>> manifest = Manifest::create(os, kDirectory, first);
          for (uint64_t step = 2; manifest && step < 12; ++step) {
            const bool done = static_cast<bool>((*manifest)->append(edit_of(step)));
            if (done) states.push_back(text_of((*manifest)->state()));
            if (!done) break;
            synced = states.size() - 1;
          }
        }
        os.restart();
        Result<bool> there = Manifest::exists(os, kDirectory);
        expect(static_cast<bool>(there));
        if (there && !*there) {
          expect(synced == 0);
          continue;
        }
        Result<std::unique_ptr<Manifest>> again = Manifest::open(os, kDirectory);
        expect_ok(again.error());
        if (!again) continue;
        // What was being appended may have taken place, so the state may be one more than is known.
        const std::string found = text_of((*again)->state());
        bool known = synced + 1 >= states.size();
        for (size_t i = synced; i < states.size(); ++i) known = known || states[i] == found;
        expect(known);
      }
    });

const Case truncated("a manifest cut at any byte is an earlier state, or damaged", [] {
  SimulatedOs whole(seed());
  std::vector<std::string> states;
  const std::string path = life(whole, states);
  const std::string bytes = whole.disk().find(path)->bytes;
  for (size_t size = 0; size < bytes.size(); ++size) {
    whole.disk().find(path)->bytes = bytes.substr(0, size);
    Result<std::unique_ptr<Manifest>> opened = Manifest::open(whole, kDirectory);
    if (!opened) {
      expect(opened.code() == Code::kCorrupt);
      expect(opened.error().message().find("MANIFEST-1") != std::string::npos);
      continue;
    }
    const std::string found = text_of((*opened)->state());
    bool known = false;
    for (const std::string& state : states) known = known || state == found;
    expect(known);
  }
});

const Case flipped("a flip of any bit of a manifest is found, or costs its last record alone", [] {
  SimulatedOs os(seed());
  std::vector<std::string> states;
  const std::string path = life(os, states);
  const size_t size = os.disk().find(path)->bytes.size();
  size_t before_last = 0;
  for (size_t bit = 0; bit < size * 8; ++bit) {
    const uint8_t mask = static_cast<uint8_t>(1u << (bit % 8));
    os.disk().flip(path, bit / 8, mask);
    Result<std::unique_ptr<Manifest>> opened = Manifest::open(os, kDirectory);
    os.disk().flip(path, bit / 8, mask);
    if (!opened) {
      expect(opened.code() == Code::kCorrupt || opened.code() == Code::kNewerFormat);
      continue;
    }
    ++before_last;
    expect(text_of((*opened)->state()) == states[states.size() - 2]);
  }
  expect(before_last > 0 && before_last < size * 8 / 4);
});

}  // namespace
}  // namespace varve::test

// test/native/engine/subject.h — one engine under test, with the ground that it stands on.
//
// Each engine's contract.test.cc says how its subjects are made: how small its parts are, and what
// opening it again means (its files, or the stream of its checkpoint).
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/epoch.h"
#include "engine/engine.h"
#include "engine/oracle.h"
#include "pure/codec/hash.h"
#include "test.h"

namespace varve::test {

struct Subject {
  std::shared_ptr<void> ground;    // Directory, manifest, cache: whatever must outlive the engine.
  EpochDomain* epochs = nullptr;   // Of the ground.
  std::unique_ptr<Engine> engine;  // Gone before the ground.
  uint64_t hash_seed = 0;
  bool rests_on_disk = false;
  // Closes the engine and opens it again. No version may be pinned, no cursor open.
  std::function<Status(Subject&)> reopen;

  Subject() = default;
  Subject(Subject&&) = default;
  Subject& operator=(Subject&&) = delete;
  ~Subject() { shut(); }
  // Ends the engine and frees what readers have left behind.
  void shut() {
    engine.reset();
    if (epochs == nullptr) return;
    for (int round = 0; round < 3; ++round) epochs->collect();
  }
  uint64_t hash(const std::string& key) const { return hash64(as_bytes(key), hash_seed); }
};

inline Result<Lookup> look_up(const Subject& subject, const EngineVersion& version,
                              const std::string& key, uint64_t view, bool may_block) {
  Lookup answer;
  Status status = version.get(as_bytes(key), subject.hash(key), view, may_block, answer);
  if (!status) return status;
  return answer;
}

using OpenSubject = std::function<Subject()>;

// A thread that reads: everything borrowed holds until it ends.
class Reading {
 public:
  explicit Reading(const Subject& subject)
      : epochs_(*subject.epochs), slot_(epochs_.take_slot()), guard_(epochs_, *slot_) {}
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;

 private:
  struct GiveBack {
    EpochDomain& epochs;
    EpochDomain::Slot* slot;
    ~GiveBack() { epochs.give_back(slot); }
  };
  EpochDomain& epochs_;
  EpochDomain::Slot* const slot_;
  const GiveBack give_back_{epochs_, slot_};
  const EpochDomain::Guard guard_;
};

}  // namespace varve::test

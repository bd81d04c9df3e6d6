// test/native/store/simulation/world.h — a store on a simulated machine beside the history that it
// must be true to.
//
// Every commit that the store accepted is written down. Whatever then happens to the machine, the
// store that opens again must show exactly the state after some commit of that history: none in the
// middle missing, none half there, and none lost that was known to be durable. What the store shows
// becomes the history from which the program goes on.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/os/os_simulated.h"
#include "base/random.h"
#include "store/store.h"

namespace varve::test {

using Contents = std::map<std::string, std::string>;

struct Change {
  enum Kind { kPut, kErase, kEraseRange } kind = kPut;
  std::string key;
  std::string value;  // Or the end of the range.
};

class World {
 public:
  // By chance, or with an engine that is asked for, and then without conversions of its own accord.
  explicit World(uint64_t seed, EngineKind engine = EngineKind::kAny);
  ~World();

  Random& random() { return random_; }
  SimulatedOs& os() { return os_; }
  Store& store() { return *store_; }
  bool is_open() const { return store_ != nullptr; }
  uint64_t durable() const { return durable_; }
  size_t commit_count() const { return history_.size() - 1; }

  // Opens, and holds what is found against the history.
  Status open();
  Status close();
  void drop();     // Without asking close() what it says.
  void restart();  // Down, with everything in use; then up again.

  // One random operation; what a fault may refuse may fail.
  void step();
  // Steps until the conversion under way is over, or so many.
  ConversionState finish_conversion(int steps_max);
  Status commit_some();
  // Reads keys and ranges at the newest commit, and at held ones.
  void check_reads();
  void check_everything();  // The whole contents.
  void check_feed();        // What is fed after any commit makes those that follow.
  void check_past();        // The contents after any commit that history promises, or any at all.

 private:
  struct Held {
    uint64_t commit = 0;
    Contents contents;
  };
  struct Commit {
    uint64_t number = 0;
    std::vector<Change> changes;
  };

  std::string some_key();
  void convert_or_abort();
  void check_files();
  Change some_change();
  void note_durable();
  void check_range(const Contents& contents, uint64_t commit);
  void check_answer(const Contents& contents, const Store::View& view, const std::string& key,
                    const Lookup& found);
  void check_versions(const std::string& key);
  Contents contents_after(size_t count) const;
  void check_many(const Contents& contents, const Store::View& view);
  void hold_or_release();
  void release_all();

  Random random_;
  SimulatedOs os_;
  EngineKind engine_ = EngineKind::kLsm;
  bool converts_ = false;
  bool follows_ = true;  // All of the log stays, for feeds.
  HistoryPolicy policy_;
  std::shared_ptr<Store> store_;
  std::unique_ptr<Store::Reader> reader_;
  std::vector<Commit> history_;  // The first stands for the empty store.
  Contents contents_;            // After the newest commit.
  std::vector<Held> held_;
  uint64_t durable_ = 0;     // Known to be, at any time.
  uint64_t number_max_ = 0;  // Of all that were ever given out.
};

// Runs `body` for each seed of this run and says which failed.
void for_each_seed(const char* name, void (*body)(World& world));

}  // namespace varve::test

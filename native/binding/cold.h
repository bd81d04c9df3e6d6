// binding/cold.h — gets that need the disk, done on a thread of Node's pool.
//
// A get that would block is kept here by a number; a pool thread reads it as of the commit that was
// newest when it was asked for (or of the view), copies the value, and the JavaScript thread, told
// by a promise, takes it as it would take the answer of a get.
//
//   waiting ──▶ reading ──▶ answered ──▶ taken
//      └──────────────────────▲ closed: whatever had not begun
//
// Invariants
//   - nothing of the store is touched by a get that begins after end().
//   - the commit of a get is held until it was read, or until end().
// Threads: JavaScript's for all but run(), which is for any.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/os/os.h"
#include "store/store.h"

namespace varve {

class ColdGets {
 public:
  explicit ColdGets(Store& store);

  struct Get {
    std::string key;
    uint64_t commit = 0;
    uint64_t time_ms = 0;
    bool holds = false;
    Status status;  // Closed until it was read.
    bool found = false;
    std::string value;
  };

  // A get as of a commit that can be held and a time, kTruncated if it can't; UINT64_MAX: as of
  // now.
  Result<uint32_t> add(Bytes key, uint64_t commit, uint64_t time_ms);
  std::shared_ptr<Get> at(uint32_t number) const;  // Null when there is none.
  void take(uint32_t number);                      // Its number is free again.

  void run(Get& get);
  // Waits for those that are reading; the others find the store closed. The store goes after this.
  void end();

 private:
  bool begin();
  void finish();

  Store& store_;
  std::vector<std::shared_ptr<Get>> gets_;

  std::mutex mutex_;  // Guards what follows.
  bool ended_ = false;
  uint32_t reading_count_ = 0;
  const std::unique_ptr<Gate> finished_;
};

}  // namespace varve

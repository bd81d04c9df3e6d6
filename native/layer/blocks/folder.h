// layer/blocks/folder.h — folds the indexes of a store in the background.
//
// A layer adds each of its indexes once, and says after a commit of its own which of them have new
// loose entries. A second later, so that many go as one, they are folded, a commit a step, one
// index after the other; how long that took is waited twenty times over before the same index is
// folded again, so that folding never takes more than a twentieth of a processor. An index is held
// in memory while it is folded alone.
//
// Invariants
//   - where nothing is loose, nothing is committed and no index is read.
//   - an index that cannot be folded is tried again every minute, and hinders no other one.
// Threads: any. It ends with the step that it is in, and does so before its store is closed.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "layer/blocks/stored_index.h"

namespace varve {

class Folder {
 public:
  Folder(Os& os, Store& store);
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  // Frames of committed blocks take about so many bytes. What was left loose before is folded.
  template <class Kind>
  void add(const std::string& prefix, size_t frame_bytes_max, Kind kind = {}) {
    std::shared_ptr<StoredIndex<Kind>> index;
    add_fold(prefix, [=](Store& store, Store::Reader& reader) mutable {
      if (!index) index = std::make_shared<StoredIndex<Kind>>(prefix, frame_bytes_max, kind);
      Result<FoldReport> folded = index->fold(store, reader);
      if (!folded || folded->is_done) index.reset();
      return folded;
    });
  }
  // Before it is dropped from the store.
  void remove(const std::string& prefix);
  // There are new loose entries.
  void note(const std::string& prefix);
  // Why the index could not be folded the last time that it was tried.
  Status status(const std::string& prefix) const;

 private:
  using Fold = std::function<Result<FoldReport>(Store&, Store::Reader&)>;
  using Lock = std::unique_lock<std::mutex>;
  static constexpr uint64_t kNever = UINT64_MAX;

  struct Folded {
    std::string prefix;
    Fold fold;
    uint64_t due_ns = 0;       // kNever: nothing is loose, as far as was said.
    uint64_t earliest_ns = 0;  // Not before, whatever is said.
    Status failure;
  };

  void add_fold(const std::string& prefix, Fold fold);
  std::shared_ptr<Folded> find(const Lock& held, const std::string& prefix) const;
  Step step();
  void fold(Folded& index);

  Os& os_;
  Store& store_;
  mutable std::mutex mutex_;  // Guards the list, and what it holds but for `fold`.
  std::vector<std::shared_ptr<Folded>> indexes_;
  std::unique_ptr<Worker> worker_;  // Last: it ends before the rest.
};

}  // namespace varve

// store/feed.h — the commits of a store in order, to be pulled by whoever watches.
//
// A feed reads the log behind the writers: what is visible is handed to the system first, and read
// back from its memory, so that a slow consumer costs writers nothing and a quick one no copy of
// theirs. It keeps what was read and not yet taken, about one portion. A store without a log keeps
// its newest commits in memory while it is followed: commit_ring.h.
//
// What the store itself writes (names, times, shapes, the index of expiry) is outside of the range
// of every watcher, and commits of nothing else are passed over.
//
// Invariants
//   - commits are handed out whole, in order, each once: those after `from`, as far as they are
//     visible, or durable if that was asked for.
//   - the log keeps what an open feed has not read, up to kFollowedBytesMax.
// Threads: poll() on any thread, one at a time, and not while commits are taken; is_behind() any.
#pragma once

#include <atomic>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "storage/log/follow.h"
#include "store/store.h"

namespace varve {

struct FeedCommit {
  uint64_t commit = 0;
  uint64_t time_ms = 0;
  std::string body;            // The record's.
  std::vector<LogEdit> edits;  // Those that are asked for, borrowed from it or from `bounds`.
};

class Feed {
 public:
  static constexpr uint64_t kFromNow = UINT64_MAX;
  // kInvalid when `from` is beyond every commit, or nothing is written here. kTruncated where there
  // is no log and nobody has followed since then.
  static Result<std::unique_ptr<Feed>> open(Store& store, const KeyRange& range, uint64_t from,
                                            bool durable);
  ~Feed();

  // Reads a portion; true when there is something to take.
  Result<bool> poll();
  bool empty() const { return commits_.empty(); }
  const FeedCommit& front() const { return *commits_.front(); }
  void pop() { commits_.pop_front(); }

  // A poll under way ends soon, and so does any later one. From any thread.
  void stop() { stopped_.store(true); }

  // Whether more could be polled. When not, the store's listeners are called once there is.
  bool is_behind();
  uint64_t position() const { return position_.load(); }

 private:
  Feed(Store& store, const KeyRange& range, uint64_t from, bool durable);
  uint64_t reach() const;
  Status read_portion(uint64_t through);
  Status add(uint64_t number, uint64_t time_ms, Bytes body);
  bool is_asked_for(const LogEdit& edit) const;

  Store& store_;
  const std::string begin_;
  const std::string end_;  // Empty: to the end of the keyspace.
  const bool durable_;
  std::optional<LogFollower> follower_;  // Where there is a log.
  std::atomic<uint64_t> position_;
  std::atomic<bool> stopped_{false};
  std::deque<std::unique_ptr<FeedCommit>> commits_;
};

}  // namespace varve

// store/locks.h — locks of keys and ranges, by which transactions that wait for each other take turns.
//
//   lock() ──▶ it has it
//          └─▶ it waits ──▶ it has it          others let go, and its turn has come
//                       └─▶ kDeadlock          it was the youngest of those that wait in a circle
//
// Shared locks go together, an exclusive one goes with no other. Waiting stops no thread: whoever
// waits is told by LockNews, on the thread that let go. Locks order those that take them and nobody
// else: whatever they read is validated by the sequencer all the same.
//
// Turns go by arrival: a request waits for what is held, and for earlier requests that it does not go
// with, so that a row of readers starves no writer. It overtakes a request that waits, over whatever
// is held, for its own owner: so one that has read a key may write it before others who want to.
//
//   a waits for ──▶ who holds what a wants ──▶ …       a circle is looked for when somebody begins to
//        └────────▶ who asked for it before            wait, since nothing else can close one
//
// Of a circle the youngest is lost: its locks are let go of at once, and all it asks for from then on
// is kDeadlock. An owner has an age, which who begins again keeps: so he is the oldest some day.
//
// Invariants
//   - of two owners' locks that meet, both are shared.
//   - nobody waits whom nothing is in the way of; an owner waits for one lock at a time.
//   - who has left, or is lost, has no lock and waits for none.
// Threads: any.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"

namespace varve {

using Lock = std::unique_lock<std::mutex>;

// Owners of one thread whose waiting has ended, by the number that he gave them. Some may have
// ended since.
class LockNews {
 public:
  void add(uint32_t number);
  std::optional<uint32_t> take();

 private:
  std::mutex mutex_;  // Guards numbers_.
  std::deque<uint32_t> numbers_;
};

struct LockStats {
  uint64_t owner_count = 0;
  uint64_t lock_count = 0;
  uint64_t waiting_count = 0;
  uint64_t deadlock_count = 0;
};

class Locks {
 public:
  enum class Mode : uint8_t { kShared = 0, kExclusive = 1 };
  enum class State : uint8_t { kFree, kWaits, kLost };

  // `on_news` is called after news were added, without a lock held.
  Locks(uint64_t owner_bytes_max, std::function<void()> on_news)
      : owner_bytes_max_(owner_bytes_max), on_news_(std::move(on_news)) {}

  // A new owner's number; `age` is the number of the first owner that it goes on for, 0: of itself.
  uint64_t enter(uint64_t age, std::shared_ptr<LockNews> news, uint32_t news_number);
  void leave(uint64_t owner);

  // True: it has the lock. False: it waits. kDeadlock: it is lost. kTooLarge: its locks would take
  // too much. kInvalid: it waits already.
  Result<bool> lock_key(uint64_t owner, Bytes key, Mode mode);
  // All keys in [begin, end), there or not; an empty end is the end of the keyspace.
  Result<bool> lock_range(uint64_t owner, Bytes begin, Bytes end, Mode mode);
  State state(uint64_t owner) const;
  // It waits no more; false if it did not.
  bool cancel(uint64_t owner);

  LockStats stats() const;
  static Status lost();  // What one that is lost is told.

 private:
  struct Request {
    uint64_t owner = 0;
    std::string begin;  // Or the key.
    std::string end;
    bool is_key = false;
    Mode mode = Mode::kShared;
    std::vector<uint64_t>
        overtaken;  // Owners that it does not wait for any more, once and for all.

    uint64_t bytes() const;
  };
  struct Holder {
    uint64_t owner = 0;
    Mode mode = Mode::kShared;
  };
  using Keys = std::map<std::string, std::vector<Holder>, std::less<>>;
  using Requests = std::list<Request>;
  struct Owner {
    uint64_t age = 0;
    std::shared_ptr<LockNews> news;
    uint32_t news_number = 0;
    uint64_t bytes = 0;
    std::vector<Keys::iterator> keys;
    std::vector<Requests::iterator> ranges;
    std::optional<Requests::iterator> waiting;
    bool is_lost = false;

    bool holds_any() const { return !keys.empty() || !ranges.empty(); }
  };
  // Answers whether to go on.
  using Visit = std::function<bool(uint64_t owner)>;

  static bool meet(const Request& a, const Request& b);
  static bool go_together(Mode a, Mode b) { return a == Mode::kShared && b == Mode::kShared; }

  Result<bool> lock(Request request);
  bool has(const Request& request, const Lock& held) const;
  void give(Request request, const Lock& held);
  void let_go(uint64_t owner, const Lock& held);
  void stop_waiting(Owner& owner, const Lock& held);
  // Who holds what is in the way of a request; false if a visit said so.
  bool each_holder(const Request& request, const Visit& visit, const Lock& held) const;
  // And who has asked before.
  bool each_blocker(Request& request, const Visit& visit, const Lock& held);
  bool waits_over_held(uint64_t from, uint64_t target, const Lock& held) const;
  bool overtakes(Request& request, const Request& earlier, const Lock& held);
  // The youngest of a circle through an owner that waits; 0: there is none.
  uint64_t youngest_in_circle(uint64_t owner, const Lock& held);
  void lose(uint64_t owner, const Lock& held);
  void give_turns(const Lock& held);
  void tell(const Owner& owner, const Lock& held);
  void unlock_and_tell(Lock& held);

  const uint64_t owner_bytes_max_;
  const std::function<void()> on_news_;

  mutable std::mutex mutex_;  // Guards everything below.
  uint64_t last_owner_ = 0;
  std::map<uint64_t, Owner> owners_;
  Keys keys_;         // Keys that are held, each with its holders.
  Requests ranges_;   // Ranges that are held.
  Requests waiting_;  // In the order of their arrival.
  uint64_t deadlock_count_ = 0;
  bool has_news_ = false;
};

}  // namespace varve

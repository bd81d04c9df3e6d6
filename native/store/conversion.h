// store/conversion.h — everything goes into another engine, while readers and writers go on.
//
// The engine that is being made is opened beside the one in use, over a *draft* of the manifest, in
// files of its own: no name of one engine is a name of another's. It takes in what a version of the
// old engine has, part by part (copying.h), then what came to rest meanwhile, round by round, each
// shorter than the one before. When nothing is left, and nobody flushes, the draft becomes the
// manifest in one step, and readers find the new engine behind the store's pointer.
//
//     old engine ──version──▶ copy ──▶ │ follow │ follow │ … │ rest │ switch ──▶ new engine
//     commits    ──────────────────────────────────────────────────────────────▶ visible as ever
//
// From the first version on the old engine is told of a horizon that keeps all that came after what
// the new one has, deletions, too: so a round misses nothing. From the end of the copy on the log
// keeps what the new engine would have to replay, and nobody adopts a segment.
//
// A crash finds one of two things. The manifest names the old engine: the new one's files are named
// by nothing, and the opening removes them. It names the new one: then that has all the old one
// had, or the log has the rest, and the old one's files go. No third thing exists, since a manifest
// is written whole under a name that it is given at the end.
//
// Invariants
//   - nobody reads the new engine before the switch, nor the old one's files after they went: those
//     go when every reader has left that might have found it.
//   - what fails, or is aborted, before the switch leaves nothing but the old engine.
//   - after the switch nothing goes back.
// Threads: a worker of its own does the steps; the rest from any thread.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>

#include "store/copying.h"
#include "store/store.h"

namespace varve {

class Conversion {
 public:
  Conversion(Store& store, uint64_t number, EngineKind to);
  ~Conversion();
  Conversion(const Conversion&) = delete;
  Conversion& operator=(const Conversion&) = delete;

  void start();
  void abort() { is_aborted_.store(true); }  // Before the next step.
  // The store is being closed: what is not over ends now, but for what the switch has left to
  // clear.
  void end();
  ConversionState state() const;
  bool await(uint64_t wait_ns);  // True when it is over.

 private:
  enum class Work : uint8_t { kPrepare, kBegin, kCopy, kFollow, kRest, kSwitch, kClear, kOver };
  class Alone;

  Step step();
  Status work();
  Status prepare();
  Status begin();
  Status copy();
  Status follow();
  Status rest();
  Status change();
  Status clear();

  void begin_round(std::shared_ptr<const EngineVersion> from, uint64_t time_ms);
  Status take_part();
  Status keep_in_shape();
  Status check_room();
  void end_round();
  Status catch_up();
  Status seat();
  void keep_from(uint64_t commit);  // What of the old engine the new one lacks.
  void charge();
  void give_up(const Status& status);
  void leave_old();
  void tell(ConversionPhase phase);
  uint64_t taken() const;  // The last commit in the new engine.
  Engine& old_engine() const { return store_.engine(); }
  uint64_t part_bytes() const;

  Store& store_;
  const EngineKind from_;
  const EngineKind to_;
  std::atomic<bool> is_aborted_{false};
  const std::unique_ptr<Gate> over_;

  mutable std::mutex mutex_;  // Guards what follows.
  ConversionState state_;

  // The worker's, and after its end the closing thread's.
  Work work_ = Work::kPrepare;
  uint64_t wait_ns_ = 0;  // Until the next step.
  Store::Seated made_;
  Store::Seated old_;
  std::unique_ptr<Store::Reader> reader_;
  std::optional<Copying> copying_;
  uint64_t round_time_ms_ = 0;  // Of the last commit of its version.
  uint64_t round_begun_ns_ = 0;
  uint64_t round_bytes_ = 0;
  uint64_t first_bytes_ = 0;  // What the first round has before it.
  uint64_t log_held_ = UINT64_MAX;
  uint64_t charged_bytes_ = 0;
  int try_count_ = 0;                        // Of the switch.
  bool must_rest_ = false;                   // Parts of a copy came after what rests of it.
  bool is_uncertain_ = false;                // Which engine the manifest on the disk names.
  std::shared_ptr<std::atomic<bool>> left_;  // Set when no reader can have the old engine.
  std::unique_ptr<Worker> worker_;
};

}  // namespace varve

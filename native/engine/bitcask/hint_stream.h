// engine/bitcask/hint_stream.h — the entries of several files as one stream in order, by batches,
// which another thread makes ahead if it is let.
//
//   listings ──┐
//   listings ──┼─ smallest first ─▶ making ─▶ waiting ─▶ reading
//   listings ──┘                    the worker's          the reader's
//
// Invariants
//   - entries come by (key, commit descending), each with its number in its file.
//   - what is wrong is told behind every entry that came before it.
// Threads: the reader's, and the worker's that fills batches; one waiting batch lies between them.
#pragma once

#include <mutex>
#include <vector>

#include "engine/bitcask/hint.h"

namespace varve::bitcask {

struct FileEntry {
  Listed listed;
  uint64_t start = 0;  // The first eight bytes of its key, as a number.
  uint32_t file = 0;
  uint32_t ordinal = 0;  // Among what is listed of the file.

  bool is_behind(const FileEntry& other) const;
};

class HintStream {
 public:
  struct Source {
    uint32_t file;
    Listing* listing;
  };

  explicit HintStream(std::vector<Source> sources);
  // From now on batches are made by a thread of its own, ahead of the reader.
  void run_ahead(Os& os);

  // To the first entry, or the next; false behind the last.
  Result<bool> advance();
  // Its key is borrowed until the next advance().
  const FileEntry& entry() const { return reading_.entries[at_]; }
  // After kCorrupt: the file whose hint is damaged.
  uint32_t damaged_file() const { return reading_.damaged_file; }

 private:
  struct Batch {
    std::vector<FileEntry> entries;
    std::vector<uint8_t> keys;  // Never longer than it was made, so that entries can point into it.
    bool is_last = false;
    Status status;  // Of what would come behind its entries.
    uint32_t damaged_file = 0;
  };

  struct Head {
    uint64_t start;
    size_t source;
  };

  Step make_one();
  void refill();
  void fill(Batch& batch);
  void begin(Batch& batch);
  bool advance(Head& head, Batch& batch);
  bool is_behind(const Head& a, const Head& b) const;
  void sink_front();

  // Whoever fills.
  const std::vector<Source> sources_;
  std::vector<Listed> next_;        // Of each source.
  std::vector<uint32_t> ordinals_;  // Its number.
  std::vector<Head> heap_;          // The first of all in front.
  bool has_begun_ = false;
  Batch making_;
  bool is_made_ = false;  // And not handed over yet.
  bool is_over_ = false;  // The last is.

  Batch reading_;
  size_t at_ = 0;

  std::mutex mutex_;  // Guards what follows.
  Batch waiting_;
  bool has_waiting_ = false;

  std::unique_ptr<Gate> gate_;      // Opened when a batch waits.
  std::unique_ptr<Worker> worker_;  // Ends before what it uses.
};

}  // namespace varve::bitcask

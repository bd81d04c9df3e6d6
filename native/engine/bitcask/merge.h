// engine/bitcask/merge.h — writes what is alive in some files anew, in the order of keys, so that
// the files may go.
//
// The hints of the files are walked together. Of each key the directory of that moment says what is
// alive and where, and retention what of it stays. What was superseded since is dead in the new
// file: install() counts it so. A deletion is left behind when nothing that it hides lies in any
// file but those that go.
//
// Invariants
//   - the sources are untouched until the manifest names what takes their place.
//   - all that is copied of one key is in one file.
// Threads: one at a time.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/bitcask/placing.h"
#include "engine/bitcask/version.h"

namespace varve::bitcask {

class Merge {
 public:
  struct Source {
    uint32_t slot = 0;
    std::shared_ptr<DataFile> file;
    bool is_hint_damaged = false;
  };
  using Latest = std::function<std::shared_ptr<const BitcaskVersion>()>;
  Merge(Placing::Outside outside, Latest latest, std::vector<Source> sources)
      : out_(std::move(outside)), latest_(std::move(latest)), sources_(std::move(sources)) {}

  Status open();
  // Reads and writes about so much. kIdle when all is written and durable, but for the names.
  Result<Progress> step(uint64_t budget_bytes, const Retention& retention);
  void abandon();  // Removes what was written.

  // After an error: the source that cannot be read, or whose hint cannot; null: neither.
  const Source* unreadable() const { return unreadable_; }
  const Source* damaged_hint() const { return damaged_hint_; }

  const std::vector<Source>& sources() const { return sources_; }
  const std::vector<MadeFile>& files() const { return files_; }
  uint64_t written_bytes() const { return written_bytes_; }
  uint64_t read_bytes() const { return read_bytes_; }

  // What install() does to each key, in order. `slots`: of the made files.
  size_t change_count() const { return changes_.size(); }
  Bytes key(size_t index) const {
    return as_bytes(keys_).subspan(changes_[index].key_at, changes_[index].key_bytes);
  }
  void change(size_t index, const std::vector<uint32_t>& slots, KeyState& state) const;

 private:
  struct Entry {  // Of a source.
    Listed listed;
    size_t source = 0;
  };
  struct Held {  // Something of a key, by a source.
    uint32_t slot;
    bool is_put;  // The newest of it there.
  };
  struct Change {
    uint64_t key_at;
    uint32_t key_bytes;
    uint32_t file;  // Of the copies.
    size_t sources_at;  // Among held_.
    uint32_t source_count;
    uint32_t copy_count;
    size_t copies_at;
  };
  std::span<const Held> sources_of(const Change& change) const {
    return std::span(held_).subspan(change.sources_at, change.source_count);
  }
  Status advance(size_t source);
  bool comes_later(size_t a, size_t b) const;
  void push(size_t source);
  Status merge_key(const Retention& retention);
  std::vector<Row> wanted(const BitcaskVersion& version, Bytes key, std::span<const Held> sources,
                          const Retention& retention) const;
  bool is_source(uint32_t slot) const;
  Status copy(const BitcaskVersion& version, Bytes key, const Row& row);
  Status begin_file();
  Status end_file();
  Status finish();

  Placing::Outside out_;
  const Latest latest_;
  const std::vector<Source> sources_;
  std::vector<std::unique_ptr<Listing>> listings_;
  std::vector<Listed> heads_;  // Of each source the next entry.
  std::vector<size_t> heap_;   // Sources that have one, the first in order on top.
  const Source* unreadable_ = nullptr;
  const Source* damaged_hint_ = nullptr;

  std::unique_ptr<DataWriter> writer_;
  std::vector<MadeFile> files_;
  std::vector<OwnedRange> ranges_;
  std::string value_;
  std::string room_;
  uint64_t read_bytes_ = 0;
  uint64_t written_bytes_ = 0;
  uint64_t spent_bytes_ = 0;

  std::string keys_;
  std::vector<Change> changes_;
  std::vector<Held> held_;
  std::vector<Row> copies_;  // Where they are now, by key, newest first.
};

}  // namespace varve::bitcask

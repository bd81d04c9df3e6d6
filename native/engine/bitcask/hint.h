// engine/bitcask/hint.h — what a data file holds, without its values: by key, so that an opening
// reads no more than this.
//
// Of every key in the file a hint lists at least one entry: the newest, and whatever else counted
// when it was made. A hint that is missing or damaged is made again from the file, and then lists
// them all; nothing depends on which of the two it is.
//
// Invariants
//   - entries come by (key, commit descending), each within the data file that the hint is of.
//   - nothing is handed out of a block whose checksum was not verified.
// Threads: one.     Bytes: FORMAT.md
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/bitcask/data_file.h"

namespace varve::bitcask {

struct OwnedRange {
  std::string begin;
  std::string end;  // Empty: to the end of the keyspace.
  uint64_t commit = 0;
};

class HintWriter {
 public:
  void add(const Listed& entry);                  // In order.
  void add_range(const RangeDeletion& deletion);  // Behind all entries.
  uint64_t entry_count() const { return entry_count_; }
  // Durable, but for the name, and with its own name whole. The size of the file.
  Result<uint64_t> write(Os& os, const std::string& directory, const ManifestDataFile& info,
                         const Identity& identity);

 private:
  void begin(Bytes key, uint8_t kind);
  void end_block();

  std::string blocks_;
  std::string block_;
  std::string key_;  // Before.
  uint32_t block_count_ = 0;
  uint64_t entry_count_ = 0;
  uint64_t range_count_ = 0;
};

class HintReader {
 public:
  // kCorrupt if it is missing, damaged, or of another file than `info` describes.
  static Result<std::unique_ptr<HintReader>> open(std::unique_ptr<File> file, std::string path,
                                                  const ManifestDataFile& info,
                                                  const Identity& identity);
  // False behind the last. The key is borrowed until the next call.
  Result<bool> next(Listed& entry);
  // Behind the last entry: the range deletions of the file.
  Result<std::vector<OwnedRange>> ranges();
  uint64_t file_bytes() const { return file_bytes_; }
  uint64_t entry_count() const { return entry_count_; }

 private:
  HintReader(std::unique_ptr<File> file, std::string path, const ManifestDataFile& info)
      : file_(std::move(file)), path_(std::move(path)), info_(info) {}
  Status damage(const char* what) const;
  Status read_header(const Identity& identity);
  Result<Bytes> fill(size_t size);
  Status load_block();
  bool take_key(uint8_t& kind);
  bool take_entry(uint8_t kind, Listed& entry);

  const std::unique_ptr<File> file_;
  const std::string path_;
  const ManifestDataFile info_;
  uint64_t file_bytes_ = 0;
  uint64_t entry_count_ = 0;
  uint64_t range_count_ = 0;
  uint64_t offset_ = 0;  // Of the next block.
  uint32_t block_count_ = 0;
  std::string buffer_;  // What was read of the file, from buffer_at_ on.
  uint64_t buffer_at_ = 0;
  Bytes rest_;  // Of the block.
  bool begins_block_ = false;
  uint64_t read_count_ = 0;
  std::string key_;
  int order_ = 0;        // Of the key before against this one.
  uint64_t commit_ = 0;  // Of the entry before.
};

// The entries of one file in order, from its hint or, where that is no good, from the file itself.
class Listing {
 public:
  // `from_data`: the hint has been found damaged. Where the file is damaged, too, what is whole of
  // it is listed, and `damage` says where it is not.
  static Result<std::unique_ptr<Listing>> open(Os& os, const std::string& directory,
                                               const DataFile& file, const Identity& identity,
                                               bool from_data, std::vector<VerifyProblem>& damage);
  // As HintReader::next(): kCorrupt where only now the hint is found damaged.
  Result<bool> next(Listed& entry);
  Result<std::vector<OwnedRange>> ranges();
  bool is_rebuilt() const { return hint_ == nullptr; }
  uint64_t hint_bytes() const { return hint_ ? hint_->file_bytes() : 0; }
  uint64_t entry_count() const { return hint_ ? hint_->entry_count() : rebuilt_.size(); }
  // Of a rebuilt one, what is to be written.
  HintWriter hint() const;

 private:
  struct Row {
    uint64_t key_at;
    uint32_t key_bytes;
    Listed entry;
  };
  Listed listed(const Row& row) const;
  Status rebuild(const DataFile& file, std::vector<VerifyProblem>& damage);

  std::unique_ptr<HintReader> hint_;
  std::string keys_;
  std::vector<Row> rebuilt_;
  std::vector<OwnedRange> ranges_;
  size_t at_ = 0;
};

// Reads all of a file and of its hint; what is not as it was written becomes a problem. A hint that
// is missing is none.
Status verify_file(Os& os, const std::string& directory, const DataFile& file,
                   const Identity& identity, std::vector<VerifyProblem>& problems);

}  // namespace varve::bitcask

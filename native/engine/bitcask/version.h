// engine/bitcask/version.h — an immutable view: an image of the directory, and the files that its
// rows lie in.
//
// A get is one search in one leaf, and one positioned read if the value is not in the cache. A
// value that is large lies apart (kFlagSeparateValue): the answer refers to the row, and the value
// is read when it is asked for, around the cache, into the place where it is wanted.
#pragma once

#include <memory>
#include <vector>

#include "engine/bitcask/directory.h"

namespace varve::bitcask {

struct FileShare {
  std::shared_ptr<DataFile> file;  // Null: a slot that is free.
  uint64_t live_bytes = 0;
  uint64_t hint_bytes = 0;

  uint64_t dead_bytes() const {
    const uint64_t all = file->info().edit_bytes;
    return all - std::min(all, live_bytes);
  }
};

class BitcaskVersion final : public EngineVersion,
                             public std::enable_shared_from_this<BitcaskVersion> {
 public:
  BitcaskVersion(Image image, std::vector<FileShare> files, uint64_t large_value_bytes)
      : image_(std::move(image)), files_(std::move(files)), large_value_bytes_(large_value_bytes) {}
  // Of an engine that was closed: it has no files, and answers kClosed.
  static std::shared_ptr<const BitcaskVersion> closed(uint64_t absorbed);

  Status get(Bytes key, uint64_t hash, uint64_t commit, bool may_block,
             Lookup& answer) const override;
  Status get_many(std::span<PointQuery> queries, uint64_t commit) const override;
  std::unique_ptr<EngineCursor> scan(const KeyRange& range, uint64_t commit,
                                     Direction direction) const override;
  std::unique_ptr<EditCursor> versions(const KeyRange& range, uint64_t from,
                                       uint64_t to) const override;
  std::vector<RangeDeletion> range_deletions(const KeyRange& range, uint64_t from,
                                             uint64_t to) const override;
  Result<uint64_t> value_bytes(const Edit& edit) const override;
  Status read_value(const Edit& edit, MutableBytes into) const override;
  uint64_t size(const KeyRange& range) const override;
  uint64_t absorbed() const override { return image_.absorbed; }

  Status check_open() const;
  const Image& image() const { return image_; }
  const std::vector<FileShare>& files() const { return files_; }
  const DataFile& file_of(const Row& row) const { return *files_[row.slot].file; }
  bool lies_apart(const Row& row, uint64_t bytes_min) const {
    return row.value_bytes >= std::min(bytes_min, large_value_bytes_);
  }

 private:
  struct Position {  // Of a row.
    const Leaf* leaf = nullptr;
    size_t index = 0;
  };
  // The newest version of a key at or below the commit, or nothing.
  Position find(Bytes key, uint64_t commit) const;
  // All of an answer but a value that is in a file: false where that is still to be got.
  bool decide(Bytes key, uint64_t commit, const Position& at, Row& row, Lookup& answer) const;

  const Image image_;
  const std::vector<FileShare> files_;
  const uint64_t large_value_bytes_;
  bool is_closed_ = false;
};

// Walks over rows, with their values: live ones, or all versions. A value is read when the cursor
// comes to it, several ahead at once once some have been wanted; one of kApartBytes or more only
// when it is asked for.
class RowCursor final : public EngineCursor {
 public:
  enum class Shows : uint8_t { kLive, kVersions };
  static constexpr uint64_t kApartBytes = 1024;

  // Every version has from < commit <= to; of what is live it is the newest at or below `to`.
  RowCursor(const BitcaskVersion& version, const KeyRange& range, Shows shows, uint64_t from,
            uint64_t to, Direction direction);
  bool valid() const override { return at_ < page_.size() && status_; }
  const Edit& edit() const override { return edit_; }
  void next() override;
  Status status() const override { return status_.copy(); }
  void seek(Bytes key) override;

  // Of a cursor whose edit refers to a value that is now being read: those behind it will be, too.
  void expect_reads();
  // What an edit has in the place of a value that lies apart: a row, and who showed it.
  static constexpr size_t kReferenceBytes = Leaf::kRowBytes + sizeof(RowCursor*);

 private:
  struct Shown {
    const Leaf* leaf;
    size_t index;
  };
  void start();
  void enter(size_t leaf);
  void collect();
  void settle();  // Where something is to be shown, or at the end.
  void show();
  Status load(const Row& row, Bytes key);
  void read_ahead();

  const std::shared_ptr<const BitcaskVersion> pin_;
  const BitcaskVersion& version_;
  const std::string begin_;
  const std::string end_;
  const Shows shows_;
  const uint64_t from_;
  const uint64_t to_;
  const bool forward_;
  size_t leaf_ = 0;
  std::vector<Shown> page_;  // Of the leaf.
  size_t at_ = 0;
  bool done_ = false;
  size_t announced_ = 0;  // Of the page, to the system,
  size_t ahead_ = 1;      // so many at once.
  Edit edit_;
  std::string value_;
  std::string room_;
  uint8_t reference_[kReferenceBytes] = {};
  Status status_;
};

}  // namespace varve::bitcask

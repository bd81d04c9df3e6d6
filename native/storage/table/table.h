// storage/table/table.h — immutable files of sorted versions: written once, read by key or in
// order.
//
// A get asks the point index, which is also the filter: a fingerprint found there names block and
// slot, so that a key that is there costs its bucket and its block, and one that is not costs a
// bucket. Blocks and the index come through the cache, verified when they are loaded; without its
// index a table is searched by the first keys of its blocks.
//
// Invariants
//   - a table never changes; its file is removed when drop() was called and the last user let go.
//   - no byte is used before the checksum over it was verified.
// Threads: any. Answers are borrowed until the caller's epoch guard is left.    Bytes: FORMAT.md
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/os/os.h"
#include "engine/engine.h"
#include "storage/cache/cache.h"
#include "storage/table/block.h"
#include "storage/table/info.h"
#include "storage/table/point_index.h"

namespace varve {

struct TableOptions {
  uint32_t block_bytes = 4096;
  uint64_t hash_seed = 0;
  uint8_t store_identity[16] = {};
  uint64_t number = 0;
  bool compress = false;   // Blocks that it makes smaller.
  bool any_store = false;  // Salvage without a manifest: nobody knows the identity.
  uint32_t fingerprint_bits_min = kFingerprintBitsMin;  // Of a key in the point index; below 32.
};

std::string table_path(const std::string& directory, uint64_t number);
uint64_t table_number(const std::string& name);  // 0 for any other name

class TableWriter {
 public:
  static Result<std::unique_ptr<TableWriter>> create(Os& os, const std::string& path,
                                                     const TableOptions& options);
  // By (key, commit descending). With kFlagSeparateValue the value is a reference to a value file.
  Status add(const Edit& edit);
  void add(const RangeDeletion& deletion);
  uint64_t size_bytes() const { return written_ + buffer_.size() + block_.size_bytes(); }
  bool empty() const { return info_.entry_count == 0 && range_deletions_.empty(); }
  // Syncs the file, not its directory.
  Result<TableInfo> finish();

 private:
  struct BlockPlace {
    uint64_t offset;
    uint32_t size;
    uint32_t raw_size;
    std::string first_key;
  };
  TableWriter(std::unique_ptr<File> file, const TableOptions& options)
      : file_(std::move(file)), options_(options) {}
  Status finish_block();
  Status write_part(const std::string& part, uint64_t* offset, uint8_t compression = 0);
  Status flush_buffer();
  std::string encode_block_index() const;
  std::string encode_range_deletions() const;
  std::string encode_point_index();
  std::string encode_footer() const;

  std::unique_ptr<File> file_;
  const TableOptions options_;
  TableInfo info_;
  BlockBuilder block_;
  std::string compressed_;
  std::string buffer_;
  uint64_t written_ = 0;
  std::string last_key_;
  std::vector<BlockPlace> blocks_;
  std::vector<uint64_t> hashes_;     // Of each key, in order,
  std::vector<uint64_t> locations_;  // and block << 32 | slot of its newest version.
  uint32_t slot_max_ = 0;            // Among those.
  struct OwnedDeletion {
    std::string begin, end;
    uint64_t commit;
  };
  std::vector<OwnedDeletion> range_deletions_;
  uint64_t ranges_at_ = 0, index_at_ = 0, points_at_ = 0, points_size_ = 0;
  uint32_t ranges_size_ = 0, index_size_ = 0;
  PointLayout layout_;
  bool index_is_whole_ = true;
  std::map<uint64_t, ValueUse> value_uses_;  // By file.
};

class Table : public std::enable_shared_from_this<Table> {
 public:
  static Result<std::shared_ptr<Table>> open(Os& os, const std::string& path, const TableInfo& info,
                                             Cache& cache, const TableOptions& options);
  ~Table();

  // The newest version at or below the commit; range deletions are not applied.
  Status get(Bytes key, uint64_t hash, uint64_t commit, bool may_block, Lookup& answer);
  // Fetch toward the CPU what get() will touch, each step what the one before has named. Never
  // block.
  void prefetch_index(uint64_t hash) const;
  void prefetch_handle(uint64_t hash) const;
  void prefetch_entry(uint64_t hash) const;
  // Every version, in order; not placed until a seek.
  std::unique_ptr<class TableCursor> cursor();
  std::unique_ptr<class TableCursor>
  cursor_uncached();  // Reads ahead around the cache: compaction.
  const std::vector<RangeDeletion>& range_deletions() const { return ranges_; }
  const TableInfo& info() const { return info_; }
  // Says whether a reference to a value that lies apart is good: kCorrupt when not.
  using CheckReference = std::function<Status(const ValueReference&)>;
  // Reads every byte again and holds each part against the others.
  Status verify(
      std::vector<VerifyProblem>& problems,
      const CheckReference& check_reference = [](const ValueReference&) { return Status::ok(); });
  // What the file says of itself, for when no manifest does. Its keys are not known then.
  static Result<TableInfo> describe(Os& os, const std::string& path);
  // For salvage: block by block, around the cache.
  uint32_t block_count() const { return static_cast<uint32_t>(blocks_.size()); }
  Bytes block_begin(uint32_t number) const { return blocks_[number].first_key; }
  uint64_t block_offset(uint32_t number) const { return blocks_[number].offset; }
  Result<std::string> read_block(uint32_t number);  // Parses.
  void drop() { dropped_.store(true); }             // The file goes with the last user.
  // How many bytes lie within a range, about.
  uint64_t size_within(const KeyRange& range) const;

 private:
  friend class TableCursor;
  Table(Os& os, std::string path, Cache& cache) : os_(os), path_(std::move(path)), cache_(cache) {}
  Status open_file(const TableOptions& options);
  static Result<std::string> read_footer(File& file, const std::string& path);
  // `points` is the point index, or empty if that is damaged.
  Status verify_blocks(const std::string& points, std::vector<VerifyProblem>& problems,
                       const CheckReference& check_reference);
  void verify_value_uses(const std::map<uint64_t, ValueUse>& found,
                         std::vector<VerifyProblem>& problems) const;
  Status verify_part(const char* what, uint64_t offset, Bytes known,
                     std::vector<VerifyProblem>& problems);
  bool index_has(const std::string& points, Bytes key, uint32_t number, uint32_t slot) const;
  Result<std::string> read_part(uint64_t offset, uint64_t size, const char* what);
  Status parse_index();
  Status parse_range_deletions();
  Status check_part(uint64_t offset, Bytes part_and_trailer, const char* what) const;
  struct BlockPlace {
    uint64_t offset;
    uint32_t size;      // In the file, without its trailer.
    uint32_t raw_size;  // As it was before it was compressed; `size` when it was not.
    Bytes first_key;    // In index_.
  };
  // Verifies a block as it lies in the file, with its trailer, and writes it to `raw`.
  Status unpack(const BlockPlace& place, Bytes stored, MutableBytes raw) const;
  Status load_block(uint32_t number, const CachedBlock*& loaded);
  uint32_t block_of(Bytes key) const;        // The last block whose first key is not above it.
  uint32_t first_block_of(Bytes key) const;  // Where its newest version lies if it is there.
  bool read_layout(const uint8_t* footer);   // False when no writer would have made it.
  Status load_points();
  const uint32_t* points() const;  // Null while they are not in memory.
  template <class OnPlace>
  bool each_match(const uint32_t* points, uint64_t hash, OnPlace on_place) const;
  Status get_without_index(Bytes key, uint64_t hash, uint64_t commit, bool may_block,
                           Lookup& answer);
  Status get_at(uint32_t block, uint32_t slot, Bytes key, uint64_t commit, bool may_block,
                Lookup& answer);

  Os& os_;
  const std::string path_;
  Cache& cache_;
  std::unique_ptr<File> file_;
  TableInfo info_;
  std::string index_;
  std::string range_bytes_;
  std::vector<BlockPlace> blocks_;
  std::span<BlockHandle> handles_;  // Of the cache's heap.
  std::vector<RangeDeletion> ranges_;
  mutable BlockHandle points_handle_;
  uint64_t points_bytes_ = 0;
  uint32_t bucket_count_ = 0;
  PointLayout layout_;
  bool index_is_whole_ = true;
  uint64_t points_at_ = 0;
  uint64_t ranges_at_ = 0;
  uint64_t index_at_ = 0;
  uint64_t hash_seed_ = 0;
  std::atomic<uint64_t> unindexed_bytes_{0};  // What gets cost since the index had to make room.
  uint64_t charged_bytes_ = 0;                // What the cache was told of.
  std::atomic<bool> dropped_{false};
};

// A walk over every version. Borrowed bytes hold until the cursor moves (and, cached, inside the
// caller's epoch guard).
class TableCursor final : public EditCursor {
 public:
  TableCursor(std::shared_ptr<Table> table, bool cached)
      : table_(std::move(table)), cached_(cached) {}
  bool valid() const override { return valid_; }
  const Edit& edit() const override { return edit_; }
  void next() override;
  void next_key();  // At the newest version of the next key.
  void previous();
  Status status() const override { return status_.copy(); }
  void seek_first();
  void seek_last();
  // At the first version whose (key, commit descending) is not before the one given.
  void seek(Bytes key, uint64_t commit = UINT64_MAX);
  // At the last version before that place.
  void seek_before(Bytes key, uint64_t commit = UINT64_MAX);

 private:
  bool enter(uint32_t block);
  void attach(const uint8_t* parsed);
  void show();

  const std::shared_ptr<Table> table_;
  const bool cached_;
  std::string window_;  // Uncached: bytes of the file from window_at_.
  uint64_t window_at_ = 0;
  std::string raw_;  // Uncached: the block.
  Block block_;
  uint32_t block_number_ = 0;
  uint32_t slot_ = 0;
  std::string key_;  // The prefix of the block, and once shown the suffix of the slot.
  Edit edit_;
  bool valid_ = false;
  Status status_;
};

}  // namespace varve

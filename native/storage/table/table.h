// storage/table/table.h — immutable files of sorted versions: written once, read by key or in
// order.
//
// A get asks the point index, which is also the filter: a fingerprint found there names block and
// slot, so that a key that is there costs its bucket and its block, and one that is not costs a
// bucket. Without the point index a table is searched by its block index: the top names a part, the
// part a block.
//
//     bucket ──▶ block number ──▶ part of the block index, a handle for each block ──▶ block
//     key ─────▶ top ───────────▶ part
//
// All of that comes through the cache, verified when it is loaded, and may be evicted: an open
// table keeps only a handle for each part, of which there is one for about half a megabyte of
// blocks, and its range deletions. Opening reads neither point index nor blocks. The point index is
// loaded by the first get if there is room, and else when gets without it have cost as much.
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
#include "storage/table/block_index.h"
#include "storage/table/info.h"
#include "storage/table/kept_blocks.h"
#include "storage/table/point_index.h"
#include "storage/table/read_window.h"

namespace varve {

// What a walk does with the cache.
enum class CacheUse : uint8_t {
  kKeep = 0,    // Blocks come from there, and stay there.
  kAround = 1,  // It reads beside it: what is read once drives nothing out.
  kTake = 2,    // The same, and what is there goes, since it is written anew: a merge.
};

struct TableOptions {
  uint32_t block_bytes = 4096;
  uint64_t hash_seed = 0;
  uint8_t store_identity[16] = {};
  uint64_t number = 0;
  bool compress = false;   // Blocks that it makes smaller.
  bool any_store = false;  // Salvage without a manifest: nobody knows the identity.
  uint32_t fingerprint_bits_min = kFingerprintBitsMin;  // Of a key in the point index; below 32.
  uint32_t part_bits_max = kIndexPartBitsMax;  // Of the block index: how many blocks a part has.
  Cache* cache = nullptr;                      // Of a writer: whose budget it lives in, too.
  bool fills_cache = false;  // Of a writer: blocks are kept where there is room, warm or not.
};

std::string table_path(const std::string& directory, uint64_t number);
uint64_t table_number(const std::string& name);  // 0 for any other name

class TableWriter {
 public:
  static Result<std::unique_ptr<TableWriter>> create(Os& os, const std::string& path,
                                                     const TableOptions& options);
  ~TableWriter();
  // By (key, commit descending). With kFlagSeparateValue the value is a reference to a value file.
  // `is_warm`: it comes from a block that was in the cache.
  Status add(const Edit& edit, bool is_warm = false);
  void add(const RangeDeletion& deletion);
  uint64_t size_bytes() const { return written_ + buffer_.size() + block_.size_bytes(); }
  // Of memory: it grows by the key, as the indexes are written last.
  uint64_t held_bytes() const { return held_bytes_; }
  bool empty() const { return info_.entry_count == 0 && range_deletions_.empty(); }
  // Syncs the file, not its directory.
  Result<TableInfo> finish();
  KeptBlocks take_kept() { return std::move(kept_); }  // For Table::keep().

 private:
  TableWriter(std::unique_ptr<File> file, const TableOptions& options)
      : file_(std::move(file)), options_(options) {}
  void hold(uint64_t bytes);  // From the budget.
  uint64_t full_block_bytes() const;
  void begin_block(Bytes first_key);
  Status finish_block();
  Status write_part(const std::string& part, uint64_t* offset, uint8_t compression = 0);
  Status flush_buffer();
  Status write_block_index();
  std::string encode_range_deletions() const;
  std::string encode_point_index();
  std::string encode_footer() const;

  std::unique_ptr<File> file_;
  const TableOptions options_;
  TableInfo info_;
  BlockBuilder block_;
  uint32_t warm_count_ = 0;  // Of the entries in it.
  KeptBlocks kept_;
  std::string compressed_;
  std::string buffer_;
  uint64_t written_ = 0;
  std::string last_key_;
  std::string separator_;  // Of the block that is being filled.
  std::vector<IndexEntry> blocks_;
  std::vector<uint64_t> hashes_;      // Of each key, in order,
  std::vector<uint32_t> slots_;       // and where in its block its newest version is.
  std::vector<uint32_t> first_keys_;  // By block, of those whose newest version is there.
  uint32_t slot_max_ = 0;             // Among the slots.
  uint64_t held_bytes_ = 0;
  struct OwnedDeletion {
    std::string begin, end;
    uint64_t commit;
  };
  std::vector<OwnedDeletion> range_deletions_;
  uint64_t ranges_at_ = 0, top_at_ = 0, points_at_ = 0, points_size_ = 0;
  uint32_t ranges_size_ = 0, top_size_ = 0, part_bits_ = 0;
  PointLayout layout_;
  bool index_is_whole_ = true;
  std::map<uint64_t, ValueUse> value_uses_;  // By file.
};

class Table : public std::enable_shared_from_this<Table> {
 public:
  static Result<std::shared_ptr<Table>> open(Os& os, const std::string& path, const TableInfo& info,
                                             Cache& cache, const TableOptions& options);
  ~Table();
  // Loads the point index if there is room, so that no get has to: for a table that was just
  // written, on the thread that wrote it.
  Status warm();
  // Puts a block that its writer kept into the cache, before others see the table.
  Status keep(KeptBlocks::One kept);

  // The newest version at or below the commit; range deletions are not applied.
  Status get(Bytes key, uint64_t hash, uint64_t commit, bool may_block, Lookup& answer);
  // A get in steps that never block, so that the misses of many overlap: each fetches toward the CPU
  // what the next one reads. A trace is good for as long as the epoch guard that it was made in.
  struct Trace {
    enum class Tells { kNothing, kAbsent, kPlace };
    Tells tells = Tells::kNothing;
    uint32_t slot = 0;
    BlockHandle* handle = nullptr;  // Of the block that the first match names.
    const uint8_t* block = nullptr;
    uint32_t hint = 0;
  };
  void prefetch_index(uint64_t hash) const;
  Trace trace(uint64_t hash) const;
  static void prefetch_block(Trace& trace);
  static void prefetch_entry(const Trace& trace);
  Status get_traced(Bytes key, uint64_t hash, uint64_t commit, const Trace& trace, Lookup& answer);
  // Tells the machine of the block that get() would wait for first, so that it is on its way; false
  // when there is none. Waits itself for the way there.
  Result<bool> announce(Bytes key, uint64_t hash);
  // Every version, in order; not placed until a seek.
  std::unique_ptr<class TableCursor> cursor(CacheUse use = CacheUse::kKeep);
  const std::vector<RangeDeletion>& range_deletions() const { return ranges_; }
  const TableInfo& info() const { return info_; }
  // Says whether a reference to a value that lies apart is good: kCorrupt when not.
  using CheckReference = std::function<Status(const ValueReference&)>;
  // Reads every byte again and holds each part against the others.
  Status verify(
      std::vector<VerifyProblem>& problems,
      const CheckReference& check_reference = [](const ValueReference&) {
        return Status::ok();
      }) const;
  // What the file says of itself, for when no manifest does. Its keys are not known then.
  static Result<TableInfo> describe(Os& os, const std::string& path);
  void drop() { dropped_.store(true); }  // The file goes with the last user.
  // How many held views the one who wrote it kept it for; of one that was found, nobody knows.
  uint64_t views() const { return views_; }
  void note_views(uint64_t count) { views_ = count; }  // Before others see it.
  // Some of it cannot be read, so that it cannot be merged with others.
  void note_damage() const { is_damaged_.store(true, std::memory_order_relaxed); }
  bool is_damaged() const { return is_damaged_.load(std::memory_order_relaxed); }
  // How many bytes lie within a range, about, and how many in all.
  uint64_t size_within(const KeyRange& range);
  uint64_t data_bytes() const { return ranges_at_; }

 private:
  friend class TableCursor;
  friend class BlockWalk;
  friend class PartReader;
  friend class ReadWindow;
  struct Part {
    uint64_t offset;
    uint64_t size;     // Without its trailer.
    const char* what;  // For messages.
  };
  Table(Os& os, std::string path, Cache& cache) : os_(os), path_(std::move(path)), cache_(cache) {}
  Status open_file(const TableOptions& options);
  static Result<std::string> read_footer(File& file, const std::string& path);
  bool read_layout(const uint8_t* footer);  // False when no writer would have made it.
  Status open_index();
  Result<const uint32_t*> load_points();  // Borrowed until the guard is left.
  // `points` is the point index, or empty if that is damaged.
  Status verify_blocks(const std::string& points, std::vector<VerifyProblem>& problems,
                       const CheckReference& check_reference) const;
  void verify_value_uses(const std::map<uint64_t, ValueUse>& found,
                         std::vector<VerifyProblem>& problems) const;
  // Both read a part again.
  Status verify_part(const Part& part, std::vector<VerifyProblem>& problems) const;
  Status verify_footer(std::vector<VerifyProblem>& problems) const;
  bool index_has(const std::string& points, Bytes key, uint32_t number, uint32_t slot) const;
  Status parse_range_deletions();

  // Reading.
  static Part part_of(const BlockPlace& place) { return {place.offset, place.size, "a block"}; }
  Part top_part() const { return {top_at_, top_size_, "the block index"}; }
  Part index_part(const BlockPlace& place) const {
    return {place.offset, place.size, "a part of the block index"};
  }
  Part points_part() const { return {points_at_, points_size_, "the point index"}; }
  Part ranges_part() const { return {ranges_at_, ranges_size_, "the range deletions"}; }
  Status corrupt(const Part& part, const char* problem) const;
  Status read_bytes(uint64_t offset, MutableBytes to) const;
  Status check_sum(const Part& part, Bytes part_and_trailer) const;
  Status read(const Part& part, MutableBytes part_and_trailer) const;
  Result<std::string> read(const Part& part) const;  // With its trailer.
  Result<Cache::Loading> read_to_cache(const Part& part, uint32_t handle_count) const;
  // Verifies a block as it lies in the file, with its trailer, and writes it to `raw`.
  Status unpack(const BlockPlace& place, Bytes stored, MutableBytes raw) const;
  // The same around the cache: `block` is a view of `raw`.
  Status read_block(const BlockPlace& place, WindowRead ahead, std::string& raw,
                    Block& block) const;

  // The block index. What is not in memory is loaded, or the code is kWouldBlock if that may not
  // be.
  uint32_t blocks_of(uint32_t part) const {
    return std::min(1u << part_bits_, block_count_ - (part << part_bits_));
  }
  uint32_t in_part(uint32_t block) const { return block & ((1u << part_bits_) - 1); }
  Status check_top(Bytes bytes, IndexPart& top) const;
  Status check_part(uint32_t number, const IndexPart& top, Bytes bytes, IndexPart& part) const;
  Status find_top(bool may_block, CachedBlock*& top);
  Status find_part(uint32_t number, bool may_block, CachedBlock*& part);
  Status block_of(Bytes key, VersionEnd end, bool may_block, uint32_t& number);

  // Blocks.
  struct Held {
    const CachedBlock* block = nullptr;
    uint32_t hint = 0;
  };
  Status find_block(uint32_t number, bool may_block, Held& held, WindowRead* ahead = nullptr);
  Status load_block(uint32_t number, CachedBlock& part, WindowRead* ahead, Held& held);
  // The block behind `number` to look for the key's versions in: the last that begins with one
  // newer than the commit, or the next; the count of blocks where none behind it has the key.
  Status next_with(Bytes key, uint64_t commit, bool may_block, uint32_t& number);
  Result<bool> announce_block(uint32_t number);
  BlockHandle* handle_of(uint64_t number) const {  // Null while its part is not in memory.
    CachedBlock* const part = Cache::find(parts_[number >> part_bits_]);
    return part == nullptr ? nullptr : &part->inner(in_part(static_cast<uint32_t>(number)));
  }

  // Gets.
  const uint32_t* points() const;  // Null while they are not in memory.
  Status get_by_index(const uint32_t* points, Bytes key, uint64_t hash, uint64_t commit,
                      bool may_block, Lookup& answer);
  Status get_without_index(Bytes key, uint64_t hash, uint64_t commit, bool may_block,
                           Lookup& answer);
  Status get_by_search(Bytes key, uint64_t commit, bool may_block, Lookup& answer);
  Status get_at(uint32_t block, uint32_t slot, Bytes key, uint64_t commit, bool may_block,
                Lookup& answer);

  Os& os_;
  const std::string path_;
  Cache& cache_;
  std::unique_ptr<File> file_;
  TableInfo info_;
  std::string range_bytes_;
  std::vector<RangeDeletion> ranges_;
  std::span<BlockHandle> parts_;  // Of the cache's heap.
  mutable BlockHandle top_handle_;
  mutable BlockHandle points_handle_;
  uint32_t block_count_ = 0;
  uint32_t part_bits_ = 0;
  uint32_t bucket_count_ = 0;
  PointLayout layout_;
  bool index_is_whole_ = true;
  uint64_t ranges_at_ = 0, ranges_size_ = 0;
  uint64_t top_at_ = 0, top_size_ = 0;
  uint64_t points_at_ = 0, points_size_ = 0;
  uint64_t hash_seed_ = 0;
  std::atomic<uint64_t> unindexed_bytes_{0};  // What gets cost since the index was there last.
  uint64_t charged_bytes_ = 0;                // What the cache was told of.
  std::atomic<bool> dropped_{false};
  mutable std::atomic<bool> is_damaged_{false};
  uint64_t views_ = UINT64_MAX;
};

// The block index, read around the cache, one part at a time.
class PartReader {
 public:
  explicit PartReader(const Table& table) : table_(table) {}
  // A part, or the top (kTopPart). It holds until the next call.
  Status part(uint32_t number, IndexPart& part);
  uint64_t offset() const { return offset_; }  // Of what was asked for last.

 private:
  Status top(IndexPart& top);

  const Table& table_;
  uint64_t offset_ = 0;
  std::string top_;
  std::string part_;
  uint32_t number_ = UINT32_MAX;  // Of the part in part_.
};

// Every block of a table in order, around the cache. What is damaged is told of and passed by.
class BlockWalk {
 public:
  explicit BlockWalk(const Table& table) : table_(table), parts_(table), window_(nullptr) {}
  // To the next block; false at the end. An error is of what lies at offset(): a block, or a part
  // of the index, with all blocks that it tells of.
  Result<bool> next();
  uint64_t offset() const { return offset_; }
  uint32_t number() const { return number_; }
  const Block& block() const { return block_; }
  // What the index says leads to the block.
  const std::string& separator() const { return separator_; }

 private:
  const Table& table_;
  PartReader parts_;
  ReadWindow window_;
  uint64_t next_ = 0;
  uint32_t number_ = 0;
  uint64_t offset_ = 0;
  std::string separator_;
  std::string raw_;
  Block block_;
};

// A walk over every version. Borrowed bytes hold until the cursor moves (and, with blocks that the
// cache keeps, inside the caller's epoch guard). Around the cache it goes forward in strict order,
// or says kCorrupt.
class TableCursor final : public EditCursor {
 public:
  TableCursor(std::shared_ptr<Table> table, CacheUse use);
  bool valid() const override { return valid_; }
  const Edit& edit() const override { return edit_; }
  void next() override;
  void next_key();  // At the newest version of the next key.
  // EngineCursor::take_values() of a view at the commit; of the block that it is in, with blocks that
  // the cache keeps.
  size_t take_values(Bytes end, uint64_t commit, std::span<Bytes> values);
  void previous();
  Status status() const override { return status_.copy(); }
  // Taken from the cache: the block that it is in was there until now.
  bool is_warm() const { return is_warm_; }
  void seek_first();
  void seek_last();
  // At the first version whose (key, commit descending) is not before the one given.
  void seek(Bytes key, uint64_t commit = UINT64_MAX);
  // At the last version before that place.
  void seek_before(Bytes key, uint64_t commit = UINT64_MAX);

 private:
  bool enter(uint32_t block, Going going);
  Status enter_cached(uint32_t block, Going going);
  Status enter_uncached(uint32_t block, Going going);
  Status newest_block_of(Bytes key, uint32_t& number);
  void show();
  void step();
  void next_in_order();
  void refuse();

  const std::shared_ptr<Table> table_;
  const CacheUse use_;
  const bool cached_;  // kKeep.
  ReadWindow window_;
  PartReader parts_;  // Around the cache,
  std::string raw_;   // with the block,
  uint64_t block_offset_ = 0;
  bool is_warm_ = false;
  std::string before_;  // and the key that it was at.
  Block block_;
  uint32_t block_number_ = 0;
  uint32_t slot_ = 0;
  std::string key_;  // The prefix of the block, and once shown the suffix of the slot,
  Bytes suffix_;     // which lies in the block.
  Edit edit_;
  bool valid_ = false;
  Status status_;
};

}  // namespace varve

// engine/btree/extent.h — a file of 64 MB in which pages lie side by side, and the handles by which
// those that are in memory are found.
//
// Handles come in groups of 256, which live in the cache themselves and go when nothing is cached
// behind them: so a hit is four loads and no hash table, and what handles take is in the budget,
// however large the store.
//
// Threads: reads from any; writes by whoever changes the tree.     Bytes: FORMAT.md
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/os/os.h"
#include "engine/btree/page.h"
#include "storage/cache/cache.h"

namespace varve::btree {

// What all extents of a store have in common.
struct ExtentSite {
  Os& os;
  std::string directory;
  std::array<uint8_t, 16> identity = {};
  uint32_t page_bytes = 4096;
  uint32_t extent_pages = 16384;  // A power of two.
};

std::string extent_path(const std::string& directory, uint64_t number);
uint64_t extent_number(const std::string& name);  // 0 for any other name.

// What an extent's first page says.
struct ExtentHead {
  std::array<uint8_t, 16> identity = {};
  uint64_t number = 0;
  uint32_t page_bytes = 0;
  uint32_t extent_pages = 0;
  uint32_t slot = 0;  // Which places are in it.
};
std::string encode_extent_head(const ExtentHead& head);
Result<ExtentHead> decode_extent_head(Bytes bytes, const std::string& path);

Result<ExtentHead> describe_extent(Os& os, const std::string& path);

class Extent {
 public:
  static constexpr uint32_t kGroupBits = 8;
  static constexpr uint32_t kGroupPages = 1u << kGroupBits;

  static Result<std::shared_ptr<Extent>> create(const ExtentSite& site, Cache& cache,
                                                uint64_t number, uint32_t slot);
  static Result<std::shared_ptr<Extent>> open(const ExtentSite& site, Cache& cache, uint64_t number,
                                              OpenMode mode);
  ~Extent();
  Extent(const Extent&) = delete;
  Extent& operator=(const Extent&) = delete;

  uint64_t number() const { return number_; }
  const std::string& path() const { return path_; }
  uint64_t offset(uint32_t index) const { return uint64_t{index} * page_bytes_; }
  Status read(uint32_t index, MutableBytes into) const;  // All of it, or kCorrupt.
  Result<size_t> read_some(uint64_t at, MutableBytes into) const {
    return file_->read_at(at, into);
  }
  Status write(uint32_t index, Bytes pages) { return file_->write_at(offset(index), pages); }
  Status sync() { return file_->sync(); }
  Status resize(uint32_t pages) { return file_->resize(offset(pages)); }
  Result<uint64_t> file_bytes() const { return file_->size(); }
  void will_read(uint32_t index, uint32_t pages) const {
    file_->will_read(offset(index), offset(pages));
  }
  void drop() { is_dropped_.store(true); }  // The file goes with the last user.

  // The handle of a page; null while its group is not in memory.
  BlockHandle* handle(uint32_t index, CachedBlock*& group) const {
    group = Cache::find(groups_[index >> kGroupBits]);
    return group == nullptr ? nullptr : &group->inner(index & (kGroupPages - 1));
  }
  BlockHandle& make_handle(uint32_t index, CachedBlock*& group) const;
  // The page gets other bytes: nobody reads what is cached of it.
  void forget(uint32_t index) const {
    cache_.take_within(groups_[index >> kGroupBits], index & (kGroupPages - 1));
  }

 private:
  Extent(const ExtentSite& site, Cache& cache, uint64_t number);

  Os& os_;
  Cache& cache_;
  const uint64_t number_;
  const std::string path_;
  const uint32_t page_bytes_;
  std::unique_ptr<File> file_;
  std::span<BlockHandle> groups_;
  std::atomic<bool> is_dropped_{false};
};

using Extents = std::vector<std::shared_ptr<Extent>>;  // By slot; null: none.

}  // namespace varve::btree

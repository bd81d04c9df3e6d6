#include "storage/table/read_window.h"

#include <algorithm>

#include "storage/cache/cache.h"
#include "storage/table/table.h"

namespace varve {
namespace {

constexpr size_t kFirstBytes = size_t{32} << 10;
constexpr size_t kMostBytes = size_t{256} << 10;
constexpr size_t kUncachedBytes = size_t{512} << 10;
constexpr uint64_t kBudgetShare = 64;  // Of which a window takes one at most.

}  // namespace

ReadWindow::ReadWindow(Cache* cache) : cache_(cache), most_bytes_(kUncachedBytes) {
  if (cache == nullptr) {
    ahead_bytes_ = kUncachedBytes;  // A merge reads it all.
    return;
  }
  most_bytes_ =
      static_cast<size_t>(std::min<uint64_t>(kMostBytes, cache->budget_bytes() / kBudgetShare));
}

ReadWindow::~ReadWindow() {
  if (charged_bytes_ != 0) cache_->charge(-static_cast<int64_t>(charged_bytes_));
}

void ReadWindow::charge() {
  if (cache_ == nullptr || bytes_.capacity() <= charged_bytes_) return;
  cache_->charge(static_cast<int64_t>(bytes_.capacity() - charged_bytes_));
  charged_bytes_ = bytes_.capacity();
}

Result<Bytes> ReadWindow::read(const Table& table, uint64_t offset, size_t size, Going going) {
  if (offset >= at_ && offset + size <= at_ + bytes_.size()) {
    return as_bytes(bytes_).subspan(offset - at_, size);
  }
  if (cache_ != nullptr) {
    ahead_bytes_ = going == Going::kAnywhere
                       ? 0
                       : std::min(most_bytes_, std::max(kFirstBytes, 2 * ahead_bytes_));
  }
  const uint64_t end = offset + size;
  const size_t wanted = std::max(size, ahead_bytes_);
  at_ = going == Going::kBackward ? end - std::min<uint64_t>(wanted, end) : offset;
  const uint64_t data_end = std::max(end, table.data_bytes());
  bytes_.resize(static_cast<size_t>(std::min<uint64_t>(wanted, data_end - at_)));
  charge();
  const MutableBytes to(reinterpret_cast<uint8_t*>(bytes_.data()), bytes_.size());
  if (Status status = table.read_bytes(at_, to); !status) {
    bytes_.clear();
    return status;
  }
  return as_bytes(bytes_).subspan(offset - at_, size);
}

}  // namespace varve

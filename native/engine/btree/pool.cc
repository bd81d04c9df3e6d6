#include "engine/btree/pool.h"

#include <algorithm>
#include <bit>
#include <mutex>

#include "base/check.h"

namespace varve::btree {
namespace {

constexpr size_t kBufferBytes = size_t{1} << 20;

uint32_t kind_at(const uint8_t* page) { return varve::load<uint32_t>(page + 4); }

Status corrupt(const Extent& extent, uint64_t offset, const char* what) {
  return Status::corrupt("btree: the page of " + extent.path() + " at byte " +
                         std::to_string(offset) + " " + what);
}

}  // namespace

Pool::Pool(const ExtentSite& site, Cache& cache, Writing writing)
    : site_(site),
      cache_(cache),
      writing_(writing),
      bits_(static_cast<uint32_t>(std::countr_zero(site.extent_pages))) {
  check(std::has_single_bit(site.extent_pages));
}

Status Pool::extent_of(const Extents& extents, const PageRef& ref, const Extent*& extent) const {
  const uint64_t slot = slot_of(ref.place);
  const uint32_t index = index_of(ref.place);
  const bool is_there = slot < extents.size() && extents[slot] != nullptr;
  const bool is_within = index != 0 && ref.units != 0 && index + ref.units <= site_.extent_pages;
  if (!is_there || !is_within) {
    return Status::corrupt("btree: a reference to page " + std::to_string(ref.place) +
                           ", which is nowhere");
  }
  extent = extents[slot].get();
  return Status::ok();
}

Status Pool::check_page(const Extent& extent, const PageRef& ref, uint32_t kind, Bytes page) const {
  const uint32_t index = index_of(ref.place);
  bool is_newer = false;
  const char* const wrong = read_page(page, place_seed(extent.number(), index), &is_newer);
  if (is_newer) {
    return {Code::kNewerFormat, "btree: a page of " + extent.path() + " is of a newer version"};
  }
  if (wrong != nullptr) return corrupt(extent, extent.offset(index), wrong);
  if (varve::load<uint32_t>(page.data()) != ref.checksum) {
    return corrupt(extent, extent.offset(index), "is not the one that was written there last");
  }
  if (kind_at(page.data()) != kind || head_of(page.data()).units != ref.units) {
    return corrupt(extent, extent.offset(index), "is of another kind than what refers to it says");
  }
  return Status::ok();
}

bool Pool::copy_dirty(uint64_t place, MutableBytes into) const {
  if (dirty_bytes() == 0) return false;
  const std::shared_lock<std::shared_mutex> held(dirty_mutex_);
  const auto found = dirty_.find(place);
  if (found == dirty_.end() || found->second.size() != into.size()) return false;
  std::memcpy(into.data(), found->second.data(), into.size());
  return true;
}

Status Pool::load(const Extent& extent, const PageRef& ref, uint32_t kind,
                  MutableBytes into) const {
  if (!copy_dirty(ref.place, into)) {
    if (Status status = extent.read(index_of(ref.place), into); !status) return status;
    read_bytes_.fetch_add(into.size(), std::memory_order_relaxed);
  }
  return check_page(extent, ref, kind, into);
}

const uint8_t* Pool::peek(const Extents& extents, const PageRef& ref, uint32_t kind) const {
  const uint64_t slot = slot_of(ref.place);
  if (slot >= extents.size() || extents[slot] == nullptr) return nullptr;
  CachedBlock* group = nullptr;
  BlockHandle* const handle = extents[slot]->handle(index_of(ref.place), group);
  if (handle == nullptr) return nullptr;
  const CachedBlock* const block = cache_.use(*handle);
  const bool is_it = block != nullptr && kind_at(block->data()) == kind &&
                     block->size == size_t{ref.units} * site_.page_bytes;
  return is_it ? block->data() : nullptr;
}

Status Pool::find(const Extents& extents, const PageRef& ref, uint32_t kind, bool may_block,
                  const uint8_t*& page) const {
  page = peek(extents, ref, kind);
  if (page != nullptr) return Status::ok();
  const Extent* extent = nullptr;
  if (Status status = extent_of(extents, ref, extent); !status) return status;
  const uint32_t size = ref.units * site_.page_bytes;
  Cache::Loading loading = cache_.make(size);
  const MutableBytes into(loading->filling(), size);
  Status status;
  if (may_block) {
    status = load(*extent, ref, kind, into);
  } else if (copy_dirty(ref.place, into)) {
    status = check_page(*extent, ref, kind, into);
  } else {
    return {Code::kWouldBlock, "btree: a page is not in memory"};
  }
  if (!status) return status;
  CachedBlock* group = nullptr;
  BlockHandle& handle = extent->make_handle(index_of(ref.place), group);
  const CachedBlock* const block = cache_.insert(handle, std::move(loading), size, group);
  page = block->data();
  if (kind_at(page) == kind && block->size == size) return Status::ok();
  return corrupt(*extent, extent->offset(index_of(ref.place)), "is referred to as two kinds");
}

Status Pool::read(const Extents& extents, const PageRef& ref, uint32_t kind,
                  std::string& page) const {
  const Extent* extent = nullptr;
  if (Status status = extent_of(extents, ref, extent); !status) return status;
  page.resize(size_t{ref.units} * site_.page_bytes);
  return load(*extent, ref, kind,
              MutableBytes(reinterpret_cast<uint8_t*>(page.data()), page.size()));
}

bool Pool::is_cached(const Extents& extents, uint64_t place) const {
  const uint64_t slot = slot_of(place);
  if (slot >= extents.size() || extents[slot] == nullptr) return false;
  CachedBlock* group = nullptr;
  const BlockHandle* const handle = extents[slot]->handle(index_of(place), group);
  return handle != nullptr && handle->block.load(std::memory_order_acquire) != nullptr;
}

bool Pool::announce(const Extents& extents, const PageRef& ref) const {
  const Extent* extent = nullptr;
  if (is_cached(extents, ref.place) || !extent_of(extents, ref, extent)) return false;
  extent->will_read(index_of(ref.place), ref.units);
  return true;
}

void Pool::warm(const Extents& extents, const PageRef& ref, Bytes page) const {
  Cache::Loading loading = cache_.make(static_cast<uint32_t>(page.size()));
  std::memcpy(loading->filling(), page.data(), page.size());
  CachedBlock* group = nullptr;
  BlockHandle& handle = extents[slot_of(ref.place)]->make_handle(index_of(ref.place), group);
  cache_.insert(handle, std::move(loading), static_cast<uint32_t>(page.size()), group);
}

// ---- writing

Status Pool::write_run(const Extents& extents, uint64_t place, Bytes pages) {
  Status status = extents[slot_of(place)]->write(index_of(place), pages);
  if (status) written_bytes_.fetch_add(pages.size(), std::memory_order_relaxed);
  return status;
}

Status Pool::put(const Extents& extents, uint64_t place, std::string page) {
  if (writing_ != Writing::kThrough) {
    dirty_bytes_.fetch_add(page.size(), std::memory_order_relaxed);
    const std::unique_lock<std::shared_mutex> held(dirty_mutex_);
    dirty_[place] = std::move(page);
    return Status::ok();
  }
  const uint64_t end = buffer_place_ + buffer_.size() / site_.page_bytes;
  const bool goes_on = place == end && slot_of(place) == slot_of(buffer_place_) &&
                       buffer_.size() + page.size() <= kBufferBytes;
  if (!buffer_.empty() && !goes_on) {
    if (Status status = flush(extents); !status) return status;
  }
  if (buffer_.empty()) buffer_place_ = place;
  buffer_ += page;
  return Status::ok();
}

Status Pool::flush(const Extents& extents) {
  if (buffer_.empty()) return Status::ok();
  Status status = write_run(extents, buffer_place_, as_bytes(buffer_));
  buffer_.clear();
  return status;
}

// By place, those side by side at once. A page stays dirty until it is written.
Status Pool::write_dirty(const Extents& extents, uint64_t bytes_max) {
  std::string run;
  std::vector<uint64_t> places;
  while (dirty_bytes() > bytes_max) {
    run.clear();
    places.clear();
    {
      const std::shared_lock<std::shared_mutex> held(dirty_mutex_);
      for (auto at = dirty_.begin(); at != dirty_.end() && run.size() < kBufferBytes; ++at) {
        const uint64_t end =
            places.empty() ? at->first : places.front() + run.size() / site_.page_bytes;
        if (at->first != end || (!places.empty() && slot_of(end) != slot_of(places.front()))) break;
        places.push_back(at->first);
        run += at->second;
      }
    }
    if (places.empty()) return Status::ok();
    if (Status status = write_run(extents, places.front(), as_bytes(run)); !status) return status;
    for (const uint64_t place : places) drop_dirty(place);
  }
  return Status::ok();
}

void Pool::drop_dirty(uint64_t place) {
  if (dirty_bytes() == 0) return;
  const std::unique_lock<std::shared_mutex> held(dirty_mutex_);
  const auto found = dirty_.find(place);
  if (found == dirty_.end()) return;
  dirty_bytes_.fetch_sub(found->second.size(), std::memory_order_relaxed);
  dirty_.erase(found);
}

}  // namespace varve::btree

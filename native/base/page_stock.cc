#include "base/page_stock.h"

#include "base/pages.h"

namespace varve {

using Lock = std::unique_lock<std::mutex>;

uint8_t* PageStock::take() {
  const Lock held(mutex_);
  if (pages_.empty()) return nullptr;
  uint8_t* const page = pages_.back();
  pages_.pop_back();
  return page;
}

void PageStock::give(uint8_t* page) {
  {
    const Lock held(mutex_);
    if (pages_.size() < count_max_) return pages_.push_back(page);
  }
  unmap_pages(page, page_bytes_);
}

void PageStock::set_limit(size_t bytes) {
  std::vector<uint8_t*> surplus;
  {
    const Lock held(mutex_);
    count_max_ = bytes / page_bytes_;
    while (pages_.size() > count_max_) {
      surplus.push_back(pages_.back());
      pages_.pop_back();
    }
  }
  for (uint8_t* const page : surplus) unmap_pages(page, page_bytes_);
}

size_t PageStock::held_bytes() const {
  const Lock held(mutex_);
  return pages_.size() * page_bytes_;
}

}  // namespace varve

#include "base/arena.h"

#include "base/bytes.h"
#include "base/check.h"
#include "base/pages.h"

namespace varve {

Arena::~Arena() {
  for (const Page& page : pages_) {
    if (stock_ != nullptr && page.size == page_bytes_) {
      stock_->give(page.data);
    } else {
      unmap_pages(page.data, page.size);
    }
  }
}

uint8_t* Arena::take_page(size_t size) {
  const bool may_be_used = stock_ != nullptr && size == page_bytes_;
  uint8_t* const used = may_be_used ? stock_->take() : nullptr;
  return used != nullptr ? used : map_pages(size);
}

uint8_t* Arena::allocate_page(size_t size, size_t align) {
  check(align <= kSmallPageBytes && page_bytes_ >= kPageBytesMin);
  const size_t taken = is_large(size) ? taken_bytes(size) : page_bytes_;
  uint8_t* const data = take_page(taken);
  check(data != nullptr);
  pages_.push_back({data, taken});
  held_.fetch_add(taken, std::memory_order_relaxed);
  if (is_large(size)) return data;  // The page at hand goes on being filled.
  page_ = data;
  used_ = size;
  end_ = taken;
  return data;
}

}  // namespace varve

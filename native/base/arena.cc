#include "base/arena.h"

#include "base/bytes.h"
#include "base/check.h"
#include "base/pages.h"

namespace varve {

Arena::~Arena() {
  for (const Page& page : pages_) unmap_pages(page.data, page.size);
}

uint8_t* Arena::allocate_page(size_t size, size_t align) {
  check(align <= 4096);
  const size_t page_size = round_up(size, kHugePageBytes);
  uint8_t* const data = map_pages(page_size);
  check(data != nullptr);
  pages_.push_back({data, page_size});
  held_.fetch_add(page_size, std::memory_order_relaxed);
  if (size > kHugePageBytes / 4 && page_ != nullptr)
    return data;  // A page of its own; go on filling the old.
  page_ = data;
  used_ = size;
  end_ = page_size;
  return data;
}

}  // namespace varve

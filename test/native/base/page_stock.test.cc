#include "base/page_stock.h"

#include <cstring>

#include "base/arena.h"
#include "test.h"

namespace varve::test {
namespace {

constexpr size_t kPage = Arena::kPageBytesMin;

void fill(const std::shared_ptr<PageStock>& pages, size_t page_count) {
  Arena arena(pages);
  for (size_t i = 0; i < page_count * 16; ++i)
    std::memset(arena.allocate(kPage / 16), 7, kPage / 16);
}

}  // namespace

static const Case handed("what an arena leaves is what the next one takes first", [] {
  const auto pages = std::make_shared<PageStock>(kPage);
  pages->set_limit(4 * kPage);
  fill(pages, 3);
  expect(pages->held_bytes() == 3 * kPage);
  fill(pages, 2);
  expect(pages->held_bytes() == 3 * kPage);
  Arena arena(pages);
  expect(*arena.allocate(8) == 7);  // As the one before left it.
  expect(pages->held_bytes() == 2 * kPage);
});

static const Case limited("a stock holds no more than its limit, and nothing at first", [] {
  const auto pages = std::make_shared<PageStock>(kPage);
  fill(pages, 2);
  expect(pages->held_bytes() == 0 && pages->take() == nullptr);
  pages->set_limit(2 * kPage + 1);
  fill(pages, 5);
  expect(pages->held_bytes() == 2 * kPage);
  pages->set_limit(kPage);
  expect(pages->held_bytes() == kPage);
  pages->set_limit(0);
  expect(pages->held_bytes() == 0);
});

static const Case large("a piece with pages of its own does not go to the stock", [] {
  const auto pages = std::make_shared<PageStock>(kPage);
  pages->set_limit(8 * kPage);
  {
    Arena arena(pages);
    std::memset(arena.allocate(3 * kPage), 1, 3 * kPage);
  }
  expect(pages->held_bytes() == 0);
});

}  // namespace varve::test

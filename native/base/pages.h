// base/pages.h — memory straight from the machine, in 2 MB pages where it has them: they save 15 to
// 40 % of a cold lookup. Defined by base/os for each platform.
#pragma once

#include <cstddef>
#include <cstdint>

namespace varve {

inline constexpr size_t kHugePageBytes = size_t{2} << 20;

// What smaller pieces than a huge page are multiples of.
inline constexpr size_t kSmallPageBytes = 4096;

// `size` is a multiple of kSmallPageBytes; the memory is zero, and from a huge page's size on
// begins on the boundary of one. Null when the machine has no more.
uint8_t* map_pages(size_t size);
void unmap_pages(uint8_t* pages, size_t size);

}  // namespace varve

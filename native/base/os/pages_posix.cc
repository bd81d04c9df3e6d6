#include "base/pages.h"

#if !defined(_WIN32)
#include <sys/mman.h>

namespace varve {

namespace {

uint8_t* map(size_t size) {
  void* const mapped =
      mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return mapped == MAP_FAILED ? nullptr : static_cast<uint8_t*>(mapped);
}

}  // namespace

uint8_t* map_pages(size_t size) {
  if (size < kHugePageBytes) return map(size);
  // One page more than asked for, so that the part handed out can begin on a huge-page boundary.
  const size_t padded = size + kHugePageBytes;
  uint8_t* const mapped = map(padded);
  if (mapped == nullptr) return nullptr;
  const auto address = reinterpret_cast<uintptr_t>(mapped);
  const uintptr_t aligned = (address + kHugePageBytes - 1) & ~(kHugePageBytes - 1);
  if (aligned > address) munmap(mapped, aligned - address);
  const uintptr_t tail = address + padded - (aligned + size);
  if (tail > 0) munmap(reinterpret_cast<void*>(aligned + size), tail);
#if defined(MADV_HUGEPAGE)
  madvise(reinterpret_cast<void*>(aligned), size, MADV_HUGEPAGE);
#endif
  return reinterpret_cast<uint8_t*>(aligned);
}

void unmap_pages(uint8_t* pages, size_t size) { munmap(pages, size); }

}  // namespace varve
#endif

#include "base/pages.h"

#if defined(_WIN32)
#include <windows.h>

namespace varve {

// Large pages need a privilege that users do not have: these are ordinary ones on a large boundary.
uint8_t* map_pages(size_t size) {
  if (size < kHugePageBytes) {
    return static_cast<uint8_t*>(
        VirtualAlloc(nullptr, size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE));
  }
  for (int attempt = 0; attempt < 8; ++attempt) {
    void* const room = VirtualAlloc(nullptr, size + kHugePageBytes, MEM_RESERVE, PAGE_NOACCESS);
    if (room == nullptr) return nullptr;
    const auto address = reinterpret_cast<uintptr_t>(room);
    const uintptr_t aligned = (address + kHugePageBytes - 1) & ~(kHugePageBytes - 1);
    VirtualFree(room, 0, MEM_RELEASE);
    // Another thread may take the place in between: then once more.
    void* const mapped = VirtualAlloc(reinterpret_cast<void*>(aligned), size,
                                      MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    if (mapped != nullptr) return static_cast<uint8_t*>(mapped);
  }
  return nullptr;
}

void unmap_pages(uint8_t* pages, size_t) { VirtualFree(pages, 0, MEM_RELEASE); }

}  // namespace varve
#endif

// binding/image.h — bytes that an index reads where they lie.
//
// A copy: JavaScript may change or detach its own after they were verified. It has pages to itself,
// since it is large and goes as a whole: what is small and stays longer would settle in its place,
// and the next image find no room there.
#pragma once

#include <cstring>
#include <span>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "base/pages.h"

namespace varve {

class Image {
 public:
  Image() = default;
  explicit Image(std::span<const uint8_t> bytes) : size_(bytes.size()) {
    if (bytes.empty()) return;
    pages_ = map_pages(held_bytes());
    check(pages_ != nullptr);  // A machine without memory stops the process, as in Arena.
    std::memcpy(pages_, bytes.data(), bytes.size());
  }
  Image(Image&& other) noexcept { *this = std::move(other); }
  Image& operator=(Image&& other) noexcept {
    std::swap(pages_, other.pages_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Image() {
    if (pages_ != nullptr) unmap_pages(pages_, held_bytes());
  }

  Bytes bytes() const { return Bytes(pages_, size_); }
  size_t held_bytes() const {
    return (size_ + kSmallPageBytes - 1) / kSmallPageBytes * kSmallPageBytes;
  }

 private:
  uint8_t* pages_ = nullptr;
  size_t size_ = 0;
};

}  // namespace varve

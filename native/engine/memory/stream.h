// engine/memory/stream.h — an image as a stream of checksummed blocks, and back.
//
// Bytes: FORMAT.md
#pragma once

#include <array>
#include <functional>

#include "engine/memory/image.h"

namespace varve::memory {

using Identity = std::array<uint8_t, 16>;

Status write_stream(const Image& image, const Identity& identity,
                    const std::function<Status(Bytes)>& sink);
Result<Image> read_stream(const std::function<Result<size_t>(MutableBytes)>& source,
                          const Identity& identity);

}  // namespace varve::memory

// pure/codec/compress.h — a fast byte-oriented block codec: copies of what was there before, and
// literals between them. For blocks of a few kilobytes, read far more often than written.
//
// decompress() takes hostile bytes: it never reads or writes outside what it was given, and always
// ends. Bytes: FORMAT.md
#pragma once

#include <string>

#include "base/bytes.h"

namespace varve {

inline constexpr size_t kCompressBytesMax = size_t{1} << 30;

// Appends the compressed form of `from` to `to`, unless it takes `limit` bytes or more: then `to`
// is as it was, and the answer is false.
bool compress(Bytes from, size_t limit, std::string& to);

// True when `from` is the compressed form of exactly as many bytes as `to` has.
bool decompress(Bytes from, MutableBytes to);

}  // namespace varve

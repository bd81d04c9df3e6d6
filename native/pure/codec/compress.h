// pure/codec/compress.h — a fast byte-oriented block codec: copies of what was there before, and
// literals between them. For blocks of 4 to 64 KiB, read far more often than written.
//
// Compressing is greedy: one table of where four bytes with a hash were seen last, one candidate a
// place, and strides that grow while nothing is found, so that noise costs little. Decompressing
// takes sequences without a branch on their lengths while both ends are far, and one by one with
// every check where they are near.
//
// Invariants
//   - decompress() takes hostile bytes: it never reads or writes outside what it was given, and
//     always ends.
//   - The same bytes compress to the same bytes on every machine.
// Bytes: FORMAT.md
#pragma once

#include <string>

#include "base/bytes.h"

namespace varve {

inline constexpr size_t kCompressBytesMax = size_t{1} << 30;
// No block becomes more than this many times as long, whatever it holds: who reads a size beside a
// block refuses a larger one before making room for it.
inline constexpr uint64_t kExpansionMax = 255;

// Appends the compressed form of `from` to `to`, unless it takes `limit` bytes or more (then it did
// not shrink enough) or `from` is longer than kCompressBytesMax: then `to` is as it was, and the
// answer is false.
bool compress(Bytes from, size_t limit, std::string& to);

// True when `from` is the compressed form of exactly as many bytes as `to` has, and they are there
// now; where it is not, what `to` holds means nothing.
[[nodiscard]] bool decompress(Bytes from, MutableBytes to);

}  // namespace varve

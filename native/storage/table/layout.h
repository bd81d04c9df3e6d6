// storage/table/layout.h — sizes and magic numbers of table files, shared by writer and reader.
// Bytes: FORMAT.md
#pragma once

#include <cstddef>
#include <cstdint>

namespace varve {

inline constexpr char kTableMagic[] = "VARVETAB";
inline constexpr size_t kBlockHeaderBytes = 24;
inline constexpr size_t kBlockTrailerBytes = 8;  // u32 checksum, u8 compression, 3 reserved
inline constexpr uint8_t kPlain = 0;
inline constexpr uint8_t kCompressed = 1;             // pure/codec/compress.h
inline constexpr uint32_t kBlockBytesMax = 1u << 30;  // As it was before it was compressed.
inline constexpr size_t kTableFooterBytes = 192;
inline constexpr size_t kBucketCount = 16;  // Entries of 4 bytes in a bucket of the point index
inline constexpr uint32_t kEmptySlot = 0xffffffffu;
inline constexpr uint32_t kIndexNotWhole = 1;  // A flag of the footer.

}  // namespace varve

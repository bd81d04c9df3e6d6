// pure/codec/packed.h — blocks of 128 numbers of as many bits as the largest of them needs.
//
// In a block from a base (frame of reference) a number is what it is above the base, which is the
// smallest. In a rising block it is what it is above the number before it, the first above a base
// that both sides know. The caller keeps width and base; the block is 16 * width bytes.
//
// Number i lies in lane i % 4, as that lane's row i / 4: so four numbers of a row are moved, masked
// and added at once.
//
// Invariants
//   - An unpacking reads all of its block and nothing else, and accepts every content: a rising
//     one refuses what passes 32 bits.
// Bytes: FORMAT.md
#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "pure/simd/simd.h"

namespace varve {

inline constexpr uint32_t kPackedWidthMax = 32;

using PackedNumbers = std::span<const uint32_t, kPackedCount>;
using UnpackedNumbers = std::span<uint32_t, kPackedCount>;

constexpr size_t packed_bytes(uint32_t width) { return size_t{width} * kPackedCount / 8; }

struct PackedForm {
  uint32_t width;
  uint32_t base;
};

// The smallest number, and the bits of what the largest is above it.
PackedForm packed_form(PackedNumbers numbers);
// The bits of the largest step; the numbers do not descend and begin at or above `base`.
PackedForm rising_form(PackedNumbers numbers, uint32_t base);

// Writes packed_bytes(form.width) bytes.
void pack(PackedNumbers numbers, PackedForm form, uint8_t* to);
void pack_rising(PackedNumbers numbers, PackedForm form, uint8_t* to);

// False when `from` has not exactly the bytes of that width, or no block has that width.
[[nodiscard]] bool unpack(Bytes from, PackedForm form, UnpackedNumbers to);
[[nodiscard]] bool unpack_rising(Bytes from, PackedForm form, UnpackedNumbers to);

}  // namespace varve

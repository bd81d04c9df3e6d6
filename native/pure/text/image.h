// pure/text/image.h — an index as bytes, and bytes as an index.
//
// An image is a head, the blocks, and the tables of where they are. A block's number is its offset
// in words of eight bytes, so the image is searched where it lies. verify() reads all of it once,
// and what it lets through can be read without a doubt: every block lies within, is named once, and
// says nothing that a search would stumble over. Threads: one.      Bytes: FORMAT.md
#pragma once

#include <memory>
#include <string>

#include "pure/text/core.h"

namespace varve {

// `from` is compacted. Blocks of `to`, and the rest that no block holds.
void copy_core(const TextCore& from, TextCore& to);

void write_image(const TextCore& from, std::string& to);

// The options that an image was written with; refuses a head that is none.
Result<TextOptions> read_image_options(Bytes image);
// Fills the core of an index whose blocks are those of the image.
Status read_image(Bytes image, TextCore& to);
// In verify.cc: all that an image says, against itself.
Status verify_image(Bytes image, TextCore& core);

}  // namespace varve

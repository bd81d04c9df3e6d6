// pure/geo/serial.h — a tree as bytes that can be read where they lie.
//
// A header, then the nodes of a tree packed anew (pack.h), each before its parent: so there is one way to
// write a tree, and where each node must lie follows from what was read before it.
//
// Invariants
//   - what open_tree() accepts is whole: every node lies where it must and nowhere twice, every entry is a
//     place, every box is the box of what is below it. So every query ends and answers. Whether entries lie
//     in the order of their keys is not looked at: has() may miss what hostile bytes have misplaced.
// Bytes: FORMAT.md
#pragma once

#include <string>

#include "pure/geo/tree.h"

namespace varve::geo {

inline constexpr uint64_t kIdMax = (uint64_t{1} << 53) - 1;

// Whether a box is what an entry of a tree may have: unrolled and in range.
bool is_place(const Box& box, Holds holds);

std::string bytes_of(const Tree& tree);

struct Opened {
  Holds holds;
  TreeState state;  // Over MappedBlocks of the same bytes.
};
// Refuses what is damaged, with the offset. The bytes lie at a multiple of 8.
Result<Opened> open_tree(Bytes bytes);

}  // namespace varve::geo
